# SPDX-License-Identifier: Apache-2.0
"""What nodes and the witness tell one another: beats, and the snapshots that some beats carry.

Every message is the whole present truth of its sender, so a lost, doubled or late one does no harm. Times in messages
are of the sender's monotonic clock; nobody compares them with his own, he only echoes them.
"""
from __future__ import annotations

from msgspec import Struct, field

from sm.contract.states import (
    Administrative,
    Availability,
    Condition,
    GroupState,
    Operational,
    SchedulingState,
    Status,
)


class Echo(Struct, frozen=True):
    """The latest beat that was heard of a node: ``boot`` and ``sent_ms`` as they stood in it."""

    boot: str
    sent_ms: int


class Vote(Struct, frozen=True):
    """The promise of a voter: whom it follows in ``term``. An empty ``holder`` stands for nobody."""

    term: int = 0
    holder: str = ""


class DataRecord(Struct, frozen=True):
    """The nodes whose data is current, as the leader of ``term`` wrote it down; a higher ``revision`` is newer."""

    term: int = 0
    revision: int = 0
    members: tuple[str, ...] = ()


class NodeReport(Struct, frozen=True):
    """The states of a node as the sender knows them; ``state_uuid`` names this combination of them."""

    administrative: Administrative = Administrative.UNKNOWN
    operational: Operational = Operational.UNKNOWN
    availability: Availability = Availability.UNKNOWN
    ready: Operational = Operational.UNKNOWN
    state_uuid: str = ""


class AssignmentReport(Struct, frozen=True):
    """A group on the sender: what is wanted and what is.

    ``failed``, ``degraded`` and ``warned`` count members; ``age_ms``: for how long ``state`` has lasted.
    """

    group: str
    desired: GroupState = GroupState.INITIAL
    state: GroupState = GroupState.INITIAL
    status: Status = Status.NONE
    condition: Condition = Condition.NONE
    failed: int = 0
    degraded: int = 0
    warned: int = 0
    scheduling: SchedulingState = SchedulingState.NONE
    age_ms: int = 0
    reason: str = ""


class GroupOrder(Struct, frozen=True):
    """What the leader wants of a group on one node; ``sm.core.events.Order`` explains the flags.

    ``number`` grows with each new order of a leader. An order with the number of one that was carried out is a
    repetition.
    """

    group: str
    desired: GroupState
    number: int = 0
    recover: bool = False
    clear_fatal: bool = False
    escalate: bool = False
    scheduling: SchedulingState = SchedulingState.NONE
    reason: str = ""


class Maintenance(Struct, frozen=True):
    """Whether an operator wants nothing moved. ``number`` grows with each word of an operator: the highest counts."""

    number: int = 0
    on: bool = False


class Snapshot(Struct, frozen=True):
    """All that a node has to say of states. ``revision`` grows with each change, and starts anew with each boot.

    A snapshot that does not fit into one datagram travels in ``parts`` pieces with rows of its own each; receivers see
    it when all of one revision have come. ``orders``: by node, from the leader only. ``obeyed``: term and number of the
    latest orders that the sender has taken. ``maintenance``: the newest word of an operator that it knows.
    """

    revision: int
    part: int = 0
    parts: int = 1
    nodes: dict[str, NodeReport] = field(default_factory=dict)
    assignments: tuple[AssignmentReport, ...] = ()
    orders: dict[str, tuple[GroupOrder, ...]] = field(default_factory=dict)
    obeyed: tuple[int, int] = (0, 0)
    maintenance: Maintenance = Maintenance()


class KeyReport(Struct, frozen=True):
    """Tags of the keys that the sender accepts, and of the one that it signs with."""

    accepted: tuple[str, ...] = ()
    used: str = ""


class KeyOffer(Struct, frozen=True):
    """A new key for one node: ``sealed`` (hex) with ``nonce`` (hex) under the key that both have; ``tag`` names it."""

    number: int
    tag: str
    nonce: str
    sealed: str


class Beat(Struct, frozen=True):
    """One message, sent on every path.

    ``boot``: uuid of this start of the sender. ``sequence``: grows by each beat of a boot. ``sent_ms``: when, on the
    sender's monotonic clock; grows with the sequence.

    ``echoes``: by node, what was heard last of the boot that the sender believes in. ``greetings``: by node, what was
    heard last of boots that have not proven yet that they are alive; they prove nothing but that the sender hears them.

    ``term``: the highest that the sender knows. ``leading``: the sender has the lease of it. ``claims`` and what
    follows up to ``fenced``: as the beat of the domain explains them.

    ``carriers``: by path of the sender, whether its device has a carrier; ``heard``: by path, the nodes heard lately;
    ``unheard``: by path with a multicast group, the nodes whose multicast has not come of late.
    ``reachable``: by path, whether any of its probed targets answers, where that is known. ``pausing_ms``: its silence
    is announced for that long. ``departing_ms``: the sender ends with its host, and is expected back within that time.

    ``revision``: of the sender's snapshot. ``acknowledged``: by node, the revision of its snapshot that the sender has,
    counted by the boot in ``echoes``. ``offers``: by node that does not have the new key yet.
    """

    node: str
    boot: str
    sequence: int
    sent_ms: int
    echoes: dict[str, Echo] = field(default_factory=dict)
    greetings: dict[str, tuple[Echo, ...]] = field(default_factory=dict)
    term: int = 0
    vote: Vote = Vote()
    leading: bool = False
    record: DataRecord = DataRecord()
    claims: bool = False
    alone: bool = False
    accepts_loss: bool = False
    active: bool = False
    eligible: bool = True
    hears: tuple[str, ...] = ()
    follows: str = ""
    fenced: tuple[str, ...] = ()
    carriers: dict[str, bool] = field(default_factory=dict)
    heard: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reachable: dict[str, bool] = field(default_factory=dict)
    pausing_ms: int = 0
    departing_ms: int = 0
    revision: int = 0
    acknowledged: dict[str, int] = field(default_factory=dict)
    keys: KeyReport | None = None
    offers: dict[str, KeyOffer] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    unheard: dict[str, tuple[str, ...]] = field(default_factory=dict)
