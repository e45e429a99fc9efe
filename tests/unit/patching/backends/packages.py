# SPDX-License-Identifier: Apache-2.0
"""Makes small packages of every back end with the real tools, and the roots in which they are installed."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from patching.backends import ostree

REQUIRED = os.environ.get("FLOCK_REQUIRE_SERVICES") == "1"


def need(*programs: str) -> None:
    """Skip the test on a machine without these programs, unless all services are required."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        (pytest.fail if REQUIRED else pytest.skip)(f"{', '.join(missing)} is not installed")


def fake(folder: Path, name: str, version: str) -> Path:
    made = folder / f"{name}_{version}.fake"
    made.write_text(json.dumps({"name": name, "version": version}))
    return made


def deb(folder: Path, name: str, version: str, preinst: str = "") -> Path:
    tree = folder / f".{name}-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "opt" / name).mkdir(parents=True)
    (tree / "opt" / name / "version").write_text(version)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: m\nDescription: d\n")
    if preinst:
        (tree / "DEBIAN/preinst").write_text(preinst)
        (tree / "DEBIAN/preinst").chmod(0o755)
    made = folder / f"{name}_{version}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, made], check=True, capture_output=True)
    shutil.rmtree(tree)
    return made


SPEC = """Name: {name}
Version: {version}
Release: 1
Summary: s
License: l
BuildArch: noarch
{requires}
%description
d
%install
mkdir -p %{{buildroot}}/opt/{name}
printf {version} > %{{buildroot}}/opt/{name}/version
%files
/opt/{name}/version
"""


def rpm(folder: Path, name: str, version: str, requires: str = "") -> Path:
    top = folder / f".rpm-{name}-{version}"
    top.mkdir()
    (top / "x.spec").write_text(SPEC.format(name=name, version=version,
                                            requires=f"Requires: {requires}" if requires else ""))
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", "--define", "_build_id_links none",
                    top / "x.spec"], check=True, capture_output=True)
    made = folder / f"{name}-{version}-1.noarch.rpm"
    shutil.move(next(top.rglob("*.rpm")), made)
    shutil.rmtree(top)
    return made


class Trees:
    """A repository with commits of a small operating system."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repo = folder, folder / "trees"
        run("ostree", f"--repo={self.repo}", "init", "--mode=archive")

    def commit(self, version: str) -> str:
        tree = self.folder / f"tree-{version}"
        for name, text in (("usr/lib/modules/6.1/vmlinuz", "kernel"), ("usr/lib/modules/6.1/initramfs.img", "i"),
                           ("usr/lib/os-release", f"ID=flock\nVERSION_ID={version}\n"), ("usr/etc/motd", "hello"),
                           ("usr/bin/tool", version)):
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        return run("ostree", f"--repo={self.repo}", "commit", "--branch=flock", f"--subject={version}", str(tree))

    def delta(self, commit: str, base: str, target: Path) -> Path:
        return ostree.make_delta(self.repo, commit, base, target)

    def system(self, root: Path, commit: str, base_delta: Path) -> None:
        """A host that was installed with ``commit``."""
        root.mkdir()
        run("ostree", "admin", "init-fs", str(root))
        run("ostree", "admin", "os-init", f"--sysroot={root}", "flock")
        run("ostree", f"--repo={root}/ostree/repo", "static-delta", "apply-offline", str(base_delta))
        run("ostree", "admin", "deploy", f"--sysroot={root}", "--os=flock", commit)


def thaw(root: Path) -> None:
    """Let the deployments of OSTree be removed: it makes them immutable."""
    for place in (root / "ostree/deploy").glob("*/deploy/*.[0-9]*"):
        if place.is_dir():
            run("chattr", "-i", str(place))


def run(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
