# SPDX-License-Identifier: Apache-2.0
"""Releases, the deployment and its hosts, written anew from their specification: which order is accepted in which
state, and what then holds. Only names and sets; nothing of the product's tables is used."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PRECHECK_COUNTS_MS, INSTALL_MAX_MS = 300_000, 3_600_000
REFUSED, ASKS_PRECHECK, DONE = "refused", "asks for a precheck", "done"
SCRIPTS_RUN = {"start", "activate", "activate-rollback"}
KINDS = ("controller", "storage", "compute")


def number(text: str) -> tuple[int, ...]:
    """A version that can be compared."""
    return tuple(int(part) for part in text.split("."))


def is_major(old: str, new: str) -> bool:
    return number(old)[:2] != number(new)[:2]


def of_hosts(states: set[str]) -> str:
    """The state of a deployment whose hosts have these."""
    if "failed" in states:
        return "host-failed"
    if states & {"pending", "deploying"}:
        return "host"
    for alone, found in (("deployed", "host-done"), ("rollback-deployed", "host-rollback-done")):
        if states == {alone}:
            return found
    return "host-rollback-failed" if "rollback-failed" in states else "host-rollback"


@dataclass
class Row:
    """A host of the deployment; ``attempt`` and ``since_ms`` of its installation."""

    state: str = "pending"
    attempt: int = 0
    since_ms: int = 0


@dataclass
class Reference:
    """``requires`` and ``reboots``: of releases by version; ``hosts``: their names in the order of their ids."""

    hosts: list[str]
    requires: Mapping[str, tuple[str, ...]]
    reboots: set[str]
    running: str = "10.0.0"
    releases: dict[str, str] = field(default_factory=lambda: {"10.0.0": "deployed"})
    state: str = "none"
    rows: dict[str, Row] = field(default_factory=dict)
    heading: tuple[str, str] = ("", "")
    covers: list[str] = field(default_factory=list)
    removes: bool = False
    reboot: bool = False
    script: int = 0
    checked: tuple[str, int] = ("", 0)

    # Orders. ``at_work``: the hosts that are unlocked and in service; all others are locked and online.

    def start(self, text: str, now_ms: int) -> str:
        covers, removes = self._covered(text)
        if self.state != "none" or not covers:
            return REFUSED
        if self.checked[0] != text or now_ms - self.checked[1] > PRECHECK_COUNTS_MS:
            return ASKS_PRECHECK
        self.checked = ("", 0)
        self.state, self.covers, self.removes, self.heading = "start", covers, removes, (self.running, text)
        self.rows = {name: Row() for name in self.hosts}
        self.reboot = is_major(self.running, text) or bool(self.reboots & set(covers))
        self.releases.update(dict.fromkeys(covers, "removing" if removes else "deploying"))
        return DONE

    def deploy_host(self, name: str, at_work: set[str], now_ms: int) -> str:
        row = self.rows.get(name)
        if self.state not in ("start-done", "host", "host-failed") or row is None \
                or row.state not in ("pending", "failed"):
            return REFUSED
        before = self.groups()[:self._group(name)]
        if any(self.rows[other].state != "deployed" for group in before for other in group):
            return REFUSED
        return self._install(row, "deploying", self.reboot and name in at_work, now_ms)

    def roll_back_host(self, name: str, at_work: set[str], now_ms: int) -> str:
        row = self.rows.get(name)
        if self.state not in ("activate-rollback-done", "host-rollback", "host-rollback-failed") or row is None \
                or row.state not in ("rollback-pending", "rollback-failed"):
            return REFUSED
        later = self.groups()[self._group(name) + 1:] if is_major(*self.heading) else []
        if any(self.rows[other].state != "rollback-deployed" for group in later for other in group):
            return REFUSED
        return self._install(row, "rollback-deploying", self.reboot and name in at_work, now_ms)

    def activate(self, at_work: set[str], forced: bool = False) -> str:
        if forced:
            return self._to("activate-done", self.state == "activate-failed")
        return self._to("activate", self.state in ("host-done", "activate-failed") and set(self.rows) <= at_work)

    def activate_rollback(self, forced: bool = False) -> str:
        if forced:
            return self._to("activate-rollback-done", self.state == "activate-rollback-failed")
        return self._to("activate-rollback",
                        self.state in ("activate-rollback-pending", "activate-rollback-failed"))

    def complete(self) -> str:
        return self._to("completed", self.state == "activate-done")

    def abort(self) -> str:
        before = self.state in ("host", "host-done", "host-failed")
        possible = before or self.state in ("activate", "activate-done", "activate-failed", "completed")
        if not possible or self.removes or any(row.state == "deploying" for row in self.rows.values()):
            return REFUSED
        for row in self.rows.values():
            row.state = "rollback-deployed" if row.state == "pending" else "rollback-pending"
        self.heading, self.script = self.heading[::-1], 0
        self.state = of_hosts(self._states()) if before else "activate-rollback-pending"
        return DONE

    def delete(self, at_work: set[str]) -> str:
        given_up = self.state in ("start-done", "start-failed")
        if not given_up and (self.state not in ("completed", "host-rollback-done") or not set(self.rows) <= at_work):
            return REFUSED
        is_kept = self.state == "completed"
        self.releases.update(dict.fromkeys(self.covers, "deployed" if is_kept != self.removes else "available"))
        if is_kept:
            was_major, self.running = is_major(*self.heading), self.heading[1]
            old = [text for text, state in self.releases.items() if state in ("deployed", "available")
                   and is_major(text, self.running) and number(text) < number(self.running)]
            self.releases.update(dict.fromkeys(old if was_major else (), "unavailable"))
        self.state, self.rows, self.covers, self.heading, self.script = "none", {}, [], ("", ""), 0
        return DONE

    def delete_release(self, text: str) -> str:
        if self.releases.get(text) not in ("available", "unavailable") or any(
                text in self.requires.get(other, ()) for other in self.releases):
            return REFUSED
        del self.releases[text]
        return DONE

    def commit(self, text: str) -> str:
        needed = self._needed(text)
        if self.state != "none" or any(self.releases.get(one) not in ("deployed", "committed") for one in needed):
            return REFUSED
        self.releases.update(dict.fromkeys(needed, "committed"))
        return DONE

    # What happens by itself.

    def scripts_end(self, attempt: int, failed: bool) -> None:
        if self.state in SCRIPTS_RUN and attempt == self.script:
            self.state += "-failed" if failed else "-done"

    def restart(self) -> None:
        """Scripts of a dead conductor have failed; agents go on."""
        self.scripts_end(self.script, True)

    def host_end(self, name: str, attempt: int, failed: bool) -> None:
        row = self.rows.get(name)
        if row is not None and row.attempt == attempt and row.state.endswith("deploying"):
            self._fail(row) if failed else self._succeed(row)
            self.state = of_hosts(self._states())

    def tick(self, now_ms: int) -> None:
        late = [row for row in self.rows.values()
                if row.state.endswith("deploying") and now_ms - row.since_ms >= INSTALL_MAX_MS]
        for row in late:
            self._fail(row)
        if late:
            self.state = of_hosts(self._states())

    def host_gone(self, name: str) -> None:
        self.hosts.remove(name)
        self.rows.pop(name, None)
        if self.state in ("host", "host-done", "host-failed", "host-rollback", "host-rollback-failed"):
            self.state = of_hosts(self._states())

    # What they have in common.

    def groups(self) -> list[list[str]]:
        """Hosts in their order; each group waits for those before it."""
        found = [[name for name in self.hosts if name in self.rows and name.startswith(kind)] for kind in KINDS]
        if is_major(*self.heading):
            found = [*([name] for name in reversed(found[0])), *([name] for name in found[1]), found[2]]
        return [group for group in found if group]

    def _group(self, name: str) -> int:
        return next(at for at, group in enumerate(self.groups()) if name in group)

    def _install(self, row: Row, state: str, is_at_work: bool, now_ms: int) -> str:
        if is_at_work:
            return REFUSED
        row.state, row.since_ms = state, now_ms
        self.state = of_hosts(self._states())
        return DONE

    def _states(self) -> set[str]:
        return {row.state for row in self.rows.values()}

    @staticmethod
    def _fail(row: Row) -> None:
        row.state = "failed" if row.state == "deploying" else "rollback-failed"

    @staticmethod
    def _succeed(row: Row) -> None:
        row.state = "deployed" if row.state == "deploying" else "rollback-deployed"

    def _to(self, state: str, possible: bool) -> str:
        if not possible:
            return REFUSED
        self.state = state
        return DONE

    def _needed(self, text: str) -> set[str]:
        found = {text}
        for one in self.requires.get(text, ()):
            found |= self._needed(one)
        return found

    def _covered(self, text: str) -> tuple[list[str], bool]:
        """What a deployment moves, and whether away; nothing: it is refused."""
        state = self.releases.get(text)
        if state == "available" and number(text) >= number(self.running):
            needed = {one: self.releases.get(one) for one in self._needed(text)}
            to_add = [one for one, found in needed.items() if found == "available" and not is_major(one, text)]
            rest = {found for one, found in needed.items() if one not in to_add}
            return (to_add if rest <= {"deployed", "committed"} else []), False
        if state in ("deployed", "committed") and not is_major(text, self.running):
            above = {one: found for one, found in self.releases.items() if found in ("deployed", "committed")
                     and number(one) > number(text) and not is_major(one, text)}
            return ([] if "committed" in above.values() else list(above)), True
        return [], False
