# SPDX-License-Identifier: Apache-2.0
"""Addition of all hosts of a file through the API: texts, all or nothing, what exists, power, dry runs."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from flock.core.errors import Unavailable
from flock.jobs.operations import Operations
from flock.jobs.steps import Wait
from flock.jobs.store import active_of
from mtce.contract.records import ActionReply
from sysinv.hosts import provision
from sysinv.model.addressing import AddressPoolExhausted
from sysinv.resources.bulk.rules import NO_CONTROLLER, NO_FILE, NO_POWER, NOT_ADDED, OWN_BOARD, SIMPLEX
from sysinv.resources.host.service import HostService
from sysinv.resources.operation.table import OPERATIONS
from tests.unit.sysinv.resources.conftest import CONTROLLER_MAC
from tests.unit.sysinv.resources.files import BOARD, bulk_add, controller, document, host, mac_of, names
from tests.unit.sysinv.resources.test_host_lifecycle import worker

BAD_MAC = "Host-add Rejected: Must provide a valid format of a MAC Address"


def statuses(reply: Any) -> list[str]:
    return [one["status"] for one in reply["hosts"]]


def test_one_bad_host_adds_none_and_the_corrected_file_adds_all(cloud: Any) -> None:
    good = [host(number) for number in range(5)]
    reply = bulk_add(cloud, document(*good[:3], host(3, mac="08:00:27:xx"), good[4]))
    assert reply["success"] == ""
    assert reply["error"] == f" No hosts have been added, error parsing host worker-3: {BAD_MAC}"
    assert statuses(reply) == ["failed"] * 3 + ["invalid", "failed"]
    assert [one["message"] for one in reply["hosts"]] == [NOT_ADDED] * 3 + [BAD_MAC, NOT_ADDED]
    assert names(cloud) == ["controller-0"]

    reply = bulk_add(cloud, document(*good))
    assert reply["success"] == "\n worker-0\n worker-1\n worker-2\n worker-3\n worker-4" and reply["error"] == ""
    assert reply["hosts"] == [
        {"index": number, "hostname": f"worker-{number}", "uuid": cloud.host(f"worker-{number}")["uuid"],
         "status": "added", "message": ""} for number in range(5)]
    cloud.settle()
    assert {one.hostname for one in cloud.mtce.hosts.values()} >= {f"worker-{number}" for number in range(5)}
    assert cloud.host("worker-3")["uuid"] in cloud.boot_file(mac_of(3))


def test_a_second_run_tells_what_exists_and_adds_the_others(cloud: Any) -> None:
    bulk_add(cloud, document(host(0), host(1)))
    uuid = cloud.host("worker-1")["uuid"]
    reply = bulk_add(cloud, document(host(0), host(1), host(2)))
    assert reply["success"] == "\n worker-2"
    assert reply["error"] == (" worker-0: Host-add Rejected: Hostname already exists\n"
                              " worker-1: Host-add Rejected: Hostname already exists\n")
    assert statuses(reply) == ["failed", "failed", "added"]
    assert reply["hosts"][1]["uuid"] == uuid == cloud.host("worker-1")["uuid"]
    # The machine of worker-0 under another name.
    reply = bulk_add(cloud, document(host(7, mac=mac_of(0))))
    assert reply["error"] == f" worker-0: Host-add Rejected: Host with mgmt_mac {mac_of(0)} already exists\n"
    assert reply["hosts"][0]["uuid"] == cloud.host("worker-0")["uuid"]


def test_the_system_names_controllers(cloud: Any) -> None:
    reply = bulk_add(cloud, document(
        "<host><hostname>whatever</hostname><personality>controller</personality>"
        "<mgmt_mac>08-00-27-90-BE-DC</mgmt_mac></host>"))
    assert reply["success"] == "\n controller-1"
    assert cloud.host("controller-1")["mgmt_mac"] == "08:00:27:90:be:dc"
    reply = bulk_add(cloud, document(controller("08:00:27:90:be:dc"), controller("08:00:27:90:be:dd"), host(1)))
    assert reply["error"] == (
        " No hosts have been added, error parsing host with index 1: Two controller nodes have already been "
        "configured. This host can not be configured as a controller.")


def test_a_host_of_neither_name_nor_role_is_invalid(cloud: Any) -> None:
    reply = bulk_add(cloud, document("<host><mgmt_mac>08:00:27:00:11:22</mgmt_mac></host>"))
    assert reply["error"] == (" No hosts have been added, error parsing host with index 0: Host-add Rejected. "
                              "Must provide a hostname for a node of personality None")
    assert reply["hosts"][0] == {"index": 0, "hostname": None, "uuid": None, "status": "invalid",
                                 "message": "Host-add Rejected. Must provide a hostname for a node of personality None"}


def test_a_discovered_host_keeps_its_uuid(cloud: Any) -> None:
    uuid = cloud.discover(mac_of(1))
    for dry_run in (True, False):
        assert bulk_add(cloud, document(host(1)), dry_run=dry_run)["hosts"][0]["uuid"] == uuid
    assert cloud.host("worker-1")["uuid"] == uuid


@pytest.mark.parametrize(("second", "text"), [
    (host(9, mac=mac_of(1).upper().replace(":", "-")), "Its mgmt_mac 08:00:27:10:00:01 is also that of the host with "
                                                       "index 0."),
    (host(1, mac=mac_of(9)), "Its hostname worker-1 is also that of the host with index 0."),
    (host(9, BOARD), "Host-add Rejected: bm_ip 10.10.20.101 already exists")])
@pytest.mark.parametrize("dry_run", [True, False])
def test_hosts_of_one_file_exclude_each_other(cloud: Any, second: str, text: str, dry_run: bool) -> None:
    reply = bulk_add(cloud, document(host(1, BOARD), second), dry_run=dry_run)
    assert statuses(reply) == ["failed", "invalid"]
    assert reply["hosts"][1]["message"] == text and text in reply["error"]
    assert names(cloud) == ["controller-0"]


def test_every_invalid_host_is_told(cloud: Any) -> None:
    reply = bulk_add(cloud, document(
        host(1, "<console>bad console</console>"), host(2, "<profile>x</profile>"), host(3),
        host(4, "<location>a</location><location>b</location>"), host(5, "<power_on>perhaps</power_on>"),
        host(6, f"<boot_device>{'x' * 300}</boot_device>"),
        host(7, "<bm_type>redfish</bm_type><bm_ip>10.10.20.9</bm_ip><bm_username>root</bm_username>")))
    assert statuses(reply) == ["invalid", "invalid", "failed", *["invalid"] * 4]
    lines = reply["error"].split("\n")
    assert [line.partition(":")[0] for line in lines] == [
        f" No hosts have been added, error parsing host worker-{number}" for number in (1, 2, 4, 5, 6, 7)]
    for line, words in zip(lines, ("console", "profile", "location: A host may have it once", "power_on",
                                   "at most 255", "bm_password must be given"), strict=True):
        assert words in line
    assert names(cloud) == ["controller-0"]


def test_a_password_is_in_no_refusal(cloud: Any) -> None:
    reply = bulk_add(cloud, document(host(1, "<bm_password>se cret</bm_password>")))
    assert statuses(reply) == ["invalid"] and "se cret" not in str(reply)


def test_elements_are_stored_and_empty_ones_are_as_missing(cloud: Any) -> None:
    more = ("<boot_device>/dev/nvme0n1</boot_device><rootfs_device>nvme1n1</rootfs_device><hw_settle>9</hw_settle>"
            "<install_output>graphical</install_output><console/><location> {row 4} </location><mgmt_ip>x</mgmt_ip>"
            "<sw_version>any</sw_version><apparmor>enabled</apparmor><subfunctions>worker,lowlatency</subfunctions>")
    empty = "".join(f"<{name}/>" for name in ("boot_device", "hw_settle", "subfunctions", "bm_type", "bm_password",
                                              "location", "vsc_controllers"))
    bulk_add(cloud, document(host(1, more), host(2, empty)))
    found = cloud.host("worker-1")
    assert {name: found[name] for name in ("boot_device", "rootfs_device", "hw_settle", "install_output", "console",
                                           "location", "apparmor", "subfunctions")} == {
        "boot_device": "/dev/nvme0n1", "rootfs_device": "nvme1n1", "hw_settle": "9", "install_output": "graphical",
        "console": "", "location": {"locn": "{row 4}"}, "apparmor": "enabled", "subfunctions": "worker,lowlatency"}
    found = cloud.host("worker-2")
    assert (found["boot_device"], found["hw_settle"], found["console"]) == ("/dev/sda", "0", "ttyS0,115200")
    assert (found["bm_type"], found["location"], found["vsc_controllers"]) == ("none", {}, None)


def test_power_on_needs_a_board(cloud: Any) -> None:
    reply = bulk_add(cloud, document(host(1, BOARD + "<power_on/>"), host(2, "<power_on/>"),
                                     host(3, "<power_on>false</power_on>")))
    assert reply["success"] == f"\n worker-1\n worker-2 {NO_POWER}\n worker-3"
    assert [one["message"] for one in reply["hosts"]] == ["", NO_POWER, ""]
    assert cloud.host("worker-1")["task"] == "Powering-on"
    cloud.settle()
    assert [(uuid, action) for uuid, action, _ in cloud.mtce.actions] == [(cloud.host("worker-1")["uuid"], "power-on")]


def test_a_host_is_powered_on_after_its_boot_file(cloud: Any) -> None:
    cloud.operations.stop()
    uuid = bulk_add(cloud, document(host(1, BOARD + "<power_on/>")))["hosts"][0]["uuid"]
    with cloud.db.reader() as conn:
        configure, action = active_of(conn, OPERATIONS, uuid)
    assert (configure.kind, action.kind) == ("configure", "action")
    plans = cloud.steps.kinds()
    by_hand = Operations(cloud.db, OPERATIONS, plans, owner="by hand")
    assert isinstance(cloud.steps.configure_for_action(action.view(plans["action"])), Wait)
    assert uuid not in cloud.mtce.hosts
    assert by_hand.run_due(1) == 1
    assert uuid in cloud.boot_file(mac_of(1)) and cloud.mtce.actions == []
    assert by_hand.run_due(1) == 1
    assert [(one, verb) for one, verb, _ in cloud.mtce.actions] == [(uuid, "power-on")]


def test_a_refused_power_on_is_told_at_the_host(cloud: Any) -> None:
    cloud.mtce.answer = ActionReply("fail", "the BMC does not answer", "check its address")
    reply = bulk_add(cloud, document(host(1, BOARD + "<power_on/>")))
    assert statuses(reply) == ["added"]
    cloud.settle()
    found = cloud.host("worker-1")
    assert "the BMC does not answer" in found["last_error"] and found["ihost_action"] is None


def test_an_exported_placeholder_of_a_password_leaves_the_board_out(cloud: Any) -> None:
    board = BOARD.replace("s3cret-word", "")
    reply = bulk_add(cloud, document(host(1, board + "<power_on/>")))
    assert reply["success"] == ("\n worker-1 Warning: Ignoring board management, because bm_password is empty. "
                                f"{NO_POWER}")
    assert cloud.host("worker-1")["bm_type"] == "none"


def test_of_the_active_controller_only_the_board_changes(cloud: Any) -> None:
    before = cloud.host("controller-0")
    more = BOARD + "<location>elsewhere</location><console/>"
    assert statuses(bulk_add(cloud, document(controller(CONTROLLER_MAC, more)), dry_run=True)) == ["added"]
    assert cloud.host("controller-0")["bm_type"] != "redfish"
    reply = bulk_add(cloud, document(controller(CONTROLLER_MAC, more), host(1)))
    assert reply["success"] == "\n controller-0\n worker-1" and reply["error"] == ""
    assert reply["hosts"][0] == {"index": 0, "hostname": "controller-0", "uuid": before["uuid"], "status": "added",
                                 "message": OWN_BOARD}
    after = cloud.host("controller-0")
    assert (after["bm_type"], after["bm_ip"], after["bm_username"]) == ("redfish", "10.10.20.101", "root")
    assert (after["location"], after["console"]) == (before["location"], before["console"])
    reply = bulk_add(cloud, document(controller(CONTROLLER_MAC, "<bm_type>ipmi</bm_type>")))
    assert statuses(reply) == ["invalid"] and "bm_password must be given" in reply["error"]
    # The file without any of it changes nothing.
    with cloud.db.reader() as conn:
        count = conn.execute(sa.select(sa.func.count()).select_from(OPERATIONS)).scalar()
    assert statuses(bulk_add(cloud, document(controller(CONTROLLER_MAC)))) == ["added"]
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(OPERATIONS)).scalar() == count


def test_a_dry_run_foretells_and_adds_nothing(cloud: Any) -> None:
    worker(cloud, "worker-0", mac_of(0))
    reply = bulk_add(cloud, document(host(0), host(1), host(2, "<power_on/>")), dry_run=True)
    assert statuses(reply) == ["failed", "added", "added"]
    assert reply["success"] == f"\n worker-1\n worker-2 {NO_POWER}"
    assert [one["uuid"] for one in reply["hosts"]] == [cloud.host("worker-0")["uuid"], None, None]
    assert names(cloud) == ["controller-0", "worker-0"]
    assert cloud.call("POST", "/v1/ihosts/bulk_add?dry_run=perhaps", {}).status == 400


def test_what_changed_since_the_judgement_fails_alone(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create = HostService.create

    def slow(self: HostService, values: Any, **options: Any) -> Any:
        if values["hostname"] == "worker-1":
            # Somebody else adds it first.
            create(self, {**values, "mgmt_mac": mac_of(99)})
        return create(self, values, **options)

    monkeypatch.setattr(HostService, "create", slow)
    reply = bulk_add(cloud, document(host(0), host(1), host(2)))
    assert statuses(reply) == ["added", "failed", "added"]
    assert reply["error"] == " worker-1: Host-add Rejected: Hostname already exists\n"


def test_a_database_that_goes_away_is_not_waited_for_again(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    create, asked = HostService.create, []

    def away(self: HostService, values: Any, **options: Any) -> Any:
        asked.append(values["hostname"])
        if values["hostname"] == "worker-1":
            raise Unavailable(service="database", reason="gone")
        return create(self, values, **options)

    monkeypatch.setattr(HostService, "create", away)
    reply = bulk_add(cloud, document(host(0), host(1), host(2)))
    assert statuses(reply) == ["added", "failed", "failed"] and asked == ["worker-0", "worker-1"]
    assert all("database is not available" in one["message"] for one in reply["hosts"][1:])
    assert names(cloud) == ["controller-0", "worker-0"]


def test_two_requests_with_the_same_file_add_each_host_once(cloud: Any) -> None:
    data = document(*(host(number, f"<bm_type>none</bm_type><location>{number}</location>") for number in range(8)))
    with ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: bulk_add(cloud, data), range(2)))
    pairs = list(zip(*map(statuses, replies), strict=True))
    assert all(sorted(pair) == ["added", "failed"] for pair in pairs), pairs
    assert names(cloud) == ["controller-0", *(f"worker-{number}" for number in range(8))]
    for reply in replies:
        assert reply["error"].count("already exists") == statuses(reply).count("failed")


def test_a_full_pool_of_addresses_fails_a_host_and_stores_nothing_of_it(
        cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    choose = provision.next_address

    def scarce(pool: Any, taken: Any, seed: int) -> str:
        given.append(seed)
        if len(given) > 3:
            raise AddressPoolExhausted(pool=pool.name)
        return choose(pool, taken, seed=seed)

    monkeypatch.setattr(provision, "next_address", scarce)
    reply = bulk_add(cloud, document(host(0), host(1)))
    assert statuses(reply) == ["added", "failed"]
    assert "has no available addresses" in reply["error"]
    assert names(cloud) == ["controller-0", "worker-0"]
    assert mac_of(1) not in {one["mgmt_mac"] for one in cloud.get("/v1/ihosts").body["ihosts"]}


def test_no_file_is_accepted_on_simplex(simplex: Any) -> None:
    assert bulk_add(simplex, document(host(0))) == {"success": "", "error": SIMPLEX, "hosts": []}


def test_no_file_is_accepted_without_an_enabled_controller(fresh: Any) -> None:
    assert bulk_add(fresh, document(host(0))) == {"success": "", "error": NO_CONTROLLER, "hosts": []}


@pytest.mark.parametrize(("raw", "content_type"), [
    (b"", ""), (b"{}", "application/json"), (b"<hosts/>", "application/xml"), (b"x", "multipart/form-data"),
    (b"--x--\r\n", "multipart/form-data; boundary=x"),
    (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n<hosts/>\r\n--x--\r\n',
     "multipart/form-data; boundary=x"),
    (b'--x\r\nContent-Disposition: form-data; name="other"; filename="a"\r\n\r\n<hosts/>\r\n--x--\r\n',
     "multipart/form-data; boundary=x")])
def test_a_body_without_a_file(cloud: Any, raw: bytes, content_type: str) -> None:
    reply = cloud.call("POST", "/v1/ihosts/bulk_add", raw=raw, content_type=content_type)
    assert (reply.status, reply.body) == (200, {"success": "", "error": NO_FILE, "hosts": []})


def test_a_form_with_other_parts(cloud: Any) -> None:
    raw = (b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
           b'--x\r\nContent-Disposition: form-data; name="file"; filename="racks"\r\nContent-Type: text/csv\r\n\r\n'
           b"hostname,personality,mgmt_mac\r\nworker-1,worker,08:00:27:00:11:22\r\n\r\n"
           b'--x\r\nContent-Disposition: form-data; name="file"; filename="second"\r\n\r\nignored\r\n--x--\r\n')
    reply = cloud.call("POST", "/v1/ihosts/bulk_add", raw=raw, content_type="multipart/form-data; boundary=x")
    assert reply.body["success"] == "\n worker-1"


@pytest.mark.parametrize("raw", [b"", b"--x\r\nnonsense", b'--x\r\nContent-Disposition: form-data; name="file"'])
def test_a_form_that_breaks_off(cloud: Any, raw: bytes) -> None:
    reply = cloud.call("POST", "/v1/ihosts/bulk_add", raw=raw, content_type="multipart/form-data; boundary=x")
    assert reply.status == 200
    assert reply.body["error"].startswith("No hosts have been added, invalid XML document: the body is no multipart")


def test_a_file_that_is_too_large(cloud: Any) -> None:
    reply = bulk_add(cloud, document(host(0)) + b" " * (3 << 20))
    assert reply["error"] == "No hosts have been added, invalid XML document: it has more than 2097152 bytes"


def test_a_file_that_is_no_xml(cloud: Any) -> None:
    reply = bulk_add(cloud, b"nonsense", "hosts")
    assert reply["error"].startswith("No hosts have been added, invalid XML document")
    assert reply["hosts"] == []


@pytest.mark.parametrize("role", ["reader", "operator"])
def test_only_configurators_add(cloud: Any, role: str) -> None:
    assert cloud.call("POST", "/v1/ihosts/bulk_add", {}, role=role).status == 403
