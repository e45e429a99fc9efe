# SPDX-License-Identifier: Apache-2.0
"""The view of a node that host maintenance polls during a swact."""
from __future__ import annotations

import pytest

from sm.contract.states import Administrative, Availability, GroupState, Operational
from sm.core.servicenode import ServiceNode, service_node
from tests.unit.sm.core.scheduler.domains import C0, C1, PATCHING, WEB, domain, group, with_node, with_row


def shown(view: ServiceNode) -> tuple[str, str]:
    return view.active_services, view.swactable_services


def test_both_controllers_of_a_duplex_system() -> None:
    assert shown(service_node(domain(), C0)) == ("yes", "yes")
    assert shown(service_node(domain(), C1)) == ("yes", "no"), "web-services is active on both"


@pytest.mark.parametrize("state", list(GroupState))
@pytest.mark.parametrize("field", ["state", "desired"])
def test_what_counts_as_active(state: GroupState, field: str) -> None:
    cluster = with_row(domain(groups=[group(PATCHING)]), PATCHING, C1, **{field: state})
    active = state in ("active", "go-active", "go-standby", "disabling", "unknown")
    assert shown(service_node(cluster, C1)) == (("yes", "yes") if active else ("no", "no"))


def test_states_of_the_node() -> None:
    cluster = with_node(domain(), C1, administrative=Administrative.LOCKED, operational=Operational.DISABLED,
                        availability=Availability.FAILED)
    view = service_node(cluster, C1)
    assert (view.hostname, view.admin, view.oper, view.avail) == (C1, "locked", "disabled", "failed")
    assert cluster.groups[WEB].movable is False


def test_a_host_that_is_no_node() -> None:
    assert service_node(domain(), "worker-0") == ServiceNode("worker-0")
    assert shown(ServiceNode("worker-0")) == ("unknown", "unknown")
