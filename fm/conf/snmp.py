# SPDX-License-Identifier: Apache-2.0
"""Options of SNMP: group ``[fm_snmp]``, and one group ``[fm_snmp.NAME]`` per destination of notifications."""
from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

from oslo_config import cfg

GROUP = "fm_snmp"
DESTINATIONS_MAX = 16
KEY_LENGTH_MIN = 8
# RFC 3411: the enterprise number with the first bit set, then 5 for octets defined by the enterprise.
ENGINE_ID_HEAD = bytes((0x80, 0x00, 0x02, 0xDB, 0x05))
AUTH_PROTOCOLS = ("none", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512")
PRIV_PROTOCOLS = ("none", "AES", "AES-192", "AES-256")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

SNMP_OPTS: list[cfg.Opt] = [
    cfg.ListOpt("destinations", default=[],
                help="Names of the receivers of notifications; each has a group [fm_snmp.NAME]. Empty sends none."),
    cfg.StrOpt("engine_id", default="",
               help="Engine id of SNMPv3 notifications as hexadecimal digits; by default derived from region_name and "
                    "system_name of [fm]."),
    cfg.StrOpt("agentx_address", default="unix:/var/agentx/master",
               help="Where snmpd listens for sub-agents: unix:PATH or tcp:HOST:PORT."),
    cfg.IntOpt("agentx_timeout_s", default=5, min=1, max=60,
               help="Seconds that snmpd and fm-snmp-agent wait for each other's reply."),
    cfg.IntOpt("agentx_ping_interval_s", default=30, min=1, max=3600,
               help="Seconds without a message after which fm-snmp-agent pings snmpd."),
    cfg.IntOpt("agentx_reconnect_max_s", default=15, min=1, max=600,
               help="Longest pause between two attempts to reach snmpd."),
]
DESTINATION_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("host", default="", help="Name or address of the receiver."),
    cfg.PortOpt("port", default=162, min=1, help="UDP port of the receiver."),
    cfg.StrOpt("version", default="2c", choices=["2c", "3"], help="Version of SNMP."),
    cfg.BoolOpt("inform", default=False,
                help="Send informs instead of traps: the receiver confirms them, and they are repeated until it does."),
    cfg.IntOpt("timeout_s", default=2, min=1, max=30, help="Seconds to wait for the confirmation of an inform."),
    cfg.StrOpt("community", secret=True, help="Community of version 2c."),
    cfg.StrOpt("user_name", default="", help="User of version 3."),
    cfg.StrOpt("auth_protocol", default="none", choices=list(AUTH_PROTOCOLS), help="Authentication of version 3."),
    cfg.StrOpt("auth_key", secret=True, help="Passphrase of the authentication, at least 8 characters."),
    cfg.StrOpt("priv_protocol", default="none", choices=list(PRIV_PROTOCOLS),
               help="Encryption of version 3; it needs authentication."),
    cfg.StrOpt("priv_key", secret=True, help="Passphrase of the encryption, at least 8 characters."),
    cfg.StrOpt("context_name", default="", help="Context of version 3."),
]


class BadOption(ValueError):
    """An option breaks a rule; the text names both. A restart does not help."""

    def __init__(self, group: str, option: str, rule: str) -> None:
        super().__init__(f"[{group}] {option}: {rule}")


@dataclass(frozen=True, slots=True)
class Destination:
    """One checked receiver of notifications; its repr hides secrets."""

    name: str
    host: str
    port: int
    version: str
    inform: bool
    timeout_s: int
    user_name: str
    auth_protocol: str
    priv_protocol: str
    context_name: str
    community: str = field(default="", repr=False)
    auth_key: str = field(default="", repr=False)
    priv_key: str = field(default="", repr=False)


def register(conf: Any) -> Any:
    """Register the group on ``conf`` (harmless when repeated) and return ``conf[GROUP]``."""
    conf.register_opts(SNMP_OPTS, group=GROUP)
    return conf[GROUP]


def destinations(conf: Any) -> tuple[Destination, ...]:
    """The receivers of notifications; BadOption names the option and the rule it breaks."""
    names = [name.strip() for name in register(conf).destinations]
    if len(names) > DESTINATIONS_MAX:
        raise BadOption(GROUP, "destinations", f"at most {DESTINATIONS_MAX} names")
    if len(set(names)) != len(names):
        raise BadOption(GROUP, "destinations", "each name at most once")
    for name in names:
        if not _NAME.fullmatch(name):
            raise BadOption(GROUP, "destinations", "a name has 1 to 32 of a-z, 0-9 and -, and does not start with -")
    return tuple(_destination(conf, name) for name in names)


def engine_id(conf: Any, region_name: str, system_name: str) -> bytes:
    """The engine id of SNMPv3 notifications, the same on every controller of the system."""
    chosen = register(conf).engine_id.removeprefix("0x")
    if not chosen:
        return ENGINE_ID_HEAD + hashlib.sha256(f"{region_name}\0{system_name}".encode()).digest()[:12]
    try:
        octets = bytes.fromhex(chosen)
    except ValueError:
        raise BadOption(GROUP, "engine_id", "hexadecimal digits, two per octet") from None
    if not 5 <= len(octets) <= 32 or octets.count(0) == len(octets) or octets.count(255) == len(octets):
        raise BadOption(GROUP, "engine_id", "5 to 32 octets, not all zero and not all ff")
    return octets


def agentx_address(conf: Any) -> str | tuple[str, int]:
    """Where snmpd listens for sub-agents: the path of a socket, or host and port."""
    scheme, _, rest = register(conf).agentx_address.partition(":")
    if scheme == "unix" and rest.startswith("/"):
        return str(rest)
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536:
        return host.strip("[]"), int(port)
    raise BadOption(GROUP, "agentx_address", "unix:PATH with an absolute path, or tcp:HOST:PORT")


def list_opts() -> list[tuple[str, list[Any]]]:
    """For the sample generator."""
    return [(GROUP, SNMP_OPTS), (f"{GROUP}.example", DESTINATION_OPTS)]


def _destination(conf: Any, name: str) -> Destination:
    group = f"{GROUP}.{name}"
    conf.register_opts(DESTINATION_OPTS, group=group)
    chosen = conf[group]
    if not chosen.host:
        raise BadOption(group, "host", "must be set")
    if chosen.version == "2c":
        if not chosen.community:
            raise BadOption(group, "community", "must be set for version 2c")
    else:
        _check_user(group, chosen)
    return Destination(
        name=name, host=chosen.host, port=chosen.port, version=chosen.version, inform=chosen.inform,
        timeout_s=chosen.timeout_s, user_name=chosen.user_name, auth_protocol=chosen.auth_protocol,
        priv_protocol=chosen.priv_protocol, context_name=chosen.context_name, community=chosen.community or "",
        auth_key=chosen.auth_key or "", priv_key=chosen.priv_key or "")


def _check_user(group: str, chosen: Any) -> None:
    if not 1 <= len(chosen.user_name.encode()) <= 32:
        raise BadOption(group, "user_name", "1 to 32 octets for version 3")
    if len(chosen.context_name.encode()) > 32:
        raise BadOption(group, "context_name", "at most 32 octets")
    if chosen.priv_protocol != "none" and chosen.auth_protocol == "none":
        raise BadOption(group, "priv_protocol", "needs an auth_protocol other than none")
    for kind in ("auth", "priv"):
        key = chosen[f"{kind}_key"] or ""
        if chosen[f"{kind}_protocol"] != "none" and len(key) < KEY_LENGTH_MIN:
            raise BadOption(group, f"{kind}_key", f"at least {KEY_LENGTH_MIN} characters with {kind}_protocol")
