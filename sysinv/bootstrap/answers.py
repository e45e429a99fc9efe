# SPDX-License-Identifier: Apache-2.0
"""The operator's answers for the bootstrap of the first controller: reading, checks and defaults."""
from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from flock.core.errors import InvalidInput
from sysinv.model.hostname import CONTROLLER_1

SYSTEM_MODELS = {("Standard", "duplex"), ("All-in-one", "simplex"), ("All-in-one", "duplex")}
DATABASES = ("sqlite", "postgresql")
NETWORK_NAMES = ("pxeboot", "mgmt", "cluster-host", "oam", "bmc")
ANSWERS_SIZE_MAX = 65536


@dataclass(frozen=True, slots=True)
class NetworkAnswer:
    """One network of the controllers: their interface and addresses, all inside ``subnet``."""

    name: str
    interface: str
    subnet: str
    controller0_address: str
    floating_address: str | None = None
    controller1_address: str | None = None
    gateway_address: str | None = None
    pool_start: str | None = None
    pool_end: str | None = None

    @property
    def prefix(self) -> int:
        """Return the prefix length of the subnet."""
        return ipaddress.ip_network(self.subnet).prefixlen

    def own_address(self, hostname: str) -> str | None:
        """The address of one controller; None when it has none in this network."""
        return self.controller1_address if hostname == CONTROLLER_1 else self.controller0_address


DEFAULT_NETWORKS = (
    NetworkAnswer("pxeboot", "pxeboot0", "169.254.202.0/24", "169.254.202.2", "169.254.202.1", "169.254.202.3",
                  None, "169.254.202.10", "169.254.202.250"),
    NetworkAnswer("mgmt", "mgmt0", "192.168.204.0/24", "192.168.204.2", "192.168.204.1", "192.168.204.3",
                  None, "192.168.204.10", "192.168.204.250"),
    NetworkAnswer("cluster-host", "cluster0", "192.168.206.0/24", "192.168.206.2", "192.168.206.1", "192.168.206.3",
                  None, "192.168.206.10", "192.168.206.250"),
    NetworkAnswer("oam", "oam0", "10.10.10.0/24", "10.10.10.3", "10.10.10.1", "10.10.10.4", "10.10.10.254"),
    NetworkAnswer("bmc", "bmc0", "10.10.20.0/24", "10.10.20.2", None, "10.10.20.3"),
)


@dataclass(frozen=True, slots=True)
class Answers:
    """All input of the bootstrap.

    ``overrides`` are option values for the services' own files, ``{"mtce": {"agent": {"heartbeat_period_ms": 100}}}``.
    """

    admin_password: str
    name: str = "flock"
    system_type: str = "Standard"
    system_mode: str = "duplex"
    region_name: str = "RegionOne"
    timezone: str = "UTC"
    database: str = "sqlite"
    public_host: str | None = None
    networks: tuple[NetworkAnswer, ...] = DEFAULT_NETWORKS
    overrides: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)

    def network(self, name: str) -> NetworkAnswer:
        """Return the network named ``name``; after ``parse``, all of NETWORK_NAMES exist."""
        return next(network for network in self.networks if network.name == name)

    @property
    def controller_ip(self) -> str:
        """Floating management address; all hosts resolve ``controller`` to it."""
        mgmt = self.network("mgmt")
        return mgmt.floating_address or mgmt.controller0_address

    @property
    def public_address(self) -> str:
        """Address of the APIs for operators: ``public_host`` or the floating OAM address."""
        oam = self.network("oam")
        return self.public_host or oam.floating_address or oam.controller0_address

    @property
    def lacks_for_two(self) -> str:
        """Why this system cannot have a second controller, as a sentence; empty when it can."""
        mgmt = self.network("mgmt")
        if self.system_mode == "simplex":
            return "This system is simplex: it has one controller. See 'system_mode' in the answers of its bootstrap."
        if self.database != "postgresql":
            return ("The databases of this system are files of SQLite, which only one controller can have. Two "
                    "controllers need 'database: postgresql' in the answers of the bootstrap.")
        if not mgmt.controller1_address or not mgmt.floating_address:
            return ("The management network needs 'controller1_address' and 'floating_address' in the answers of the "
                    "bootstrap for two controllers.")
        return ""


def load(path: Path) -> Answers:
    """Read a YAML file of answers; InvalidInput names the field and the rule that it breaks."""
    if path.stat().st_size > ANSWERS_SIZE_MAX:
        raise InvalidInput(field=str(path), rule=f"must not be larger than {ANSWERS_SIZE_MAX} bytes")
    try:
        data = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InvalidInput(field=str(path), rule=f"must be YAML ({error})") from error
    return parse(data)


def parse(data: Any) -> Answers:
    """Check a mapping of answers and fill in the defaults."""
    if not isinstance(data, Mapping):
        raise InvalidInput(field="answers", rule="must be a mapping of names to values")
    known = {item.name for item in fields(Answers)}
    for name in data:
        if name not in known:
            raise InvalidInput(field=str(name), rule=f"is not known; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = dict(data)
    if "networks" in values:
        values["networks"] = _networks(values["networks"])
    _check_text(values)
    answers = Answers(**values)
    if (answers.system_type, answers.system_mode) not in SYSTEM_MODELS:
        raise InvalidInput(field="system_type, system_mode", rule="must be one of " + "; ".join(
            f"{kind}, {mode}" for kind, mode in sorted(SYSTEM_MODELS)))
    if answers.database not in DATABASES:
        raise InvalidInput(field="database", rule=f"must be one of {', '.join(DATABASES)}")
    return answers


def _check_text(values: Mapping[str, Any]) -> None:
    password = values.get("admin_password")
    if not isinstance(password, str) or len(password) < 8 or not password.isprintable():
        raise InvalidInput(field="admin_password", rule="must be given, printable and at least 8 characters long")
    for name in ("name", "region_name", "timezone", "public_host"):
        value = values.get(name)
        if value is not None and (not isinstance(value, str) or not re.fullmatch(r"[\w./:+-]{1,255}", value, re.ASCII)):
            raise InvalidInput(field=name, rule="must be 1 to 255 letters, digits or . / : + - _")
    overrides = values.get("overrides", {})
    if not isinstance(overrides, Mapping) or not all(
            isinstance(groups, Mapping) and all(isinstance(options, Mapping) for options in groups.values())
            for groups in overrides.values()):
        raise InvalidInput(field="overrides", rule="must map subsystem to group to option to value")


def _networks(data: Any) -> tuple[NetworkAnswer, ...]:
    if not isinstance(data, Mapping):
        raise InvalidInput(field="networks", rule="must map network names to their addresses")
    chosen = {network.name: network for network in DEFAULT_NETWORKS}
    for name, entry in data.items():
        if name not in NETWORK_NAMES or not isinstance(entry, Mapping):
            raise InvalidInput(field=f"networks.{name}",
                               rule=f"must be a mapping under one of {', '.join(NETWORK_NAMES)}")
        try:
            chosen[name] = NetworkAnswer(name=name, **entry)
        except TypeError as error:
            raise InvalidInput(field=f"networks.{name}", rule=str(error)) from error
    for network in chosen.values():
        _check_network(network)
    return tuple(chosen[name] for name in NETWORK_NAMES)


def _check_network(network: NetworkAnswer) -> None:
    where = f"networks.{network.name}"
    if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,14}", network.interface):
        raise InvalidInput(field=f"{where}.interface", rule="must be an interface name of at most 15 characters")
    try:
        subnet = ipaddress.ip_network(network.subnet)
    except ValueError as error:
        raise InvalidInput(field=f"{where}.subnet", rule=str(error)) from error
    for name in ("controller0_address", "floating_address", "controller1_address", "gateway_address", "pool_start",
                 "pool_end"):
        value = getattr(network, name)
        if value is None:
            continue
        try:
            inside = ipaddress.ip_address(value) in subnet
        except ValueError as error:
            raise InvalidInput(field=f"{where}.{name}", rule=str(error)) from error
        if not inside:
            raise InvalidInput(field=f"{where}.{name}", rule=f"must be inside {network.subnet}")
