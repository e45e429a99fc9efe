# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenarios of hosts 11 to 16 and 28: what agents report, and what operators change of it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.resources.interfacedatanetwork.table import INTERFACE_DATANETWORKS
from tests.functional.sysinv.simulated import IN_SERVICE, LOCKED, Machine, SimulatedHost, Site

GPU, QAT, OTHER = ("0000:05:00.0", "030000", "10de", "1eb8"), ("0000:06:00.0", "0b4000", "8086", "37c8"), (
    "0000:07:00.0", "010400", "1000", "005d")
PLATFORM, APPLICATION, ISOLATED = "Platform", "Application", "Application-isolated"


def cores(host: SimulatedHost, *requests: dict[str, Any]) -> Any:
    """The reply to a change of the functions of cores."""
    return host.sysinv.call("PUT", f"{host.path}/state/host_cpus_modify", list(requests))


def platform(*counts: int) -> dict[str, Any]:
    return {"function": "platform", "sockets": [{str(node): count} for node, count in enumerate(counts)]}


def having(host: SimulatedHost, function: str) -> set[int]:
    return {cpu for cpu, its in host.functions().items() if its == function}


@pytest.fixture
def worker(site: Site) -> SimulatedHost:
    """A worker of two processors with eight cores of two threads, inventoried."""
    return site.add("s11-worker", Machine(devices=(GPU, QAT, OTHER))).inventoried()


def test_scenario_11_the_inventory_is_that_of_the_machine(worker: SimulatedHost) -> None:
    cpus = {one["cpu"]: (one["numa_node"], one["core"], one["thread"]) for one in worker.listed("icpus")}
    assert cpus == {thread * 16 + node * 8 + core: (node, core, thread)
                    for node in (0, 1) for core in range(8) for thread in (0, 1)}
    assert sorted(one["numa_node"] for one in worker.listed("inodes")) == [0, 1]
    assert sorted(one["numa_node"] for one in worker.listed("imemorys")) == [0, 1]
    devices = {one["pciaddr"]: (one["name"], one["enabled"]) for one in worker.listed("pci_devices")}
    assert devices == {GPU[0]: ("pci_0000_05_00_0", True), QAT[0]: ("pci_0000_06_00_0", True),
                       OTHER[0]: ("pci_0000_07_00_0", False)}


def test_scenario_12_platform_cores_nobody_chose(worker: SimulatedHost, site: Site) -> None:
    assert having(worker, PLATFORM) == {0, 16}
    with site.deployed_as("All-in-one", "duplex"):
        controller = site.add(None, personality="controller").inventoried()
        assert controller.shown["subfunctions"] == "controller,worker"
        assert having(controller, PLATFORM) == {0, 16}
        reply = cores(controller, platform(0))
        # Scenario 13 has the same host: two logical cores are the least of it.
        assert (reply.status, reply.fault) == (400, "Platform must have at least two cores.")
        assert site.sysinv.get(f"/v1/ihosts/{controller.uuid}/icpus/platform_cpu_list", role=None).body == "0,16"


def test_scenario_13_functions_of_cores(worker: SimulatedHost) -> None:
    reply = cores(worker, platform(1))
    assert reply.status == 200
    assert {one["cpu"] for one in reply.body["icpus"] if one["allocated_function"] == PLATFORM} == {0, 16}
    assert cores(worker, platform(2, 1)).status == 200
    assert having(worker, PLATFORM) == {0, 1, 8, 16, 17, 24}
    reply = cores(worker, platform(9))
    assert (reply.status, reply.fault) == (400, "Processor 0: 9 cores are asked for, 8 are available.")
    reply = cores(worker, platform(0, 0))
    assert (reply.status, reply.fault) == (400, "Platform must have at least one core.")
    worker.state(**IN_SERVICE)
    reply = cores(worker, platform(1))
    assert (reply.status, reply.fault) == (409, "Host must be locked.")
    assert having(worker, PLATFORM) == {0, 1, 8, 16, 17, 24}


def test_scenario_14_cores_by_number(worker: SimulatedHost) -> None:
    assert cores(worker, {"function": "application-isolated", "cpulist": "3-5"}).status == 200
    assert having(worker, ISOLATED) == {3, 4, 5, 19, 20, 21}
    assert having(worker, PLATFORM) == {0, 16}
    assert having(worker, APPLICATION) == set(range(32)) - {0, 16, 3, 4, 5, 19, 20, 21}


def test_scenario_15_huge_pages(worker: SimulatedHost) -> None:
    path = f"/v1/imemorys/{worker.memory()['uuid']}"
    patch = worker.sysinv.patch
    reply = patch(path, vm_hugepages_nr_1G_pending=63)
    assert reply.status == 400
    assert reply.fault == ("Processor 0: No available space for 64512 MiB of huge pages beside 7000 MiB of platform "
                           "memory in 64000 MiB.")
    reply = patch(path, vm_pending_as_percentage="True", vm_hugepages_nr_1G_pending=10)
    assert (reply.status, reply.fault) == (
        400, "Processor 0: Both page sizes must be given in percent together.")
    assert worker.memory()["vm_hugepages_nr_1G_pending"] is None
    assert patch(path, vm_hugepages_nr_1G_pending=8).status == 200
    assert worker.memory()["vm_hugepages_nr_1G_pending"] == 8
    assert worker.patch(action="unlock").status == 200
    worker.state(**IN_SERVICE)
    worker.tell("memory", worker.machine.memory(pages_1g=8))
    found = worker.memory()
    assert (found["vm_hugepages_nr_1G_pending"], found["vm_hugepages_nr_1G"]) == (None, 8)


def test_scenario_16_the_reserve_of_the_platform(worker: SimulatedHost) -> None:
    path, before = f"/v1/imemorys/{worker.memory()['uuid']}", worker.memory()["platform_reserved_mib"]
    for wanted, sentence in ((999, "Processor 0: Platform reserved memory must be at least 1000 MiB."),
                             (42667, "Processor 0: Platform reserved memory must be at most two thirds of 64000 MiB.")):
        reply = worker.sysinv.patch(path, platform_reserved_mib=wanted)
        assert (reply.status, reply.fault) == (400, sentence)
    assert worker.memory()["platform_reserved_mib"] == before == 7000
    assert worker.sysinv.patch(path, platform_reserved_mib=42666).status == 200
    assert worker.memory()["memtotal_mib"] == 64000 - 42666


def profile_of(host: SimulatedHost, name: str, kind: str) -> str:
    reply = host.sysinv.call("POST", "/v1/iprofile", {"profilename": name, "profiletype": kind,
                                                      "ihost_uuid": host.uuid})
    assert reply.status == 200, reply.text
    return str(reply.body["uuid"])


def interfaces(host: SimulatedHost) -> list[tuple[Any, ...]]:
    return sorted((one["ifname"], one["iftype"], one["ifclass"], one["imtu"], tuple(one["uses"]))
                  for one in host.listed("iinterfaces"))


@contextmanager
def refused_inserts(sysinv: Any, table: str) -> Iterator[None]:
    """The database refuses every new row of ``table``, whoever writes it."""
    if sysinv.db.engine.dialect.name == "sqlite":
        made = [f"CREATE TRIGGER midway BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'midway'); END"]
        gone = ["DROP TRIGGER midway"]
    else:
        made = ["CREATE FUNCTION midway() RETURNS trigger LANGUAGE plpgsql AS "
                "'BEGIN RAISE EXCEPTION ''midway''; END'",
                f"CREATE TRIGGER midway BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION midway()"]
        gone = [f"DROP TRIGGER midway ON {table}", "DROP FUNCTION midway()"]
    _execute(sysinv, made)
    try:
        yield
    finally:
        _execute(sysinv, gone)


def _execute(sysinv: Any, statements: list[str]) -> None:
    with sysinv.db.writer() as conn:
        for statement in statements:
            conn.execute(sa.text(statement))


@pytest.fixture
def datanetwork(sysinv: Any) -> Iterator[str]:
    reply = sysinv.call("POST", "/v1/datanetworks", {"name": "s28-net", "network_type": "vlan"})
    assert reply.status == 200, reply.text
    yield reply.body["uuid"]
    assert sysinv.call("DELETE", f"/v1/datanetworks/{reply.body['uuid']}").status == 204


def test_scenario_28_profiles(datanetwork: str, site: Site) -> None:
    sysinv, made = site.sysinv, []
    worker = site.add("s28-worker", Machine(ports=3)).inventoried()
    twin = site.add("s28-twin", worker.machine).inventoried()
    smaller = site.add("s28-smaller", Machine(cores=4)).inventoried()
    try:
        assert cores(worker, platform(2), {"function": "application-isolated", "cpulist": "8-9"}).status == 200
        bond = sysinv.call("POST", "/v1/iinterfaces", {
            "ihost_uuid": worker.uuid, "ifname": "bond0", "iftype": "ae", "uses": ["eth1", "eth2"], "ifclass": "data",
            "aemode": "balanced", "txhashpolicy": "layer2", "imtu": 2000}).body["uuid"]
        assert sysinv.call("POST", "/v1/interface_datanetworks", {
            "interface_uuid": bond, "datanetwork_uuid": datanetwork}).status == 200
        assert worker.patch(action="unlock").status == 200
        worker.state(**IN_SERVICE)
        worker.state(**LOCKED)
        made += [profile_of(worker, "s28-cpu", "cpu"), profile_of(worker, "s28-if", "if")]

        assert twin.functions() != worker.functions()
        assert twin.patch(action="apply-profile", iprofile_uuid=made[0]).status == 200
        assert twin.functions() == worker.functions()
        before = smaller.functions()
        reply = smaller.patch(action="apply-profile", iprofile_uuid=made[0])
        assert (reply.status, reply.fault) == (
            400, "Profile s28-cpu is for hosts with 32 logical cores; host s28-smaller has 16.")
        assert smaller.functions() == before

        before = interfaces(twin)
        # Written after the interfaces.
        with refused_inserts(sysinv, INTERFACE_DATANETWORKS.name):
            assert twin.patch(action="apply-profile", iprofile_uuid=made[1]).status >= 500
        assert interfaces(twin) == before
        assert twin.patch(action="apply-profile", iprofile_uuid=made[1]).status == 200
        assert interfaces(twin) == interfaces(worker) != before
    finally:
        for uuid in made:
            assert sysinv.call("DELETE", f"/v1/iprofile/{uuid}").status == 204
