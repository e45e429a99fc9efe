# SPDX-License-Identifier: Apache-2.0
"""The base root file system of all hosts: built once per package list, cached, and installed by one rename."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.virtualcloud import ostreeimage, process, recipe
from devstack.virtualcloud.errors import LabError

FREE_MIB_MIN = 3072
BUILD_TIMEOUT_S = 1800.0
# Maintainer scripts run in a separate mount and process namespace: their processes and mounts end with the step.
ISOLATED = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mirror:
    """The machine's package archive and proxy."""

    address: str
    environment: Mapping[str, str]


def choose_mirror(targets: str, suite: str) -> str:
    """Return the first archive of the suite's main component; `targets` has lines `URI SUITE CODENAME COMPONENT`."""
    others = set()
    for line in targets.splitlines():
        fields = line.split()
        if len(fields) < 4:
            continue
        address, release, codename, component = fields[:4]
        if component == "main" and suite in (release, codename) and release in (suite, "stable", "oldstable", codename):
            if not re.match(r"(https?|ftp|file):", address):
                raise LabError(
                    f"apt's source {address} cannot be used by debootstrap; set FLOCK_LAB_MIRROR to an http mirror"
                )
            return address
        others.add(release)
    seen = f" (it has {', '.join(sorted(others))})" if others else " (run apt-get update?)"
    raise LabError(f"this machine's apt has no source for Debian {suite}{seen}; the lab's hosts are Debian {suite}")


def machine_mirror() -> Mirror:
    """Return the machine's apt source and proxy; FLOCK_LAB_MIRROR replaces the source."""
    asked = os.environ.get("FLOCK_LAB_MIRROR")
    if asked:
        address = asked
    else:
        layout = "$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT)"
        argv = ["apt-get", "indextargets", "--format", layout, "Created-By: Packages"]
        address = choose_mirror(process.run_now(argv).out, recipe.SUITE)
    environment = {}
    shell = process.run_now(
        ["apt-config", "shell", "HTTP", "Acquire::http::Proxy", "HTTPS", "Acquire::https::Proxy"]
    ).out
    for name, value in re.findall(r"^(HTTPS?)='([^']*)'", shell, re.MULTILINE):
        if value and value != "DIRECT":
            environment[f"{name.lower()}_proxy"] = value
    return Mirror(address, environment)


class Images:
    """The cached images below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._began = time.monotonic()

    @property
    def root(self) -> Path:
        """Return the root file system of the present recipe's image, built or not."""
        return self.folder / recipe.image_hash() / "root"

    def ready(self) -> bool:
        """Whether the image is built."""
        return (self.root.parent / "manifest.json").is_file()

    def manifest(self) -> dict[str, object]:
        """Return the manifest: duration and contents of the build."""
        data = json.loads((self.root.parent / "manifest.json").read_text(encoding="utf-8"))
        return dict(data)

    def build(self, progress: Progress) -> bool:
        """Build the image unless it exists; returns True when it was built. Only one builder runs at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock(progress):
            self._clean()
            if self.ready():
                return False
            self._check_space()
            self._began = time.monotonic()
            work = self.folder / f".build-{recipe.image_hash()}"
            work.mkdir()
            try:
                self._fill(work / "root", progress)
                size_mib = _size_mib(work / "root")
                took_s = round(time.monotonic() - self._began, 1)
                manifest = {"suite": recipe.SUITE, "took_s": took_s, "size_mib": size_mib}
                (work / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
                work.rename(self.root.parent)
            finally:
                if work.exists():
                    shutil.rmtree(work)
            progress(f"image ready: {size_mib} MiB in {took_s} s")
            return True

    def build_ostree(self, root: Path, progress: Progress) -> bool:
        """Make the disk with OSTree of the image with this root file system, unless it exists; True when it was made.

        LabError: the image does not exist, or it has not the programs of OSTree.
        """
        with self._lock(progress):
            if ostreeimage.disk_of(root).is_dir():
                return False
            if not (root / "usr/bin/ostree").exists():
                raise LabError(f"the image {root.parent} is without OSTree; take the lab down and build a new one")
            self._check_space()
            self._began = time.monotonic()
            ostreeimage.make(root, lambda text: self._step(progress, text))
            progress(f"disk with OSTree ready in {time.monotonic() - self._began:.1f} s")
            return True

    def _fill(self, root: Path, progress: Progress) -> None:
        mirror = machine_mirror()
        self._step(progress, f"base system from {mirror.address}")
        packages = ",".join(recipe.BASE_PACKAGES)
        argv = ["debootstrap", "--variant=minbase", f"--include={packages}", recipe.SUITE, str(root), mirror.address]
        self._run_showing([*ISOLATED, *argv], progress, mirror.environment)
        self._lay_files(root)
        _write(root / "etc/dpkg/dpkg.cfg.d/lab", recipe.DPKG_OPTIONS)
        _write(root / "usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755)
        self._step(progress, f"{len(recipe.EXTRA_PACKAGES)} more packages and what they need")
        self.install(root, recipe.EXTRA_PACKAGES, progress)
        (root / "usr/sbin/policy-rc.d").unlink()
        self._step(progress, "units and files")
        self._settle_units(root)
        self._lay_files(root)
        for name in ("etc/hostname", "etc/resolv.conf", "var/lib/dbus/machine-id"):
            (root / name).unlink(missing_ok=True)
        for pattern in (
            "var/cache/apt/archives/*.deb",
            "var/lib/apt/lists/*",
            "var/cache/apt/*.bin",
            "var/log/*.log",
            "var/log/apt/*",
        ):
            for path in root.glob(pattern):
                if path.is_file():
                    path.unlink()

    def install(self, root: Path, packages: Sequence[str], progress: Progress) -> None:
        """Install packages with the machine's apt (sources, keys, proxies); only dpkg runs inside the image."""
        options = {
            "Dir::State::status": root / "var/lib/dpkg/status",
            "Dir::State::extended_states": root / "var/lib/apt/extended_states",
            "Dir::Cache::archives": root / "var/cache/apt/archives",
            "Dir::Log": root / "var/log/apt",
            "DPkg::Chroot-Directory": root,
            "DPkg::Use-Pty": "0",
            "APT::Sandbox::User": "root",
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "DPkg::Pre-Install-Pkgs::": "",
            "Debug::NoLocking": "1",
        }
        argv = ["apt-get", "-y", "--no-install-recommends"]
        for name, value in options.items():
            argv += ["-o", f"{name}={value}"]
        argv += ["install", *packages]
        mounted = ["sh", "-c", 'mount -t proc proc "$1/proc" && shift && exec "$@"', "sh", str(root), *argv]
        environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        try:
            self._run_showing([*ISOLATED, *mounted], progress, environment)
        except LabError:
            self._step(progress, "the package lists may be old: apt-get update, and once more")
            process.run_now(["apt-get", "update", "-qq"], timeout_s=300)
            self._run_showing([*ISOLATED, *mounted], progress, environment)

    def _settle_units(self, root: Path) -> None:
        for verb, units in (
            ("disable", recipe.DISABLED_UNITS),
            ("mask", recipe.MASKED_UNITS),
            ("enable", recipe.ENABLED_UNITS),
        ):
            process.run_now([*ISOLATED, "chroot", str(root), "systemctl", "--quiet", verb, *units])

    @staticmethod
    def _lay_files(root: Path) -> None:
        for name, content in recipe.FILES.items():
            _write(root / name.lstrip("/"), content)
        (root / "var/log/journal").mkdir(parents=True, exist_ok=True)

    def _run_showing(self, argv: list[str], progress: Progress, environment: Mapping[str, str]) -> None:
        """Run a long step; shows its phases as progress, and its last lines as the error."""
        last: list[str] = []
        shown = ""
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env={**os.environ, **environment},
        ) as child:  # fmt: skip
            assert child.stdout is not None
            for line in child.stdout:
                last = [*last[-8:], line.rstrip()]
                phase = _phase(line)
                if phase and phase != shown:
                    shown = phase
                    self._step(progress, phase)
            status = child.wait(timeout=BUILD_TIMEOUT_S)
        if status != 0:
            raise LabError(f"{argv[len(ISOLATED)]} failed ({status}): {' / '.join(last[-3:])}")

    def _step(self, progress: Progress, text: str) -> None:
        progress(f"image {time.monotonic() - self._began:4.0f} s  {text}")

    def _check_space(self) -> None:
        free_mib = shutil.disk_usage(self.folder).free // (1024 * 1024)
        if free_mib < FREE_MIB_MIN:
            raise LabError(f"{self.folder} has {free_mib} MiB free; {FREE_MIB_MIN} MiB are needed for the base image")

    def _clean(self) -> None:
        for path in self.folder.glob(".build-*"):
            shutil.rmtree(path)

    @contextmanager
    def _lock(self, progress: Progress) -> Iterator[None]:
        with (self.folder / ".lock").open("w", encoding="ascii") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("image: another builder is at work, waiting for it")
                fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def _phase(line: str) -> str:
    """Return a short text for a line that begins a phase of debootstrap or apt-get; '' for other lines."""
    for start, text in (
        ("I: Retrieving Packages", "package lists"),
        ("I: Extracting", "extracting"),
        ("I: Unpacking the base", "unpacking the base system"),
        ("I: Configuring the base", "configuring the base system"),
        ("Get:1 ", "fetching packages"),
        ("Unpacking ", "unpacking packages"),
        ("Setting up ", "setting up packages"),
    ):
        if line.startswith(start):
            return text
    found = re.match(r"I: (Retrieving|Validating) \S+ \S+", line)
    return "fetching the base system" if found else ""


def _write(path: Path, content: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)


def _size_mib(root: Path) -> int:
    return int(process.run_now(["du", "-sm", str(root)], timeout_s=120).out.split()[0])
