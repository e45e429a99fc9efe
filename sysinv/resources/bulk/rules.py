# SPDX-License-Identifier: Apache-2.0
"""Pure judgement of all hosts of a file before any is added, by the rules of ``POST /v1/ihosts``."""
from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sysinv.contract.enums import BmType, Personality
from sysinv.model.host import HostRefused, InventoryHost, normal_mac
from sysinv.model.system import SystemView
from sysinv.resources.bulk.fields import PROFILE
from sysinv.resources.bulk.intake import Entry
from sysinv.resources.host import boards, rules
from sysinv.resources.host.rules import HostExists, Others
from sysinv.resources.profile.body import ProfileRole
from sysinv.resources.profile.role import completed
from sysinv.resources.profile.role import refusal as role_refusal

SIMPLEX = "Bulk add on a simplex system is not allowed."
NO_CONTROLLER = ("Bulk_add requires enabled controller. Please unlock controller-0, wait for it to enable and then "
                 "retry.")
NO_FILE = "Error: No file uploaded"
NOT_ADDED = "Not added, because other hosts of the file are invalid."
OWN_BOARD = "Only its board management is changed, because it is the active controller."
NO_BOARD = "Warning: Ignoring board management, because bm_password is empty."
NO_POWER = "Warning: Ignoring <power_on> due to insufficient board management (bm) data."


class Fate(enum.StrEnum):
    """What becomes of one host of a file. ``exists``: not added, and no reason not to add others."""

    ADD = "add"
    CHANGE_BOARD = "change_board"
    EXISTS = "exists"
    INVALID = "invalid"


class Status(enum.StrEnum):
    """Status of one host in the reply; after a dry run ``added`` means that it would be."""

    ADDED = "added"
    FAILED = "failed"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class RoleProfile:
    """A role profile that a file names."""

    uuid: str
    role: ProfileRole


@dataclass(frozen=True, slots=True)
class Situation:
    """What is there before the file. ``known``: stored hosts by MAC address, as far as the file names them.

    ``by_name``: uuids of all hosts by hostname in lower case. ``own_mac``: MAC address of the controller that runs
    this process. ``profiles``: role profiles by name, as far as the file names them.
    """

    system: SystemView
    others: Others
    known: Mapping[str, InventoryHost]
    by_name: Mapping[str, str] = field(default_factory=dict)
    own_mac: str | None = None
    profiles: Mapping[str, RoleProfile] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Fate of one host; ``hostname`` is the one that it gets or has, ``values`` are those to store.

    ``message`` is the refusal, or a warning about a host that is added. ``profile`` is the uuid of the profile that it
    gets when it is inventoried.
    """

    entry: Entry
    fate: Fate
    hostname: str | None = None
    uuid: str | None = None
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    power_on: bool = False
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One host in the reply. ``warned``: the message is a warning, which the text of the reply tells too."""

    entry: Entry
    status: Status
    hostname: str | None
    uuid: str | None = None
    message: str = ""
    warned: bool = False


def refusal(system: SystemView, others: Others) -> str | None:
    """Return why no file is accepted now; None when one is."""
    if system.is_simplex:
        return SIMPLEX
    return None if others.enabled_controller else NO_CONTROLLER


def judged(entries: Sequence[Entry], situation: Situation) -> list[Verdict]:
    """Return the fate of each host, in the order of the file; each counts with the ones before it."""
    verdicts: list[Verdict] = []
    macs: dict[str, int] = {}
    names: dict[str, int] = {}
    others = situation.others
    for entry in entries:
        mac, name = normal_mac(entry.values.get("mgmt_mac") or ""), (entry.values.get("hostname") or "").lower()
        twice = _twice("mgmt_mac", mac, macs) or _twice("hostname", name, names)
        unfit = entry.refusal or twice
        verdict = _invalid(entry, unfit) if unfit else _judged(entry, mac, replace(situation, others=others))
        verdicts.append(verdict)
        if mac:
            macs.setdefault(mac, entry.index)
        if name:
            names.setdefault(name, entry.index)
        if verdict.fate is Fate.ADD:
            others = _with(others, verdict)
    return verdicts


def foreseen(verdicts: Sequence[Verdict]) -> list[Outcome]:
    """Return what becomes of the hosts if nobody else changes hosts; none is added when one is invalid."""
    stopped = has_invalid(verdicts)
    return [_foreseen(verdict, stopped) for verdict in verdicts]


def has_invalid(verdicts: Sequence[Verdict]) -> bool:
    """Return whether a host is invalid, so that none is added."""
    return any(verdict.fate is Fate.INVALID for verdict in verdicts)


def done(verdict: Verdict, uuid: str | None) -> Outcome:
    """Return the outcome of a host whose fate was carried out."""
    message = OWN_BOARD if verdict.fate is Fate.CHANGE_BOARD else verdict.message
    return Outcome(verdict.entry, Status.ADDED, verdict.hostname, uuid, message, warned=bool(verdict.message))


def failed(verdict: Verdict, message: str) -> Outcome:
    """Return the outcome of a host that was not added."""
    return Outcome(verdict.entry, Status.FAILED, verdict.hostname, verdict.uuid, message)


def texts(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """Return the keys ``success`` and ``error`` of the reply."""
    invalid = [one for one in outcomes if one.status is Status.INVALID]
    if invalid:
        return "", "\n".join(f" No hosts have been added, error parsing host {one.entry.title}: {one.message}"
                             for one in invalid)
    success = "".join(f"\n {one.hostname}{' ' + one.message if one.warned else ''}"
                      for one in outcomes if one.status is Status.ADDED)
    error = "".join(f" {one.hostname or one.entry.values.get('personality')}: {one.message}\n"
                    for one in outcomes if one.status is Status.FAILED)
    return success, error


def _foreseen(verdict: Verdict, stopped: bool) -> Outcome:
    if verdict.fate is Fate.INVALID:
        return Outcome(verdict.entry, Status.INVALID, verdict.hostname, verdict.uuid, verdict.message)
    if verdict.fate is Fate.EXISTS:
        return failed(verdict, verdict.message)
    return failed(verdict, NOT_ADDED) if stopped else done(verdict, verdict.uuid)


def _twice(element: str, value: str | None, seen: Mapping[str, int]) -> str:
    if not value or value not in seen:
        return ""
    return f"Its {element} {value} is also that of the host with index {seen[value]}."


def _invalid(entry: Entry, message: str) -> Verdict:
    return Verdict(entry, Fate.INVALID, entry.name or None, message=message)


def _judged(entry: Entry, mac: str | None, situation: Situation) -> Verdict:
    known = situation.known.get(mac or "")
    others = situation.others if known is None else _without(situation.others, known)
    if known is not None and mac == situation.own_mac:
        return _own(entry, known, others)
    values, ignored = _board_kept(entry)
    name = values.pop(PROFILE, None)
    profile = situation.profiles.get(name) if name is not None else None
    if profile is not None:
        values = completed(values, profile.role)
    elif name is not None:
        return _invalid(entry, f"{PROFILE}: There is no role profile {name}.")
    try:
        role, _ = rules.check_add(situation.system, values, known, others)
        board = boards.board_values(None, values, others)
    except HostExists as exists:
        hostname = (known.hostname if known is not None else None) or entry.name or None
        uuid = known.uuid if known is not None else situation.by_name.get(entry.name.lower())
        return Verdict(entry, Fate.EXISTS, hostname, uuid, str(exists))
    except HostRefused as problem:
        return _invalid(entry, str(problem))
    unfit = role_refusal(name, profile.role, role.personality, role.subfunctions) if profile is not None else None
    if unfit is not None:
        return _invalid(entry, unfit)
    has_board = board.get("bm_type", BmType.NONE) != BmType.NONE
    if not has_board:
        values = _boardless(values)
    warnings = [*([NO_BOARD] if ignored else []), *([NO_POWER] if entry.power_on and not has_board else [])]
    return Verdict(entry, Fate.ADD, role.hostname, known.uuid if known is not None else None,
                   message=" ".join(warnings), values=values, power_on=entry.power_on and has_board,
                   profile=None if profile is None else profile.uuid)


def _own(entry: Entry, own: InventoryHost, others: Others) -> Verdict:
    """Of the controller that runs this process, only the board management changes."""
    changes = {name: value for name, value in entry.values.items() if name in boards.BOARD}
    try:
        boards.board_values(own, changes, others)
    except HostRefused as problem:
        return _invalid(entry, str(problem))
    return Verdict(entry, Fate.CHANGE_BOARD, own.hostname, own.uuid, values=changes)


def _board_kept(entry: Entry) -> tuple[dict[str, Any], bool]:
    """Return the values to add, and whether the board management was left out for want of its password.

    An exported file has an empty element in place of each password. Its hosts can be added without editing it.
    """
    values = dict(entry.values)
    wanted = values.get("bm_type") not in (None, BmType.NONE) or bool(values.get("bm_ip") and values.get("bm_username"))
    if not entry.no_password or not wanted:
        return values, False
    return _boardless(values), True


def _boardless(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in boards.BOARD}


def _without(others: Others, known: InventoryHost) -> Others:
    """Return the others of a stored host, with its own name: a second host of that name is told that it exists."""
    return replace(others, bm_ips=others.bm_ips - {known.bm_ip}) if known.bm_ip else others


def _with(others: Others, verdict: Verdict) -> Others:
    controller = verdict.values.get("personality") == Personality.CONTROLLER
    address = verdict.values.get("bm_ip")
    return replace(others, hostnames=others.hostnames | {str(verdict.hostname)},
                   controllers=others.controllers + controller,
                   bm_ips=others.bm_ips | ({address} if address else set()))
