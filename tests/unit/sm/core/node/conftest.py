# SPDX-License-Identifier: Apache-2.0
"""Two nodes with a catalogue of one leased, one granted and one group that runs everywhere."""
import pytest

from flock.core.records import replace
from sm.contract.messages import AssignmentReport, NodeReport
from sm.contract.states import (
    Administrative,
    Availability,
    GroupState,
    Impact,
    Operational,
    PluginKind,
    RedundancyModel,
    ServiceAction,
)
from sm.core.domain.view import Beat, Config, Durable, Heard, Local, Record, View, Vote
from sm.core.local.adoption import begin
from sm.core.model import ActionSpec, Catalogue, GroupSpec, MemberSpec, ServiceSpec
from sm.core.node.view import NodeView, Peer, Standing
from sm.core.timing import Timing
from tests.unit.sm.core.node.names import C0, C1, NOW

HEALTHY = NodeReport(Administrative.UNLOCKED, Operational.ENABLED, Availability.AVAILABLE, Operational.ENABLED, "u")


def _service(name):
    kinds = (ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED, ServiceAction.AUDIT_DISABLED)
    return ServiceSpec(name, {kind: ActionSpec(kind, PluginKind.EXEC, name, kind.value, 5, interval_s=10)
                              for kind in kinds})


@pytest.fixture(scope="session")
def site():
    def group(name, service, model=RedundancyModel.N_PLUS_M, n_active=1, m_standby=1, aggregate=""):
        return GroupSpec(name, model, n_active, m_standby, (MemberSpec(service, Impact.CRITICAL),), aggregate)
    return Catalogue(
        {each.name: each for each in (group("cloud-services", "keystone", aggregate="controller-aggregate"),
                                      group("patching-services", "patch-alarm-manager"),
                                      group("web-services", "lighttpd", RedundancyModel.N, 2, 0))},
        {name: _service(name) for name in ("keystone", "patch-alarm-manager", "lighttpd")})


@pytest.fixture
def heard():
    """What controller-0 heard last of controller-1, which follows it."""
    def make(**changes):
        beat = Beat(node=C1, boot="boot-1", sent_ms=5_000, echoes={C0: ("boot-0", NOW - 50)}, vote=Vote(7, C0),
                    record=Record(7, 3, frozenset({C0, C1})), follows=C0)
        return Heard(replace(beat, **changes), NOW - 50, NOW - 50)
    return make


@pytest.fixture
def node(site, heard):
    """Makes controller-0. ``leads`` gives it the lease."""
    def make(*, leads=True, **changes):
        local, _ = begin(site, NOW)
        domain = View(C0, "boot-0", "host-0", Config((C0, C1)), 0,
                      durable=Durable(Vote(7, C0 if leads else C1), Record(7, 3, frozenset({C0, C1}))),
                      local=Local(eligible=True, in_sync=frozenset({C1})), heard={C1: heard()})
        if leads:
            domain = replace(domain, leading=True, claim_ms=NOW - 9_000, leading_since_ms=NOW - 8_000,
                             lease_until_ms=NOW + Timing().lease_ms, required=frozenset({C1}))
        rows = tuple(AssignmentReport(name, GroupState.STANDBY, GroupState.STANDBY) for name in site.groups)
        base = NodeView(domain, local, Standing(HEALTHY, in_sync=frozenset({C1})),
                        peers={C1: Peer("boot-1", 4, HEALTHY, rows)})
        return replace(base, **changes)
    return make
