# SPDX-License-Identifier: Apache-2.0
"""RPM packages, by dnf: each release is a repository, and one installation is one transaction."""
from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import ClassVar

from flock.core.errors import FlockError
from flock.exec.process import run
from patching.backends.interface import BackendFailed, Capabilities, Item, Kind, Op

SUFFIX = ".rpm"
QUERY_S = 60.0
STATE = "var/lib/flock-dnf"
_EVR = "%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}"
_SAFE = re.compile(r"[A-Za-z0-9._+~^:-]{1,255}\Z", re.ASCII)
_VERBS = {Kind.INSTALL: "install", Kind.UPGRADE: "install", Kind.DOWNGRADE: "downgrade", Kind.REMOVE: "remove"}
_REASONS = ("Error", " Problem", "  - ")
_MAIN = """[main]
gpgcheck=0
plugins=0
reposdir=/nonexistent
varsdir=/nonexistent
install_weak_deps=0
metadata_expire=0
keepcache=0
assumeyes=1
cachedir={state}/cache
persistdir={state}/persist
logdir={state}/log
"""
"""``gpgcheck=0``: the manifest of the release was signed, and its digests were checked before dnf sees a file."""


class Rpm:
    """Implements Backend. Versions are ``epoch:version-release``."""

    name: ClassVar[str] = "rpm"
    capabilities: ClassVar[Capabilities] = Capabilities(
        atomic=False, waits_for_boot=False, needs_root=True, programs=("rpm", "dnf", "createrepo_c"))

    def __init__(self, root: Path, timeout_s: float) -> None:
        self._root = root
        self._timeout_s = timeout_s

    def current(self) -> dict[str, str]:
        """See Backend."""
        return dict(_rows(_run(["rpm", f"--root={self._root}", "--query", "--all", "--queryformat", f"{_EVR}\n"],
                               QUERY_S)))

    def running(self) -> dict[str, str]:
        """See Backend."""
        return {}

    def compare(self, one: str, other: str) -> int:
        """See Backend."""
        for version in (one, other):
            if not _SAFE.match(version):
                raise BackendFailed(detail=f"{version!r:.80} is no version of an RPM package.")
        return int(_run(["rpm", "--eval", f'%{{lua:print(rpm.vercmp("{one}", "{other}"))}}'], QUERY_S))

    def apply(self, ops: tuple[Op, ...], at_hand: tuple[Item, ...], in_service: bool) -> bool:
        """See Backend. dnf's shell ends with success whatever it has not done: what is installed then counts."""
        state = self._root / STATE
        for name in ("cache", "persist", "log"):
            (state / name).mkdir(parents=True, exist_ok=True)
        for op in ops:
            if not _SAFE.match(op.name) or (op.after and not _SAFE.match(op.after)):
                raise BackendFailed(detail=f"{op.name!r:.80} {op.after!r:.80} is no name and version of RPM.")
        orders = [f"{_VERBS[op.kind]} {op.name}{f'-{op.after}' if op.after else ''}" for op in ops]
        with tempfile.TemporaryDirectory(dir=state) as folder:
            configuration, script = Path(folder, "dnf.conf"), Path(folder, "transaction")
            configuration.write_text(_configuration(state, at_hand))
            script.write_text("\n".join([*orders, "run", ""]))
            told = _run(["dnf", "--quiet", "--color=never", f"--config={configuration}", f"--installroot={self._root}",
                         "--releasever=1", "shell", str(script)], self._timeout_s, with_errors=True)
        found = self.current()
        if any(found.get(op.name, "") != op.after for op in ops):
            reason = "; ".join(line.strip(" -") for line in told.splitlines() if line.startswith(_REASONS))
            raise BackendFailed(detail=f"dnf has failed: {reason[:500] or 'it gives no reason'}")
        return not in_service

    def settle(self) -> None:
        """See Backend; dnf changes the running system."""

    def clean_up(self, keep: frozenset[str]) -> None:
        """See Backend; dnf keeps no files of packages."""


def describe(path: Path) -> Item:
    """The package of a file ``*.rpm``. BackendFailed: it is none."""
    rows = _rows(_run(["rpm", "--query", "--package", "--nosignature", "--queryformat", f"{_EVR}\n", str(path)],
                      QUERY_S))
    if len(rows) != 1 or not all(map(_SAFE.match, rows[0])):
        raise BackendFailed(detail=f"{path.name} is no RPM package.")
    return Item(rows[0][0], rows[0][1], path)


def index(directory: Path) -> None:
    """Make the directory a repository of dnf. The same packages make the same files."""
    _run(["createrepo_c", "--quiet", "--set-timestamp-to-revision", "--revision=1", "--no-database",
          "--simple-md-filenames", str(directory)], QUERY_S)


def _configuration(state: Path, at_hand: tuple[Item, ...]) -> str:
    folders = dict.fromkeys(item.path.parent for item in at_hand)
    return _MAIN.format(state=state) + "".join(
        f"[release-{number}]\nname=release {number}\nbaseurl={folder.absolute().as_uri()}\n"
        for number, folder in enumerate(folders))


def _rows(text: str) -> list[tuple[str, str]]:
    found = []
    for line in text.splitlines():
        name, _, version = line.partition("\t")
        if version and name != "gpg-pubkey":
            found.append((name, version))
    return found


def _run(argv: list[str], timeout_s: float, with_errors: bool = False) -> str:
    try:
        done = run(argv, timeout_s=timeout_s, check=False)
    except FlockError as error:
        raise BackendFailed(detail=str(error)) from error
    if done.rc:
        reason = done.first_error_line() or done.out.strip()[-300:]
        raise BackendFailed(detail=f"{argv[0]} has failed: {reason}")
    return done.out + (done.err if with_errors else "")
