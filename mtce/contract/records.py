# SPDX-License-Identifier: Apache-2.0
"""Bus records of mtce: the hosts that sysinv sends, the messages of agents, and mtce's replies."""
from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MtceHost:
    """The part of sysinv's host record that mtce uses.

    ``bm_secret`` is the BMC password sealed for controllers (``mtce.contract.bmcsecret``), never clear text.
    ``state_sequence`` is the highest ``sequence`` of the host's states that sysinv has stored; mtce numbers its states
    above it. ``revision`` counts the changes of the record: an older record never replaces a newer one; 0 means not
    counted, as in a record from the REST API.
    """

    uuid: str
    hostname: str
    personality: str
    subfunctions: str
    mgmt_mac: str
    mgmt_ip: str
    cluster_host_ip: str | None
    administrative: str
    operational: str
    availability: str
    bm_type: str = "none"
    bm_ip: str | None = None
    bm_username: str | None = None
    bm_secret: str | None = None
    state_sequence: int = 0
    revision: int = 0


STATE_SEQUENCE_MAX = 10**15
"""Highest ``sequence`` of a host's states. They are counted by one; some systems began at milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class ActionReply:
    """``status`` is ``pass`` or ``fail``; on fail ``reason`` and ``action`` are the operator's text."""

    status: str
    reason: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """mtce's present states of a host.

    ``revision`` is that of the sysinv record mtce has, ``sequence`` the number of the present states.
    """

    uuid: str
    hostname: str
    administrative: str
    operational: str
    availability: str
    subfunction_oper: str
    subfunction_avail: str
    action: str
    stage: str
    task: str
    uptime_s: int
    personality: str = ""
    subfunctions: str = ""
    revision: int = 0
    sequence: int = 0


MTCALIVE_MAX_BYTES = 1024
"""Longest JSON of an MtcAlive in a datagram on cluster-host."""


@dataclass(frozen=True, slots=True)
class MtcAlive:
    """A sign of life that a host's mtce-agent sends every 5 s and on request. ``boot_id`` differs after every boot.

    ``goenabled_failed`` is the name of the first test that failed, else None. ``groups_degraded``: service management
    of the host, a controller, says that a group of services is degraded or failed there.
    """

    host_uuid: str
    hostname: str
    boot_id: str
    uptime_s: int
    sequence: int
    configured: bool
    healthy: bool
    locked: bool
    goenabled: bool
    goenabled_failed: str | None
    services_failed: bool
    services_started: bool = False
    groups_degraded: bool = False


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Result of a command to a host's agent: ``command`` is goenabled, start-services, stop-services or reboot."""

    host_uuid: str
    boot_id: str
    command: str
    request_id: str
    passed: bool
    detail: str = ""


CLAIMS_MAX = 64
"""Most claims in one report; a host that sees more reports these, and the next ones in its next report."""


@dataclass(frozen=True, slots=True)
class AddressClaim:
    """On ``network`` (``mgmt``, ``cluster-host``), the machine ``mac`` says that it has ``address``."""

    address: str
    mac: str
    network: str


@dataclass(frozen=True, slots=True)
class ClaimReport:
    """The wrong claims on addresses of the system that a host has seen lately; repeated while they last."""

    host_uuid: str
    claims: list[AddressClaim]
