# SPDX-License-Identifier: Apache-2.0
"""Rules for single fields of the configured rows: names, numbers, addresses, choices."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sm.catalogue import plugins
from sm.catalogue.problems import Problem
from sm.catalogue.rows import ActionRow, key_of
from sm.contract.states import AUDITS
from sm.core.timing import Timing

NAME_MAX = 64
TEXT_MAX = 1024
TIME_S_MAX = 86_400
TIME_MS_MAX = TIME_S_MAX * 1000
COUNT_MAX = 10_000
NODES_MAX = 64
PORT_MAX = 65_535
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_NODES = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,63})(,[A-Za-z0-9][A-Za-z0-9_.-]{0,63})*|")
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}|")
_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
"""In a parameter: the name of a value that the site gives."""
_NAMES = ("name", "domain", "group", "service", "dependent", "aggregate")
_ADDRESSES = ("multicast", "address", "peer_address")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "orchestration": ("regional",),
    "designation": ("unknown", "leader", "backup", "other"),
    "split_brain_recovery": ("disable-all-active", "select-best-active"),
    "path_type": ("primary", "secondary", "status-only"),
    "auth_type": ("none", "hmac-sha512"),
    "network_type": ("ipv4", "ipv6", "ipv4-udp", "ipv6-udp"),
    "connect_type": ("tor", "dc"),
    "family": ("unix", "udp"),
}
LIMITS: Mapping[str, tuple[int, int]] = {
    "priority": (0, 255), "generation": (0, 2**31), "n_active": (1, NODES_MAX), "m_standby": (0, NODES_MAX),
    "max_failures": (1, COUNT_MAX), "fail_countdown": (0, COUNT_MAX), "max_action_failures": (1, COUNT_MAX),
    "max_transition_failures": (1, COUNT_MAX), "failure_retries": (0, COUNT_MAX), "timeout_retries": (0, COUNT_MAX),
    "total_retries": (0, COUNT_MAX), "timeout_s": (1, TIME_S_MAX),
    "interval_ms": (10, 3_600_000), "missed_warn": (1, COUNT_MAX), "missed_degrade": (0, COUNT_MAX),
    "missed_fail": (0, COUNT_MAX),
}
SETTINGS: Mapping[str, tuple[int, int]] = {
    "ENABLING_THROTTLE": (1, COUNT_MAX), "sm_server_port": (1, PORT_MAX), "sm_client_port": (1, PORT_MAX),
    "sm_process_priority": (-20, -2), "FAILPENDING_TIMEOUT_MS": (1, TIME_MS_MAX),
    "RESET_PEER_WAIT_TIMEOUT_SEC": (1, TIME_S_MAX),
}
"""Keys of ``configuration`` that are numbers, with their least and greatest value."""
SETTING_CHOICES: Mapping[str, tuple[str, ...]] = {
    "SYSTEM_MODE": ("simplex", "duplex", "duplex-direct", "standard"),
    "SYSTEM_ROLE": ("none", "systemcontroller", "subcloud"),
    "PLATFORM": ("flock", "starlingx", "other"),
}
ELSEWHERE = frozenset({"policy", *Timing.__dataclass_fields__})
"""What the agreement between the nodes goes by. The witness, which has no store, needs it too."""
ELSEWHERE_RULE = "has no effect here; it is set in /etc/sm/sm.conf of each controller"


def field_problems(table: str, row: Any) -> Iterator[Problem]:
    """The rules about single fields that a row breaks."""
    for name in type(row).__dataclass_fields__:
        value = getattr(row, name)
        rule = _rule(table, name, value)
        if rule:
            yield Problem(table, " ".join(key_of(row)), name, rule)
    if isinstance(row, ActionRow):
        yield from _action_problems(table, row)
    elif table == "configuration":
        rule = setting_rule(row.key, row.value)
        if rule:
            yield Problem(table, row.key, "value", rule)


def _rule(table: str, name: str, value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return _number_rule(name, value)
    if isinstance(value, Mapping):
        return _parameters_rule(value)
    if not isinstance(value, str):
        return ""
    if len(value) > TEXT_MAX or not value.isprintable():
        return f"must be at most {TEXT_MAX} printable characters"
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"must be one of {', '.join(CHOICES[name])}"
    if name in _NAMES and table not in ("service_actions", "service_action_results"):
        return _name_rule(name, value)
    check = _TEXT_RULES.get(name)
    return check(value) if check else ""


def _number_rule(name: str, value: int) -> str:
    low, high = LIMITS.get(name, (0, PORT_MAX if name.endswith("port") else TIME_MS_MAX))
    return "" if low <= value <= high else f"must be a number from {low} to {high}"


def _name_rule(name: str, value: str) -> str:
    good = len(value) <= NAME_MAX and (_NAME.fullmatch(value) or (not value and name == "aggregate"))
    return "" if good else f"must be at most {NAME_MAX} small letters, digits and hyphens"


def _parameters_rule(value: Mapping[str, str]) -> str:
    for key, text in value.items():
        if not _PARAMETER.fullmatch(key):
            return f"{key!r} must be a name of letters, digits and underscores"
        if len(text) > TEXT_MAX or not text.isprintable():
            return f"{key} must be at most {TEXT_MAX} printable characters"
    return ""


def address_rule(value: str) -> str:
    """The rule that an address breaks; empty is no address and good."""
    try:
        if value:
            ipaddress.ip_address(value)
    except ValueError:
        return "must be an IPv4 or IPv6 address, or empty"
    return ""


def _device_rule(value: str) -> str:
    return "" if _DEVICE.fullmatch(value) else "must be the name of a network device, at most 15 characters"


def _pid_file_rule(value: str) -> str:
    return "" if not value or value.startswith("/") else "must be an absolute path, or empty"


def _nodes_rule(value: str) -> str:
    good = _NODES.fullmatch(value) and len(set(value.split(","))) == len(value.split(","))
    return "" if good else "must be different names of nodes with commas between them, or empty"


def _presence_rule(value: str) -> str:
    return "" if value else "must not be empty"


_TEXT_RULES: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(_ADDRESSES, address_rule), "device": _device_rule, "pid_file": _pid_file_rule,
    "preferred": _nodes_rule,
    **dict.fromkeys(("instance", "command", "key", "source", "destination", "message"), _presence_rule),
}


def _action_problems(table: str, row: ActionRow) -> Iterator[Problem]:
    place = " ".join(key_of(row))
    rule = plugins.name_rule(row.plugin, row.provider, row.name)
    if rule:
        yield Problem(table, place, "name", rule)
    if (row.interval_s > 0) != (row.action in AUDITS):
        yield Problem(table, place, "interval_s", "must be greater than 0 for an audit, and 0 for other actions")
    if row.interval_s > TIME_S_MAX:
        yield Problem(table, place, "interval_s", f"must be a number from 0 to {TIME_S_MAX}")


def setting_rule(key: str, value: str) -> str:
    """The rule that a value of ``configuration`` breaks. A key that this release does not know may have any value."""
    if key in SETTING_CHOICES and value not in SETTING_CHOICES[key]:
        return f"must be one of {', '.join(SETTING_CHOICES[key])}"
    if key in SETTINGS:
        low, high = SETTINGS[key]
        if not re.fullmatch(r"-?\d{1,9}", value) or not low <= int(value) <= high:
            return f"must be a number from {low} to {high}"
    return ""
