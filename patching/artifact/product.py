# SPDX-License-Identifier: Apache-2.0
"""Makes a package of this product from a checkout: what hosts have below ``/opt/flock/venv``, without what it needs of
others."""
from __future__ import annotations

import configparser
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flock.core.errors import InvalidInput
from flock.exec.process import run
from patching.artifact.errors import ArtifactRefused
from patching.contract.version import Version

NAME = "stx-flock"
PREFIX = Path("/opt/flock/venv")
"""Where hosts have the product; the units of systemd name it."""
STEP_S = 600.0
MAINTAINER = "preinst", "postinst"
# What the build reads beside the packages that setup.cfg names.
_ALONGSIDE = ("etc", "setup.cfg", "setup.py", "pyproject.toml", "requirements.txt", "README.md", "MANIFEST.in")
_RELEASE = Path("etc/release")
# Everything is as old as this, so that the same checkout makes the same package. Python's caches hold the digests of
# their sources, which need no times.
_MTIME_S = 315_532_800


@dataclass(frozen=True, slots=True)
class Checkout:
    """A tree of the sources. InvalidInput: ``folder`` is none of this product."""

    folder: Path

    def __post_init__(self) -> None:
        if not (self.folder / "setup.cfg").is_file() or self._read().get("metadata", "name", fallback="") != NAME:
            raise InvalidInput(field="source", rule=f"must be a checkout of {NAME}, and {self.folder} is none")

    def parts(self) -> tuple[str, ...]:
        """Names of the files and directories that make the product."""
        return (*self._read().get("files", "packages").split(), *_ALONGSIDE)

    def script(self, name: str) -> Path:
        """A script that goes with a release. ArtifactRefused: the checkout has none."""
        path = self.folder / _RELEASE / name
        if not path.is_file():
            raise ArtifactRefused(detail=f"{self.folder} has no {_RELEASE / name}.")
        return path

    def _read(self) -> configparser.ConfigParser:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(self.folder / "setup.cfg")
        return parser


def make_package(checkout: Checkout, version: Version, target: Path) -> Path:
    """Write ``stx-flock_<version>_all.deb`` into the directory ``target`` and return its path.

    InvalidInput: the interpreter that runs this is not the one at the product's place on a host, whose form programs
    and directories get. CommandFailed: the checkout cannot be built.
    """
    if Path(sys.prefix) != PREFIX:
        raise InvalidInput(field="source", rule=f"is built by the product's own environment {PREFIX}, because that is "
                                                f"where hosts have it, and not by {sys.prefix}")
    made = target / f"{NAME}_{version.text}_all.deb"
    with tempfile.TemporaryDirectory(prefix="flock-package-") as folder:
        root = Path(folder, "root")
        _install(checkout, version, Path(folder, "source"), root)
        _control(checkout, version, root)
        for path in (root, *root.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (_MTIME_S, _MTIME_S))
        temporary = Path(folder, made.name)
        run(["dpkg-deb", "--root-owner-group", "--build", str(root), str(temporary)], timeout_s=STEP_S,
            env={"SOURCE_DATE_EPOCH": str(_MTIME_S)})
        shutil.copyfile(temporary, target / f".{made.name}")
        os.replace(target / f".{made.name}", made)
    return made


def _install(checkout: Checkout, version: Version, copy: Path, root: Path) -> None:
    """Install the sources below ``root`` as they are on a host."""
    copy.mkdir()
    for name in checkout.parts():
        source = checkout.folder / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.is_file():
            shutil.copyfile(source, copy / name)
        else:
            raise ArtifactRefused(detail=f"{checkout.folder} has no {name}, which setup.cfg or the build needs.")
    # -I: nothing of the environment of whoever builds gets in, such as where it keeps its caches.
    run([sys.executable, "-I", "-B", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index",
         "--no-deps", "--no-build-isolation", "--ignore-installed", "--no-compile", f"--root={root}",
         f"--prefix={PREFIX}", str(copy)],
        timeout_s=STEP_S, env={"PBR_VERSION": version.text, "SOURCE_DATE_EPOCH": str(_MTIME_S)})
    for path in list(root.rglob("*.dist-info/direct_url.json")):
        # It names the directory of the build.
        record = path.with_name("RECORD")
        kept = [line for line in record.read_text().splitlines(keepends=True) if path.name not in line]
        record.write_text("".join(kept))
        path.unlink()
    run([sys.executable, "-I", "-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "checked-hash", "-s",
         str(root), "-p", "/", str(root)], timeout_s=STEP_S)


def _control(checkout: Checkout, version: Version, root: Path) -> None:
    folder = root / "DEBIAN"
    folder.mkdir()
    size_kib = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) >> 10
    (folder / "control").write_text("\n".join(_fields(version, size_kib)) + "\n")
    for name in MAINTAINER:
        shutil.copyfile(checkout.script(name), folder / name)
        (folder / name).chmod(0o755)


def _fields(version: Version, size_kib: int) -> Iterator[str]:
    yield from (f"Package: {NAME}", f"Version: {version.text}", "Architecture: all", f"Installed-Size: {size_kib}",
                "Maintainer: the flock maintainers <flock@localhost>", "Section: admin", "Priority: optional",
                "Depends: python3 (>= 3.11), python3 (<< 3.12)",
                "Description: Infrastructure services that turn bare servers into a managed edge cloud",
                " What they need of others is not in here: it is part of the environment below /opt/flock.")


def release_parts(checkout: Checkout) -> tuple[dict[str, Path], Sequence[Path]]:
    """The hooks and activation scripts of a release of the product."""
    return {"post_start": checkout.script("post-start.sh")}, (checkout.script("10-databases"),)
