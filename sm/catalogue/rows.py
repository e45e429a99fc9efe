# SPDX-License-Identifier: Apache-2.0
"""The rows that configure service management on one system: what the store keeps and the programs change."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from sm.contract.states import (
    DependencyKind,
    Impact,
    OnFailure,
    PluginKind,
    RedundancyModel,
    ServiceAction,
    ServiceState,
)
from sm.core import model

Key = tuple[str, ...]
"""The values of the fields that tell a row from all others of its table."""


@dataclass(frozen=True, slots=True)
class DomainRow:
    """A service domain: the nodes that share groups."""

    KEY: ClassVar[Key] = ("name",)
    name: str
    provisioned: bool = True
    orchestration: str = "regional"
    designation: str = "unknown"
    preempt: bool = False
    priority: int = 230
    hello_interval_ms: int = 200
    dead_interval_ms: int = 800
    wait_interval_ms: int = 5000
    exchange_interval_ms: int = 2000
    split_brain_recovery: str = "select-best-active"
    generation: int = 1


@dataclass(frozen=True, slots=True)
class InterfaceRow:
    """A path on which the nodes of a domain talk. ``device``: of the operating system, a bond is one device.

    ``connect_type``: ``tor`` through a switch, ``dc`` by a direct cable. Keys are not here but in the key file.
    """

    KEY: ClassVar[Key] = ("domain", "name")
    domain: str
    name: str
    provisioned: bool = True
    path_type: str = "secondary"
    auth_type: str = "hmac-sha512"
    device: str = ""
    network_type: str = "ipv4-udp"
    multicast: str = ""
    address: str = ""
    port: int = 2222
    heartbeat_port: int = 2223
    peer_address: str = ""
    peer_port: int = 2222
    peer_heartbeat_port: int = 2223
    connect_type: str = "tor"


@dataclass(frozen=True, slots=True)
class DomainMemberRow:
    """A group of a domain and how many nodes run it. Groups of one ``aggregate`` move together. ``preferred``: nodes
    from best to worst with commas between them; empty: the group stays where it is."""

    KEY: ClassVar[Key] = ("domain", "group")
    domain: str
    group: str
    provisioned: bool = True
    model: RedundancyModel = RedundancyModel.N_PLUS_M
    n_active: int = 1
    m_standby: int = 1
    aggregate: str = ""
    preferred: str = ""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Services that are active on the same node."""

    KEY: ClassVar[Key] = ("name",)
    name: str
    provisioned: bool = True
    failure_debounce_ms: int = 300_000
    fatal_error_reboot: bool = False


@dataclass(frozen=True, slots=True)
class GroupMemberRow:
    """A service of a group, and what its failure means for the group."""

    KEY: ClassVar[Key] = ("group", "service")
    group: str
    service: str
    provisioned: bool = True
    impact: Impact = Impact.CRITICAL


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service and its limits, as ``sm.core.model.ServiceSpec`` explains them."""

    KEY: ClassVar[Key] = ("name",)
    name: str
    provisioned: bool = True
    max_failures: int = 2
    fail_countdown: int = 1
    fail_countdown_interval_ms: int = 90_000
    max_action_failures: int = 4
    max_transition_failures: int = 16
    pid_file: str = ""
    program: str = ""
    user: str = ""
    on_failure: OnFailure = OnFailure.RESTART


@dataclass(frozen=True, slots=True)
class DependencyRow:
    """Before ``service`` runs ``action``, ``dependent`` must be in ``dependent_state``; of the kind ``state`` for as
    long as it is enabled."""

    KEY: ClassVar[Key] = ("kind", "service", "action", "dependent")
    service: str
    action: ServiceAction
    dependent: str
    dependent_state: ServiceState
    kind: DependencyKind = DependencyKind.ACTION


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """The instance of a service on this node: its name, and what all actions are given."""

    KEY: ClassVar[Key] = ("service", "instance")
    service: str
    instance: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionRow:
    """How one action of a service is executed, as ``sm.core.model.ActionSpec`` explains it. ``provider``: OCF only."""

    KEY: ClassVar[Key] = ("service", "action")
    service: str
    action: ServiceAction
    plugin: PluginKind
    name: str
    command: str
    timeout_s: int
    provider: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    failure_retries: int = 0
    timeout_retries: int = 0
    total_retries: int = 0
    interval_s: int = 0


@dataclass(frozen=True, slots=True)
class ResultRow(model.ResultRow):
    """What a code of a plug-in means."""

    KEY: ClassVar[Key] = ("plugin", "name", "command", "code")


@dataclass(frozen=True, slots=True)
class HeartbeatRow(model.Heartbeat):
    """Active monitoring of a service by datagrams."""

    KEY: ClassVar[Key] = ("service",)


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One value that concerns the whole daemon."""

    KEY: ClassVar[Key] = ("key",)
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Configured:
    """Everything that configures one system; a field per table, named as the table."""

    service_domains: tuple[DomainRow, ...] = ()
    service_domain_interfaces: tuple[InterfaceRow, ...] = ()
    service_domain_members: tuple[DomainMemberRow, ...] = ()
    service_groups: tuple[GroupRow, ...] = ()
    service_group_members: tuple[GroupMemberRow, ...] = ()
    services: tuple[ServiceRow, ...] = ()
    service_dependency: tuple[DependencyRow, ...] = ()
    service_instances: tuple[InstanceRow, ...] = ()
    service_actions: tuple[ActionRow, ...] = ()
    service_action_results: tuple[ResultRow, ...] = ()
    service_heartbeat: tuple[HeartbeatRow, ...] = ()
    configuration: tuple[SettingRow, ...] = ()

    def setting(self, key: str, default: str = "") -> str:
        """The value of a key of ``configuration``."""
        return next((row.value for row in self.configuration if row.key == key), default)


ROW_TYPES: Mapping[str, type[Any]] = {
    "service_domains": DomainRow, "service_domain_interfaces": InterfaceRow,
    "service_domain_members": DomainMemberRow, "service_groups": GroupRow, "service_group_members": GroupMemberRow,
    "services": ServiceRow, "service_dependency": DependencyRow, "service_instances": InstanceRow,
    "service_actions": ActionRow, "service_action_results": ResultRow, "service_heartbeat": HeartbeatRow,
    "configuration": SettingRow,
}
"""The type of the rows of each table of ``Configured``."""


def key_of(row: Any) -> Key:
    """The key of a row as text; for a service's action, ``("dnsmasq", "enable")``."""
    return tuple(str(getattr(row, name)) for name in row.KEY)


def tables(configured: Configured) -> Mapping[str, tuple[Any, ...]]:
    """All rows by table."""
    return {item.name: getattr(configured, item.name) for item in fields(Configured)}
