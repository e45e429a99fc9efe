# SPDX-License-Identifier: Apache-2.0
"""What an exit code means, and whether an action is tried again: pure functions over rows of the catalogue."""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sm.contract.states import ActionResult, Condition, PluginKind, ServiceState, Status
from sm.core.model import ActionSpec, ResultRow, Retries
from sm.core.resultrows import FAILURE, TIMEOUT, ResultRows

LINE_MAX_CHARS = 300


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one attempt means for the service; None: nothing is said."""

    result: ActionResult
    state: ServiceState | None = None
    status: Status | None = None
    condition: Condition | None = None
    reason: str = ""


class Results:
    """What exits mean by the rows of a catalogue."""

    def __init__(self, rows: Iterable[ResultRow]) -> None:
        self._rows = ResultRows(rows)

    def row(self, plugin: PluginKind, name: str, command: str, code: str) -> ResultRow | None:
        """The row that decides; see ``ResultRows.row``."""
        return self._rows.row(plugin, name, command, code)

    def meaning(self, spec: ActionSpec, code: str, text: str = "") -> Meaning:
        """What ``code``, a decimal number, ``FAILURE`` or ``TIMEOUT``, means for the action.

        Without any row 0 is a success, a time-out is a time-out, and all else has failed.
        """
        row = self.row(spec.plugin, spec.name, spec.command, code)
        if row is None:
            unlisted = ActionResult.TIMEOUT if code == TIMEOUT else ActionResult.FAILED
            return Meaning(ActionResult.SUCCESS if code == "0" else unlisted, reason=reason(spec, code, text))
        return Meaning(row.result, row.state, row.status, row.condition, reason(spec, code, text))


def reason(spec: ActionSpec, code: str, text: str) -> str:
    """A sentence for the operator: what ended how, and the last line that it wrote, cut to 300 characters."""
    ended = {FAILURE: "could not be carried out", TIMEOUT: f"did not end within {spec.timeout_s} s"}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = f": {lines[-1][-LINE_MAX_CHARS:]}" if lines else ""
    return f"{spec.plugin} {spec.name} {spec.command} {ended.get(code, f'ended with {code}')}{last}"


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts of an action that did not succeed."""

    failed: int = 0
    timed_out: int = 0

    def counted(self, code: str) -> Tries:
        """With one more attempt that ended with ``code``."""
        if code == TIMEOUT:
            return Tries(self.failed, self.timed_out + 1)
        return Tries(self.failed + 1, self.timed_out)


def again(meaning: Meaning, code: str, tries: Tries, retries: Retries) -> bool:
    """Whether the action is attempted again after ``tries``, the last of which ended with ``code``.

    Never after a success or a fatal result; else as often as ``retries`` permits for this kind of ending and in all.
    """
    if meaning.result in (ActionResult.SUCCESS, ActionResult.FATAL):
        return False
    own = tries.timed_out <= retries.timeout if code == TIMEOUT else tries.failed <= retries.failure
    return own and tries.failed + tries.timed_out <= retries.total
