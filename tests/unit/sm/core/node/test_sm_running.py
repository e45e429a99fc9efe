# SPDX-License-Identifier: Apache-2.0
"""What counts as running where, before a lock."""
from __future__ import annotations

from flock.core.records import replace
from sm.contract.messages import AssignmentReport
from sm.contract.states import GroupState
from sm.core.node import ledger
from sm.core.node.running import running
from tests.unit.sm.core.node.names import C0, C1, NOW


def told(view, *, failed=0, state=GroupState.ACTIVE):
    rows = (AssignmentReport("web-services", GroupState.ACTIVE, state, failed=failed),)
    return replace(view, peers={C1: replace(view.peers[C1], rows=rows)})


def test_groups_of_other_nodes_stand_for_their_services(node, site):
    def seen(view, locked):
        return running(view, site, ledger.cluster(view, site, NOW), locked)

    assert seen(told(node()), C0) == {C0: [], C1: ["lighttpd"]}
    assert seen(told(node(), state=GroupState.STANDBY), C0)[C1] == []
    assert seen(told(node(), failed=1), C0)[C1] == [] and seen(told(node(), failed=1), C1)[C1] == ["lighttpd"]
    assert C1 not in seen(told(replace(node(), domain=replace(
        node().domain, heard={}))), C0)
