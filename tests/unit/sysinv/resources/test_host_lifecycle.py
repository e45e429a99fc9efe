# SPDX-License-Identifier: Apache-2.0
"""A host's life through the API: discovered, given a role, installed, inventoried, unlocked, locked, deleted."""
from __future__ import annotations

import datetime
import json
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from cryptography import x509

from flock import tls
from flock.jobs.operations import Operations
from mtce.contract.bmcsecret import sealed_for, sent_for
from mtce.contract.records import ActionReply
from sysinv.db.lookup import host_row
from sysinv.hosts import credentials
from sysinv.model.hostfiles import bundle_purpose
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.device.report import PciDeviceReport
from sysinv.resources.disk.report import DiskReport
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.host.table import HOST_CREDENTIALS
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.port.report import PortReport

MAC = "08:00:27:be:6e:25"


def cpus(nodes: int = 2, cores: int = 8, threads: int = 2) -> list[CpuReport]:
    """CPUs of a machine whose siblings are numbered apart, as Linux does."""
    return [CpuReport(cpu=thread * nodes * cores + node * cores + core, core=core, thread=thread, numa_node=node,
                      socket=node, cpu_family="6", cpu_model="Xeon")
            for thread in range(threads) for node in range(nodes) for core in range(cores)]


def memory(node: int, total_mib: int = 32000, **changes: Any) -> MemoryReport:
    values: dict[str, Any] = {
        "numa_node": node, "node_memtotal_mib": total_mib, "memtotal_mib": total_mib - 1000,
        "memavail_mib": total_mib - 2000, "platform_reserved_mib": 0, "hugepages_nr_2m": 0, "hugepages_avail_2m": 0,
        "hugepages_nr_1g": 0, "hugepages_avail_1g": 0, "pages_4k": 1000, "supports_1g": True}
    return MemoryReport(**{**values, **changes})


def port(name: str = "pxeboot0", mac: str = MAC, pciaddr: str = "0000:00:03.0") -> PortReport:
    return PortReport(name=name, pciaddr=pciaddr, dev_id=0, mac=mac, mtu=1500, speed_mbps=1000, link_mode="0",
                      duplex="full", numa_node=0, driver="e1000", pclass="Ethernet controller", pvendor="Intel",
                      pdevice="82540EM", psvendor="", psdevice="")


def report_all(cloud: Any, uuid: str, after_install: bool = True) -> None:
    """Everything an agent says after its first boot."""
    intake = cloud.inventory
    intake.store(host_uuid=uuid, kind="platform", records=[PlatformReport(
        boot_id="b1", uptime_s=30, kernel_release="6.1", kernel_running="standard", after_install=after_install,
        first_report=True)])
    intake.store(host_uuid=uuid, kind="port", records=[port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0")])
    intake.store(host_uuid=uuid, kind="pci_device", records=[
        PciDeviceReport("0000:05:00.0", "030000", "10de", "1eb8", "3D controller", "NVIDIA", "T4", "", "", 0, None),
        PciDeviceReport("0000:06:00.0", "0b4000", "8086", "4940", "Co-processor", "Intel", "QAT", "", "", 0, None),
        PciDeviceReport("0000:07:00.0", "010802", "8086", "0953", "NVMe", "Intel", "P3700", "", "", 0, None)])
    numa = [NumaReport(0, tuple(range(8))), NumaReport(1, tuple(range(8, 16)))]
    intake.store(host_uuid=uuid, kind="numa", records=numa)
    intake.store(host_uuid=uuid, kind="cpu", records=cpus())
    intake.store(host_uuid=uuid, kind="memory", records=[memory(0), memory(1)])
    intake.store(host_uuid=uuid, kind="disk", records=[DiskReport(
        "/dev/sda", 2048, "SSD", "ata-1", "/dev/disk/by-path/pci-1", "wwn1", 240000, 0, "0", "S1", "M1", True)])
    intake.store(host_uuid=uuid, kind="lldp_agent", records=[
        LldpAgentReport("mgmt0", "rx=enabled,tx=enabled", "08:00:27:00:00:99", "08:00:27:00:00:99")])
    intake.store(host_uuid=uuid, kind="lldp_neighbour", records=[
        LldpNeighbourReport("mgmt0", "52:54:00:ab:cd:ef", "Ethernet1/7")])
    intake.inventory_completed(host_uuid=uuid)


def worker(cloud: Any, hostname: str = "worker-0", mac: str = MAC) -> str:
    """A worker that is installed, inventoried and online."""
    uuid = cloud.discover(mac)
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=hostname).status == 200
    cloud.settle()
    report_all(cloud, uuid)
    cloud.state(uuid, availability="online")
    return str(uuid)


def token_of(boot_file: str) -> str:
    return next(word for word in boot_file.split() if word.startswith("flock.install_token=")).partition("=")[2]


def test_a_lease_makes_one_host_without_role(cloud: Any) -> None:
    uuid = cloud.discover()
    assert cloud.discovery.lease(["pxeboot"], MAC.upper(), "169.254.202.78", 0) is None
    listed = cloud.get("/v1/ihosts").body["ihosts"]
    assert [host["hostname"] for host in listed] == ["controller-0", None]
    found = cloud.host(uuid)
    assert [found[name] for name in ("administrative", "operational", "availability")] == [
        "locked", "disabled", "offline"]
    assert found["personality"] is None and found["invprovision"] is None and found["mgmt_mac"] == MAC
    assert found["console"] == "ttyS0,115200" and found["peers"] is None and found["subfunctions"] is None
    assert found["icpus"][0]["rel"] == "self" and found["icpus"][0]["href"].endswith(f"/v1/ihosts/{uuid}/icpus")
    assert cloud.events.logged == [("200.020", f"host={MAC}.event=discovered")]


def test_only_the_first_tag_counts(cloud: Any) -> None:
    assert cloud.discovery.lease(["mgmt", "pxeboot"], MAC, "192.168.204.9", 0) is None
    assert cloud.discovery.lease([], MAC, "192.168.204.9", 0) is None


def test_a_simplex_discovers_nobody(simplex: Any) -> None:
    assert simplex.discovery.lease(["pxeboot"], MAC, "169.254.202.77", 0) is None


def test_a_role_gives_addresses_boot_file_and_maintenance(cloud: Any) -> None:
    uuid = cloud.discover()
    reply = cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    assert reply.status == 200 and reply.body["hostname"] == "worker-0" and reply.body["subfunctions"] == "worker"
    assert reply.body["mgmt_ip"].startswith("192.168.204.")
    cloud.settle()
    names = {one["name"]: one["address"] for one in cloud.get("/v1/ihosts/worker-0/addresses").body["addresses"]}
    assert set(names) == {"worker-0-mgmt", "worker-0-cluster-host"}
    text = cloud.boot_file(MAC)
    assert "pxe-worker-install-" in text and "rootfs_device=/dev/sda" in text and "console=ttyS0,115200" in text
    assert cloud.mtce.hosts[uuid].mgmt_ip == names["worker-0-mgmt"]
    known = (cloud.folder / "dnsmasq/dnsmasq.addn_hosts").read_text()
    assert f"{names['worker-0-mgmt']} worker-0.internal worker-0" in known


def test_a_role_is_final(cloud: Any) -> None:
    worker(cloud)
    assert cloud.patch("/v1/ihosts/worker-0", personality="controller").status == 400
    assert cloud.patch("/v1/ihosts/worker-0", hostname="worker-9").status == 400
    assert cloud.patch("/v1/ihosts/worker-0", hostname="worker-0").status == 200


def test_a_second_controller_gets_its_name_and_fixed_address(cloud: Any) -> None:
    uuid = cloud.discover()
    reply = cloud.patch(f"/v1/ihosts/{uuid}", personality="controller")
    assert reply.body["hostname"] == "controller-1" and reply.body["mgmt_ip"] == "192.168.204.3"
    third = cloud.discover("08:00:27:be:6e:26")
    assert "Two controller nodes" in cloud.patch(f"/v1/ihosts/{third}", personality="controller").fault


def test_install_parameters_change_the_boot_file_of_a_locked_host_only(cloud: Any) -> None:
    uuid = worker(cloud)
    assert cloud.patch("/v1/ihosts/worker-0", console="").status == 200
    cloud.settle()
    assert "console=" not in cloud.boot_file(MAC)
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available")
    reply = cloud.patch("/v1/ihosts/worker-0", console="ttyS1,115200")
    assert (reply.status, reply.fault) == (409, "Host must be locked before updating installation parameters.")


def installing(cloud: Any) -> tuple[str, str]:
    """A worker with a boot file: (uuid, token of the file)."""
    uuid = cloud.discover()
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    cloud.settle()
    return uuid, token_of(cloud.boot_file(MAC))


def test_a_host_that_is_installed_while_the_authority_is_replaced_trusts_both(cloud: Any) -> None:
    directory = cloud.folder / "tls"
    uuid, word = installing(cloud)
    with cloud.db.reader() as conn:
        assert credentials.installing(conn, "controller-0") == []
    new = tls.Authority.create("flock 2", datetime.datetime.now(datetime.UTC))
    both = tls.joined((directory / "ca.crt").read_bytes(), new.certificate_pem)
    (directory / "ca.crt").write_bytes(both)
    (directory / "ca.key").write_bytes(new.key_pem)
    key = tls.new_key()
    with cloud.db.writer() as conn:
        credentials.authorities_confirmed(conn, host_row(conn, uuid)["id"], "of the last installation")
    bundle = json.loads(tls.open_sealed(key, cloud.fetch(uuid, word, key).body["sealed"], bundle_purpose(uuid)))
    files = {one["path"]: one["content"].encode() for one in bundle["files"]}
    assert files["/etc/flock/tls/ca.crt"] == both
    assert tls.issuer_of(files["/etc/flock/tls/host.crt"], both) == new.certificate_pem
    with cloud.db.reader() as conn:
        assert credentials.installing(conn, "controller-0") == ["worker-0"]
        [confirmed] = conn.execute(sa.select(HOST_CREDENTIALS.c.authorities)).scalars()
    assert confirmed is None, "the bundle is no confirmation"
    for state, named in (("installing", ["worker-0"]), ("failed", []), ("installing", ["worker-0"]), ("installed", [])):
        cloud.post(f"/v1/ihosts/{uuid}/install_progress", {"install_state": state}, headers={"X-Install-Token": word})
        with cloud.db.reader() as conn:
            assert credentials.installing(conn, "controller-0") == named


def test_the_installer_fetches_its_configuration_once_with_the_token_of_its_boot_file(cloud: Any) -> None:
    uuid, word = installing(cloud)
    token, key = {"X-Install-Token": word}, tls.new_key()
    progress = f"/v1/ihosts/{uuid}/install_progress"
    assert cloud.fetch(uuid, None, key).status == 403
    assert cloud.fetch(uuid, "wrong", key).status == 403
    bundle = json.loads(tls.open_sealed(key, cloud.fetch(uuid, word, key).body["sealed"], bundle_purpose(uuid)))
    files = {one["path"]: one for one in bundle["files"]}
    assert bundle["hostname"] == "worker-0" and "flock-mtce-agent.service" in bundle["units"]
    assert "rabbit://host.worker-0:pa%24s@controller:5671/" in files["/etc/flock/flock.conf"]["content"]
    assert "ssl_key_file = /etc/flock/tls/host.key" in files["/etc/flock/flock.conf"]["content"]
    issued = x509.load_pem_x509_certificate(files["/etc/flock/tls/host.crt"]["content"].encode())
    assert issued.subject.rfc4514_string() == "CN=worker-0"
    assert files["/etc/flock/tls/ca.crt"]["content"] == (cloud.folder / "tls" / "ca.crt").read_text()
    assert files["/etc/flock/heartbeat.key"]["mode"] == "0600"
    assert files["/etc/flock/heartbeat.key"]["content"].strip() != "00" * 32
    assert "DHCP=ipv4" in files["/etc/systemd/network/10-flock-pxeboot.network"]["content"]
    assert cloud.host(uuid)["mgmt_ip"] in files["/etc/systemd/network/10-flock-mgmt.network"]["content"]
    step = {"install_state": "installing", "install_state_info": "12/900"}
    assert cloud.post(progress, step, headers=token).status == 200
    assert cloud.host(uuid)["install_state_info"] == "12/900"
    assert cloud.post(progress, {"install_state": "installed"}, headers=token).status == 200
    assert cloud.host(uuid)["install_state"] == "booting"
    assert cloud.fetch(uuid, word, key).status == 403
    cloud.settle()
    with pytest.raises(FileNotFoundError):
        cloud.boot_file(MAC)
    cloud.state(uuid, availability="online")
    assert cloud.host(uuid)["install_state"] == "completed"
    assert cloud.post(progress, {"install_state": "failed"}, headers=token).status == 403, "it is over"


def test_who_has_no_install_token_changes_nothing_and_learns_nothing(cloud: Any) -> None:
    uuid = worker(cloud)
    before = cloud.host(uuid)["install_state"]
    request = tls.new_request(tls.new_key(), "worker-0").decode()
    assert cloud.post(f"/v1/ihosts/{uuid}/install_progress", {"install_state": "exploded"}).status == 400
    for header in ({}, {"X-Install-Token": "wrong"}):
        for end, body in (("install_progress", {"install_state": "failed"}), ("install_config", {"csr": request})):
            known, unknown = (cloud.post(f"/v1/ihosts/{name}/{end}", body, headers=header)
                              for name in (uuid, "worker-9"))
            assert (known.status, known.body) == (unknown.status, unknown.body)
            assert known.status == 403
    assert cloud.host(uuid)["install_state"] == before


def test_a_role_by_patch_needs_the_right_of_adding_a_host(cloud: Any) -> None:
    uuid = cloud.discover()
    for role, status in (("operator", 403), ("configurator", 200)):
        answer = cloud.call("PATCH", f"/v1/ihosts/{uuid}", role=role, body=[
            {"op": "replace", "path": "/personality", "value": "worker"},
            {"op": "replace", "path": "/hostname", "value": "worker-0"}])
        assert answer.status == status, role


def test_a_bundle_is_only_for_the_machine_that_was_discovered(cloud: Any) -> None:
    uuid, word = installing(cloud)
    key, here = tls.new_key(), "169.254.202.77"
    assert cloud.fetch(uuid, word, key, here).status == 403  # nobody was seen at this address
    cloud.seen_at({here: "08:00:27:ff:ff:ff"})
    assert cloud.fetch(uuid, word, key, here).status == 403
    assert cloud.fetch(uuid, word, key, "").status == 403
    cloud.seen_at({here: MAC})
    assert cloud.fetch(uuid, word, key, here).status == 200


def test_the_first_request_binds_the_token_to_key_and_address(cloud: Any) -> None:
    uuid, word = installing(cloud)
    key, here, there = tls.new_key(), "169.254.202.77", "169.254.202.78"
    cloud.seen_at({here: MAC, there: MAC})
    assert cloud.fetch(uuid, word, key, here).status == 200
    assert cloud.fetch(uuid, word, key, there).status == 403
    assert cloud.fetch(uuid, word, tls.new_key(), here).status == 403
    assert cloud.fetch(uuid, word, key, here).status == 200
    cloud.patch("/v1/ihosts/worker-0", console="ttyS1,115200")
    cloud.settle()
    assert cloud.fetch(uuid, token_of(cloud.boot_file(MAC)), tls.new_key(), there).status == 200


def test_a_request_without_a_key_is_refused_by_field(cloud: Any) -> None:
    uuid, word = installing(cloud)
    reply = cloud.call("POST", f"/v1/ihosts/{uuid}/install_config", {"csr": "x"}, headers={"X-Install-Token": word})
    assert reply.status == 400 and "csr" in reply.fault


def test_inventory_arrives_and_defaults_are_dealt_out(cloud: Any) -> None:
    uuid = worker(cloud)
    found = cloud.get(f"/v1/ihosts/{uuid}/icpus").body["icpus"]
    assert len(found) == 32
    assert [cpu["cpu"] for cpu in found if cpu["allocated_function"] == "Platform"] == [0, 16]
    assert cloud.get(f"/v1/ihosts/{uuid}/icpus/platform_cpu_list").body == "0,16"
    # Without a token nobody learns here which hosts there are.
    for stranger in ("worker-0", "worker-7", str(uuid4()), "1", "99"):
        reply = cloud.get(f"/v1/ihosts/{stranger}/icpus/platform_cpu_list")
        assert (reply.status, reply.body) == (200, "")
    assert len(cloud.get("/v1/ihosts/worker-0/inodes").body["inodes"]) == 2
    reserves = {one["numa_node"]: one["platform_reserved_mib"]
                for one in cloud.get("/v1/ihosts/worker-0/imemorys").body["imemorys"]}
    assert reserves == {0: 7000, 1: 1000}
    devices = {one["name"]: one["enabled"] for one in cloud.get("/v1/ihosts/worker-0/pci_devices").body["pci_devices"]}
    assert devices == {"pci_0000_05_00_0": True, "pci_0000_06_00_0": True, "pci_0000_07_00_0": False}
    ports = cloud.get("/v1/ihosts/worker-0/ethernet_ports").body["ethernet_ports"]
    assert {one["name"]: one["bootp"] for one in ports} == {"pxeboot0": "True", "mgmt0": None}
    disk = cloud.get("/v1/ihosts/worker-0/idisks").body["idisks"][0]
    assert disk["capabilities"] == {"model_num": "M1", "stor_function": "rootfs"}
    assert cloud.get(f"/v1/idisks/{disk['uuid']}").body.items() >= disk.items()
    assert cloud.host(uuid)["inv_state"] == "inventoried"


def test_unlock_waits_for_inventory_and_tells_maintenance_once(cloud: Any) -> None:
    uuid = cloud.discover()
    cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0")
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").fault == (
        "Host worker-0 is not online. Wait for 'online' availability status and then 'unlock'")
    cloud.state(uuid, availability="online")
    assert "reinstall" in cloud.patch("/v1/ihosts/worker-0", action="unlock").fault
    report_all(cloud, uuid)
    reply = cloud.patch("/v1/ihosts/worker-0", action="unlock")
    assert (reply.status, reply.body["ihost_action"], reply.body["task"], reply.body["action"]) == (
        200, "unlock", "Unlocking", "none")
    assert reply.body["administrative"] == "locked"
    assert [action for _, action, _ in cloud.mtce.actions] == ["unlock"]
    cloud.state(uuid, administrative="unlocked", availability="offline", task="Unlocking")
    assert cloud.host(uuid)["invprovision"] == "provisioning" and cloud.host(uuid)["ihost_action"] is None
    cloud.state(uuid, operational="enabled", availability="available", task="")
    found = cloud.host(uuid)
    assert [found[name] for name in ("invprovision", "task", "vim_progress_status")] == [
        "provisioned", None, "services-enabled"]


def test_lock_goes_to_maintenance_when_services_are_off(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available")
    reply = cloud.patch("/v1/ihosts/worker-0", action="lock")
    assert (reply.body["task"], reply.body["vim_progress_status"]) == ("Locking", "services-disabled")
    cloud.state(uuid, administrative="locked", operational="disabled", availability="online", task="")
    assert cloud.host(uuid)["ihost_action"] is None
    assert "already 'locked'" in cloud.patch("/v1/ihosts/worker-0", action="lock").fault


def test_what_maintenance_refuses_is_rolled_back_with_its_reason(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.mtce.answer = ActionReply("fail", "host is busy", "retry later")
    reply = cloud.patch("/v1/ihosts/worker-0", action="unlock")
    assert (reply.status, reply.fault) == (400, "Operation Rejected: host is busy. retry later.")
    found = cloud.host(uuid)
    assert (found["ihost_action"], found["task"]) == (None, None)
    assert found["last_error"] == "Operation Rejected: host is busy. retry later." and found["last_error_at"]
    operation = cloud.get("/v1/ihosts/worker-0/operations?limit=1").body["operations"][0]
    assert operation["action"] == "unlock" and "host is busy" in operation["error"]


def test_a_roll_back_keeps_what_maintenance_has_written(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.state(uuid, task="Reboot Failed", action_failed="reboot", error="Reboot Failed",
                error_at="2026-11-29T01:02:03+00:00")
    cloud.mtce.answer = ActionReply("fail", "host is busy", "retry later")
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").status == 400
    assert cloud.host(uuid)["task"] == "Reboot Failed", "host maintenance will not send it again"


def test_why_it_failed_is_shown_until_the_host_is_in_service(cloud: Any) -> None:
    uuid = worker(cloud)
    assert [cloud.host(uuid)[name] for name in ("last_error", "last_error_at", "mtce_action")] == [None, None, None]
    cloud.state(uuid, administrative="unlocked", availability="failed", task="In-Test Failed, re-enabling",
                action="enable", error="In-Test Failed, re-enabling", error_at="2026-11-29T01:02:03+00:00")
    found = cloud.get(f"/v1/ihosts/{uuid}/state").body
    assert [found[name] for name in ("last_error", "last_error_at", "mtce_action")] == [
        "In-Test Failed, re-enabling", "2026-11-29T01:02:03+00:00", "enable"]
    cloud.state(uuid, task="Booting")
    assert cloud.host(uuid)["last_error"] == "In-Test Failed, re-enabling"
    cloud.state(uuid, operational="enabled", availability="available", task="", action="none")
    assert [cloud.host(uuid)[name] for name in ("last_error", "last_error_at", "mtce_action")] == [None, None, None]


def test_nothing_was_ever_installed_so_nothing_can_be_rebooted(cloud: Any) -> None:
    uuid = cloud.discover()
    assert cloud.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname="worker-0").status == 200
    cloud.settle()
    reply = cloud.patch("/v1/ihosts/worker-0", action="reboot")
    assert (reply.status, reply.fault) == (
        400, "Can not 'Reboot' worker-0 because nothing was ever installed on it.")
    assert cloud.mtce.actions == []
    report_all(cloud, uuid)
    assert cloud.patch("/v1/ihosts/worker-0", action="reboot").status == 200


def deleting(cloud: Any, uuid: str) -> str:
    """A deletion is recorded and host maintenance is away, so that it waits; returns the operation."""
    cloud.operations.stop()
    assert cloud.delete("/v1/ihosts/worker-0").status == 204
    return next(one.uuid for one in cloud.operations.active_of(uuid) if one.kind == "delete")


def test_no_configuration_during_a_deletion(cloud: Any) -> None:
    uuid = worker(cloud)
    with cloud.db.writer() as conn:
        earlier = cloud.work.configure(conn, uuid, boot_file=True)
    deleting(cloud, uuid)
    boot_file = cloud.boot_file(MAC)
    revision = cloud.mtce.hosts[uuid].revision
    reply = cloud.patch("/v1/ihosts/worker-0", console="")
    assert (reply.status, reply.fault) == (409, "worker-0 is busy with delete. Retry when it has ended.")
    cloud.mtce.hosts.clear()
    assert not cloud.steps.put_host(uuid)
    step = cloud.operations.get(earlier).view(cloud.steps.kinds()["configure"])
    cloud.steps.files(step)
    cloud.steps.tell_host(step)
    assert cloud.mtce.hosts == {} and cloud.boot_file(MAC) == boot_file
    Operations(cloud.db, OPERATIONS, cloud.steps.kinds(), owner="test").run_due()
    assert cloud.mtce.deleted == [(uuid, revision + 1)]
    assert cloud.get(f"/v1/ihosts/{uuid}").status == 404


def test_a_deletion_that_is_refused_leaves_a_host_newer_than_it(cloud: Any) -> None:
    uuid = worker(cloud)
    before = cloud.mtce.hosts[uuid].revision
    cloud.mtce.answer = ActionReply("fail", "Host is Unlocked", "Lock the host and then retry")
    reply = cloud.delete("/v1/ihosts/worker-0")
    assert (reply.status, reply.fault) == (
        400, "Operation Rejected: Host is Unlocked. Lock the host and then retry.")
    found = cloud.host(uuid)
    assert found["task"] is None and "Host is Unlocked" in found["last_error"]
    assert cloud.mtce.deleted == [(uuid, before + 1)] and cloud.mtce.hosts[uuid].revision == before + 2


def test_every_change_of_the_record_counts_and_no_other(cloud: Any) -> None:
    uuid = worker(cloud)
    first = cloud.mtce.hosts[uuid].revision
    cloud.patch("/v1/ihosts/worker-0", location="row 9")
    cloud.state(uuid, availability="offline")
    assert cloud.steps.put_host(uuid) and cloud.mtce.hosts[uuid].revision == first
    cloud.patch("/v1/ihosts/worker-0", bm_type="redfish", bm_ip="10.10.20.101", bm_username="root", bm_password="x")
    cloud.settle()
    assert cloud.mtce.hosts[uuid].revision == first + 1


def test_reinstall_renews_the_boot_file_and_needs_a_new_inventory(cloud: Any) -> None:
    uuid = worker(cloud)
    before = token_of(cloud.boot_file(MAC))
    reply = cloud.patch("/v1/ihosts/worker-0", action="reinstall")
    assert (reply.body["inv_state"], reply.body["task"]) == ("reinstalling", "Reinstalling")
    assert token_of(cloud.boot_file(MAC)) != before
    report_all(cloud, uuid, after_install=False)
    assert cloud.host(uuid)["inv_state"] == "reinstalling"
    cloud.state(uuid, availability="online", task="")
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").status == 400
    report_all(cloud, uuid)
    assert cloud.host(uuid)["inv_state"] == "inventoried"
    assert cloud.patch("/v1/ihosts/worker-0", action="unlock").status == 200


def test_delete_takes_everything_and_the_old_lease_makes_no_new_host(cloud: Any) -> None:
    uuid = worker(cloud)
    cloud.state(uuid, administrative="unlocked")
    assert cloud.delete("/v1/ihosts/worker-0").fault == (
        "Unable to complete the action delete because Host worker-0 is in administrative state = unlocked.")
    cloud.state(uuid, administrative="locked")
    # The firmware and the installed system are two DHCP clients of one machine.
    (cloud.folder / "dnsmasq/dnsmasq.leases").write_text(
        f"2000 {MAC} 169.254.202.77 * 01:{MAC}\n88000 {MAC} 169.254.202.78 * 00:{MAC}\n")
    reply = cloud.delete("/v1/ihosts/worker-0")
    assert (reply.status, reply.body) == (204, None)
    assert cloud.get("/v1/ihosts/worker-0").status == 404
    assert uuid not in cloud.mtce.hosts and cloud.get("/v1/icpus").body == {"icpus": []}
    assert not (cloud.folder / "tftp/pxelinux.cfg" / f"01-{MAC.replace(':', '-')}").exists()
    assert cloud.discovery.sweep([(MAC, "169.254.202.77", 2000), (MAC, "169.254.202.78", 88000)]) == 0
    assert cloud.discovery.lease(["pxeboot"], MAC, "169.254.202.78", 88000) is None


@pytest.mark.parametrize("told", ["message", "file"])
@pytest.mark.parametrize("expires_s", [9000, 99000])
def test_a_deleted_machine_that_asks_again_is_discovered_again(cloud: Any, told: str, expires_s: int) -> None:
    """Deleted with the long lease of a confirmed host, the machine gets the short one of a stranger (9000)."""
    cloud.state(worker(cloud), administrative="locked")
    (cloud.folder / "dnsmasq/dnsmasq.leases").write_text(f"88000 {MAC} 169.254.202.77 * 01:{MAC}\n")
    assert cloud.delete("/v1/ihosts/worker-0").status == 204
    if told == "message":
        assert cloud.discovery.lease(["pxeboot"], MAC, "169.254.202.178", expires_s) is not None
    else:
        leases = [(MAC, "169.254.202.77", 88000), (MAC, "169.254.202.178", expires_s)]
        assert cloud.discovery.sweep(leases) == 1
    # The host is deleted again at once: only the lease that it held then is ignored.
    found = next(host for host in cloud.get("/v1/ihosts").body["ihosts"] if host["mgmt_mac"] == MAC)
    (cloud.folder / "dnsmasq/dnsmasq.leases").write_text(f"{expires_s} {MAC} 169.254.202.178 * 01:{MAC}\n")
    assert cloud.delete(f"/v1/ihosts/{found['uuid']}").status == 204
    assert cloud.discovery.sweep([(MAC, "169.254.202.178", expires_s)]) == 0
    assert cloud.discovery.sweep([(MAC, "169.254.202.178", expires_s + 1)]) == 1


def test_a_board_password_is_sealed_for_maintenance_and_never_shown(cloud: Any) -> None:
    uuid = worker(cloud)
    body = {"bm_type": "redfish", "bm_ip": "10.10.20.101", "bm_username": "root", "bm_password": "s3cret-word"}
    reply = cloud.patch("/v1/ihosts/worker-0", **body)
    assert reply.status == 200 and "s3cret-word" not in json.dumps(reply.body) and "bm_password" not in reply.body
    cloud.settle()
    sealed = cloud.mtce.hosts[uuid].bm_secret
    assert sealed and "s3cret-word" not in sealed
    assert cloud.box.unseal(sealed, sent_for(uuid, "10.10.20.101", "root"), age_max_s=300) == "s3cret-word"
    with cloud.db.reader() as conn:
        stored = host_row(conn, uuid)["bm_secret"]
    assert cloud.box.unseal(stored, sealed_for(uuid, "10.10.20.101", "root")) == "s3cret-word" and stored != sealed
    assert "together with a new bm_username" in cloud.patch("/v1/ihosts/worker-0", bm_username="admin").fault
    cloud.patch("/v1/ihosts/worker-0", bm_type="none")
    cloud.settle()
    assert (cloud.mtce.hosts[uuid].bm_ip, cloud.mtce.hosts[uuid].bm_secret) == (None, None)
