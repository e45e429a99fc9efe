# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from flock.core.records import replace
from sm.postgres.decisions import Cluster, Peer, Step, cluster_of, may_give_up, plan

PEER = Peer("controller-1", "71", 4)
OWN = Cluster(exists=True, system="71", timeline=3)
STANDBY = replace(OWN, was_standby=True)


@pytest.mark.parametrize(("cluster", "peer", "superseded", "steps"), [
    (replace(OWN, running=True), PEER, True, ()),
    (Cluster(), PEER, False, (Step.SEED, Step.START)),
    (Cluster(new_whole=True), None, False, (Step.FINISH_SEED, Step.START)),
    (OWN, None, True, (Step.START,)),
    (OWN, PEER, False, (Step.START,)),
    (OWN, PEER, True, (Step.REWIND, Step.START)),
    (STANDBY, PEER, True, (Step.START,)),
    (replace(STANDBY, stuck=True), PEER, True, (Step.REWIND, Step.START)),
    (replace(STANDBY, stuck=True), PEER, False, (Step.START,)),
    (replace(STANDBY, stuck=True, rewound=True), PEER, True, (Step.SEED, Step.START)),
    (replace(STANDBY, stuck=True, timeline=4), PEER, True, (Step.SEED, Step.START)),
    (replace(OWN, timeline=4), PEER, True, (Step.SEED, Step.START)),
    (replace(OWN, timeline=9), PEER, True, (Step.REWIND, Step.START)),
    (replace(OWN, system="72"), PEER, True, (Step.SEED, Step.START)),
    (replace(OWN, system="72"), PEER, False, (Step.START,)),
    (replace(OWN, rewinding=True), PEER, True, (Step.SEED, Step.START)),
])
def test_what_is_done_with_the_data(cluster: Cluster, peer: Peer | None, superseded: bool,
                                    steps: tuple[Step, ...]) -> None:
    chosen = plan(cluster, peer, superseded)
    assert (chosen.steps, chosen.waits) == (steps, False)
    assert chosen.reason


@pytest.mark.parametrize(("cluster", "peer", "superseded"), [
    (Cluster(), None, True),
    (replace(OWN, rewinding=True), None, True),
    (replace(OWN, rewinding=True), PEER, False),
])
def test_a_server_without_whole_data_is_not_started(cluster: Cluster, peer: Peer | None, superseded: bool) -> None:
    chosen = plan(cluster, peer, superseded)
    assert chosen.steps == () and chosen.waits and chosen.reason


def test_nothing_is_given_up_unless_the_record_and_an_active_peer_say_so() -> None:
    """Over all that can be found: data that exists is replaced only under both conditions."""
    flags = [False, True]
    for number in range(64):
        stuck, rewound, standby, whole, rewinding, other = (bool(number >> bit & 1) for bit in range(6))
        cluster = Cluster(True, False, "72" if other else "71", 3, standby, whole, rewinding, stuck, rewound)
        for peer in (None, PEER):
            for superseded in flags:
                steps = plan(cluster, peer, superseded).steps
                if {Step.REWIND, Step.SEED, Step.FINISH_SEED} & set(steps):
                    assert peer is not None and superseded


@pytest.mark.parametrize(("members", "given_up"), [
    ({"controller-1"}, True), ({"controller-0", "controller-1"}, False), ({"controller-0"}, False), (set(), False)])
def test_the_record_decides_whose_data_counts(members: set[str], given_up: bool) -> None:
    assert may_give_up("controller-0", frozenset(members), "controller-1") is given_up


def test_what_pg_controldata_says() -> None:
    found = cluster_of({"Database system identifier": "71", "Latest checkpoint's TimeLineID": "2",
                        "Min recovery ending loc's timeline": "3", "Database cluster state": "in archive recovery"},
                       stuck=True)
    assert found == Cluster(True, False, "71", 3, True, stuck=True)
    assert cluster_of({}) == Cluster(True)
