# SPDX-License-Identifier: Apache-2.0
"""Hosts through real daemons: discovery by the lease script, role, unlock, crash, authority, bad input."""
from __future__ import annotations

import http.client
import itertools
import json
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

import pytest

from flock import tls
from mtce.contract.records import ActionReply
from sysinv.model.hostfiles import bundle_purpose
from sysinv.resources.cpu.report import CpuReport
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.memory.report import MemoryReport
from sysinv.resources.node.report import NumaReport
from sysinv.resources.port.report import PortReport

_MACS = (f"08:00:27:be:00:{number:02x}" for number in itertools.count(1))


def new_worker(sysinv: Any, hostname: str) -> tuple[str, str]:
    """(uuid, MAC) of a discovered machine that became a worker."""
    mac = next(_MACS)
    assert sysinv.lease(mac).rc == 0
    uuid = sysinv.discovered(mac)
    answer = sysinv.patch(f"/v1/ihosts/{uuid}", personality="worker", hostname=hostname)
    assert answer.status == 200, answer.text
    return uuid, mac


def report(sysinv: Any, uuid: str, mac: str) -> None:
    """A small machine's inventory over the bus."""
    agent = sysinv.reports
    records: dict[str, list[Any]] = {
        "platform": [PlatformReport(boot_id="b", uptime_s=1, kernel_release="6.1", kernel_running="standard",
                                    after_install=True, first_report=True)],
        "numa": [NumaReport(0, (0, 1))],
        "port": [PortReport(
            name="pxeboot0", pciaddr="virtual:pxeboot0", dev_id=0, mac=mac, mtu=1500, speed_mbps=10000, link_mode="0",
            duplex="full", numa_node=-1, driver="veth", pclass="", pvendor="", pdevice="", psvendor="", psdevice="")],
        "cpu": [CpuReport(cpu=n, core=n, thread=0, numa_node=0, socket=0, cpu_family="6", cpu_model="x")
                for n in (0, 1)],
        "memory": [MemoryReport(
            numa_node=0, node_memtotal_mib=24000, memtotal_mib=23000, memavail_mib=20000, platform_reserved_mib=0,
            hugepages_nr_2m=0, hugepages_avail_2m=0, hugepages_nr_1g=0, hugepages_avail_1g=0, pages_4k=1,
            supports_1g=False)],
        "disk": [], "pci_device": []}
    for kind, items in records.items():
        agent.report(host_uuid=uuid, kind=kind, items=[asdict(item) for item in items])
    agent.inventory_completed(host_uuid=uuid)
    sysinv.state(uuid, availability="online")


def fetch_from(address: str, sysinv: Any, path: str, body: dict[str, str], token: str) -> int:
    """The status of a request for a bundle that comes from ``address``."""
    server = urlsplit(sysinv.base)
    connection = http.client.HTTPConnection(str(server.hostname), server.port, timeout=20, source_address=(address, 0))
    try:
        connection.request("POST", path, json.dumps(body),
                           {"Content-Type": "application/json", "X-Install-Token": token})
        return connection.getresponse().status
    finally:
        connection.close()


def test_the_lease_script_discovers_and_the_installer_is_served(sysinv: Any) -> None:
    uuid, mac = new_worker(sysinv, "worker-0")
    assert sysinv.lease(mac).rc == 0
    assert sum(host["mgmt_mac"] == mac for host in sysinv.get("/v1/ihosts").body["ihosts"]) == 1
    sysinv.wait(sysinv.boot_file(mac).exists, "boot file")
    sysinv.wait(lambda: uuid in sysinv.mtce.hosts, "mtce to know the host")
    token = next(word for word in sysinv.boot_file(mac).read_text().split() if "install_token" in word).split("=")[1]
    config = f"/v1/ihosts/{uuid}/install_config"
    key = tls.new_key()
    body = {"csr": tls.new_request(key, "installer").decode()}
    assert sysinv.call("POST", config, body, role=None).status == 403
    sealed = sysinv.call("POST", config, body, role=None, headers={"X-Install-Token": token})
    assert sealed.status == 200
    bundle = json.loads(tls.open_sealed(key, sealed.body["sealed"], bundle_purpose(uuid)))
    assert bundle["hostname"] == "worker-0"
    assert fetch_from("127.0.0.2", sysinv, config, body, token) == 403
    stolen = {"csr": tls.new_request(tls.new_key(), "installer").decode()}
    assert fetch_from("127.0.0.1", sysinv, config, stolen, token) == 403
    assert fetch_from("127.0.0.1", sysinv, config, body, token) == 200
    progress = sysinv.call("POST", f"/v1/ihosts/{uuid}/install_progress",
                           {"install_state": "installed", "install_state_info": "1/1"}, role=None,
                           headers={"X-Install-Token": token})
    assert progress.status == 200
    assert sysinv.host(uuid)["install_state"] == "booting"
    report(sysinv, uuid, mac)
    sysinv.wait(lambda: sysinv.host(uuid)["install_state"] == "completed", "installation to complete")
    assert token not in sysinv.log() and "agent:secret" not in sysinv.log()


def test_the_lease_script_ignores_what_is_no_discovery(sysinv: Any) -> None:
    mac = next(_MACS)
    assert sysinv.lease(mac, tags="mgmt").rc == 0
    assert sysinv.lease(mac, action="del").rc == 0
    assert sysinv.lease("26579", action="tftp").rc == 0
    assert sysinv.lease("nonsense").rc == 0
    assert all(host["mgmt_mac"] != mac for host in sysinv.get("/v1/ihosts").body["ihosts"])


def test_a_lease_that_nobody_told_of_is_found_in_the_lease_file(sysinv: Any) -> None:
    mac = next(_MACS)
    (sysinv.folder / "dnsmasq" / "dnsmasq.leases").write_text(f"1900000000 {mac} 169.254.202.99 * 01:{mac}\n")
    sysinv.discovered(mac)


def test_unlock_reaches_maintenance_and_ends_provisioned(sysinv: Any) -> None:
    uuid, mac = new_worker(sysinv, "worker-1")
    report(sysinv, uuid, mac)
    answer = sysinv.patch("/v1/ihosts/worker-1", role="operator", action="unlock")
    assert (answer.status, answer.body["task"], answer.body["ihost_action"]) == (200, "Unlocking", "unlock")
    sysinv.state(uuid, administrative="unlocked", operational="disabled", availability="offline")
    sysinv.state(uuid, operational="enabled", availability="available", task="")
    found = sysinv.host("worker-1")
    assert (found["invprovision"], found["ihost_action"], found["task"]) == ("provisioned", None, None)


def test_a_refusal_of_maintenance_is_the_answer(sysinv: Any) -> None:
    uuid, mac = new_worker(sysinv, "worker-2")
    report(sysinv, uuid, mac)
    sysinv.mtce.answer = ActionReply("fail", "not now", "retry")
    try:
        answer = sysinv.patch("/v1/ihosts/worker-2", action="unlock")
    finally:
        sysinv.mtce.answer = ActionReply("pass")
    assert (answer.status, answer.fault) == (400, "Operation Rejected: not now. retry.")
    assert sysinv.host(uuid)["ihost_action"] is None


def test_a_conductor_killed_in_the_middle_of_an_unlock_completes_it(sysinv: Any) -> None:
    uuid, mac = new_worker(sysinv, "worker-3")
    report(sysinv, uuid, mac)
    sysinv.mtce.asked.clear()
    sysinv.mtce.gate.clear()
    seen = len(sysinv.mtce.actions)
    try:
        answer = sysinv.patch("/v1/ihosts/worker-3", action="unlock")
        assert answer.status == 200 and answer.body["ihost_action"] == "unlock"
        assert sysinv.mtce.asked.wait(20)
        sysinv.kill_conductor()
    finally:
        sysinv.mtce.gate.set()
    # The API goes on without the conductor.
    assert sysinv.host("worker-3")["task"] == "Unlocking"
    sysinv.start_conductor()

    def ended() -> bool:
        operations = sysinv.get("/v1/ihosts/worker-3/operations").body["operations"]
        return any(one["action"] == "unlock" and one["state"] == "done" for one in operations)

    sysinv.wait(ended, "the unlock to be carried out", 30)
    assert len({request for _, request in sysinv.mtce.actions[seen:]}) == 1
    sysinv.state(uuid, administrative="unlocked", operational="enabled", availability="available", task="")
    assert sysinv.host("worker-3")["invprovision"] == "provisioned"


def test_deleting_forgets_everywhere(sysinv: Any) -> None:
    uuid, mac = new_worker(sysinv, "worker-4")
    sysinv.wait(lambda: uuid in sysinv.mtce.hosts, "mtce to know the host")
    answer = sysinv.call("DELETE", "/v1/ihosts/worker-4", headers={"Content-Type": "application/octet-stream"})
    assert (answer.status, answer.text) == (204, "")
    assert sysinv.get(f"/v1/ihosts/{uuid}").status == 404
    assert uuid not in sysinv.mtce.hosts and not sysinv.boot_file(mac).exists()


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "/v1/ihosts", None), ("GET", "/v1/isystems", None), ("GET", "/v1/icpus", None),
    ("PATCH", "/v1/ihosts/controller-0", [{"op": "replace", "path": "/serialid", "value": "x"}]),
    ("POST", "/v1/ihosts", {"hostname": "w"}), ("DELETE", "/v1/ihosts/controller-0", None)])
def test_without_a_token_nothing_is_served(sysinv: Any, method: str, path: str, body: Any) -> None:
    assert sysinv.call(method, path, body, role=None).status == 401


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/isystems/region_id", "/v1/isystems/mgmtvlan",
                                  "/v1/ihosts/controller-0/icpus/platform_cpu_list"])
def test_what_a_host_needs_before_it_has_a_token(sysinv: Any, path: str) -> None:
    assert sysinv.get(path, role=None).status == 200


@pytest.mark.parametrize(("role", "project", "get", "patch", "post"), [
    ("reader", "admin", 200, 403, 403), ("operator", "admin", 200, 200, 403),
    ("configurator", "services", 200, 200, 400), ("admin", "admin", 200, 200, 400),
    # Keystone makes every member a reader.
    ("member", "admin", 200, 403, 403), ("admin", "other", 403, 403, 403)])
def test_roles(sysinv: Any, role: str, project: str, get: int, patch: int, post: int) -> None:
    change = [{"op": "replace", "path": "/serialid", "value": "77"}]
    assert sysinv.get("/v1/ihosts", role=role, project=project).status == get
    assert sysinv.call("PATCH", "/v1/ihosts/controller-0", change, role=role, project=project).status == patch
    answer = sysinv.call("POST", "/v1/ihosts", {"personality": "worker"}, role=role, project=project)
    assert answer.status == post
    if post == 403:
        assert answer.fault == "The requested action is not authorized"


BAD_TEXTS = ("'; DROP TABLE i_host; --", "x" * 1_000_000, "a\u0000b", "\ud800", "$(reboot)", "../../etc/passwd",
             "a\nb", {"a": 1}, ["x"], 5, True)
TEXT_FIELDS = ("hostname", "personality", "subfunctions", "boot_device", "rootfs_device", "hw_settle",
               "install_output", "console", "tboot", "clock_synchronization", "apparmor", "bm_type", "bm_ip",
               "bm_username", "bm_password", "serialid", "location", "max_cpu_mhz_configured", "action")


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_bad_input_is_refused_and_breaks_nothing(sysinv: Any, field: str) -> None:
    # Faults that other tests cause are in the log too.
    before = len(sysinv.log())
    for value in BAD_TEXTS:
        answer = sysinv.patch("/v1/ihosts/controller-0", **{field: value})
        assert answer.status in (200, 400, 413), (field, str(value)[:40], answer.status, answer.text[:300])
        assert len(answer.text) < 20_000
    assert sysinv.get("/v1/ihosts/controller-0").status == 200
    assert "Traceback" not in sysinv.log()[before:]


@pytest.mark.parametrize(("body", "status"), [
    ([{"op": "replace", "path": "/nonsense", "value": 1}], 400), ([{"op": "replace", "path": "/a/b", "value": 1}], 400),
    ([{"op": "explode", "path": "/task", "value": 1}], 400), ([{"op": "replace", "path": "task", "value": 1}], 400),
    ([{"op": "replace", "path": "/uuid", "value": "x"}], 400), ({"op": "replace"}, 400), ([], 400), ("text", 400),
    ([{"op": "replace", "path": "/task", "value": "mine"}], 400), ([{"op": "remove", "path": "/boot_device"}], 400),
    ([{"op": "replace", "path": "/administrative", "value": "unlocked"}], 400),
    ([{"op": "replace", "path": "/serialid", "value": "1"}, {"op": "replace", "path": "/serialid", "value": "2"}], 400),
    ([{"op": "replace", "path": "/action", "value": "explode"}], 400), ([[1]], 400), ([None], 400)])
def test_patches_that_are_none(sysinv: Any, body: Any, status: int) -> None:
    assert sysinv.call("PATCH", "/v1/ihosts/controller-0", body).status == status


@pytest.mark.parametrize("ident", ["no-such-host", "99999999999999999999", "-1", "1'%20OR%201=1", "%00", "%2e%2e",
                                   "a" * 300, "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0", "%ff"])
def test_hosts_that_are_not_there(sysinv: Any, ident: str) -> None:
    for path in (f"/v1/ihosts/{ident}", f"/v1/ihosts/{ident}/icpus", f"/v1/icpus/{ident}"):
        assert sysinv.get(path).status in (400, 404)


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nul", b'{"hostname": NaN}'])
def test_bodies_that_are_no_json(sysinv: Any, raw: bytes) -> None:
    assert sysinv.call("POST", "/v1/ihosts", raw=raw).status == 400


@pytest.mark.parametrize("query", ["limit=-1", "limit=x", "marker=1", "sort_dir=up", "sort_key=bm_secret", "nonsense=1",
                                   "marker=cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"])
def test_queries_that_are_none(sysinv: Any, query: str) -> None:
    assert sysinv.get(f"/v1/ihosts?{query}").status == 400


@pytest.mark.parametrize("mac", ["", "08:00:27", "zz:00:27:be:6e:25", "01:00:5e:00:00:01", "x" * 60])
def test_macs_that_are_none(sysinv: Any, mac: str) -> None:
    answer = sysinv.call("POST", "/v1/ihosts", {"hostname": "w-9", "personality": "worker", "mgmt_mac": mac})
    assert answer.status == 400 and "MAC" in answer.fault


def test_hosts_are_named_by_id_uuid_or_hostname_everywhere(sysinv: Any) -> None:
    host = sysinv.host("controller-0")
    for ident in (host["id"], host["uuid"], host["uuid"].upper(), "controller-0"):
        for child in ("", "/state", "/icpus", "/imemorys", "/inodes", "/ports", "/ethernet_ports", "/idisks",
                      "/pci_devices", "/addresses", "/icpus/detail", "/operations"):
            assert sysinv.get(f"/v1/ihosts/{ident}{child}").status == 200
    assert sysinv.call("POST", f"/v1/ihosts/{host['uuid']}/icpus", {}).fault == "Operation not permitted."
