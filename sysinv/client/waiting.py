# SPDX-License-Identifier: Apache-2.0
"""When an action on a host has succeeded or failed: judges of a host's states, without I/O.

Texts are shown and never judged. An action is over when its operation, sysinv's wish for it and host maintenance's
own action are over. A failure that host maintenance goes on from (``retry 1 of 10``) is no end.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flock.cli.wait import Outcome, Verdict

SWACT_LIMIT_S = 120.0
OPERATION = "operation"
"""Key under which an observed host carries the operation of the action that is waited for; None when there is none."""
_UNDER_WAY = ("pending", "running", "undoing")
_SERVING = ("available", "degraded")

Host = Mapping[str, Any]


def state_text(host: Host) -> str:
    """``unlocked/disabled/intest, Enabling``: the three states and what is going on."""
    states = "/".join(str(host.get(axis)) for axis in ("administrative", "operational", "availability"))
    notes = [str(host[name]) for name in ("task", "install_state", "vim_progress_status") if host.get(name)]
    return ", ".join([states, *notes])


def is_resting(host: Host) -> bool:
    """Nobody is doing anything with the host: no operation, no wish for an action, nothing by host maintenance."""
    operation = host.get(OPERATION) or {}
    return (operation.get("state") not in _UNDER_WAY and not host.get("ihost_action")
            and host.get("mtce_action") in (None, "none"))


class _Judge:
    """What all judges share. ``before`` is the host as it was before the action was asked for."""

    def __init__(self, before: Host) -> None:
        self._error_before = _error(before)

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        operation = host.get(OPERATION) or {}
        if operation.get("state") in ("failed", "undone"):
            return Verdict(Outcome.FAILED, f"{text}: {operation.get('error') or 'the action did not begin'}")
        if not is_resting(host):
            return Verdict(Outcome.PENDING, text)
        if _error(host) not in (None, self._error_before):
            return Verdict(Outcome.FAILED, f"{text}: {host.get('last_error')}")
        return Verdict(self.outcome(host), text)

    def outcome(self, host: Host) -> Outcome:
        """What the states of a host mean with which nobody is doing anything."""
        raise NotImplementedError


def _error(host: Host) -> tuple[Any, Any] | None:
    return (host.get("last_error"), host.get("last_error_at")) if host.get("last_error") else None


class UnlockJudge(_Judge):
    """Done when the host carries service again; failed when mtce gave up, or when it is locked after all."""

    def outcome(self, host: Host) -> Outcome:
        if host.get("administrative") == "unlocked" and host.get("operational") == "enabled":
            return Outcome.DONE if host.get("availability") in _SERVING else Outcome.PENDING
        return Outcome.FAILED


class LockJudge(_Judge):
    """Done when the host is locked and quiet. A host that was down before cannot be asked to come online."""

    def __init__(self, before: Host) -> None:
        super().__init__(before)
        self._quiet = ("online",) if before.get("operational") == "enabled" else ("online", "offline", "power-off")

    def outcome(self, host: Host) -> Outcome:
        if host.get("administrative") != "locked":
            return Outcome.FAILED
        quiet = host.get("operational") == "disabled" and host.get("availability") in self._quiet
        return Outcome.DONE if quiet else Outcome.PENDING


class InstallJudge(_Judge):
    """Done when an installed host has reported what it has; used after create and reinstall."""

    def __call__(self, host: Host) -> Verdict:
        if host.get("install_state") == "failed":
            return Verdict(Outcome.FAILED, state_text(host))
        return super().__call__(host)

    def outcome(self, host: Host) -> Outcome:
        there = host.get("availability") == "online" and host.get("inv_state") == "inventoried"
        return Outcome.DONE if there else Outcome.PENDING


class BootJudge(_Judge):
    """Done when the host is online; used after reboot, reset and power-on, which end when the host left its boot."""

    def outcome(self, host: Host) -> Outcome:
        return Outcome.DONE if host.get("availability") in ("online", *_SERVING) else Outcome.PENDING


class PowerOffJudge(_Judge):
    """Done when the power is off."""

    def outcome(self, host: Host) -> Outcome:
        return Outcome.DONE if host.get("availability") == "power-off" else Outcome.PENDING


class SwactJudge:
    """Done when another controller is the active one. Takes the list of all hosts."""

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
                if is_resting(host) and _error(host) not in (None, self._error_before):
                    return Verdict(Outcome.FAILED, f"{text}: {host.get('last_error')}")
        return Verdict(Outcome.PENDING, text)
