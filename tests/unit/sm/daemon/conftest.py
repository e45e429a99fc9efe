# SPDX-License-Identifier: Apache-2.0
"""A small catalogue, hands that remember what they did, and a clock that stands."""
from __future__ import annotations

from typing import Any

import pytest

from sm.contract.states import Impact, PluginKind, RedundancyModel, ServiceAction
from sm.core.domain.view import Config, Durable, Record
from sm.core.local.adoption import begin
from sm.core.model import ActionSpec, Catalogue, GroupSpec, MemberSpec, ServiceSpec
from sm.core.node.view import NodeView
from sm.daemon.beginning import domain_view

NODES = ("controller-0", "controller-1")
NOW = 1_000_000


class FakeHands:
    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []
        self.fault: Exception | None = None
        self.former: list[tuple[str, ServiceSpec | None]] = []

    def store(self, durable: Durable) -> None:
        if self.fault is not None:
            raise self.fault
        self.done.append(("store", durable))

    def __getattr__(self, name: str) -> Any:
        return lambda what: self.done.append((name, what))

    def service(self, action: Any, former: ServiceSpec | None) -> None:
        self.done.append(("service", action))
        self.former.append((getattr(action, "service", ""), former))

    def names(self) -> list[str]:
        return [name for name, _ in self.done]


@pytest.fixture
def hands() -> FakeHands:
    return FakeHands()


@pytest.fixture(scope="session")
def site() -> Catalogue:
    actions = {kind: ActionSpec(kind, PluginKind.EXEC, "/bin/true", kind.value, 5, interval_s=10)
               for kind in (ServiceAction.ENABLE, ServiceAction.DISABLE, ServiceAction.AUDIT_ENABLED,
                            ServiceAction.AUDIT_DISABLED)}
    group = GroupSpec("cloud-services", RedundancyModel.N_PLUS_M, 1, 1, (MemberSpec("vim", Impact.CRITICAL),),
                      "controller-aggregate")
    return Catalogue({group.name: group}, {"vim": ServiceSpec("vim", actions)})


def view_of(site: Catalogue, nodes: tuple[str, ...] = NODES) -> NodeView:
    durable = Durable(record=Record(0, 1, frozenset(nodes)))
    local, _ = begin(site, NOW)
    return NodeView(domain_view(nodes[0], "boot-1", "host-1", Config(nodes), durable, frozenset(), NOW), local)
