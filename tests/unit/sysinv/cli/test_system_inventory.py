# SPDX-License-Identifier: Apache-2.0
"""``system host-{cpu,memory,disk,port,device}-*``, ``show``, ``modify``: columns of the tables, requests."""
from __future__ import annotations

from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, run_cli
from sysinv.cmd.shell import PROGRAM

CPUS = {"icpus": [
    {"uuid": "c10", "cpu": 10, "numa_node": 1, "core": 2, "thread": 0, "allocated_function": "Vswitch"},
    {"uuid": "c2", "cpu": 2, "numa_node": 0, "core": 2, "thread": 0, "allocated_function": "Platform"},
]}
MEMORY = {"imemorys": [{"uuid": "m0", "numa_node": 0, "memtotal_mib": 3000, "vm_hugepages_nr_2M_pending": None}]}
DISKS = {"idisks": [{"uuid": "d0", "device_node": "/dev/sda", "size_mib": 20479, "available_mib": 0,
                     "device_path": "/dev/disk/by-path/p0"}]}
PORTS = {"ports": [{"uuid": "p0", "name": "mgmt0", "pciaddr": "0000:00:03.0", "dpdksupport": True}]}
ETHERNET = {"ethernet_ports": [{"uuid": "p0", "name": "mgmt0", "mac": "52:54:00:00:00:01", "bootp": "True"},
                               {"uuid": "p1", "name": "oam0", "mac": "52:54:00:00:00:02", "bootp": None}]}
DEVICES = {"pci_devices": [{"uuid": "g0", "name": "pci_0000_05_00_0", "pciaddr": "0000:05:00.0", "enabled": True},
                           {"uuid": "g1", "name": "pci_0000_06_00_0", "pciaddr": "0000:06:00.0", "enabled": False}]}
SYSTEM = {"uuid": "s-1", "name": "edge-7", "system_mode": "simplex", "distributed_cloud_role": None,
          "capabilities": {"region_config": False, "sdn_enabled": False, "https_enabled": True, "vswitch_type": "none"}}
TABLE: dict[str, Any] = {
    "/v1/ihosts/w/icpus": {"GET": CPUS}, "/v1/ihosts/w/imemorys": {"GET": MEMORY},
    "/v1/ihosts/w/idisks": {"GET": DISKS}, "/v1/ihosts/w/ports": {"GET": PORTS},
    "/v1/ihosts/w/ethernet_ports": {"GET": ETHERNET},
    "/v1/ihosts/w/pci_devices": {"GET": DEVICES}, "/v1/isystems": {"GET": {"isystems": [SYSTEM]}},
}


def system(argv: str | list[str], table: dict[str, Any] = TABLE) -> Ran:
    return run_cli(PROGRAM, argv, FakeApi(table))


def header(ran: Ran) -> list[str]:
    return [cell.strip() for cell in ran.out.splitlines()[1].strip("|").split("|")]


@pytest.mark.parametrize(("argv", "titles"), [
    ("host-cpu-list w", "uuid,log_core,processor,phy_core,thread,processor_model,assigned_function"),
    ("host-memory-list w", "processor,mem_total(MiB),mem_platform(MiB),mem_avail(MiB),hugepages(hp)_configured,"
     "vs_hp_size(MiB),vs_hp_total,vs_hp_avail,vs_hp_reqd,app_total_4K,app_hp_as_percentage,app_hp_total_2M,"
     "app_hp_avail_2M,app_hp_pending_2M,app_hp_total_1G,app_hp_avail_1G,app_hp_pending_1G,app_hp_use_1G"),
    ("host-port-list w", "uuid,name,type,pci address,device,processor,accelerated,device type"),
    ("host-ethernet-port-list w", "uuid,name,mac address,pci address,processor,auto neg,device type,boot i/f"),
    ("host-disk-list w", "uuid,device_node,device_num,device_type,size_gib,available_gib,rpm,serial_id,device_path"),
    ("host-device-list w",
     "name,address,class id,vendor id,device id,class name,vendor name,device name,numa_node,enabled"),
])
def test_titles_are_starlingxs(argv: str, titles: str) -> None:
    assert header(system(argv)) == titles.split(",")


def test_cpus_are_ordered_by_number_and_the_function_is_spelled_as_operators_know_it() -> None:
    assert system("host-cpu-list w -f value -c log_core -c assigned_function").out == "2 Platform\n10 vSwitch\n"
    assert system("host-cpu-list w -f json").json()[1]["allocated_function"] == "Vswitch"


def test_one_cpu_by_number_or_uuid() -> None:
    assert system("host-cpu-show w 10 -f json").json()["uuid"] == "c10"
    assert system("host-cpu-show w c2 -f json").json()["cpu"] == 2
    ran = system("host-cpu-show w 99")
    assert (ran.code, ran.err) == (1, "cpu not found: 99\n")


def test_sizes_are_rounded_down() -> None:
    assert system("host-disk-list w -c size_gib -f value").out == "19.999\n"
    assert system("host-disk-list w -f json").json()[0]["size_mib"] == 20479
    assert system("host-disk-show w /dev/sda -f value -c uuid").out == "d0\n"


def test_pending_pages_are_none_when_nothing_is_pending() -> None:
    assert system("host-memory-list w -c app_hp_pending_2M -f json").json() == [{"vm_hugepages_nr_2M_pending": None}]
    assert system("host-memory-show w 0 -f json").json()["memtotal_mib"] == 3000


def test_boot_interface() -> None:
    assert [line.split("|")[8].strip() for line in system("host-ethernet-port-list w").out.splitlines()[3:-1]] == [
        "True", "False"]
    assert system("host-port-show w mgmt0 -f value -c pciaddr").out == "0000:00:03.0\n"
    assert system("host-ethernet-port-show w oam0 -f value -c mac").out == "52:54:00:00:00:02\n"


def test_devices_that_are_not_enabled_only_on_request() -> None:
    assert system("host-device-list w -f value -c name").out == "pci_0000_05_00_0\n"
    assert len(system("host-device-list w -a -f json").json()) == 2
    assert system("host-device-show w 0000:06:00.0 -f value -c enabled").out == "False\n"


def test_a_name_that_fits_two_is_refused() -> None:
    twice = {"/v1/ihosts/w/idisks": {"GET": {"idisks": DISKS["idisks"] * 2}}}
    assert system("host-disk-show w /dev/sda", twice).err == "/dev/sda names more than one disk: d0, d0\n"


def test_system_show_has_the_capabilities_that_are_there() -> None:
    out = system("show").out
    shown = [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("|")]
    assert {"https_enabled", "sdn_enabled", "vswitch_type"} <= set(shown)
    assert {"shared_services", "distributed_cloud_role", "capabilities"}.isdisjoint(shown)
    assert shown[1:] == sorted(shown[1:])


def test_system_before_the_first_start() -> None:
    ran = system("show", {"/v1/isystems": {"GET": {"isystems": []}}})
    assert ran.code == 1
    assert "There is no system yet" in ran.err


def test_modify_patches_the_one_system() -> None:
    api = FakeApi({**TABLE, "/v1/isystems/s-1": {"PATCH": SYSTEM}})
    ran = run_cli(PROGRAM, ["modify", "--name", "edge-8", "-c", "noc@example.org", "-p", "true"], api)
    assert ran.code == 0
    assert api.calls[-1][:3] == ("PATCH", "/v1/isystems/s-1", [
        {"op": "replace", "path": "/name", "value": "edge-8"},
        {"op": "replace", "path": "/contact", "value": "noc@example.org"},
        {"op": "replace", "path": "/https_enabled", "value": "true"}])


def patched(argv: str, path: str) -> tuple[Ran, list[tuple[str, Any]]]:
    """A command that changes something, and what it has sent."""
    api = FakeApi({**TABLE, path: {"PATCH": {"uuid": "x"}, "PUT": CPUS}})
    ran = run_cli(PROGRAM, argv.split(), api)
    return ran, [(call[0], call[2]) for call in api.calls if call[0] != "GET"]


def replaced(**values: Any) -> list[dict[str, Any]]:
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in values.items()]


@pytest.mark.parametrize(("arguments", "asked"), [
    ("-f platform -p0 2 -p1 0", {"function": "platform", "sockets": [{"0": 2, "1": 0}]}),
    ("-f vSwitch --num_cores_on_processor3 1", {"function": "vswitch", "sockets": [{"3": 1}]}),
    ("-f application-isolated -c 3-5,8", {"function": "application-isolated", "cpulist": "3-5,8"})])
def test_functions_of_cores(arguments: str, asked: dict[str, Any]) -> None:
    ran, sent = patched(f"host-cpu-modify w {arguments}", "/v1/ihosts/w/state/host_cpus_modify")
    assert (ran.code, sent) == (0, [("PUT", [asked])])
    assert header(ran)[0] == "uuid" and "c10" in ran.out


@pytest.mark.parametrize("arguments", [
    "-f platform", "-f platform -c 1 -p0 1", "-f worker -p0 1", "-p0 1", "-f shared -p0 x"])
def test_functions_of_cores_that_cannot_be_meant(arguments: str) -> None:
    ran, sent = patched(f"host-cpu-modify w {arguments}", "/v1/ihosts/w/state/host_cpus_modify")
    assert ran.code == 2 and sent == [] and ran.err


@pytest.mark.parametrize(("arguments", "changes"), [
    ("-m 8000", {"platform_reserved_mib": 8000}),
    ("-1G 4 -m 8000", {"platform_reserved_mib": 8000, "vm_pending_as_percentage": "False",
                       "vm_hugepages_nr_1G_pending": 4}),
    ("-2M 50% -1G 20%", {"vm_pending_as_percentage": "True", "vm_hugepages_nr_2M_pending": 50,
                         "vm_hugepages_nr_1G_pending": 20}),
    ("-f vswitch -1G 1", {"vswitch_hugepages_size_mib": 1024, "vswitch_hugepages_reqd": 1}),
    ("-f vswitch -2M 0", {"vswitch_hugepages_size_mib": 2, "vswitch_hugepages_reqd": 0})])
def test_memory_of_a_node(arguments: str, changes: dict[str, Any]) -> None:
    ran, sent = patched(f"host-memory-modify w 0 {arguments}", "/v1/imemorys/m0")
    assert (ran.code, sent) == (0, [("PATCH", replaced(**changes))])


@pytest.mark.parametrize("arguments", [
    "", "-2M 5 -1G 5%", "-f vswitch -2M 1 -1G 1", "-f vswitch -2M 5%", "-2M -1", "-1G x%"])
def test_memory_that_cannot_be_meant(arguments: str) -> None:
    ran, sent = patched(f"host-memory-modify w 0 {arguments}", "/v1/imemorys/m0")
    assert ran.code == 2 and sent == [] and ran.err


def test_a_device_gets_another_name_and_is_enabled() -> None:
    ran, sent = patched("host-device-modify w 0000:06:00.0 -n gpu-1 -e True", "/v1/pci_devices/g1")
    assert (ran.code, sent) == (0, [("PATCH", replaced(name="gpu-1", enabled="true"))])
    ran, sent = patched("host-device-modify w pci_0000_05_00_0", "/v1/pci_devices/g0")
    assert (ran.code, sent, "give -n or -e" in ran.err) == (2, [], True)


def test_the_clock_of_a_host() -> None:
    ran, sent = patched("host-cpu-max-frequency-modify w 2500", "/v1/ihosts/w")
    assert (ran.code, sent) == (0, [("PATCH", replaced(max_cpu_mhz_configured="2500"))])
