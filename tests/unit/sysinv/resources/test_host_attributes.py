# SPDX-License-Identifier: Apache-2.0
"""Adding hosts and changing their attributes: every refusal by its sentence."""
from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.db.reported import Change
from sysinv.model.host import HostRefused
from sysinv.model.system import SystemView
from sysinv.resources.device.intake import device_change
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.disk.intake import disk_change
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host import rules
from sysinv.resources.memory.intake import RESERVE_CHOSEN, Reserve, memory_values
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.port.intake import port_change
from sysinv.resources.port.report import PortReport

MAC = "08:00:27:bf:29:39"
NEW = {"hostname": "worker-0", "personality": "worker", "mgmt_mac": MAC}


def test_adding_a_host(cloud: Any) -> None:
    reply = cloud.post("/v1/ihosts", {
        **NEW, "mgmt_mac": MAC.upper().replace(":", "-"), "console": "ttyS1,115200", "rootfs_device": "/dev/nvme0n1",
        "bm_type": "redfish", "bm_ip": "10.10.10.20", "bm_username": "root", "bm_password": "secret",
        "location": {"locn": "row 4 rack 7"}})
    assert reply.status == 200
    assert (reply.body["mgmt_mac"], reply.body["location"], reply.body["bm_type"]) == (
        MAC, {"locn": "row 4 rack 7"}, "redfish")
    assert reply.body["invprovision"] == "unprovisioned" and "bm_password" not in reply.body
    cloud.settle()
    assert "ttyS1,115200" in cloud.boot_file(MAC)


def test_a_discovered_record_is_reused(cloud: Any) -> None:
    uuid = cloud.discover(MAC)
    assert cloud.post("/v1/ihosts", NEW).body["uuid"] == uuid


def test_board_type_by_what_is_given(cloud: Any) -> None:
    assert cloud.post("/v1/ihosts", NEW).body["bm_type"] == "none"
    reply = cloud.post("/v1/ihosts", {"hostname": "w1", "personality": "worker", "mgmt_mac": "08:00:27:bf:29:40",
                                      "bm_ip": "10.10.10.21", "bm_username": "root", "bm_password": "x"})
    assert reply.body["bm_type"] == "dynamic"


def test_nothing_is_added_before_a_controller_is_enabled(fresh: Any) -> None:
    assert fresh.post("/v1/ihosts", NEW).fault == (
        f"Provisioning request for new host '{MAC}' is not permitted while there is no unlocked-enabled controller. "
        "Unlock controller-0, wait for it to enable and then retry.")


def test_nothing_is_added_to_a_simplex(simplex: Any) -> None:
    assert simplex.post("/v1/ihosts", NEW).fault == (
        "Host-add Rejected: Adding a host on a simplex system is not allowed.")


@pytest.mark.parametrize(("change", "fault"), [
    ({"hostname": None}, "Host-add Rejected. Must provide a hostname for a node of personality worker"),
    ({"mgmt_mac": None}, "Host-add Rejected: Must provide MAC Address of the host mgmt interface"),
    ({"mgmt_mac": "1:2"}, "Host-add Rejected: Must provide a valid format of a MAC Address"),
    ({"personality": "network"}, "Personality [network] for host is not compatible with installed software. "),
    ({"hostname": "controller-1"}, "Host with personality=worker cannot use reserved hostname controller-1."),
    ({"personality": "storage", "hostname": "storage-0"},
     "Storage backend must be configured before a storage host can be added."),
    ({"bm_type": "redfish", "bm_ip": "10.10.10.9", "bm_username": "root"},
     "worker-0: Rejected: bm_password must be given together with a new bm_username."),
    ({"bm_type": "redfish", "bm_ip": "fd00::1", "bm_username": "root", "bm_password": "x"},
     "Board management controller IP address must be the same version as OAM primary address."),
    ({"subfunctions": "storage"}, "Subfunctions 'storage' are not possible for personality worker. "
                                  "They must hold worker and may hold ['lowlatency', 'worker'].")])
def test_what_is_not_added(cloud: Any, change: dict[str, Any], fault: str) -> None:
    body = {name: value for name, value in (NEW | change).items() if value is not None}
    reply = cloud.post("/v1/ihosts", body)
    assert (reply.status, reply.fault) == (400, fault)
    assert len(cloud.get("/v1/ihosts").body["ihosts"]) == 1


@pytest.mark.parametrize(("given", "meant"), [
    ({"subfunctions": "lowlatency"}, "worker,lowlatency"), ({"subfunctions": "lowlatency,worker"}, "worker,lowlatency"),
    ({"personality": "controller", "hostname": None, "subfunctions": "lowlatency"}, "controller,lowlatency"),
    ({"personality": "controller", "hostname": None, "subfunctions": "worker"}, "controller,worker")])
def test_subfunctions_without_the_personality_mean_it_too(cloud: Any, given: dict[str, Any], meant: str) -> None:
    body = {name: value for name, value in (NEW | given).items() if value is not None}
    assert cloud.post("/v1/ihosts", body).body["subfunctions"] == meant


def test_subfunctions_of_an_all_in_one_controller() -> None:
    system = SystemView(1, "s", "cloud", "All-in-one", "duplex", "1.0")
    nobody = rules.Others(frozenset(), 0, False, False, frozenset())
    given = {**NEW, "personality": "controller", "hostname": None}
    assert rules.check_add(system, given | {"subfunctions": "lowlatency"}, None, nobody)[0].subfunctions == (
        "controller,worker,lowlatency")
    # Whoever names the personality names all of it.
    with pytest.raises(HostRefused, match="They must hold controller,worker"):
        rules.check_add(system, given | {"subfunctions": "controller"}, None, nobody)


def test_duplicates(cloud: Any) -> None:
    assert cloud.post("/v1/ihosts", NEW).status == 200
    assert cloud.post("/v1/ihosts", {**NEW, "hostname": "worker-1"}).fault == (
        f"Host-add Rejected: Host with mgmt_mac {MAC} already exists")
    assert cloud.post("/v1/ihosts", {**NEW, "mgmt_mac": "08:00:27:bf:29:40"}).fault == (
        "Host-add Rejected: Hostname already exists")
    clash = {**NEW, "mgmt_mac": "08:00:27:00:00:31", "hostname": "WORKER-0"}  # DNS knows no case
    assert cloud.post("/v1/ihosts", clash).fault == "Host-add Rejected: Hostname already exists"
    assert "surprise" in cloud.post("/v1/ihosts", {**NEW, "surprise": 1}).fault


def test_one_address_per_board(cloud: Any) -> None:
    board = {"bm_type": "ipmi", "bm_ip": "10.10.10.20", "bm_username": "root", "bm_password": "x"}
    assert cloud.post("/v1/ihosts", NEW | board).status == 200
    second = {"hostname": "worker-1", "personality": "worker", "mgmt_mac": "08:00:27:bf:29:40"}
    assert "bm_ip 10.10.10.20 already exists" in cloud.post("/v1/ihosts", second | board).fault


@pytest.mark.parametrize(("field", "fault"), [
    ("mgmt_mac", "Change ['mgmt_mac'] contains restricted ['mgmt_mac']."),
    ("invprovision", "Change ['invprovision'] contains restricted ['invprovision']."),
    ("administrative", "Change ['administrative'] contains restricted ['administrative']."),
    ("vim_progress_status", "Change ['vim_progress_status'] contains restricted ['vim_progress_status'].")])
def test_fields_of_others(cloud: Any, field: str, fault: str) -> None:
    assert cloud.patch("/v1/ihosts/controller-0", **{field: "x"}).fault == fault


@pytest.mark.parametrize(("change", "status"), [
    ({"clock_synchronization": "ptp"}, 200), ({"clock_synchronization": "sundial"}, 400),
    ({"apparmor": "enabled"}, 409),
    ({"location": "row 9"}, 200), ({"location": {"locn": "row 9"}}, 200), ({"capabilities": {"Personality": "x"}}, 400),
    ({"capabilities": {"stor_function": "monitor"}}, 400), ({"capabilities": {"mine": 1}}, 200),
    ({"ttys_dcd": "True"}, 200), ({"ttys_dcd": "maybe"}, 400), ({"max_cpu_mhz_configured": "2000"}, 400),
    ({"hw_settle": "abc"}, 400), ({"serialid": "77"}, 200), ({"personality": "robot"}, 400)])
def test_single_attributes(cloud: Any, change: dict[str, Any], status: int) -> None:
    assert cloud.patch("/v1/ihosts/controller-0", **change).status == status


def test_the_state_view_and_the_system(cloud: Any) -> None:
    assert cloud.get("/v1/ihosts/controller-0/state").body["operational"] == "enabled"
    system = cloud.get("/v1/isystems").body["isystems"][0]
    assert (system["system_type"], system["system_mode"], system["region_name"]) == ("Standard", "duplex", "RegionOne")
    path = f"/v1/isystems/{system['uuid']}"
    assert cloud.patch(path, timezone="Europe/Paris", contact="noc@example.org").body["timezone"] == "Europe/Paris"
    for change in ({"timezone": "../../etc/passwd"}, {"software_version": "2"}, {"system_type": "All-in-one"},
                   {"latitude": "91"}, {"name": "schön"}, {"vswitch_type": "none"}, {"system_mode": "simplex"},
                   {"distributed_cloud_role": "systemcontroller"}, {"uuid": "x"}, {"capabilities": "{}"}):
        assert cloud.patch(path, **change).status == 400, change
    assert cloud.patch(path, sdn_enabled="true").body["capabilities"]["sdn_enabled"] is True
    assert cloud.post("/v1/isystems", {}).status == 403 and cloud.delete(path).status == 403
    assert len(cloud.get(f"{path}/ihosts").body["ihosts"]) == 1
    networks = {one["type"] for one in cloud.get("/v1/networks").body["networks"]}
    assert networks == {"pxeboot", "mgmt", "cluster-host", "oam"}
    pool = cloud.get("/v1/addrpools?network_type=mgmt").body["addrpools"][0]
    assert pool["ranges"] == [["192.168.204.10", "192.168.204.250"]] and pool["floating_address"] == "192.168.204.1"
    assert cloud.get(f"/v1/addrpools/{pool['uuid']}").body == pool


def port(name: str, mac: str, pciaddr: str) -> PortReport:
    return PortReport(name=name, pciaddr=pciaddr, dev_id=0, mac=mac, mtu=1500, speed_mbps=None, link_mode=None,
                      duplex=None, numa_node=0, driver=None, pclass="", pvendor="", pdevice="", psvendor="",
                      psdevice="")


def test_ports_are_followed_by_address_and_by_slot() -> None:
    fresh = port_change([], [port("eth0", "a", "0:1")], "a", {0: 5})
    assert fresh.insert[0]["bootp"] == "True" and fresh.insert[0]["node_id"] == 5
    stored = [{"id": 1, **fresh.insert[0]}]
    assert port_change(stored, [port("eth0", "a", "0:1")], "a", {0: 5}).update == {}
    moved = port_change(stored, [port("eth7", "a", "0:7")], "a", {0: 5})
    assert moved.update[1]["pciaddr"] == "0:7" and not moved.delete
    replaced = port_change(stored, [port("eth0", "b", "0:1")], "a", {0: 5})
    assert replaced.notes == ["port eth0: MAC address changed from a to b"] and replaced.update[1]["mac"] == "b"
    assert port_change(stored, [], "a", {}).delete == [1]
    assert port_change(stored, [], "a", {}, partial=True).delete == []
    both = [*stored, {**stored[0], "id": 2, "mac": "b", "pciaddr": "0:2"}]
    taken = port_change(both, [port("eth1", "b", "0:1")], "a", {0: 5}, partial=True)
    assert taken.delete == [1] and taken.update[2]["pciaddr"] == "0:1"


@given(st.permutations([("eth0", "a", "0:1"), ("eth1", "a", "0:2"), ("eth2", "b", "0:3"), ("eth3", "0" * 12, "0:4")]),
       st.permutations(range(4)))
def test_two_ports_may_share_an_address_and_order_changes_nothing(reported: list[tuple[str, str, str]],
                                                                  order: list[int]) -> None:
    reports = [port(*one) for one in reported]
    fresh = port_change([], reports, "a", {})
    assert [one["name"] for one in fresh.insert if one["bootp"]] == ["eth0"]
    stored = [{"id": index, **values} for index, values in enumerate(fresh.insert)]
    again = port_change([stored[index] for index in order], reports, "a", {})
    assert not again.update and not again.insert and not again.delete and not again.notes
    ids = {one["name"]: one["id"] for one in stored}
    swapped = {"eth0": "0:2", "eth1": "0:1", "eth2": "0:9", "eth3": "0:3"}
    elsewhere = [port(name, mac, swapped[name]) for name, mac, _ in reported]
    moved = port_change([stored[index] for index in order], elsewhere, "a", {})
    assert {row: values.get("pciaddr", "") for row, values in moved.update.items()} == {
        ids["eth0"]: "", ids["eth1"]: "", ids["eth2"]: "0:9", ids["eth3"]: "0:3"}


def test_ports_that_an_old_kernel_numbers_alike_are_two() -> None:
    fresh = port_change([], [port("eth1", "b", "0:1"), port("eth0", "a", "0:1")], "a", {})
    assert [(one["name"], one["dev_id"]) for one in fresh.insert] == [("eth0", 0), ("eth1", 1)]


def test_devices_keep_what_the_operator_chose_until_the_card_changes() -> None:
    gpu = PciDeviceReport("0000:05:00.0", "030000", "10de", "1eb8", "", "", "", "", "", 0, None)
    stored = [{"id": 1, **device_change([], [gpu]).insert[0], "name": "my_gpu", "enabled": False}]
    assert device_change(stored, [gpu]).update == {}
    other = PciDeviceReport("0000:05:00.0", "030000", "10de", "2235", "", "", "", "", "", 0, None)
    assert device_change(stored, [other]).update[1]["enabled"] is True
    assert device_change(stored, []).delete == [1]


def test_disks_in_use_stay_when_they_vanish() -> None:
    row = {"id": 1, "device_path": "/p", "foristorid": None, "foripvid": None}
    rows = [row, row | {"id": 2, "device_path": "/q", "foripvid": 7},
            row | {"id": 3, "device_path": "/r", "foristorid": 1}]
    assert disk_change(rows, []).delete == [1]
    assert disk_change(rows, [], partial=True).delete == []


def test_another_serial_number_is_a_replaced_disk() -> None:
    disk = DiskReport("/dev/sda", 2048, "HDD", None, "/p", None, 1024, 0, "", "a", None)
    stored = {"id": 1, "foristorid": None, "foripvid": None, **disk_change([], [disk]).insert[0]}
    assert disk_change([stored], [disk]) == Change()
    changed = disk_change([stored], [replace(disk, serial_id="b")])
    assert changed.update == {1: {"serial_id": "b"}} and changed.notes == ["disk /p was replaced"]
    assert disk_change([stored], [replace(disk, serial_id=None)]).notes == []


def test_memory_reports_clear_what_they_fulfil() -> None:
    report = MemoryReport(
        numa_node=0, node_memtotal_mib=32000, memtotal_mib=31000, memavail_mib=30000, platform_reserved_mib=0,
        hugepages_nr_2m=10, hugepages_avail_2m=10, hugepages_nr_1g=1, hugepages_avail_1g=1, pages_4k=1,
        supports_1g=True)
    stored = {"platform_reserved_mib": 1500, "capabilities": {RESERVE_CHOSEN: True}, "vm_hugepages_nr_2M_pending": 10,
              "vm_hugepages_nr_1G_pending": 2, "vswitch_hugepages_reqd": None}
    values = memory_values(stored, report, Reserve(7000, 1000))
    assert values["platform_reserved_mib"] == 1500 and values["vm_hugepages_nr_2M_pending"] is None
    assert "vm_hugepages_nr_1G_pending" not in values and values["memtotal_mib"] == 30500


@pytest.mark.parametrize(("stored_mib", "chosen", "default_mib", "reserved_mib"), [
    (4753, False, 5265, 5265), (4753, True, 5265, 4753), (7000, False, 5000, 5000)])
def test_a_reserve_nobody_chose_follows_its_node(stored_mib: int, chosen: bool, default_mib: int,
                                                    reserved_mib: int) -> None:
    report = MemoryReport(0, 7898, 7000, 6000, 0, 0, 0, 0, 0, 1, False)
    stored = {"platform_reserved_mib": stored_mib, "capabilities": {RESERVE_CHOSEN: chosen},
              "vm_hugepages_nr_2M_pending": None, "vm_hugepages_nr_1G_pending": None, "vswitch_hugepages_reqd": None}
    values = memory_values(stored, report, Reserve(default_mib, 1000))
    assert values["platform_reserved_mib"] == reserved_mib
