# SPDX-License-Identifier: Apache-2.0
"""Whatever requests come in whatever order, the interfaces of a host fit together."""
from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sysinv.resources.interface.rules import added, deleted, modified
from sysinv.resources.interface.view import HostInterfaces, InterfaceRefused, InterfaceView
from tests.unit.sysinv.resources.interfaces import AIO, SIMPLEX, host

NUMBERS = st.integers(0, 7)
VALUES = {
    "ifname": st.sampled_from(["a", "b", "c", "d", "eth1", "eth2"]), "imtu": st.sampled_from([576, 1500, 9000]),
    "ifclass": st.sampled_from([None, "platform", "data", "pci-sriov", "pci-passthrough"]),
    "vlan_id": st.sampled_from([None, 1, 2]), "uses": st.lists(NUMBERS, max_size=3),
    "aemode": st.sampled_from([None, "802.3ad", "balanced", "active_standby"]),
    "txhashpolicy": st.sampled_from([None, "layer2"]), "sriov_numvfs": st.integers(0, 9),
    "max_tx_rate": st.sampled_from([None, 100])}
CHANGES = st.fixed_dictionaries({}, optional=VALUES)
ADD = st.tuples(st.just("add"), st.sampled_from(["ae", "vlan", "vf", "virtual"]), st.fixed_dictionaries(VALUES))
# Requests that are likely to be accepted, so that sequences become long.
FITTING = st.one_of(
    st.tuples(st.just("add"), st.just("ae"), st.fixed_dictionaries({"ifname": VALUES["ifname"], "uses": VALUES["uses"],
                                                                     "imtu": VALUES["imtu"]})),
    st.tuples(st.just("add"), st.just("vlan"), st.fixed_dictionaries({
        "ifname": VALUES["ifname"], "uses": st.tuples(NUMBERS), "vlan_id": st.sampled_from([1, 2]),
        "imtu": VALUES["imtu"]})),
    st.tuples(st.just("add"), st.just("vf"), st.fixed_dictionaries({
        "ifname": VALUES["ifname"], "uses": st.tuples(NUMBERS), "sriov_numvfs": st.integers(1, 3),
        "imtu": VALUES["imtu"]})),
    st.tuples(st.just("modify"), NUMBERS, st.fixed_dictionaries({"ifclass": st.just("pci-sriov"),
                                                                  "sriov_numvfs": st.integers(2, 8)})),
    st.tuples(st.just("modify"), NUMBERS, st.fixed_dictionaries({"imtu": VALUES["imtu"]})),
    st.tuples(st.just("modify"), NUMBERS, st.fixed_dictionaries({"uses": VALUES["uses"]})))
REQUESTS = st.lists(st.one_of(FITTING, FITTING, ADD, st.tuples(st.just("modify"), NUMBERS, CHANGES),
                              st.tuples(st.just("delete"), NUMBERS, st.just({}))), max_size=20)


def carried_out(view: HostInterfaces, kind: str, which: Any, values: dict[str, Any]) -> HostInterfaces:
    """The view after a request; numbers stand for interfaces in their order."""
    ids = [one.id for one in view.interfaces]
    if "uses" in values:
        values = {**values, "uses": tuple(ids[number % len(ids)] for number in values["uses"])}
    if kind == "add":
        known = {each.name for each in fields(InterfaceView)}
        assert values.keys() <= known
        return added(view, InterfaceView(**{"id": view.next_id(), "iftype": which, **values}))
    interface_id = ids[which % len(ids)]
    return modified(view, interface_id, values) if kind == "modify" else deleted(view, interface_id)


def assert_sound(view: HostInterfaces) -> None:
    """No loop, no VLAN twice on an interface, no member twice, no upper MTU above the lower one, no name twice."""
    def depth(one: InterfaceView, above: frozenset[int] = frozenset()) -> None:
        assert one.id not in above, "a loop"
        for lower in view.lowers(one):
            depth(lower, above | {one.id})

    for one in view.interfaces:
        depth(one)
        assert all(one.imtu <= lower.imtu for lower in view.lowers(one))
        vlans = [upper.vlan_id for upper in view.uppers(one) if upper.iftype == "vlan"]
        assert len(set(vlans)) == len(vlans)
        if any(upper.iftype == "ae" for upper in view.uppers(one)):
            assert len(view.uppers(one)) == 1
        classes = {user.ifclass for user in (one, *view.uppers(one))}
        assert not {"platform", "data"} <= classes
        virtual = [upper.sriov_numvfs for upper in view.uppers(one) if upper.iftype == "vf"]
        assert not virtual or sum(virtual) < one.sriov_numvfs
    members = Counter(uses for one in view.interfaces if one.iftype == "ae" for uses in one.uses)
    assert all(count == 1 for count in members.values())
    names = [one.ifname for one in view.interfaces]
    assert len(set(names)) == len(names)


@settings(deadline=None, max_examples=300)
@given(REQUESTS)
def test_any_sequence_of_requests_keeps_interfaces_sound(requests: list[tuple[str, Any, dict[str, Any]]]) -> None:
    view = host(AIO, SIMPLEX)
    for request in requests:
        try:
            view = carried_out(view, *request)
        except InterfaceRefused:
            continue
        assert_sound(view)


def test_the_sequences_are_not_all_refused() -> None:
    """What the strategies draw for each type is accepted in some order."""
    view = host(AIO, SIMPLEX)
    for request in [("add", "ae", {"ifname": "a", "uses": [2, 3], "imtu": 9000}),
                    ("add", "vlan", {"ifname": "b", "uses": (4,), "vlan_id": 1, "imtu": 9000}),
                    ("modify", 0, {"ifclass": "pci-sriov", "sriov_numvfs": 8}),
                    ("add", "vf", {"ifname": "c", "uses": (0,), "sriov_numvfs": 3, "imtu": 576}),
                    ("modify", 4, {"uses": [2, 1]}), ("delete", 5, {})]:
        before, view = view, carried_out(view, *request)
        assert view != before
        assert_sound(view)
