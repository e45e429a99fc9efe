# SPDX-License-Identifier: Apache-2.0
"""Runs the scripts of releases on the active controller: before and after the start, at the activation and its
rollback, and at the end of the deployment. The first one that fails ends the run; each may run again."""
from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from flock.core.errors import FlockError
from flock.exec import Halt, run
from patching.contract.states import Direction, Owner
from patching.core import classic
from patching.core.actions import Phase
from patching.core.model import Deploy
from patching.db.views import Stored

LOG = logging.getLogger(__name__)
OUTPUT_MAX_BYTES = 1 << 20
LINES_TOLD = 5
SKIP_JUDGES = "skip-semantic"
AFTER_ALL = -1
START_HOOKS = ("pre_start", "post_start")


class ScriptFailed(FlockError):
    """A script of a release has failed."""

    code, http, text = "patching.script_failed", 500, "{script} of {release}: {reason}"


class Scripts:
    """``folder_of(release id)``: where the members of a release are. ``timeout_s``: of one script."""

    def __init__(self, folder_of: Callable[[str], Path], timeout_s: Callable[[], float]) -> None:
        self._folder_of, self._timeout_s = folder_of, timeout_s
        self._lock = threading.Lock()
        self._running: dict[int, Halt] = {}

    def run(self, phase: Phase, attempt: int, stored: Stored) -> None:
        """Run all scripts of a phase in their order. ScriptFailed names the first that fails; also one that is missing
        has failed. CommandHalted after ``stop``."""
        deploy = stored.view.deploy
        if deploy is not None:
            self._run_all(attempt, planned(phase, deploy, stored, self._folder_of))

    def end(self, stored: Stored, covers: Sequence[str], from_version: str, to_version: str) -> None:
        """Run the scripts that end a deployment which is stored no more; see ``run``."""
        found = [(release, self._folder_of(release) / "extra" / name) for release in covers
                 if (details := stored.details.get(release)) is not None
                 for name in sorted(details.activation_scripts)]
        arguments = [from_version, to_version, Phase.DELETE.value]
        self._run_all(AFTER_ALL, ((release, path, arguments) for release, path in found))

    def _run_all(self, attempt: int, scripts: Iterable[tuple[str, Path, list[str]]]) -> None:
        with Halt() as halt:
            with self._lock:
                self._running[attempt] = halt
            try:
                for release, path, arguments in scripts:
                    self._run_one(release, path, arguments, halt)
            finally:
                with self._lock:
                    self._running.pop(attempt, None)

    def stop(self, attempt: int) -> None:
        """End the run of that attempt, if it goes on here."""
        with self._lock:
            halt = self._running.get(attempt)
            if halt is not None:
                halt.set()

    def stop_all(self) -> None:
        """End every run."""
        with self._lock:
            for halt in self._running.values():
                halt.set()

    def _run_one(self, release: str, path: Path, arguments: list[str], halt: Halt) -> None:
        LOG.info("%s of %s begins: %s", path.name, release, " ".join(arguments))
        try:
            done = run([str(path), *arguments], timeout_s=self._timeout_s(), check=False, cwd=str(path.parent),
                       output_max_bytes=OUTPUT_MAX_BYTES, halt=halt)
        except FlockError as error:
            raise ScriptFailed(script=path.name, release=release, reason=str(error)) from error
        if done.rc != 0:
            said = "\n".join((done.err or done.out).strip().splitlines()[-LINES_TOLD:])
            raise ScriptFailed(script=path.name, release=release,
                               reason=f"it ended with status {done.rc}{f': {said}' if said else ''}")
        LOG.info("%s of %s has ended", path.name, release)


def planned(phase: Phase, deploy: Deploy, stored: Stored,
            folder_of: Callable[[str], Path]) -> Iterator[tuple[str, Path, list[str]]]:
    """The scripts of a phase in their order: release, path, arguments. The rollback of an activation goes backwards."""
    if phase is Phase.START:
        yield from _judges(deploy, stored, folder_of)
    found: list[tuple[str, Path]] = []
    for release in deploy.covers:
        details, folder = stored.details.get(release), folder_of(release)
        if details is None:
            continue
        if phase is Phase.START:
            found += [(release, folder / details.hooks[hook]) for hook in START_HOOKS if hook in details.hooks]
        else:
            found += [(release, folder / "extra" / name) for name in sorted(details.activation_scripts)]
    if phase is Phase.START:
        operation = "apply" if deploy.direction is Direction.APPLY else "remove"
        arguments = [f"--operation={operation}"]
    else:
        arguments = [deploy.from_release.text, deploy.to_release.text, phase.value]
    for release, path in reversed(found) if phase is Phase.ACTIVATE_ROLLBACK else found:
        yield release, path, arguments


def _judges(deploy: Deploy, stored: Stored, folder_of: Callable[[str], Path]) -> Iterator[tuple[str, Path, list[str]]]:
    """Programs of patches that may refuse a classic deployment; they are told the state of each patch."""
    if deploy.owner is not Owner.CLASSIC or deploy.options.get(SKIP_JUDGES) == "yes":
        return
    judge = "pre-apply" if deploy.direction is Direction.APPLY else "pre-remove"
    states = [word for release in stored.view.releases.values() if classic.is_patch(release)
              for word in ("-p", f"{release.id}={classic.repo_state(stored.view, release)}")]
    for release in deploy.covers:
        details = stored.details.get(release)
        if details is not None and judge in details.semantics:
            yield release, folder_of(release) / "semantics" / judge / release, states
