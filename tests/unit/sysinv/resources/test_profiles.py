# SPDX-License-Identifier: Apache-2.0
"""Profiles: taken from one host, applied to another completely or not at all."""
from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from flock.wire.patch import PatchOp
from sysinv.contract.enums import CpuFunction
from sysinv.db.lookup import host_row
from sysinv.model.host import HostMustBeLocked, HostRefused, InventoryHost
from sysinv.model.system import SystemView
from sysinv.resources.cpu.intake import StoredCpu
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.cpu.rules import assign, parse_requests
from sysinv.resources.host import store as hosts
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.port.report import PortReport
from sysinv.resources.profile import cpu as cpu_part
from sysinv.resources.profile import memory as memory_part
from sysinv.resources.profile import planning, rules
from sysinv.resources.profile.body import BODY, Body
from sysinv.resources.profile.fields import ProfileType
from sysinv.resources.profile.planning import HostParts
from tests.unit.sysinv.resources.test_assignment import WORKER, machine

SYSTEM = SystemView(
    id=1, uuid="s", name="s", system_type="Standard", system_mode="duplex", software_version="1",
    vswitch_type="ovs-dpdk")
NOTHING: dict[str, Any] = {"cpus": [], "memory": [], "interfaces": [], "storage": [], "stors": []}
NODE: dict[str, Any] = {
    "numa_node": 0, "node_memtotal_mib": 32000, "platform_reserved_mib": 6000, "minimum_platform_reserved_mib": 1000,
    "vm_hugepages_nr_2M": 0, "vm_hugepages_nr_1G": 0, "vm_hugepages_nr_2M_pending": None,
    "vm_hugepages_nr_1G_pending": None, "vm_pending_as_percentage": False, "vm_hugepages_use_1G": True,
    "vswitch_hugepages_nr": 0, "vswitch_hugepages_reqd": None, "vswitch_hugepages_size_mib": 2}


def node(**values: Any) -> dict[str, Any]:
    return {**NODE, **values}


def with_functions(cpus: list[StoredCpu], functions: dict[int, CpuFunction]) -> list[StoredCpu]:
    return [replace(one, allocated_function=functions[one.cpu].value) for one in cpus]


def parts(host: InventoryHost = WORKER, system: SystemView = SYSTEM, cpus: list[StoredCpu] | None = None,
          memory: dict[int, dict[str, Any]] | None = None) -> HostParts:
    row = {"personality": host.personality, "subfunctions": host.subfunctions, "boot_device": "/dev/sda",
           "rootfs_device": "/dev/sda", "hw_settle": "0", "install_output": "text", "console": "", "tboot": None}
    return HostParts(row, host, system, machine() if cpus is None else cpus, {0: node()} if memory is None else memory)


@given(st.integers(1, 3), st.integers(2, 6), st.integers(1, 2),
       st.lists(st.tuples(st.sampled_from(("platform", "vswitch", "shared", "application-isolated")),
                          st.lists(st.integers(0, 3), min_size=3, max_size=3)),
                max_size=4, unique_by=lambda one: one[0]))
def test_a_cpu_profile_gives_an_equal_host_identical_functions(
        nodes: int, cores: int, threads: int, asked: list[tuple[str, list[int]]]) -> None:
    new = machine(nodes, cores, threads)
    source = new
    body = [{"function": name, "sockets": [{str(number): counts[number]} for number in range(nodes)]}
            for name, counts in asked]
    if body:
        try:
            source = with_functions(new, assign(WORKER, new, parse_requests(body), "ovs-dpdk"))
        except HostRefused:
            return
    taken = BODY.from_document(BODY.to_document(planning.taken(ProfileType.CPU, parts(cpus=source))))
    plan = planning.planned("p1", taken, parts(cpus=new))
    assert with_functions(new, {one.cpu: CpuFunction(one.allocated_function) for one in new} | dict(plan.functions)
                          ) == source
    # Only what differs is written; a second time nothing is.
    assert all(one.allocated_function != plan.functions[one.cpu] for one in new if one.cpu in plan.functions)
    assert planning.planned("p1", taken, parts(cpus=source)).functions == {}


def test_a_cpu_profile_needs_equal_processors_and_cores() -> None:
    wanted = cpu_part.taken(machine(2, 8, 2))
    for cpus, words in (
            (machine(1, 8, 2), "Profile p1 is for hosts with 2 processors; host worker-0 has 1."),
            (machine(2, 8, 1), "Profile p1 is for hosts with 32 logical cores; host worker-0 has 16."),
            ([replace(one, numa_node=one.numa_node + 1) for one in machine(2, 8, 2)],
             "Profile p1 is for hosts with other numbers of processors; host worker-0 has no processors 0."),
            ([], "Host worker-0 has not reported its CPUs yet.")):
        with pytest.raises(HostRefused) as caught:
            cpu_part.planned("p1", wanted, WORKER, SYSTEM, cpus)
        assert str(caught.value) == words


def test_a_cpu_profile_splits_no_core_of_a_host_whose_siblings_are_others() -> None:
    source = [replace(one, allocated_function="Platform" if one.cpu in (0, 1) else "Application")
              for one in machine(1, 4, 1)]
    target = [replace(one, core=one.cpu // 2, thread=one.cpu % 2) for one in machine(1, 4, 1)]
    assert cpu_part.planned("p1", cpu_part.taken(source), WORKER, SYSTEM, target)[1] is CpuFunction.PLATFORM
    source[1] = replace(source[1], allocated_function="Application")
    with pytest.raises(HostRefused, match="CPU 0 and its siblings go to one function"):
        cpu_part.planned("p1", cpu_part.taken(source), WORKER, SYSTEM, target)


def test_the_least_that_a_host_needs_holds_for_profiles_too() -> None:
    wanted = cpu_part.taken(machine(2, 8, 1))
    aio = replace(WORKER, personality="controller", subfunctions="controller,worker", hostname="controller-1")
    with pytest.raises(HostRefused, match=r"Platform must have at least two cores\."):
        cpu_part.planned("p1", wanted, aio, SYSTEM, machine(2, 8, 1))
    switched = [replace(one, allocated_function="Vswitch" if one.cpu == 1 else one.allocated_function)
                for one in machine(2, 8, 1)]
    plain = replace(SYSTEM, vswitch_type="none")
    with pytest.raises(HostRefused, match="only be modified on hosts with a vswitch"):
        cpu_part.planned("p1", cpu_part.taken(switched), WORKER, plain, machine(2, 8, 1))


def test_a_memory_profile_has_what_the_host_has_after_its_next_unlock() -> None:
    taken = memory_part.taken({
        1: node(numa_node=1, vm_hugepages_nr_1G=4, vswitch_hugepages_nr=2, vswitch_hugepages_size_mib=1024),
        0: node(vm_hugepages_nr_1G=4, vm_hugepages_nr_1G_pending=8, vm_hugepages_nr_2M=3, vswitch_hugepages_reqd=1)})
    assert [(one.numa_node, one.pages_2m, one.pages_1g, one.as_percentage, one.vswitch_pages, one.vswitch_page_mib)
            for one in taken] == [(0, 3, 8, False, 1, 2), (1, 0, 4, False, 2, 1024)]
    share = memory_part.taken({0: node(vm_pending_as_percentage=True, vm_hugepages_nr_2M_pending=50,
                                       vm_hugepages_nr_1G=4)})[0]
    assert (share.pages_2m, share.pages_1g, share.as_percentage) == (50, 0, True)
    # Counts that came true are no percents, whatever the operator last asked for.
    present = memory_part.taken({0: node(vm_pending_as_percentage=True, vm_hugepages_nr_1G=4)})[0]
    assert (present.pages_1g, present.as_percentage) == (4, False)


def test_a_memory_profile_changes_only_what_differs_and_the_checked_groups_together() -> None:
    wanted = memory_part.taken({0: node(vm_hugepages_nr_1G=4, platform_reserved_mib=7000, vswitch_hugepages_nr=1)})
    assert memory_part.planned("p1", wanted, WORKER, SYSTEM, {0: node()}) == {0: {
        "platform_reserved_mib": 7000, "vm_hugepages_nr_2M_pending": 0, "vm_hugepages_nr_1G_pending": 4,
        "vm_pending_as_percentage": False, "vswitch_hugepages_reqd": 1, "vswitch_hugepages_size_mib": 2}}
    assert memory_part.planned("p1", memory_part.taken({0: node()}), WORKER, SYSTEM, {0: node()}) == {}
    # A host without pages of the switch keeps the size that fits its processors.
    other = memory_part.taken({0: node(vswitch_hugepages_size_mib=1024)})
    assert memory_part.planned("p1", other, WORKER, SYSTEM, {0: node()}) == {}
    none = memory_part.taken({0: node()})
    assert memory_part.planned("p1", none, WORKER, SYSTEM, {0: node(vswitch_hugepages_nr=1)}) == {
        0: {"vswitch_hugepages_reqd": 0}}


@pytest.mark.parametrize(("source", "target", "words"), [
    (node(vm_hugepages_nr_1G=4), node(vm_hugepages_use_1G=False),
     "Processor 0: The processor does not support 1G huge pages."),
    (node(vm_hugepages_nr_1G=24), node(node_memtotal_mib=16000), "Processor 0: No available space for 24576 MiB"),
    (node(platform_reserved_mib=900), node(), "Processor 0: Platform reserved memory must be at least 1000 MiB."),
    (node(platform_reserved_mib=15000), node(node_memtotal_mib=16000), "at most two thirds of 16000 MiB")])
def test_memory_profiles_pass_the_checks_of_memory(source: dict[str, Any], target: dict[str, Any], words: str) -> None:
    with pytest.raises(HostRefused) as caught:
        memory_part.planned("p1", memory_part.taken({0: source}), WORKER, SYSTEM, {0: target})
    assert words in str(caught.value)


def test_a_memory_profile_needs_the_same_nodes_and_the_worker_function() -> None:
    wanted = memory_part.taken({0: node()})
    storage = replace(WORKER, personality="storage", subfunctions="storage")
    for host, nodes, words in (
            (WORKER, {0: node(), 1: node(numa_node=1)}, "with 1 processors; host worker-0 has 2."),
            (WORKER, {1: node(numa_node=1)}, "with processor 0; host worker-0 has none."),
            (storage, {0: node()}, "Host worker-0 has no worker function, which a memory profile needs.")):
        with pytest.raises(HostRefused) as caught:
            memory_part.planned("p1", wanted, host, SYSTEM, nodes)
        assert words in str(caught.value)


def test_a_role_profile_has_everything_and_fits_one_role() -> None:
    body = planning.taken(ProfileType.ROLE, parts())
    assert body.role is not None and body.role.personality == "worker" and len(body.cpus) == 32 and body.memory
    assert body.role.install == {"boot_device": "/dev/sda", "rootfs_device": "/dev/sda", "hw_settle": "0",
                                 "install_output": "text", "console": ""}
    assert planning.planned("p1", body, parts()).document() == NOTHING
    fast = replace(WORKER, subfunctions="worker,lowlatency")
    with pytest.raises(HostRefused) as caught:
        planning.planned("p1", body, parts(host=fast))
    assert str(caught.value) == (
        "Host worker-0: Profile p1 is for hosts with personality worker and subfunctions worker, not worker and "
        "worker,lowlatency.")


def test_what_a_host_does_not_have_no_profile_has() -> None:
    storage = replace(WORKER, personality="storage", subfunctions="storage")
    body = planning.taken(ProfileType.ROLE, parts(host=storage))
    assert body.cpus == body.memory == () and body.role is not None
    for host, cpus, words in ((storage, None, "no worker function, which a cpu profile needs"),
                              (WORKER, [], "has not reported its cpu inventory yet")):
        with pytest.raises(rules.ProfileRefused, match=words):
            planning.taken(ProfileType.CPU, parts(host=host, cpus=cpus))


def test_an_unlocked_host_and_a_simplex_system_take_no_profile() -> None:
    body = planning.taken(ProfileType.CPU, parts())
    with pytest.raises(HostMustBeLocked, match=r"^Host must be locked\.$"):
        planning.planned("p1", body, parts(host=replace(WORKER, administrative="unlocked")))
    with pytest.raises(rules.ProfileRefused, match=r"^Profiles are not allowed on a simplex system\.$"):
        planning.planned("p1", body, parts(system=replace(SYSTEM, system_mode="simplex")))


@pytest.mark.parametrize("damage", [
    lambda body: body["cpus"][0].pop("cpu"), lambda body: body["cpus"][0].update(allocated_function="Dance"),
    lambda body: body.update(memory="much")])
def test_a_stored_body_is_checked_when_it_is_read(damage: Any) -> None:
    document = copy.deepcopy(BODY.to_document(Body(cpus=cpu_part.taken(machine()))))
    assert BODY.from_document(document).cpus == cpu_part.taken(machine())
    damage(document)
    with pytest.raises(InvalidInput):
        BODY.from_document(document)


def test_a_patch_that_applies_a_profile_does_nothing_else() -> None:
    uuid = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"
    action, profile = PatchOp("replace", ("action",), "apply-profile"), PatchOp("replace", ("iprofile_uuid",), uuid)
    assert rules.asked([action, profile]) == rules.asked([profile, action]) == uuid
    assert rules.asked([PatchOp("replace", ("console",), "apply-profile")]) is None
    for operations, words in (
            ([profile], "iprofile_uuid can only be given with action apply-profile."),
            ([action, profile, PatchOp("replace", ("console",), "")], "combined with other changes: console"),
            ([action, action, profile], "can not be combined with other changes: one attribute twice"),
            ([action], "iprofile_uuid"), ([action, PatchOp("replace", ("iprofile_uuid",), "x")], "iprofile_uuid")):
        with pytest.raises((rules.ProfileRefused, InvalidInput), match=words):
            rules.asked(operations)


def report(cloud: Any, uuid: str, mac: str, cores: int = 4) -> None:
    """A host with 2 nodes of ``cores`` cores and 32 GB."""
    intake, count = cloud.inventory, 2 * cores
    intake.store(host_uuid=uuid, kind="port", records=[PortReport(
        "pxeboot0", "0:1", 0, mac, 1500, 1000, None, None, 0, None, "", "", "", "", "")])
    intake.store(host_uuid=uuid, kind="numa", records=[
        NumaReport(0, tuple(range(cores))), NumaReport(1, tuple(range(cores, count)))])
    intake.store(host_uuid=uuid, kind="cpu", records=[
        CpuReport(cpu, cpu % cores, 0, cpu // cores, cpu // cores, "6", "x") for cpu in range(count)])
    intake.store(host_uuid=uuid, kind="memory", records=[MemoryReport(
        number, 32000, 31000, 30000, 0, 0, 0, 0, 0, 1, True) for number in (0, 1)])


def worker(cloud: Any, number: int, cores: int = 4) -> str:
    mac = f"08:00:27:be:6e:2{number}"
    uuid = str(cloud.discover(mac))
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=f"worker-{number}")
    report(cloud, uuid, mac, cores)
    cloud.settle()
    return uuid


@pytest.fixture
def source(cloud: Any) -> str:
    """worker-0, provisioned, with three platform cores, 1G pages and another reserve on node 1."""
    uuid = worker(cloud, 0)
    assert cloud.call("PUT", f"/v1/ihosts/{uuid}/state/host_cpus_modify", [
        {"function": "platform", "sockets": [{"0": 2}, {"1": 1}]}]).status == 200
    for row, changes in zip(cloud.get(f"/v1/ihosts/{uuid}/imemorys?sort_key=id").body["imemorys"],
                            ({"vm_hugepages_nr_1G_pending": 8}, {"platform_reserved_mib": 5000}), strict=True):
        assert cloud.patch(f"/v1/imemorys/{row['uuid']}", **changes).status == 200
    provision(cloud, uuid)
    return uuid


def provision(cloud: Any, uuid: str) -> None:
    with cloud.db.writer() as conn:
        hosts.write(conn, host_row(conn, uuid, lock=True), {"invprovision": "provisioned"})


def take(cloud: Any, name: str, kind: str, host: str = "worker-0", role: str = "admin") -> Any:
    return cloud.post("/v1/iprofile", {"profilename": name, "profiletype": kind, "ihost_uuid": host}, role=role)


def functions(cloud: Any, host: str) -> list[str]:
    return [one["allocated_function"]
            for one in cloud.get(f"/v1/ihosts/{host}/icpus?sort_key=cpu").body["icpus"]]


def memory(cloud: Any, host: str) -> list[tuple[Any, ...]]:
    return [(one["platform_reserved_mib"], one["vm_hugepages_nr_1G_pending"])
            for one in cloud.get(f"/v1/ihosts/{host}/imemorys?sort_key=id").body["imemorys"]]


def apply(cloud: Any, host: str, profile: str, query: str = "", role: str = "admin") -> Any:
    return cloud.patch(f"/v1/ihosts/{host}{query}", role=role, action="apply-profile", iprofile_uuid=profile)


def test_a_profile_over_http(cloud: Any, source: str) -> None:
    made = take(cloud, "p1", "cpu", source).body
    assert (made["profilename"], made["hostname"], made["profiletype"], made["recordtype"]) == (
        "p1", "p1", "cpu", "profile")
    path = f"/v1/iprofile/{made['uuid']}"
    assert made["links"][0]["href"].endswith(path)
    assert cloud.get("/v1/iprofile").body == cloud.get("/v1/iprofile/detail").body == {"iprofiles": [made]}
    shown = cloud.get(path).body
    assert shown["icpus"][0]["href"].endswith(f"{path}/icpus") and {**shown, **made} == shown
    cpus = cloud.get(f"{path}/icpus").body["icpus"]
    assert [one["allocated_function"] for one in cpus] == functions(cloud, "worker-0") and "Platform" in str(cpus)
    assert cloud.get(f"{path}/inodes").body == {"inodes": [{"numa_node": 0}, {"numa_node": 1}]}
    assert cloud.get(f"{path}/imemorys").body == {"imemorys": []}
    assert cloud.get("/v1/iprofile/cpuprofiles_list").body == [{
        "uuid": made["uuid"], "profilename": "p1", "profiletype": "cpu", "cpus": cpus,
        "nodes": [{"numa_node": 0}, {"numa_node": 1}]}]
    take(cloud, "m1", "memory")
    listed = cloud.get("/v1/iprofile/memprofiles_list").body
    assert [one["profilename"] for one in listed] == ["m1"]
    assert [one["vm_hugepages_nr_1G_pending"] for one in listed[0]["memory"]] == [8, 0]
    assert cloud.patch(path, profilename="p2").body["hostname"] == "p2"
    assert cloud.delete(path).status == 204
    assert cloud.get(path).status == cloud.delete(path).status == cloud.get(f"{path}/icpus").status == 404
    assert cloud.patch(path, profilename="p3").status == 404


def test_names_are_those_of_no_other_profile_and_no_host(cloud: Any, source: str) -> None:
    take(cloud, "p1", "cpu")
    other = take(cloud, "p2", "memory").body["uuid"]
    for reply in (take(cloud, "p1", "memory"), cloud.patch(f"/v1/iprofile/{other}", profilename="p1")):
        assert (reply.status, reply.fault) == (409, "Profile name p1 is already used by another profile.")
    for reply in (take(cloud, "Worker-0", "cpu"), cloud.patch(f"/v1/iprofile/{other}", profilename="Worker-0")):
        assert (reply.status, reply.fault) == (409, "Profile name Worker-0 is already used by a host.")
    assert cloud.patch(f"/v1/iprofile/{other}", profilename="p2").body["profilename"] == "p2"
    for name in ("", "a b", "a/b", "x" * 256):
        assert take(cloud, name, "cpu").status == 400
    assert [one["profilename"] for one in cloud.get("/v1/iprofile").body["iprofiles"]] == ["p1", "p2"]


def test_profiles_come_from_hosts_that_were_unlocked(cloud: Any) -> None:
    worker(cloud, 0)
    reply = take(cloud, "p1", "cpu")
    assert (reply.status, reply.fault) == (
        400, "Cannot create profile p1 until host worker-0 is unlocked for the first time.")
    assert take(cloud, "p1", "cpu", "nobody").status == 404
    assert "should be one of" in take(cloud, "p1", "dance").fault
    assert cloud.get("/v1/iprofile").body == {"iprofiles": []}


def test_there_is_a_most_number_of_profiles(cloud: Any, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PROFILES_MAX", 1)
    take(cloud, "p1", "cpu")
    assert take(cloud, "p2", "cpu").fault == "There are 1 profiles, which is the most that can be stored."


def test_a_simplex_system_has_no_profiles(simplex: Any) -> None:
    assert take(simplex, "p1", "role", "controller-0").fault == "Profiles are not allowed on a simplex system."


def test_a_cpu_profile_makes_an_equal_host_identical(cloud: Any, source: str) -> None:
    worker(cloud, 1)
    profile = take(cloud, "p1", "cpu").body["uuid"]
    before = functions(cloud, "worker-1")
    assert before != functions(cloud, "worker-0")
    reply = apply(cloud, "worker-1", profile, "?dry_run=true")
    assert reply.body["profile_plan"] == {**NOTHING, "cpus": [
        {"cpu": 1, "allocated_function": "Platform"}, {"cpu": 4, "allocated_function": "Platform"}]}
    assert functions(cloud, "worker-1") == before
    reply = apply(cloud, "worker-1", profile)
    assert (reply.status, reply.body["hostname"], reply.body["action"]) == (200, "worker-1", "none")
    assert functions(cloud, "worker-1") == functions(cloud, "worker-0")
    assert apply(cloud, "worker-1", profile).body["profile_plan"] == NOTHING


def test_a_host_with_other_cores_is_refused_and_unchanged(cloud: Any, source: str) -> None:
    worker(cloud, 1, cores=6)
    profile = take(cloud, "p1", "role").body["uuid"]
    before = functions(cloud, "worker-1"), memory(cloud, "worker-1")
    reply = apply(cloud, "worker-1", profile)
    assert (reply.status, reply.fault) == (
        400, "Profile p1 is for hosts with 8 logical cores; host worker-1 has 12.")
    assert (functions(cloud, "worker-1"), memory(cloud, "worker-1")) == before


def test_a_role_profile_is_applied_completely_or_not_at_all(
        cloud: Any, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = worker(cloud, 1)
    profile = take(cloud, "p1", "role").body["uuid"]
    before = functions(cloud, "worker-1"), memory(cloud, "worker-1")

    def fails(*_arguments: Any) -> None:
        raise HostRefused(detail="midway")

    with monkeypatch.context() as patched:
        patched.setattr("sysinv.resources.profile.service.write_changes", fails)
        assert apply(cloud, "worker-1", profile).fault == "midway"
    assert (functions(cloud, "worker-1"), memory(cloud, "worker-1")) == before
    assert apply(cloud, "worker-1", profile).status == 200
    assert functions(cloud, "worker-1") == functions(cloud, "worker-0")
    assert memory(cloud, "worker-1") == [(memory(cloud, "worker-0")[0][0], 8), (5000, None)]
    cloud.state(uuid, administrative="unlocked", operational="enabled")
    reply = apply(cloud, "worker-1", profile)
    assert (reply.status, reply.fault) == (409, "Host must be locked.")


def test_who_applies_profiles_and_how(cloud: Any, source: str) -> None:
    worker(cloud, 1)
    profile = take(cloud, "p1", "cpu").body["uuid"]
    assert apply(cloud, "worker-1", profile, role="operator").status == 403
    assert apply(cloud, "worker-1", profile, role="configurator").status == 200
    assert apply(cloud, "worker-1", "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0").status == 404
    assert apply(cloud, "nobody", profile).status == 404
    reply = cloud.patch("/v1/ihosts/worker-1?dry_run=true", console="")
    assert (reply.status, reply.fault) == (400, "dry_run is only possible with action apply-profile.")
    assert cloud.patch("/v1/ihosts/worker-1", iprofile_uuid=profile).status == 400
