# SPDX-License-Identifier: Apache-2.0
"""Whole file trees of the host, by OSTree: a release is a commit, and a patch the delta from its predecessor.

The one package is called ``ostree``, and its versions are commits. A delta carries the objects and the commit that its
maker has made; OSTree checks all their digests.
"""
from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from flock.core.errors import FlockError
from flock.exec.process import run
from patching.backends.interface import BackendFailed, Capabilities, Item, Op

SUFFIX = ".delta"
PACKAGE = "ostree"
OS_NAME = "flock"
REF = "flock"
QUERY_S = 60.0
BUILD_S = 3600.0
_STATUS = re.compile(r"^([* ]) (\S+) ([0-9a-f]{64})\.(\d+)")
_DELTA = re.compile(r"^(From|To): ([0-9a-f]{64})$", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)


class Ostree:
    """Implements Backend. ``root`` holds the system root of OSTree (``ostree/repo``, ``ostree/deploy``, ``boot``)."""

    name: ClassVar[str] = "ostree"
    capabilities: ClassVar[Capabilities] = Capabilities(
        atomic=True, waits_for_boot=True, needs_root=True, keeps_versions=True, programs=("ostree",))

    def __init__(self, root: Path, timeout_s: float) -> None:
        self._root = root
        self._timeout_s = timeout_s
        self._repo = f"--repo={root / 'ostree/repo'}"

    def current(self) -> dict[str, str]:
        """See Backend: the commit of the deployment that boots next."""
        deployed = self._deployments()
        return {PACKAGE: deployed[0][1]} if deployed else {}

    def running(self) -> dict[str, str]:
        """See Backend."""
        booted = [commit for is_booted, commit, _ in self._deployments() if is_booted]
        return {PACKAGE: booted[0]} if booted else {}

    def compare(self, one: str, other: str) -> int:
        """See Backend. Commits have no order: whatever differs is newer."""
        return 0 if one == other else -1

    def apply(self, ops: tuple[Op, ...], at_hand: tuple[Item, ...], in_service: bool) -> bool:
        """See Backend. In service, ``/usr`` of the new deployment covers the running one's until the next boot."""
        if ops and not self._is_here():
            raise BackendFailed(detail=f"This host was not installed with OSTree: {self._root} has no ostree/repo.")
        for op in ops:
            if op.name != PACKAGE or not _COMMIT.match(op.after):
                raise BackendFailed(detail=f"{op.name} {op.after} is no commit of OSTree.")
            for item in chain(op.after, at_hand, self._has):
                self._ostree("static-delta", "apply-offline", str(item.path))
            if not self._has(op.after):
                raise BackendFailed(detail=f"Commit {op.after} is not in the delta that should bring it.")
            # A commit to which nothing refers would be pruned; the host may have to return to it.
            for commit in filter(None, (op.before, op.after)):
                self._ostree("refs", "--force", f"--create={REF}/{commit}", commit)
            self._deploy(op.after)
            if in_service:
                self._show(op.after)
        return not in_service

    def settle(self) -> None:
        """See Backend. A deployment has ``/etc`` of the moment at which it was made; it is made once more."""
        running, following = self.running(), self.current()
        if running and following and running != following:
            self._deploy(following[PACKAGE])

    def clean_up(self, keep: frozenset[str]) -> None:
        """See Backend."""
        if not self._is_here():
            return
        needed = {commit for _, commit, _ in self._deployments()} | keep
        for ref in self._ostree("refs", "--list", REF).split():
            if ref.rpartition("/")[2] not in needed:
                self._ostree("refs", "--delete", ref)
        self._ostree("prune", "--refs-only", "--depth=0")

    def _deploy(self, commit: str) -> None:
        _run(["ostree", "admin", "deploy", f"--sysroot={self._root}", f"--os={self._os_name()}", commit],
             self._timeout_s)

    def _is_here(self) -> bool:
        return (self._root / "ostree/repo").is_dir()

    def _has(self, commit: str) -> bool:
        try:
            self._ostree("show", "--raw", commit)
        except BackendFailed:
            return False
        # The commit object alone is there when a delta was applied only in part.
        return not (self._root / "ostree/repo/state" / f"{commit}.commitpartial").exists()

    def _show(self, commit: str) -> None:
        serial = next((serial for _, found, serial in self._deployments() if found == commit), "0")
        tree = self._root / "ostree/deploy" / self._os_name() / "deploy" / f"{commit}.{serial}"
        _run(["mount", "--bind", str(tree / "usr"), str(self._root / "usr")], QUERY_S)

    def _os_name(self) -> str:
        try:
            names = sorted(path.name for path in (self._root / "ostree/deploy").iterdir())
        except OSError:
            names = []
        return names[0] if names else OS_NAME

    def _deployments(self) -> list[tuple[bool, str, str]]:
        """(booted, commit, serial) of each deployment, in the order in which they boot; none on other systems."""
        if not self._is_here():
            return []
        told = _run(["ostree", "admin", "status", f"--sysroot={self._root}"], QUERY_S)
        found = (_STATUS.match(line) for line in told.splitlines())
        return [(match[1] == "*", match[3], match[4]) for match in found if match]

    def _ostree(self, *arguments: str) -> str:
        return _run(["ostree", self._repo, *arguments], self._timeout_s)


def chain(commit: str, items: Iterable[Item], has: Callable[[str], bool]) -> Sequence[Item]:
    """The deltas to apply, in order, so that ``commit`` is there; () when it is. BackendFailed: one is missing."""
    by_commit = {item.version: item for item in items}
    found: list[Item] = []
    while commit and not has(commit):
        item = by_commit.get(commit)
        if item is None or item in found:
            raise BackendFailed(detail=f"Commit {commit} is needed, but neither the host nor a release holds it.")
        found.append(item)
        commit = item.base
    return found[::-1]


def describe(path: Path) -> Item:
    """The commit that a file ``*.delta`` brings. BackendFailed: it is no delta."""
    with tempfile.TemporaryDirectory() as folder:
        _run(["ostree", f"--repo={folder}", "init", "--mode=archive"], QUERY_S)
        try:
            # Ends with an error after it has told all: it looks for parts beside the file, but they are inside.
            done = run(["ostree", f"--repo={folder}", "static-delta", "show", str(path.absolute())],
                       timeout_s=QUERY_S, check=False)
        except FlockError as error:
            raise BackendFailed(detail=str(error)) from error
    found = dict(_DELTA.findall(done.out))
    if "To" not in found:
        raise BackendFailed(detail=f"{path.name} is no delta of OSTree: {done.first_error_line()}")
    return Item(PACKAGE, found["To"], path, found.get("From", ""))


def make_delta(repo: Path, commit: str, base: str, target: Path) -> Path:
    """Write the delta from ``base`` (empty: from nothing) to ``commit`` into the directory ``target``."""
    made = target / f"{commit}{SUFFIX}"
    origin = [f"--from={base}"] if base else ["--empty"]
    # One file that any repository takes: parts inside, and no differences of single files.
    _run(["ostree", f"--repo={repo}", "static-delta", "generate", *origin, f"--to={commit}", "--inline",
          "--disable-bsdiff", "--min-fallback-size=0", f"--filename={made}"], BUILD_S)
    return made


def _run(argv: list[str], timeout_s: float) -> str:
    try:
        done = run(argv, timeout_s=timeout_s, check=False)
    except FlockError as error:
        raise BackendFailed(detail=str(error)) from error
    if done.rc:
        raise BackendFailed(detail=f"{' '.join(argv[:1])} has failed: {done.first_error_line()}")
    return done.out
