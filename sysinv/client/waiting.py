# SPDX-License-Identifier: Apache-2.0
"""When an action on a host has succeeded or failed: judges of a host's states, without I/O."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flock.cli.wait import Outcome, Verdict

REBOOTS_MAX = 2
SWACT_LIMIT_S = 120.0

Host = Mapping[str, Any]


def state_text(host: Host) -> str:
    """``unlocked/disabled/intest, Enabling``: the three states and what is going on."""
    states = "/".join(str(host.get(axis)) for axis in ("administrative", "operational", "availability"))
    notes = [str(host[name]) for name in ("task", "install_state", "vim_progress_status") if host.get(name)]
    return ", ".join([states, *notes])


def _states(host: Host) -> tuple[Any, Any, Any]:
    return host.get("administrative"), host.get("operational"), host.get("availability")


class UnlockJudge:
    """Done when the host carries service again; failed when mtce gave up or it rebooted more than twice."""

    def __init__(self) -> None:
        self._boots = 0
        self._was_up = True

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        administrative, operational, availability = _states(host)
        task = str(host.get("task") or "")
        if administrative != "unlocked":
            return Verdict(Outcome.PENDING, text)
        up = availability not in ("offline", "power-off")
        if self._was_up and not up:
            self._boots += 1
        self._was_up = up
        if operational == "enabled" and availability in ("available", "degraded") and not task:
            return Verdict(Outcome.DONE, text)
        if availability == "failed" or (task.startswith("Config") and "Failed" in task):
            return Verdict(Outcome.FAILED, text)
        if self._boots > REBOOTS_MAX:
            return Verdict(Outcome.FAILED, f"{text}; it has rebooted {self._boots} times")
        return Verdict(Outcome.PENDING, text)


class LockJudge:
    """Done when the host is locked and quiet. A host that was down before cannot be asked to come online."""

    def __init__(self, before: Host) -> None:
        self._quiet = ("online",) if before.get("operational") == "enabled" else ("online", "offline", "power-off")

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        administrative, operational, availability = _states(host)
        task = str(host.get("task") or "")
        if "Aborted" in task or "Rejected" in task:
            return Verdict(Outcome.FAILED, text)
        if administrative == "locked" and operational == "disabled" and availability in self._quiet and not task:
            return Verdict(Outcome.DONE, text)
        return Verdict(Outcome.PENDING, text)


class InstallJudge:
    """Done when an installed host reports itself; used after create and reinstall."""

    def __init__(self) -> None:
        self._left_online = False

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        _, _, availability = _states(host)
        if host.get("install_state") == "failed":
            return Verdict(Outcome.FAILED, text)
        if availability != "online" or host.get("inv_state") == "reinstalling":
            self._left_online = True
        if self._left_online and availability == "online" and not host.get("task"):
            return Verdict(Outcome.DONE, text)
        return Verdict(Outcome.PENDING, text)


class RebootJudge:
    """Done when the host has gone away and is back online; used after reboot, reset and power-on."""

    def __init__(self, before: Host) -> None:
        self._gone = before.get("availability") not in ("online", "available", "degraded")

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        availability = host.get("availability")
        if availability in ("offline", "power-off", "intest"):
            self._gone = True
        if self._gone and availability in ("online", "available", "degraded") and not host.get("task"):
            return Verdict(Outcome.DONE, text)
        if "Failed" in str(host.get("task") or ""):
            return Verdict(Outcome.FAILED, text)
        return Verdict(Outcome.PENDING, text)


class PowerOffJudge:
    """Done when the BMC reports the power off."""

    def __call__(self, host: Host) -> Verdict:
        text = state_text(host)
        if host.get("availability") == "power-off" and not host.get("task"):
            return Verdict(Outcome.DONE, text)
        if "Failed" in str(host.get("task") or ""):
            return Verdict(Outcome.FAILED, text)
        return Verdict(Outcome.PENDING, text)


class SwactJudge:
    """Done when another controller is the active one. Takes the list of all hosts."""

    def __init__(self, leaving: str) -> None:
        self._leaving = leaving

    def __call__(self, hosts: Sequence[Host]) -> Verdict:
        active = [host for host in hosts
                  if (host.get("capabilities") or {}).get("Personality") == "Controller-Active"]
        names = ", ".join(str(host.get("hostname")) for host in active) or "none"
        if active and all(host.get("uuid") != self._leaving for host in active):
            return Verdict(Outcome.DONE, f"active controller is {names}")
        left = [host for host in hosts if host.get("uuid") == self._leaving]
        tasks = "".join(f", {host['task']}" for host in left if host.get("task"))
        if "Failed" in tasks or "Aborted" in tasks or "Rejected" in tasks:
            return Verdict(Outcome.FAILED, f"active controller is {names}{tasks}")
        return Verdict(Outcome.PENDING, f"active controller is {names}{tasks}")
