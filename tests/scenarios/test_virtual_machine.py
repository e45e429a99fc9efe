# SPDX-License-Identifier: Apache-2.0
"""What an operator asks of a host's disks and interfaces, on a machine whose kernel has LVM, bonds and VLANs."""
from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from typing import Any

import pytest

from devstack.virtualcloud.guestimage import guest_image
from flock.exec import run
from flock.testing.daemons import BIN, empty_database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.sysinv.conftest import Sysinv
from tests.scenarios.virtualmachine import MAC, VirtualMachine, site, there, unit_options

HOST = "worker-0"
CONFIGURED_S = 420.0
READY, IN_USE = 0, 1
pytestmark = pytest.mark.timeout(3000)


class Host:
    """A worker in a virtual machine, known to a real sysinv."""

    def __init__(self, sysinv: Sysinv, machine: VirtualMachine, keystone: KeystoneServer) -> None:
        self.sysinv, self.machine = sysinv, machine
        self._environment = {**keystone.credentials("admin"), "PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore"}

    def system(self, *argv: str) -> str:
        """What an operator's command prints."""
        return run([str(BIN / "system"), *argv], timeout_s=120, env={**os.environ, **self._environment}).out

    def rows(self, *argv: str) -> list[dict[str, str]]:
        """The rows of a list command."""
        return list(csv.DictReader(io.StringIO(self.system(*argv, "-f", "csv"))))

    def items(self, collection: str) -> list[dict[str, Any]]:
        """A collection of the host as the API shows it, and names of columns of commands do not matter."""
        return list(self.sysinv.get(f"/v1/ihosts/{HOST}/{collection}").body[collection])

    def join(self) -> None:
        """Make the machine a worker whose agent has reported its inventory."""
        machine, mac = self.machine, MAC.format(1)
        assert self.sysinv.lease(mac).rc == 0
        self.uuid = self.sysinv.discovered(mac)
        assert self.sysinv.patch(f"/v1/ihosts/{self.uuid}", personality="worker", hostname=HOST).status == 200
        machine.run("hostnamectl", "set-hostname", HOST)
        machine.write("/etc/flock/flock.conf", "\n".join((
            "[DEFAULT]", f"transport_url = {there(self.sysinv.rabbit_url)}", "state_dir = /var/lib/flock",
            "run_dir = /run/flock", "[rpc]", f"exchange = {self.sysinv.exchange}", "")))
        machine.write("/etc/flock/sysinv.conf", "\n".join((
            "[agent]", f"hostname = {HOST}", "audit_interval = 5", "retry_interval = 2", "lookup_interval = 2",
            "lookup_retry = 2", "watch_addresses = false", "")))
        for name in ("flock-config", "flock-sysinv-agent"):
            machine.run("cp", f"/opt/flock/checkout/etc/systemd/{name}.service", "/etc/systemd/system/")
            machine.write(f"/etc/systemd/system/{name}.service.d/checkout.conf",
                          unit_options(() if name == "flock-config" else ("TimeoutStartSec=400", "WatchdogSec=300")))
        machine.write("/etc/platform/.initial_config_complete", "")
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "enable", "flock-config", "flock-sysinv-agent")
        machine.run("systemctl", "start", "--no-block", "flock-sysinv-agent")
        machine.wait(lambda: self.sysinv.host(HOST)["inv_state"] == "inventoried", "the inventory", CONFIGURED_S)
        self.sysinv.state(HOST, availability="online")

    def unlock(self) -> None:
        """Unlock the host, and restart its machine as maintenance does; returns when it has what it should have."""
        self.system("host-unlock", HOST)
        self.machine.wait(self._unlock_passed, "the unlock to be carried out")
        self.machine.restart()
        self.sysinv.state(HOST, administrative="unlocked", operational="enabled", availability="available", task="")
        self.machine.wait(self._is_configured, "the configuration", CONFIGURED_S)
        assert self.rows("host-config-diff", HOST) == []

    def lock(self) -> None:
        """Lock it; maintenance is emulated."""
        self.system("host-lock", HOST)
        self.machine.wait(self._unlock_passed, "the lock to be carried out")
        self.sysinv.state(HOST, administrative="locked", operational="disabled", availability="online", task="")

    def _unlock_passed(self) -> bool:
        operations = self.sysinv.get(f"/v1/ihosts/{HOST}/operations").body["operations"]
        return all(one["state"] in ("done", "failed") for one in operations if one["action"] in ("lock", "unlock"))

    def _is_configured(self) -> bool:
        found = self.sysinv.host(HOST)
        return found["config_target"] is not None and found["config_applied"] == found["config_target"]


@pytest.fixture(scope="module")
def sysinv(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitNode,
           keystone: KeystoneServer) -> Iterator[Sysinv]:
    """Conductor and API of this module, on PostgreSQL."""
    folder = tmp_path_factory.mktemp("sysinv")
    with empty_database(request, "postgresql", folder) as url:
        service = Sysinv(folder, url, rabbit, keystone)
        keystone.add_service("platform", "sysinv", f"{service.base}/v1")
        try:
            service.start()
            yield service
        finally:
            service.stop()


@pytest.fixture(scope="module")
def host(sysinv: Sysinv, keystone: KeystoneServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """The virtual machine as a locked worker; it was in service once."""
    image = guest_image(site())
    if not image.ready():
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("no image for virtual machines (devstack/prepare.sh --scenarios)")
        pytest.skip("no image for virtual machines (devstack/prepare.sh --scenarios)")
    machine = VirtualMachine(tmp_path_factory.mktemp("machine"), image)
    try:
        machine.start()
        found = Host(sysinv, machine, keystone)
        found.join()
        found.unlock()
        found.lock()
        yield found
    finally:
        machine.stop()


def named(host: Host, number: int) -> str:
    """The port with that number, as the host has reported it."""
    return next(row["name"] for row in host.items("ethernet_ports") if row["mac"] == MAC.format(number))


def in_use(host: Host) -> dict[str, tuple[str, float]]:
    """Group and size in GiB of each physical volume that LVM has there."""
    told = host.machine.json("pvs", "--reportformat", "json", "--units", "g", "--nosuffix",
                             "-o", "pv_name,vg_name,pv_size")
    return {row["pv_name"]: (row["vg_name"], float(row["pv_size"])) for row in told["report"][0]["pv"]}


def partitions(host: Host) -> list[tuple[str, int]]:
    """Device and status of each partition."""
    return [(row["device_node"], row["status"]) for row in host.items("partitions")]


def test_a_volume_group_is_made_at_the_unlock_and_removed_at_the_next(host: Host) -> None:
    host.system("host-disk-partition-add", HOST, "/dev/vdb", "1")
    host.machine.wait(lambda: partitions(host) == [("/dev/vdb1", READY)], "the partition")
    assert [one["name"] for one in host.machine.json("lsblk", "--json", "/dev/vdb")["blockdevices"][0]["children"]] == [
        "vdb1"]
    host.system("host-lvg-add", HOST, "nova-local")
    host.system("host-pv-add", HOST, "nova-local", "/dev/vdb1")
    host.system("host-pv-add", HOST, "nova-local", "/dev/vdc")
    assert in_use(host) == {}
    host.unlock()
    host.machine.wait(lambda: states(host) == {"nova-local": "provisioned"}, "the group to be provisioned")
    found = in_use(host)
    assert {name: group for name, (group, _) in found.items()} == {"/dev/vdb1": "nova-local", "/dev/vdc": "nova-local"}
    assert 0.9 < found["/dev/vdb1"][1] < 1 < found["/dev/vdc"][1] < 2
    group, = host.items("ilvgs")
    assert (group["lvm_cur_pv"], group["lvm_cur_lv"], group["lvm_vg_access"]) == (2, 0, "wz--n-")
    assert 2.9 < group["lvm_vg_size"] / 2**30 < 3
    assert "provisioned" in host.system("host-lvg-list", HOST)
    assert partitions(host) == [("/dev/vdb1", IN_USE)]
    host.lock()
    for volume in ("/dev/vdb1", "/dev/vdc"):
        host.system("host-pv-delete", HOST, volume)
    host.system("host-lvg-delete", HOST, "nova-local")
    host.unlock()
    host.machine.wait(lambda: states(host) == {}, "the group to be gone")
    assert in_use(host) == {} and host.items("ipvs") == []
    host.lock()
    host.machine.wait(lambda: partitions(host) == [("/dev/vdb1", READY)], "the partition to be free")
    host.system("host-disk-partition-delete", HOST, "/dev/vdb1")
    host.machine.wait(lambda: partitions(host) == [], "the partition to be gone")
    assert "children" not in host.machine.json("lsblk", "--json", "/dev/vdb")["blockdevices"][0]


def states(host: Host) -> dict[str, str]:
    """State of each volume group."""
    return {row["lvm_vg_name"]: row["vg_state"] for row in host.items("ilvgs")}


def links(host: Host) -> dict[str, dict[str, Any]]:
    """The interfaces that the kernel has there."""
    return {one["ifname"]: one for one in host.machine.json("ip", "-d", "-j", "link", "show")}


def test_a_bond_and_its_vlan_follow_what_the_operator_says_and_leave_nothing(host: Host) -> None:
    before, first, second = set(links(host)), named(host, 2), named(host, 3)
    host.system("datanetwork-add", "physnet-0", "vlan", "-m", "1400")
    host.system("host-if-add", HOST, "bond0", "ae", first, second, "-a", "active_standby", "-c", "data", "-m", "9000")
    host.system("interface-datanetwork-assign", HOST, "bond0", "physnet-0")
    host.system("host-if-add", HOST, "data10", "vlan", "bond0", "-V", "10", "-c", "data", "-m", "1500")
    host.unlock()
    host.machine.wait(lambda: {"bond0", "data10"} <= set(links(host)), "bond and VLAN")
    found = links(host)
    assert set(found) == before | {"bond0", "data10"}
    assert [found[name]["mtu"] for name in ("bond0", "data10", first, second)] == [9000, 1500, 9000, 9000]
    assert found["bond0"]["linkinfo"]["info_data"]["mode"] == "active-backup"
    assert found["data10"]["linkinfo"]["info_data"]["id"] == 10 and found["data10"]["link"] == "bond0"
    assert {found[name]["master"] for name in (first, second)} == {"bond0"}
    told = host.machine.out("cat", "/proc/net/bonding/bond0")
    assert f"Slave Interface: {first}" in told and f"Slave Interface: {second}" in told
    assert "failed" not in host.machine.out("networkctl", "--no-legend", "--no-pager", "list")
    host.lock()
    host.system("host-if-modify", HOST, "bond0", "-a", "802.3ad", "-x", "layer2")
    host.system("host-if-modify", HOST, "data10", "-V", "11")
    host.unlock()
    host.machine.wait(lambda: links(host).get("data10", {}).get("linkinfo", {}).get("info_data", {}).get("id") == 11,
                      "the VLAN with its other id")
    found = links(host)
    assert found["bond0"]["linkinfo"]["info_data"]["mode"] == "802.3ad"
    assert found["bond0"]["linkinfo"]["info_data"]["xmit_hash_policy"] == "layer2"
    assert {found[name]["master"] for name in (first, second)} == {"bond0"}
    host.lock()
    host.system("host-if-delete", HOST, "data10")
    host.system("host-if-delete", HOST, "bond0")
    host.unlock()
    host.machine.wait(lambda: set(links(host)) == before, "the interfaces to be gone")
    found = links(host)
    assert all("master" not in found[name] and found[name]["mtu"] == 1500 for name in (first, second))
    assert "40-flock" not in host.machine.out("ls", "/etc/systemd/network")
    host.lock()
