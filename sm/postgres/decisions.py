# SPDX-License-Identifier: Apache-2.0
"""What is done with the cluster of this node: a pure function of what was found and of what is wanted."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Step(enum.Enum):
    """One step, which may be carried out again after it was interrupted."""

    FINISH_SEED = "puts the whole new copy in its place"
    SEED = "copies the data of the active node"
    REWIND = "takes back what the active node does not have"
    START = "starts the server as a standby"


@dataclass(frozen=True, slots=True)
class Cluster:
    """The data directory of this node. ``timeline``: the latest that it knows; ``was_standby``: it was one when it was
    used last. ``new_whole``: a complete copy lies beside it. ``rewinding``: a rewind has begun and not ended.
    ``stuck``: as a standby it could not follow the active node for a while; ``rewound``: nor after a rewind."""

    exists: bool = False
    running: bool = False
    system: str = ""
    timeline: int = 0
    was_standby: bool = False
    new_whole: bool = False
    rewinding: bool = False
    stuck: bool = False
    rewound: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer that can be written: the only one whose data may replace this node's."""

    name: str
    system: str
    timeline: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in order, and why. ``waits``: the server can be started only when the active node can be copied."""

    steps: tuple[Step, ...] = ()
    reason: str = ""
    waits: bool = False


def may_give_up(me: str, members: frozenset[str], peer: str) -> bool:
    """Whether this node's data may be replaced by that of ``peer``: the record of current data names the peer and
    not this node. Without a record nothing is given up."""
    return peer in members and me not in members


def plan(cluster: Cluster, peer: Peer | None, superseded: bool) -> Plan:
    """How the server of this node becomes a standby. ``superseded``: see ``may_give_up``.

    A running server stays as it is. Data is given up only for that of a peer which is written, and only when the record
    says that this node's is not current.
    """
    if cluster.running:
        return Plan(reason="it runs already")
    if not cluster.exists:
        return _without_data(cluster, peer)
    if cluster.rewinding:
        # Neither state of the data is whole, so nothing of it can be started.
        if peer is None or not superseded:
            return Plan((), "a rewind was interrupted, and the active node cannot be copied", waits=True)
        return Plan((Step.SEED, Step.START), "a rewind was interrupted")
    if peer is None or not superseded:
        return Plan((Step.START,), "its data stays as it is")
    if peer.system != cluster.system:
        return Plan((Step.SEED, Step.START), f"its data has another origin than that of {peer.name}")
    forked = cluster.timeline != peer.timeline
    if forked and not cluster.rewound and (cluster.stuck or not cluster.was_standby):
        return Plan((Step.REWIND, Step.START), f"it may have more than {peer.name} has")
    if cluster.stuck or (not cluster.was_standby and not forked):
        return Plan((Step.SEED, Step.START), f"it cannot follow {peer.name} from where it is")
    return Plan((Step.START,), f"it follows {peer.name}")


def _without_data(cluster: Cluster, peer: Peer | None) -> Plan:
    if cluster.new_whole:
        return Plan((Step.FINISH_SEED, Step.START), "a copy was interrupted after it was whole")
    if peer is None:
        return Plan((), "there is no data here, and no active node to take it from", waits=True)
    return Plan((Step.SEED, Step.START), "there is no data here")


def cluster_of(values: Mapping[str, str], **marks: bool) -> Cluster:
    """A cluster from what pg_controldata prints."""
    timelines = [_number(values.get(name, "")) for name in
                 ("Latest checkpoint's TimeLineID", "Min recovery ending loc's timeline")]
    return Cluster(exists=True, system=values.get("Database system identifier", ""), timeline=max(timelines),
                   was_standby=values.get("Database cluster state", "") in ("in archive recovery",
                                                                             "shut down in recovery"), **marks)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
