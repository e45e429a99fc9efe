# SPDX-License-Identifier: Apache-2.0
"""What the programs change in the configured rows, as pure functions; the store checks the result."""
from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from flock.core.errors import InvalidInput, NotFound
from flock.core.records import replace
from sm.catalogue.fields import LIMITS, PORT_MAX, address_rule
from sm.catalogue.rows import Configured, InstanceRow, InterfaceRow, Key, SettingRow, key_of
from sm.contract.states import OnFailure, RedundancyModel

Edit = Callable[[Configured], Configured]
CPE_MODES: Mapping[str, str] = {"duplex": "tor", "duplex-direct": "dc"}
"""System mode to the connection of the paths that may be direct cables."""
DIRECT_INTERFACES = ("management-interface", "cluster-host-interface")


def provision(table: str, key: Key, provisioned: bool, noun: str) -> Edit:
    """Provision one row of a table, or take it back. NotFound: there is no such row."""
    def edit(configured: Configured) -> Configured:
        return _changed(configured, table, key, noun, lambda row: replace(row, provisioned=provisioned))
    return edit


def provision_member(group: str, service: str, provisioned: bool) -> Edit:
    """A service of a group takes part, or does not: its membership and itself. NotFound: it is not in the group."""
    def edit(configured: Configured) -> Configured:
        configured = provision("service_group_members", (group, service), provisioned,
                               "service group member")(configured)
        return provision("services", (service,), provisioned, "service")(configured)
    return edit


def interface(domain: str, name: str, addresses: Mapping[str, str], ports: Mapping[str, str]) -> Edit:
    """Set the addresses and ports of a path; InvalidInput names the first that breaks a rule."""
    for field, text in addresses.items():
        rule = address_rule(text)
        if rule:
            raise InvalidInput(field=field, rule=rule)
    numbers = {field: _number(field, text, 0, PORT_MAX) for field, text in ports.items()}
    family = f"ipv{ipaddress.ip_address(addresses['address']).version}-udp" if addresses["address"] else ""

    def edit(configured: Configured) -> Configured:
        def changed(row: InterfaceRow) -> InterfaceRow:
            fields: dict[str, Any] = {**addresses, **numbers, "network_type": family or row.network_type}
            return replace(row, **fields)
        return _changed(configured, "service_domain_interfaces", (domain, name), "service domain interface", changed)
    return edit


def service_instance(service: str, instance: str, parameters: str) -> Edit:
    """Set the instance of a service: its name, and its parameters as ``ip=10.10.10.1,cidr_netmask=24``."""
    parsed = parse_parameters(parameters)

    def edit(configured: Configured) -> Configured:
        if not any(row.name == service for row in configured.services):
            raise NotFound(resource="service", id=service)
        rows = configured.service_instances
        row = InstanceRow(service, instance, parsed)
        if any(old.service == service for old in rows):
            return replace(configured, service_instances=tuple(
                row if old.service == service else old for old in rows))
        return replace(configured, service_instances=(*rows, row))
    return edit


def parse_parameters(text: str) -> dict[str, str]:
    """Parameters by name. A part without ``=`` continues the value before it: ``options=bind,noatime,fstype=ext4``."""
    found: dict[str, str] = {}
    name = ""
    for part in text.split(",") if text else ():
        key, equals, value = part.partition("=")
        if equals:
            name = key.strip()
            if name in found:
                raise InvalidInput(field="parameters", rule=f"{name} may stand once")
            found[name] = value
        elif name:
            found[name] += f",{part}"
        else:
            raise InvalidInput(field="parameters", rule="must be name=value, separated by commas")
    return found


def service_group(provisioned: bool, domain: str, group: str, model: str, n_active: str, m_standby: str,
                  aggregate: str, preferred: str | None = None) -> Edit:
    """Set how many nodes of a domain run a group, with which others it moves, and, where given, on which it is best."""
    if model not in list(RedundancyModel):
        raise InvalidInput(field="model", rule=f"must be one of {', '.join(RedundancyModel)}")
    active, standby = _number("n_active", n_active, 0, PORT_MAX), _number("m_standby", m_standby, 0, PORT_MAX)

    def edit(configured: Configured) -> Configured:
        return _changed(configured, "service_domain_members", (domain, group), "service domain member",
                        lambda row: replace(row, provisioned=provisioned, model=RedundancyModel(model),
                                            n_active=active, m_standby=standby, aggregate=aggregate,
                                            preferred=row.preferred if preferred is None else preferred))
    return edit


def service(name: str, on_failure: str | None, limits: Mapping[str, str | None]) -> Edit:
    """Set what follows when a service has failed too often, and its limits by field; what is None stays."""
    given = {field: _number(field, text, *LIMITS[field]) for field, text in limits.items() if text is not None}
    policy = {} if on_failure is None else {"on_failure": OnFailure(on_failure)}
    if not given and not policy:
        raise InvalidInput(field="service", rule=f"needs one of --on_failure, --{', --'.join(limits)}")

    def edit(configured: Configured) -> Configured:
        return _changed(configured, "services", (name,), "service", lambda row: replace(row, **given, **policy))
    return edit


def system(cpe_mode: str | None, settings: Mapping[str, str]) -> Edit:
    """Set the mode of two controllers and values of ``configuration``; whatever is not given stays."""
    def edit(configured: Configured) -> Configured:
        values = dict(settings)
        if cpe_mode is not None:
            values["SYSTEM_MODE"] = cpe_mode
            configured = replace(configured, service_domain_interfaces=tuple(
                replace(row, connect_type=CPE_MODES[cpe_mode]) if row.name in DIRECT_INTERFACES else row
                for row in configured.service_domain_interfaces))
        kept = {row.key: row for row in configured.configuration}
        kept |= {key: SettingRow(key, value) for key, value in values.items()}
        return replace(configured, configuration=tuple(kept.values()))
    return edit


def _changed(configured: Configured, table: str, key: Key, noun: str, change: Callable[[Any], Any]) -> Configured:
    rows = getattr(configured, table)
    if not any(key_of(row) == key for row in rows):
        raise NotFound(resource=noun, id=" ".join(key))
    fields: dict[str, Any] = {table: tuple(change(row) if key_of(row) == key else row for row in rows)}
    return replace(configured, **fields)


def _number(field: str, text: str, low: int, high: int) -> int:
    if not text.isdecimal() or len(text) > len(str(high)) or not low <= int(text) <= high:
        raise InvalidInput(field=field, rule=f"must be a number from {low} to {high}")
    return int(text)
