# SPDX-License-Identifier: Apache-2.0
"""Debian packages, by dpkg."""
from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

from flock.core.errors import FlockError
from flock.exec.process import run
from patching.backends.interface import BackendFailed, Capabilities, Item, Kind, Op

SUFFIX = ".deb"
QUERY_S = 60.0
_ADMIN = "var/lib/dpkg"


class Deb:
    """Implements Backend. Below another root than ``/`` its maintainer scripts run in that root (chroot)."""

    name: ClassVar[str] = "deb"
    capabilities: ClassVar[Capabilities] = Capabilities(
        atomic=False, waits_for_boot=False, needs_root=False, programs=("dpkg", "dpkg-query", "dpkg-deb"))

    def __init__(self, root: Path, timeout_s: float) -> None:
        self._root = root
        self._timeout_s = timeout_s

    def current(self) -> dict[str, str]:
        """See Backend. A package that is only half installed counts as absent, so that it is installed again."""
        if not (self._root / _ADMIN / "status").exists():
            return {}
        listed = _run(["dpkg-query", f"--admindir={self._root / _ADMIN}", "--show",
                       "--showformat=${db:Status-Abbrev}\t${Package}\t${Version}\n"], QUERY_S)
        rows = [line.split("\t") for line in listed.splitlines() if line]
        return {name: version for status, name, version in rows if status.strip() == "ii"}

    def running(self) -> dict[str, str]:
        """See Backend."""
        return {}

    def compare(self, one: str, other: str) -> int:
        """See Backend."""
        for answer, relation in ((0, "eq"), (-1, "lt"), (1, "gt")):
            try:
                if run(["dpkg", "--compare-versions", one, relation, other], timeout_s=QUERY_S, check=False).rc == 0:
                    return answer
            except FlockError as error:
                raise BackendFailed(detail=str(error)) from error
        raise BackendFailed(detail=f"dpkg cannot compare the versions {one!r:.80} and {other!r:.80}.")

    def apply(self, ops: tuple[Op, ...], at_hand: tuple[Item, ...], in_service: bool) -> bool:
        """See Backend. Files come first, so that what replaces a removed package is there before that is removed."""
        self._prepare()
        files = [str(op.path) for op in ops if op.path is not None]
        if files:
            self._dpkg("--install", *files)
        removed = [op.name for op in ops if op.kind is Kind.REMOVE]
        if removed:
            self._dpkg("--purge", *removed)
        return not in_service

    def settle(self) -> None:
        """See Backend; dpkg changes the running system."""

    def clean_up(self, keep: frozenset[str]) -> None:
        """See Backend; dpkg stores nothing."""

    def _prepare(self) -> None:
        """Make the database where there is none, and end what a killed dpkg has begun."""
        admin = self._root / _ADMIN
        for name in ("info", "updates", "triggers"):
            (admin / name).mkdir(parents=True, exist_ok=True)
        (admin / "status").touch()
        if _run(["dpkg", f"--root={self._root}", "--audit"], QUERY_S).strip():
            run(self._command("--configure", "--pending"), timeout_s=self._timeout_s, check=False)

    def _dpkg(self, *arguments: str) -> None:
        _run(self._command(*arguments), self._timeout_s)

    def _command(self, *arguments: str) -> list[str]:
        # A changed configuration file stays as it is; dpkg must not ask.
        return ["dpkg", f"--root={self._root}", f"--log={self._root / 'var/log/dpkg.log'}", "--force-confdef",
                "--force-confold", "--force-downgrade", "--force-remove-reinstreq",
                *([] if os.geteuid() == 0 else ["--force-not-root"]), *arguments]


def describe(path: Path) -> Item:
    """The package of a file ``*.deb``. BackendFailed: it is none."""
    words = _run(["dpkg-deb", "--show", "--showformat=${Package}\t${Version}", str(path)], QUERY_S).split("\t")
    if len(words) != 2 or not all(words):
        raise BackendFailed(detail=f"{path.name} names neither package nor version.")
    return Item(words[0], words[1], path)


def _run(argv: list[str], timeout_s: float) -> str:
    try:
        done = run(argv, timeout_s=timeout_s, check=False, env={"DEBIAN_FRONTEND": "noninteractive"})
    except FlockError as error:
        raise BackendFailed(detail=str(error)) from error
    if done.rc:
        told = [line.strip() for line in done.err.splitlines() if "error" in line or "cannot" in line]
        raise BackendFailed(detail=f"{argv[0]} has failed: {'; '.join(told)[:500] or done.first_error_line()}")
    return done.out
