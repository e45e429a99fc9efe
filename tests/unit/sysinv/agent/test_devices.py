# SPDX-License-Identifier: Apache-2.0
"""Ports, PCI devices and disks where no recording shows the case: SR-IOV, virtio, USB, containers, LVM, NVMe."""
from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import pytest

from flock.exec import Root
from sysinv.agent.collectors import disk, pci, permanent_mac, port, rootfs
from sysinv.agent.collectors.disk_path import path_name

MakeRoot = Callable[[Mapping[str, str]], Root]
PCI_IDS = """# made for this test
8086  Intel Corporation
\t1572  Ethernet Controller X710
\t\t8086 0001  Ethernet Converged Network Adapter X710-4
\t4940  4xxx Series QAT
10de  NVIDIA Corporation
\t20b5  GA100 [A100 PCIe 80GB]
C 02  Network controller
\t00  Ethernet controller
C 03  Display controller
\t02  3D controller
C 0b  Processor
\t40  Co-processor
\t\t00  some interface"""


def function(address: str, ids: tuple[str, str, str, str, str], **more: str) -> dict[str, str]:
    """A PCI function at the top bus: directory, ids, and its link in the bus directory."""
    base = f"sys/devices/pci0000:00/{address}"
    names = ("class", "vendor", "device", "subsystem_vendor", "subsystem_device")
    return {f"{base}/{name}": f"0x{value}" for name, value in zip(names, ids, strict=True)} | {
        f"{base}/{name}": value for name, value in more.items()} | {
        f"{base}/subsystem": "->../../../bus/pci",
        f"sys/bus/pci/devices/{address}": f"->../../../devices/pci0000:00/{address}"}


def net(device: str, name: str, mac: str, **more: str) -> dict[str, str]:
    """A network device below a device directory (relative to sys/devices), with its class link."""
    base = f"sys/devices/{device}/net/{name}"
    values = {"type": "1", "address": mac, "mtu": "1500", "flags": "0x1003", "uevent": f"INTERFACE={name}", **more}
    return {f"{base}/{key}": value for key, value in values.items()} | {
        f"{base}/device": "->../..", f"sys/class/net/{name}": f"->../../devices/{device}/net/{name}"}


def virtual(name: str, mac: str = "02:00:00:00:00:01", **more: str) -> dict[str, str]:
    base = f"sys/devices/virtual/net/{name}"
    values = {"type": "1", "address": mac, "mtu": "1500", "flags": "0x1003", "uevent": f"INTERFACE={name}", **more}
    return {f"{base}/{key}": value for key, value in values.items()} | {
        f"sys/class/net/{name}": f"->../../devices/virtual/net/{name}"}


NIC = ("020000", "8086", "1572", "8086", "0001")
PF = {**function("0000:00:05.0", NIC, sriov_totalvfs="64", sriov_numvfs="2", numa_node="1",
                 virtfn0="->../0000:00:05.2", virtfn1="->../0000:00:05.3", driver="->../../../bus/pci/drivers/i40e"),
      **net("pci0000:00/0000:00:05.0", "ens5f0", "AA:BB:CC:00:00:01", speed="25000", dev_port="0", duplex="full"),
      **function("0000:00:05.2", ("020000", "8086", "154c", "8086", "0000"), physfn="->../0000:00:05.0",
                 driver="->../../../bus/pci/drivers/iavf"),
      **net("pci0000:00/0000:00:05.2", "ens5f0v0", "aa:bb:cc:00:00:02"),
      **function("0000:00:05.3", ("020000", "8086", "154c", "8086", "0000"), physfn="->../0000:00:05.0")}


def test_sriov_port_reports_its_functions_and_they_are_no_ports(make_root: MakeRoot) -> None:
    (report,) = port.collect(make_root({**PF, "usr/share/misc/pci.ids": PCI_IDS}))
    assert (report.name, report.pciaddr, report.mac, report.speed_mbps) == (
        "ens5f0", "0000:00:05.0", "aa:bb:cc:00:00:01", 25000)
    assert (report.sriov_totalvfs, report.sriov_numvfs) == (64, 2)
    assert report.sriov_vfs_pci_address == ("0000:00:05.2", "0000:00:05.3")
    assert (report.sriov_vf_driver, report.sriov_vf_pdevice_id, report.driver) == ("iavf", "154c", "i40e")
    assert (report.pclass, report.pvendor) == ("Ethernet controller [0200]", "Intel Corporation [8086]")
    assert report.pdevice == "Ethernet Controller X710 [1572]"
    assert report.psdevice == "Ethernet Converged Network Adapter X710-4 [0001]"


def test_names_may_come_from_another_root(make_root: MakeRoot, tmp_path_factory: pytest.TempPathFactory) -> None:
    named = tmp_path_factory.mktemp("names")
    (named / "usr/share/hwdata").mkdir(parents=True)
    (named / "usr/share/hwdata/pci.ids").write_text(PCI_IDS)
    root = make_root(PF)
    assert port.collect(root)[0].pvendor == "Vendor 8086 [8086]"
    assert port.collect(root, Root(named))[0].pvendor == "Intel Corporation [8086]"


def test_two_ports_of_one_function_differ_by_dev_port(make_root: MakeRoot) -> None:
    root = make_root({**function("0000:00:06.0", NIC),
                      **net("pci0000:00/0000:00:06.0", "ens6", "aa:bb:cc:00:01:01", dev_port="0"),
                      **net("pci0000:00/0000:00:06.0", "ens6d1", "aa:bb:cc:00:01:02", dev_port="1", dev_id="0x0")})
    assert [(one.pciaddr, one.dev_id) for one in port.collect(root)] == [("0000:00:06.0", 0), ("0000:00:06.0", 1)]


@pytest.mark.parametrize(("speed", "told"), [("-1", None), ("4294967295", None), ("100000", 100000)])
def test_speed_of_a_link_that_is_down_is_unknown(make_root: MakeRoot, speed: str, told: int | None) -> None:
    root = make_root({**function("0000:00:06.0", NIC),
                      **net("pci0000:00/0000:00:06.0", "e0", "aa:bb:cc:00:01:01", speed=speed, duplex="unknown")})
    (report,) = port.collect(root)
    assert (report.speed_mbps, report.duplex) == (told, None)


def test_virtio_port_has_the_address_of_its_pci_function(make_root: MakeRoot) -> None:
    device = "pci0000:00/0000:00:03.0/virtio1"
    root = make_root({**function("0000:00:03.0", ("020000", "1af4", "1000", "1af4", "0001")),
                      **net(device, "eth0", "52:54:00:00:00:01"),
                      f"sys/devices/{device}/subsystem": "->../../../../bus/virtio",
                      f"sys/devices/{device}/driver": "->../../../../bus/virtio/drivers/virtio_net"})
    (report,) = port.collect(root)
    assert (report.pciaddr, report.driver, report.pvendor) == ("0000:00:03.0", "virtio_net", "Vendor 1af4 [1af4]")


def test_ports_on_other_buses_are_told_apart(make_root: MakeRoot) -> None:
    hub = "pci0000:00/0000:00:14.0/usb1/1-1"
    files = function("0000:00:14.0", ("0c0330", "8086", "a12f", "0000", "0000"))
    for number in (0, 1):
        device = f"{hub}/1-1.{number}:1.0"
        files |= net(device, f"usb{number}", f"00:e0:4c:00:00:0{number}")
        files[f"sys/devices/{device}/subsystem"] = "->../../../../../../bus/usb"
    assert [one.pciaddr for one in port.collect(make_root(files))] == ["usb:1-1.0:1.0", "usb:1-1.1:1.0"]


def test_bonded_slave_is_reported_with_its_permanent_address(make_root: MakeRoot) -> None:
    root = make_root({**PF, "proc/net/bonding/bond0":
                      "Ethernet Channel Bonding Driver\nMII Status: up\n\nSlave Interface: ens5f0\nMII Status: up\n"
                      "Permanent HW addr: AA:BB:CC:99:99:99",
                      **virtual("bond0", "aa:bb:cc:00:00:01", uevent="DEVTYPE=bond")})
    assert [(one.name, one.mac) for one in port.collect(root)] == [("ens5f0", "aa:bb:cc:99:99:99")]


def test_bond_slave_says_its_own_address(make_root: MakeRoot) -> None:
    place = "sys/devices/pci0000:00/0000:00:05.0/net/ens5f0/bonding_slave/perm_hwaddr"
    (report,) = port.collect(make_root({**PF, place: "aa:bb:cc:88:88:88"}))
    assert report.mac == "aa:bb:cc:88:88:88"
    (report,) = port.collect(make_root({"proc/net/bonding/bond0": "Slave Interface: ens5f0\nPermanent HW addr: 00:00"}))
    assert report.mac == "aa:bb:cc:88:88:88"


def test_the_kernel_is_asked_for_an_address_that_was_set() -> None:
    for name in os.listdir("/sys/class/net"):
        mac = permanent_mac.permanent_mac(Root("/"), name)
        assert mac is None or (len(mac) == 17 and mac != "00:00:00:00:00:00")
    assert permanent_mac.asked("no-such-device") == ""


def test_two_ports_with_one_address_are_two_and_what_lies_over_a_port_is_none(make_root: MakeRoot) -> None:
    """A failover master, a VLAN and a macvlan have the address of the port they stand on."""
    mac = "aa:bb:cc:00:00:01"
    over = {f"sys/devices/pci0000:00/0000:00:05.0/net/over0/{key}": value for key, value in (
        ("type", "1"), ("address", mac), ("flags", "0x1003"), ("uevent", "INTERFACE=over0"), ("device", "->../.."),
        ("lower_ens5f0", "->../ens5f0"))}
    root = make_root({
        **PF, **over, "sys/class/net/over0": "->../../devices/pci0000:00/0000:00:05.0/net/over0",
        **function("0000:00:06.0", NIC), **net("pci0000:00/0000:00:06.0", "ens6", mac),
        **virtual("mgmt0", mac), **virtual("mgmt0.5", mac, lower_mgmt0="->../mgmt0"),
        **virtual("macvlan0", mac, uevent="DEVTYPE=macvlan"), "run/systemd/container": "nspawn"})
    assert [(one.name, one.mac) for one in port.collect(root)] == [("ens5f0", mac), ("ens6", mac), ("mgmt0", mac)]


def test_infiniband_is_no_ethernet_port(make_root: MakeRoot) -> None:
    address = "80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:77:88:90"
    assert port.collect(make_root({**function("0000:00:07.0", ("020700", "15b3", "1003", "15b3", "0001")),
                                   **net("pci0000:00/0000:00:07.0", "ib0", address, type="32"),
                                   **net("pci0000:00/0000:00:07.0", "odd0", address, type="1")})) == []


SOFTWARE = {**virtual("lo", "00:00:00:00:00:00", type="772"), **virtual("br0", uevent="DEVTYPE=bridge"),
            **virtual("bond0", uevent="DEVTYPE=bond"), **virtual("vlan10", uevent="DEVTYPE=vlan"),
            **virtual("oldvlan"), "proc/net/vlan/oldvlan": "x", **virtual("oldbridge"),
            "sys/devices/virtual/net/oldbridge/bridge/": "", **virtual("tap0", tun_flags="0x1002"),
            **virtual("qtun", tun_flags="0x1002"), **virtual("ifb0", flags="0x82"), **virtual("dummy0", flags="0x83"),
            **virtual("cali1234"), **virtual("veth99"), **virtual("ib0", "80:00:00:48", type="32")}


def test_veth_legs_are_ports_inside_a_container_only(make_root: MakeRoot) -> None:
    root = make_root({**SOFTWARE, **virtual("mgmt0", "02:aa:00:00:00:01"), **virtual("oam0", "02:aa:00:00:00:02")})
    assert port.collect(root) == []
    (root.path / "run/systemd").mkdir(parents=True)
    (root.path / "run/systemd/container").write_text("systemd-nspawn")
    assert [(one.name, one.pciaddr, one.dev_id, one.mac, one.driver) for one in port.collect(root)] == [
        ("mgmt0", "virtual:mgmt0", 0, "02:aa:00:00:00:01", "veth"),
        ("oam0", "virtual:oam0", 0, "02:aa:00:00:00:02", "veth")]
    assert port.macs(root) == ["02:aa:00:00:00:01", "02:aa:00:00:00:02"]


def test_pci_devices_of_interest(make_root: MakeRoot) -> None:
    root = make_root({
        **PF, "usr/share/misc/pci.ids": PCI_IDS,
        **function("0000:00:08.0", ("030200", "10de", "20b5", "10de", "1533"), numa_node="0",
                   driver="->../../../bus/pci/drivers/nvidia"),
        **function("0000:00:09.0", ("0b4000", "8086", "4940", "8086", "0000"), sriov_totalvfs="16", sriov_numvfs="0"),
        **function("0000:00:0a.0", ("088000", "8086", "3c20", "0000", "0000")),
        **function("0000:00:0b.0", ("060400", "8086", "3c02", "0000", "0000")),
        **function("0000:00:0c.0", ("080500", "8086", "5ad0", "0000", "0000"))})
    gpu, qat, reader = pci.collect(root)
    assert (gpu.pciaddr, gpu.pclass_id, gpu.pvendor_id, gpu.pdevice_id) == ("0000:00:08.0", "030200", "10de", "20b5")
    assert (gpu.pclass, gpu.pvendor, gpu.pdevice) == ("3D controller", "NVIDIA Corporation", "GA100 [A100 PCIe 80GB]")
    assert (gpu.psvendor, gpu.psdevice, gpu.driver) == ("NVIDIA Corporation", "Device 1533", "nvidia")
    assert (qat.pclass, qat.sriov_totalvfs, qat.sriov_numvfs, qat.sriov_vfs_pci_address) == ("Co-processor", 16, 0, ())
    assert (reader.pclass, reader.psvendor, reader.psdevice) == ("Class 0805", "", "")


def test_node_of_a_device_by_its_local_cpus_when_the_kernel_has_no_number(make_root: MakeRoot) -> None:
    nodes = {"sys/devices/system/cpu/online": "0-3", "sys/devices/system/node/node0/cpulist": "0-1",
             "sys/devices/system/node/node1/cpulist": "2-3", "sys/devices/system/node/node2/cpulist": ""}
    gpu = ("030000", "10de", "20b5", "0000", "0000")
    root = make_root({**nodes, **function("0000:00:01.0", gpu, numa_node="-1", local_cpulist="2-3"),
                      **function("0000:00:02.0", gpu, numa_node="-1", local_cpulist="0-3"),
                      **function("0000:00:03.0", gpu, local_cpus="3"),
                      **function("0000:00:04.0", gpu, numa_node="-1", local_cpulist="")})
    assert [one.numa_node for one in pci.collect(root)] == [1, -1, 0, -1]


def block(device: str, name: str, number: str, sectors: int, **more: str) -> dict[str, str]:
    base = f"sys/devices/{device}/block/{name}"
    return {f"{base}/dev": number, f"{base}/size": str(sectors), **{f"{base}/{key.replace('__', '/')}": value
                                                                     for key, value in more.items()},
            f"sys/class/block/{name}": f"->../../devices/{device}/block/{name}",
            f"sys/dev/block/{number}": f"->../../devices/{device}/block/{name}"}


def partition(device: str, disk_name: str, name: str, number: str, sectors: int) -> dict[str, str]:
    base = f"sys/devices/{device}/block/{disk_name}/{name}"
    return {f"{base}/partition": name[-1], f"{base}/size": str(sectors), f"{base}/dev": number,
            f"sys/class/block/{name}": f"->../../devices/{device}/block/{disk_name}/{name}",
            f"sys/dev/block/{number}": f"->../../devices/{device}/block/{disk_name}/{name}"}


GIB_SECTORS = 2 * 1024 * 1024
AHCI = "pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0"
SATA = {**block(AHCI, "sda", "8:0", 100 * GIB_SECTORS, queue__rotational="1", queue__logical_block_size="512"),
        **partition(AHCI, "sda", "sda1", "8:1", GIB_SECTORS), **partition(AHCI, "sda", "sda2", "8:2", 20 * GIB_SECTORS),
        "sys/devices/pci0000:00/0000:00:1f.2/ata3/ata_port/ata3/port_no": "1"}


def test_disk_as_udev_knows_it(make_root: MakeRoot) -> None:
    root = make_root({**SATA, "run/udev/data/b8:0": "\n".join([
        "S:disk/by-id/wwn-0x5000c500a1b2c3d4", "S:disk/by-id/ata-ST1000_Z1D2", "S:disk/by-path/pci-0000:00:1f.2-ata-1",
        "E:ID_ATA_ROTATION_RATE_RPM=7200", "E:ID_MODEL=ST1000NM0011", "E:ID_SERIAL_SHORT=Z1D2",
        "E:ID_PART_TABLE_TYPE=gpt"])})
    (report,) = disk.collect(root)
    assert (report.device_node, report.device_num, report.device_type) == ("/dev/sda", os.makedev(8, 0), "HDD")
    assert (report.device_id, report.device_wwn, report.device_path) == (
        "/dev/disk/by-id/ata-ST1000_Z1D2", "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1")
    assert (report.rpm, report.model, report.serial_id) == ("7200", "ST1000NM0011", "Z1D2")
    assert (report.size_mib, report.available_mib) == (102400, 79 * 1024 - 2 - 2)


def test_disk_without_udev_is_named_by_its_place(make_root: MakeRoot) -> None:
    root = make_root({**SATA, f"sys/devices/{AHCI}/block/sda/device": "->../..", f"sys/devices/{AHCI}/model": "DISK"})
    (report,) = disk.collect(root)
    assert report.device_path == "/dev/disk/by-path/pci-0000:00:1f.2-ata-1"
    assert (report.device_id, report.rpm, report.serial_id, report.model) == (None, "Undetermined", None, "DISK")


def test_links_in_dev_stand_in_for_the_database(make_root: MakeRoot) -> None:
    root = make_root({**SATA, "dev/sda": "", "dev/disk/by-path/pci-0000:00:1f.2-ata-9": "->../../sda",
                      "dev/disk/by-id/wwn-0x1": "->../../sda", "dev/disk/by-id/ata-X": "->../../sda",
                      "dev/disk/by-id/ata-OTHER": "->../../sdb"})
    (report,) = disk.collect(root)
    assert (report.device_path, report.device_id, report.device_wwn) == (
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-9", "/dev/disk/by-id/ata-X", "/dev/disk/by-id/wwn-0x1")


def gpt(root: Root, name: str, block_bytes: int) -> None:
    (root.path / "dev").mkdir(exist_ok=True)
    (root.path / "dev" / name).write_bytes(b"\0" * block_bytes + b"EFI PART" + b"\0" * 64)


@pytest.mark.parametrize("block_bytes", [512, 4096])
def test_partition_table_is_looked_for_on_the_disk_itself(make_root: MakeRoot, block_bytes: int) -> None:
    root = make_root({**SATA, f"sys/devices/{AHCI}/block/sda/queue/logical_block_size": str(block_bytes)})
    assert disk.collect(root)[0].available_mib == 0
    gpt(root, "sda", block_bytes)
    assert disk.collect(root)[0].available_mib == 79 * 1024 - 2 - 2


def test_whole_disk_physical_volume_offers_no_space(make_root: MakeRoot) -> None:
    root = make_root({**SATA, f"sys/devices/{AHCI}/block/sda/holders/dm-0": ""})
    gpt(root, "sda", 512)
    assert disk.collect(root)[0].available_mib == 0


def test_nvme_virtio_and_what_is_no_disk(make_root: MakeRoot) -> None:
    nvme, virtio = "pci0000:00/0000:00:02.0/nvme/nvme0", "pci0000:00/0000:00:04.0/virtio2"
    root = make_root({
        **block(nvme, "nvme0n1", "259:0", GIB_SECTORS, queue__rotational="0", nsid="1"),
        f"sys/devices/{nvme}/block/nvme0n1/device": "->../..", f"sys/devices/{nvme}/serial": "S4XY",
        f"sys/devices/{nvme}/model": "FAST  DISK ",
        **block(nvme, "nvme0c0n1", "259:5", GIB_SECTORS, hidden="1"),
        **block(virtio, "vda", "254:0", GIB_SECTORS, queue__rotational="1", serial="v-serial"),
        **block("virtual", "loop0", "7:0", GIB_SECTORS), **block("virtual", "zram0", "253:0", GIB_SECTORS),
        **block("virtual", "dm-0", "253:1", GIB_SECTORS), **block("virtual", "md0", "9:0", GIB_SECTORS),
        **block(AHCI, "sr0", "11:0", GIB_SECTORS, removable="1"), **block(AHCI, "sdb", "8:16", 0),
        **block(AHCI, "sdc", "8:32", GIB_SECTORS, removable="1")})
    fast, cloud = disk.collect(root)
    assert (fast.device_node, fast.device_type, fast.rpm, fast.serial_id, fast.model) == (
        "/dev/nvme0n1", "NVME", "N/A", "S4XY", "FAST DISK")
    assert fast.device_path == "/dev/disk/by-path/pci-0000:00:02.0-nvme-1"
    assert (cloud.device_node, cloud.serial_id) == ("/dev/vda", "v-serial")
    assert cloud.device_path == "/dev/disk/by-path/pci-0000:00:04.0"


def test_nvme_disk_with_several_controllers(make_root: MakeRoot) -> None:
    """The kernel shows it as a virtual device and hides its paths."""
    head = "virtual/nvme-subsystem/nvme-subsys0"
    files = {f"sys/devices/{head}/nvme0n1/{name}": text for name, text in (
        ("dev", "259:0"), ("size", str(GIB_SECTORS)), ("nsid", "1"), ("device", "->.."), ("hidden", "0"))}
    root = make_root({
        **files, "sys/class/block/nvme0n1": f"->../../devices/{head}/nvme0n1", f"sys/devices/{head}/serial": "DUAL",
        **block("pci0000:00/0000:00:03.0/nvme/nvme1", "nvme0c1n1", "259:3", GIB_SECTORS, hidden="1"),
        **block("pci0000:00/0000:00:02.0/nvme/nvme0", "nvme0c0n1", "259:2", GIB_SECTORS, hidden="1"),
        **block("rbd/0", "rbd0", "252:0", GIB_SECTORS)})
    (report,) = disk.collect(root)
    assert (report.device_node, report.device_type, report.serial_id, report.device_path) == (
        "/dev/nvme0n1", "NVME", "DUAL", "/dev/disk/by-path/pci-0000:00:02.0-nvme-1")


def mapped(name: str, number: str, uuid: str, *below: str) -> dict[str, str]:
    base = f"virtual/block/{name}"
    return {f"sys/devices/{base}/dev": number, f"sys/devices/{base}/size": str(GIB_SECTORS),
            f"sys/class/block/{name}": f"->../../devices/{base}", f"sys/dev/block/{number}": f"->../../devices/{base}",
            f"sys/devices/{base}/dm/uuid": uuid, f"sys/devices/{base}/dm/name": f"name-of-{name}",
            **{f"sys/devices/{base}/slaves/{one}": f"->../../../../{one}" for one in below}}


MMC = "pci0000:00/0000:00:1c.0/mmc_host/mmc0/mmc0:0001"
EMMC = {**block(MMC, "mmcblk0", "179:0", GIB_SECTORS, queue__rotational="0"),
        **partition(MMC, "mmcblk0", "mmcblk0p2", "179:2", 1000),
        **block(MMC, "mmcblk0boot0", "179:8", 8192), **block(MMC, "mmcblk0boot1", "179:16", 8192),
        **block(MMC, "mmcblk0rpmb", "179:24", 8192)}


@pytest.mark.parametrize(("files", "names"), [
    (EMMC, ["/dev/mmcblk0"]),
    (block("vbd-51712", "xvda", "202:0", GIB_SECTORS), ["/dev/xvda"]),
    (block("css0/0.0.0002/0.0.0150", "dasda", "94:0", GIB_SECTORS), ["/dev/dasda"]),
    (block("LNXSYSTM:00/ndbus0/region0/namespace0.0", "pmem0", "259:7", GIB_SECTORS), ["/dev/pmem0"]),
    (block("pci0000:00/0000:00:05.0/virtio3", "vda", "247:0", GIB_SECTORS), ["/dev/vda"]),
    (block("pci0000:00/0000:00:06.0/cciss0", "cciss!c0d0", "104:0", GIB_SECTORS), ["/dev/cciss/c0d0"]),
    ({**block("virtual", "ram0", "1:0", 9999), **block("virtual", "nbd0", "43:0", 9999),
      **block("pci0000:00/0000:00:1f.1/ata9", "fd0", "2:0", 2880), **block("x", "odd", "8:", 9999)}, [])])
def test_every_kind_of_disk_that_can_hold_a_system(make_root: MakeRoot, files: dict[str, str],
                                                   names: list[str]) -> None:
    reports = disk.collect(make_root(files))
    assert [one.device_node for one in reports] == names
    assert all(one.device_path for one in reports)


def paths(holder: str) -> dict[str, str]:
    """Two SCSI paths to one disk that ``holder`` stands for."""
    found: dict[str, str] = {}
    for host, name, number in ((1, "sda", "8:0"), (2, "sdb", "8:16")):
        place = f"pci0000:00/0000:00:1{host}.0/host{host}/target{host}:0:0/{host}:0:0:0"
        found |= {**block(place, name, number, GIB_SECTORS),
                  f"sys/devices/{place}/block/{name}/holders/{holder}": f"->../../../../{holder}"}
    return found


def test_a_multipath_map_stands_for_its_paths_and_an_lvm_volume_for_none(make_root: MakeRoot) -> None:
    root = make_root({
        **paths("dm-0"), **mapped("dm-0", "253:0", "mpath-36001405", "sda", "sdb"),
        **mapped("dm-1", "253:1", "part2-mpath-36001405", "dm-0"), **mapped("dm-2", "253:2", "LVM-abc", "dm-1"),
        "proc/self/mountinfo": "30 1 253:2 / / rw - ext4 /dev/mapper/cgts--vg-root rw"})
    (report,) = disk.collect(root)
    assert (report.device_node, report.device_path, report.is_rootfs) == ("/dev/dm-0", "/dev/mapper/name-of-dm-0", True)


@pytest.mark.parametrize(("members", "names"), [
    (("sda", "sdb"), ["/dev/md126", "/dev/sda", "/dev/sdb"]), (("sda2",), ["/dev/sda"])])
def test_an_array_of_disks_is_a_disk_and_one_of_partitions_a_volume(make_root: MakeRoot, members: tuple[str, ...],
                                                                    names: list[str]) -> None:
    array = {f"sys/devices/virtual/block/md126/{key}": value for key, value in (
        ("dev", "9:126"), ("size", str(GIB_SECTORS)), ("md/level", "raid1"))}
    root = make_root({
        **(SATA if members == ("sda2",) else paths("md126")), **array,
        **{f"sys/devices/virtual/block/md126/slaves/{one}": f"->../../../../{one}" for one in members},
        "sys/class/block/md126": "->../../devices/virtual/block/md126",
        "sys/dev/block/9:126": "->../../devices/virtual/block/md126",
        "proc/self/mountinfo": "30 1 9:126 / / rw - ext4 /dev/md126 rw"})
    reports = disk.collect(root)
    assert [one.device_node for one in reports] == names
    assert [one.device_node for one in reports if one.is_rootfs] == [names[0]]


@pytest.mark.parametrize("told", [
    "UUID=0b1c-77", "PARTUUID=ABCD-02", "LABEL=root", "/dev/disk/by-path/p-part2", "/dev/mmcblk0p2", "179:2",
    "/dev/mapper/sys"])
@pytest.mark.parametrize("by_udev", [False, True])
@pytest.mark.parametrize("by_kernel", [False, True])
def test_the_boot_disk_under_any_of_its_names(make_root: MakeRoot, told: str, by_udev: bool, by_kernel: bool) -> None:
    links = ["disk/by-uuid/0b1c-77", "disk/by-partuuid/abcd-02", "disk/by-label/root", "disk/by-path/p-part2",
             "mapper/sys"]
    files = {"run/udev/data/b179:2": "\n".join(f"S:{link}" for link in links)} if by_udev else {
        f"dev/{link}": "->" + "../" * link.count("/") + "mmcblk0p2" for link in links}
    place = ({"proc/cmdline": f"quiet root=/dev/nothing root={told} ro"} if by_kernel else
             {"etc/platform/platform.conf": f'rootfs_device="{told}"'})
    root = make_root({**EMMC, **files, "proc/mounts": "/dev/root / ext4 rw 0 0", **place})
    assert next(iter(rootfs.boot_disks(root)), None) == "mmcblk0"


def test_a_root_file_system_with_a_number_of_its_own(make_root: MakeRoot) -> None:
    root = make_root({**EMMC, "proc/self/mountinfo": "30 1 0:27 /@ / rw shared:1 - btrfs /dev/mmcblk0p2 rw,subvol=/@"})
    assert next(iter(rootfs.boot_disks(root)), None) == "mmcblk0"


def test_a_removable_medium_is_a_disk_when_the_system_runs_from_it(make_root: MakeRoot) -> None:
    stick = block(AHCI, "sdc", "8:32", GIB_SECTORS, removable="1")
    assert disk.collect(make_root(stick)) == []
    root = make_root({"proc/self/mountinfo": "30 1 8:32 / / rw - ext4 /dev/sdc rw"})
    assert [one.device_node for one in disk.collect(root)] == ["/dev/sdc"]


def test_container_without_disks_has_none(make_root: MakeRoot) -> None:
    root = make_root({"proc/mounts": "overlay / overlay rw 0 0",
                      "proc/self/mountinfo": "1 0 0:50 / / rw - overlay o rw"})
    assert disk.collect(root) == []
    assert disk.collect(make_root({"sys/class/block/": ""})) == []


def test_scsi_hosts_are_counted_within_their_controller(make_root: MakeRoot) -> None:
    base = "pci0000:00/0000:00:10.0"
    root = make_root({**block(f"{base}/host6/target6:0:1/6:0:1:0", "sdq", "65:0", GIB_SECTORS),
                      **block(f"{base}/host7/target7:0:1/7:0:1:2", "sdr", "65:16", GIB_SECTORS)})
    assert [path_name(root, name) for name in ("sdq", "sdr")] == [
        "pci-0000:00:10.0-scsi-0:0:1:0", "pci-0000:00:10.0-scsi-1:0:1:2"]


@pytest.mark.parametrize(("extra", "boot"), [
    ({"proc/self/mountinfo": "30 1 8:2 / / rw - ext4 /dev/root rw"}, "sda"),
    ({"proc/self/mountinfo": "1 0 0:2 / / rw - rootfs rootfs rw\n30 1 8:2 / / rw - ext4 /dev/root rw"}, "sda"),
    ({"proc/mounts": "rootfs / rootfs rw 0 0\n/dev/sda2 / ext4 rw 0 0"}, "sda"),
    ({"proc/self/mountinfo": "30 1 253:0 / / rw - ext4 /dev/mapper/cgts--vg-root rw",
      "sys/devices/virtual/block/dm-0/slaves/sda2": "->../../../x", "sys/class/block/dm-0":
      "->../../devices/virtual/block/dm-0", "sys/dev/block/253:0": "->../../devices/virtual/block/dm-0"}, "sda"),
    ({"proc/self/mountinfo": "1 0 0:50 / / rw - overlay o rw", "etc/platform/platform.conf":
      "nodetype=worker\nrootfs_device=/dev/disk/by-path/p", "dev/disk/by-path/p": "->../../sda"}, "sda"),
    ({"etc/platform/platform.conf": "rootfs_device=/dev/sda"}, "sda"),
    ({"etc/platform/platform.conf": "rootfs_device=/dev/sdz"}, None), ({}, None)])
def test_boot_disk(make_root: MakeRoot, extra: dict[str, str], boot: str | None) -> None:
    root = make_root({**SATA, **extra})
    assert next(iter(rootfs.boot_disks(root)), None) == boot
    assert [one.is_rootfs for one in disk.collect(root)] == [boot == "sda"]
