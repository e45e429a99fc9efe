# SPDX-License-Identifier: Apache-2.0
"""How rows name what a plug-in executes: the text form, rules for names, the plug-ins' words for actions."""
from __future__ import annotations

import re
from collections.abc import Mapping

from sm.contract.states import PluginKind, ServiceAction

PREFIXES: Mapping[str, PluginKind] = {
    "ocf": PluginKind.OCF, "lsb": PluginKind.LSB, "systemd": PluginKind.SYSTEMD, "exec": PluginKind.EXEC,
    "http": PluginKind.HTTP, "tcp": PluginKind.TCP, "address": PluginKind.ADDRESS,
}
MONITOR = ("start", "stop", "monitor")
STATUS = ("start", "stop", "status")
_WORDS: Mapping[PluginKind, tuple[str, str, str]] = {
    PluginKind.OCF: MONITOR, PluginKind.EXEC: MONITOR, PluginKind.LSB: STATUS, PluginKind.SYSTEMD: STATUS,
    PluginKind.HTTP: MONITOR, PluginKind.TCP: MONITOR, PluginKind.ADDRESS: MONITOR,
}
PROBES = (PluginKind.HTTP, PluginKind.TCP)
"""Plug-ins that only look: they execute audits and nothing else."""
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9@:._\\-]{0,240}\.(service|target|socket|mount|slice|timer)")
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")
_ENDPOINT = re.compile(r"\S+:\d{1,5}")
_NAMES: Mapping[PluginKind, tuple[re.Pattern[str], str]] = {
    PluginKind.OCF: (_FILE, "must be the file name of an OCF agent"),
    PluginKind.LSB: (_FILE, "must be the file name of an init script"),
    PluginKind.SYSTEMD: (_UNIT, "must be a systemd unit with its suffix, such as flock-front.service"),
    PluginKind.EXEC: (re.compile(r"(/[A-Za-z0-9][A-Za-z0-9._-]*)+"), "must be the absolute path of a program"),
    PluginKind.HTTP: (_URL, "must be a URL, such as http://127.0.0.1:8080/"),
    PluginKind.ADDRESS: (_FILE, "must be the name of a network"),
    PluginKind.TCP: (_ENDPOINT, "must be an address and a port, such as 127.0.0.1:5432"),
}


def parse(text: str) -> tuple[PluginKind, str, str]:
    """Kind, provider and name of ``ocf:heartbeat/IPaddr2`` or ``systemd:flock-front.service``; ValueError: the rule."""
    prefix, colon, rest = text.partition(":")
    kind = PREFIXES.get(prefix)
    if kind is None or not colon:
        raise ValueError(f"must begin with one of {', '.join(f'{word}:' for word in PREFIXES)}")
    provider, name = rest.rpartition("/")[::2] if kind is PluginKind.OCF else ("", rest)
    rule = name_rule(kind, provider, name)
    if rule:
        raise ValueError(rule)
    return kind, provider, name


def name_rule(kind: PluginKind, provider: str, name: str) -> str:
    """The rule that these names break; empty when they are good."""
    if bool(provider) != (kind is PluginKind.OCF) or (provider and not _FILE.fullmatch(provider)):
        return "an OCF agent needs its provider, such as ocf:heartbeat/IPaddr2; no other plug-in has one"
    pattern, rule = _NAMES[kind]
    return "" if pattern.fullmatch(name) else rule


def command(kind: PluginKind, action: ServiceAction) -> str:
    """The plug-in's word for an action; empty where each agent has its own, as for going active and standby."""
    start, stop, look = _WORDS[kind]
    return {ServiceAction.ENABLE: start, ServiceAction.DISABLE: stop, ServiceAction.AUDIT_ENABLED: look,
            ServiceAction.AUDIT_DISABLED: look}.get(action, "")


def commands(kind: PluginKind) -> tuple[str, ...]:
    """All words that a plug-in of this kind has by itself."""
    return _WORDS[kind]
