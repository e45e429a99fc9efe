# SPDX-License-Identifier: Apache-2.0
"""The shipped definitions as records, one class per part of the YAML files, from which ``seed`` makes rows."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sm.contract.states import ActionResult, Impact, OnFailure, RedundancyModel, ServiceAction


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that one attempt may last: enabling, disabling, auditing, going active or standby."""

    start: int
    stop: int
    audit: int
    go: int = 0


@dataclass(frozen=True, slots=True)
class Periods:
    """Seconds between audits of an enabled and of a disabled service."""

    enabled: int
    disabled: int


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Active monitoring, as ``sm.core.model.Heartbeat`` explains it."""

    family: str
    source: str
    destination: str
    message: str
    interval_ms: int
    missed_warn: int
    missed_degrade: int
    missed_fail: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service. ``when``: words that must all hold; ``a | b`` is one of two, ``not a`` its contrary.

    ``plugin`` is ``kind:what``. ``..._needs`` name services: for enabling and going active they must be
    active before, for disabling and going standby they must be stopped before. Those of ``enabled_needs`` must be
    active for as long as this one is enabled. Those of ``enable_after`` and ``go_active_after`` must be active before,
    too, but may stop while this one still runs. ``without``: actions that it lacks.
    """

    impact: Impact
    plugin: str
    limits: Limits
    audit: Periods
    when: tuple[str, ...] = ()
    pid_file: str = ""
    program: str = ""
    user: str = ""
    enable_needs: tuple[str, ...] = ()
    disable_needs: tuple[str, ...] = ()
    go_active_needs: tuple[str, ...] = ()
    go_standby_needs: tuple[str, ...] = ()
    enable_after: tuple[str, ...] = ()
    go_active_after: tuple[str, ...] = ()
    enabled_needs: tuple[str, ...] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    retries: Mapping[str, int] = field(default_factory=dict)
    without: tuple[ServiceAction, ...] = ()
    instance_name: str = ""
    instance: Mapping[str, str] = field(default_factory=dict)
    max_failures: int = 2
    fail_countdown: int = 1
    fail_countdown_interval_ms: int = 90_000
    max_action_failures: int = 4
    max_transition_failures: int = 16
    on_failure: OnFailure = OnFailure.RESTART
    heartbeat: Heartbeat | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """How many nodes run a group."""

    model: RedundancyModel
    n_active: int
    m_standby: int


@dataclass(frozen=True, slots=True)
class GroupHead:
    """What the file of a group says beside its services. ``preferred``: nodes from best to worst."""

    group: str
    placement: Placement
    failure_debounce_ms: int
    fatal_error_reboot: bool
    aggregate: str = ""
    preferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Variants:
    """A service on each platform; None where it does not exist."""

    starlingx: Service | None
    flock: Service | None


@dataclass(frozen=True, slots=True)
class Group:
    """One group; ``file`` is where it is defined."""

    name: str
    file: str
    head: GroupHead
    services: Mapping[str, Variants]


@dataclass(frozen=True, slots=True)
class Mode:
    """A system mode: words that hold in it, values of placeholders, and a placement in place of the groups' own."""

    words: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    placement: Placement | None = None
    aggregates: bool = True
    failure_debounce_divisor: int = 1


@dataclass(frozen=True, slots=True)
class Domain:
    """The service domain."""

    name: str
    orchestration: str
    designation: str
    preempt: bool
    priority: int
    hello_interval_ms: int
    dead_interval_ms: int
    wait_interval_ms: int
    exchange_interval_ms: int
    split_brain_recovery: str
    generation: int


@dataclass(frozen=True, slots=True)
class Path:
    """A path between controllers. ``direct``: a cable between them in mode duplex-direct."""

    network: str
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Deployments:
    """What differs between deployments."""

    modes: Mapping[str, Mode]
    roles: Mapping[str, str]
    features: Mapping[str, str]
    networks: tuple[str, ...]
    aliases: Mapping[str, tuple[str, ...]]
    domain: Domain
    paths: Mapping[str, Path]
    configuration: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResultCodes:
    """What some codes of a plug-in mean; ``none`` as status or condition: there is none, empty: it stays."""

    codes: tuple[str, ...]
    result: ActionResult
    state: str = ""
    status: str = ""
    condition: str = ""


ResultTable = Mapping[str, Mapping[str, Mapping[str, tuple[ResultCodes, ...]]]]
"""By kind of plug-in, its name, and command."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything that is shipped."""

    groups: Mapping[str, Group]
    deployments: Deployments
    results: ResultTable
