# SPDX-License-Identifier: Apache-2.0
"""Pure judges that decide from a host's states whether an action has succeeded or failed.

Texts are only displayed, never interpreted. An action has ended when its operation, sysinv's ``ihost_action`` and
mtce's ``mtce_action`` have ended. A failure after which mtce retries (``retry 1 of 10``) does not end it.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flock.cli.wait import Outcome, Verdict

SWACT_LIMIT_S = 120.0
OPERATION = "operation"
"""Key of the operation of the awaited action in an observed host; its value is None without one."""
_UNDER_WAY = ("pending", "running", "undoing")
_SERVING = ("available", "degraded")

Host = Mapping[str, Any]


def state_text(host: Host) -> str:
    """Return the three states and the current task, ``unlocked/disabled/intest, Enabling``."""
    states = "/".join(str(host.get(axis)) for axis in ("administrative", "operational", "availability"))
    notes = [str(host[name]) for name in ("task", "install_state", "vim_progress_status") if host.get(name)]
    return ", ".join([states, *notes])


def is_idle(host: Host) -> bool:
    """Return whether the host has no active operation, no requested action and no action of mtce."""
    operation = host.get(OPERATION) or {}
    return (operation.get("state") not in _UNDER_WAY and not host.get("ihost_action")
            and host.get("mtce_action") in (None, "none"))


class HostJudge:
    """Base of all judges. ``before`` is the host before the action was requested."""

    def __init__(self, before: Host) -> None:
        self._error_before = _error(before)

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        operation = host.get(OPERATION) or {}
        if operation.get("state") in ("failed", "undone"):
            return Verdict(Outcome.FAILED, f"{text}: {operation.get('error') or 'the action did not begin'}")
        if not is_idle(host):
            return Verdict(Outcome.PENDING, text)
        if _error(host) not in (None, self._error_before):
            return Verdict(Outcome.FAILED, f"{text}: {host.get('last_error')}")
        return Verdict(self.outcome(host), text)

    def outcome(self, host: Host) -> Outcome:
        """Return the outcome that the states of an idle host mean."""
        raise NotImplementedError


def _error(host: Host) -> tuple[Any, Any] | None:
    return (host.get("last_error"), host.get("last_error_at")) if host.get("last_error") else None


class UnlockJudge(HostJudge):
    """Done when the host is in service; failed when mtce gave up, or when the host is locked again."""

    def outcome(self, host: Host) -> Outcome:
        if host.get("administrative") == "unlocked" and host.get("operational") == "enabled":
            return Outcome.DONE if host.get("availability") in _SERVING else Outcome.PENDING
        return Outcome.FAILED


class LockJudge(HostJudge):
    """Done when the host is locked and idle; a host that was down before need not come online."""

    def __init__(self, before: Host) -> None:
        super().__init__(before)
        self._quiet = ("online",) if before.get("operational") == "enabled" else ("online", "offline", "power-off")

    def outcome(self, host: Host) -> Outcome:
        if host.get("administrative") != "locked":
            return Outcome.FAILED
        quiet = host.get("operational") == "disabled" and host.get("availability") in self._quiet
        return Outcome.DONE if quiet else Outcome.PENDING


class InstallJudge(HostJudge):
    """Done when an installed host has reported its inventory; used after create and reinstall."""

    def __call__(self, host: Host) -> Verdict:
        if host.get("install_state") == "failed":
            return Verdict(Outcome.FAILED, state_text(host))
        return super().__call__(host)

    def outcome(self, host: Host) -> Outcome:
        there = host.get("availability") == "online" and host.get("inv_state") == "inventoried"
        return Outcome.DONE if there else Outcome.PENDING


class BootJudge(HostJudge):
    """Done when the host is online; used after reboot, reset and power-on, which end after the host's boot."""

    def outcome(self, host: Host) -> Outcome:
        return Outcome.DONE if host.get("availability") in ("online", *_SERVING) else Outcome.PENDING


class PowerOffJudge(HostJudge):
    """Done when the host is powered off."""

    def outcome(self, host: Host) -> Outcome:
        return Outcome.DONE if host.get("availability") == "power-off" else Outcome.PENDING


class SwactJudge:
    """Done when another controller is active. Takes the list of all hosts."""

    def __init__(self, before: Host) -> None:
        self._leaving = before.get("uuid")
        self._error_before = _error(before)

    def __call__(self, hosts: Sequence[Host]) -> Verdict:
        active = [host for host in hosts
                  if (host.get("capabilities") or {}).get("Personality") == "Controller-Active"]
        text = f"active controller is {', '.join(str(host.get('hostname')) for host in active) or 'none'}"
        if active and all(host.get("uuid") != self._leaving for host in active):
            return Verdict(Outcome.DONE, text)
        for host in hosts:
            if host.get("uuid") == self._leaving:
                text += f", {host['task']}" if host.get("task") else ""
                if is_idle(host) and _error(host) not in (None, self._error_before):
                    return Verdict(Outcome.FAILED, f"{text}: {host.get('last_error')}")
        return Verdict(Outcome.PENDING, text)
