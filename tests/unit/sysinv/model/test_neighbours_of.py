# SPDX-License-Identifier: Apache-2.0
"""Which addresses and machines a host is told of."""
from __future__ import annotations

from dataclasses import replace

from sysinv.contract.records import Neighbour
from sysinv.model.neighbours import Machine, bus_clients, neighbours_of


def machine(name: str, number: int, *, locked: bool = False) -> Machine:
    macs = {"mgmt": f"02:00:00:00:01:{number:02x}", "cluster-host": f"02:00:00:00:02:{number:02x}"}
    return Machine(name, name.startswith("controller"), locked, macs)


C0, C1 = machine("controller-0", 2), machine("controller-1", 3)
W0, W1 = machine("worker-0", 10), machine("worker-1", 11)
ADDRESSES = {"controller-mgmt": "192.168.204.1", "controller-0-mgmt": "192.168.204.2",
             "controller-1-mgmt": "192.168.204.3", "worker-0-mgmt": "192.168.204.10",
             "worker-1-mgmt": "192.168.204.11", "controller-cluster-host": "192.168.206.1",
             "controller-0-cluster-host": "192.168.206.2", "worker-0-cluster-host": "192.168.206.10"}
ALL = [C0, C1, W0, W1]


def found(asker: Machine, machines: list[Machine] = ALL) -> dict[str, tuple[str, ...]]:
    return {each.address: tuple(each.macs) for each in neighbours_of(asker, machines, ADDRESSES)}


def test_a_worker_is_told_of_the_controllers_alone() -> None:
    assert found(W0) == {
        "192.168.204.2": ("02:00:00:00:01:02",), "192.168.204.3": ("02:00:00:00:01:03",),
        "192.168.204.1": ("02:00:00:00:01:02", "02:00:00:00:01:03"), "192.168.206.2": ("02:00:00:00:02:02",),
        "192.168.206.1": ("02:00:00:00:02:02", "02:00:00:00:02:03")}


def test_a_controller_is_told_of_all_but_itself() -> None:
    assert set(found(C0)) == {"192.168.204.1", "192.168.204.3", "192.168.204.10", "192.168.204.11", "192.168.206.1",
                              "192.168.206.10"}


def test_a_locked_host_may_come_back_with_another_card() -> None:
    assert "192.168.204.10" not in found(C0, [C0, C1, replace(W0, is_locked=True), W1])
    assert "192.168.204.3" not in found(W0, [C0, replace(C1, is_locked=True), W0])
    # It is a controller all the same: the floating address may move to it as soon as it is unlocked.
    assert len(found(W0, [C0, replace(C1, is_locked=True), W0])["192.168.204.1"]) == 2


def test_an_unknown_machine_protects_no_address() -> None:
    bond = replace(C1, macs={})
    assert set(found(W0, [C0, bond, W0])) == {"192.168.204.2", "192.168.206.2"}
    assert found(replace(W0), []) == {}


def test_who_holds_an_address_is_named() -> None:
    told = neighbours_of(W0, [C0, W0], ADDRESSES)
    assert told[0] == Neighbour("192.168.204.2", ["02:00:00:00:01:02"], "controller-0")
    assert told[1] == Neighbour("192.168.204.1", ["02:00:00:00:01:02"], "controller")


def test_locked_hosts_and_those_whose_cards_are_not_known_use_the_bus_too() -> None:
    machines = [C0, replace(C1, is_locked=True), replace(W0, macs={}), machine("worker-7", 17)]
    assert bus_clients(machines, ADDRESSES) == ["192.168.204.10", "192.168.204.2", "192.168.204.3"]
