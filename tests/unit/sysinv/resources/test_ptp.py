# SPDX-License-Identifier: Apache-2.0
"""PTP instances, PTP interfaces, their parameters, their assignment and their application, through the API."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.config import hiera
from sysinv.db.lookup import host_row
from sysinv.resources.configuration.table import RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST
from sysinv.resources.ptpinstance.table import PTP_INSTANCE_MAPS
from sysinv.resources.ptpinterface.table import PTP_INTERFACE_MAPS
from sysinv.resources.ptpparameter.table import PTP_PARAMETER_OWNERSHIPS, PTP_PARAMETERS
from tests.unit.sysinv.resources.test_host_lifecycle import port, worker

ABSENT = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"


def instance(cloud: Any, name: str = "ptp1", service: str = "ptp4l") -> dict[str, Any]:
    reply = cloud.post("/v1/ptp_instances", {"name": name, "service": service})
    assert reply.status == 200, reply.fault
    return dict(reply.body)


def interface(cloud: Any, owner: dict[str, Any], name: str = "ptpif1") -> dict[str, Any]:
    reply = cloud.post("/v1/ptp_interfaces", {"name": name, "ptp_instance_uuid": owner["uuid"]})
    assert reply.status == 200, reply.fault
    return dict(reply.body)


def members(cloud: Any, path: str, op: str, *values: Any, name: str = "ptp_parameters", **more: Any) -> Any:
    """A PATCH as StarlingX's client sends it."""
    return cloud.call("PATCH", path, [{"op": op, "path": f"/{name}/-", "value": value, **more} for value in values])


def stored(cloud: Any) -> list[tuple[str, str, str]]:
    return [(one["section"], one["name"], one["value"])
            for one in cloud.get("/v1/ptp_parameters").body["ptp_parameters"]]


def with_ports(cloud: Any) -> tuple[str, dict[str, dict[str, Any]]]:
    """A worker, and its interfaces by name."""
    uuid = worker(cloud)
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[
        port(), port("mgmt0", "08:00:27:00:00:99", "0000:00:04.0"), port("eth5", "08:00:27:00:00:98", "0000:00:05.0"),
        port("eth6", "08:00:27:00:00:97", "0000:00:06.0")])
    found = cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]
    return uuid, {one["ifname"]: one for one in found}


def test_instances_are_added_found_and_sorted_by_name(cloud: Any) -> None:
    second, first = instance(cloud, "zulu"), instance(cloud, "alpha", "phc2sys")
    assert {name: second[name] for name in second if name not in ("uuid", "created_at", "updated_at", "links")} == {
        "id": 1, "type": "ptp-instance", "name": "zulu", "service": "ptp4l", "hostnames": [], "parameters": {},
        "capabilities": {}, "ptp_parameters": [
            {"href": f"http://localhost:80/v1/ptp_instances/{second['uuid']}/ptp_parameters", "rel": "self"},
            {"href": f"http://localhost:80/ptp_instances/{second['uuid']}/ptp_parameters", "rel": "bookmark"}]}
    for query, names in (("", ["alpha", "zulu"]), ("?sort_key=id", ["zulu", "alpha"]),
                         ("?sort_dir=desc", ["zulu", "alpha"])):
        listed = cloud.get(f"/v1/ptp_instances{query}").body["ptp_instances"]
        assert [one["name"] for one in listed] == names
    page = cloud.get("/v1/ptp_instances?limit=1").body
    rest = cloud.get(page["next"].removeprefix("http://localhost:80")).body["ptp_instances"]
    assert [one["name"] for one in (*page["ptp_instances"], *rest)] == ["alpha", "zulu"]
    for ident in (first["uuid"], first["uuid"].upper(), first["id"], "alpha"):
        assert cloud.get(f"/v1/ptp_instances/{ident}").body == first
    for ident in (ABSENT, 99, "nobody", "9" * 30):
        assert cloud.get(f"/v1/ptp_instances/{ident}").status == 404


@pytest.mark.parametrize(("body", "status", "fault"), [
    ({"name": "ptp1", "service": "ptp4l"}, 409, "A PTP instance with name ptp1 already exists."),
    ({"name": "apply", "service": "ptp4l"}, 400, "The name apply is reserved."),
    ({"name": "new", "service": "ntpd"}, 400,
     "Invalid input for field/attribute service. Value: 'ntpd'. Value should be one of: ptp4l, phc2sys, ts2phc, clock, "
     "synce4l, gnss-monitor, dpll-mgr"),
    *(({"name": name, "service": "ptp4l"}, 400, None) for name in ("", "17", "a b", "-a", "../a", "a" * 65, None, 7)),
    ({"name": "new"}, 400, None), ({"service": "ptp4l"}, 400, None), ({}, 400, None),
    ({"name": "new", "service": "ptp4l", "hostnames": []}, 400, None)])
def test_what_is_no_new_instance(cloud: Any, body: Any, status: int, fault: str | None) -> None:
    instance(cloud)
    reply = cloud.post("/v1/ptp_instances", body)
    assert reply.status == status
    assert fault is None or reply.fault == fault
    assert len(cloud.get("/v1/ptp_instances").body["ptp_instances"]) == 1


def test_parameters_of_an_instance(cloud: Any) -> None:
    path = f"/v1/ptp_instances/{instance(cloud)['uuid']}"
    reply = members(cloud, path, "add", "domainNumber=24", "cmdline_opts=-s eth0 -w=1")
    assert (reply.status, reply.body["parameters"]) == (
        200, {"global": ["domainNumber=24", "cmdline_opts=-s eth0 -w=1"]})
    table = members(cloud, path, "add", "table_id=1", "UDPv4=10.0.0.1", "UDPv4=10.0.0.2",
                    section="unicast_master_table_1")
    assert table.body["parameters"]["unicast_master_table_1"] == ["table_id=1", "UDPv4=10.0.0.1", "UDPv4=10.0.0.2"]
    known = cloud.get(f"{path}/ptp_parameters").body["ptp_parameters"]
    assert {name: known[0][name] for name in ("section", "name", "value", "owners")} == {
        "section": "global", "name": "domainNumber", "value": "24", "owners": [path.rpartition("/")[2]]}
    assert cloud.get(f"/v1/ptp_parameters/{known[0]['uuid']}").body == known[0]
    assert members(cloud, path, "remove", known[0]["uuid"].upper(), "cmdline_opts=-s eth0 -w=1").status == 200
    removed = members(cloud, path, "remove", "table_id=1", "UDPv4=10.0.0.2", section="unicast_master_table_1")
    assert removed.body["parameters"] == {"unicast_master_table_1": ["UDPv4=10.0.0.1"]}
    assert stored(cloud) == [("unicast_master_table_1", "UDPv4", "10.0.0.1")]


def test_the_longest_parameter_is_stored(cloud: Any) -> None:
    instance(cloud)
    longest = ("s" * 255, "n" * 255, "v" * 1024)
    reply = members(cloud, "/v1/ptp_instances/ptp1", "add", f"{longest[1]}={longest[2]}", section=longest[0])
    assert reply.status == 200 and stored(cloud) == [longest]


def test_a_refused_change_of_parameters_changes_nothing(cloud: Any) -> None:
    path = "/v1/ptp_instances/ptp1"
    instance(cloud)
    before = members(cloud, path, "add", "domainNumber=24").body
    for reply, status, fault in (
            (members(cloud, path, "add", "new=1", "domainNumber=24"), 409,
             "PTP instance ptp1 already has parameter domainNumber=24 in section global."),
            (members(cloud, path, "add", "new=1", "domainNumber=25"), 400,
             "PTP instance ptp1: section global: domainNumber can have only one value, not 24 and 25. Remove the other "
             "one first, or in the same request."),
            (members(cloud, path, "remove", "domainNumber=24", "new=1"), 404,
             "PTP instance ptp1 has no parameter new=1 in section global."),
            (members(cloud, path, "remove", "domainNumber=24", section="other"), 404,
             "PTP instance ptp1 has no parameter domainNumber=24 in section other."),
            (members(cloud, path, "add", "new=1", ABSENT), 404, f"PTP parameter {ABSENT} could not be found."),
            (members(cloud, path, "add", "new=1", "L2=x", section="unicast_master_table"), 400,
             "PTP instance ptp1: section unicast_master_table: parameter new is not possible there. It must be one of: "
             "table_id, logQueryInterval, peer_address, L2, UDPv4, UDPv6.")):
        assert (reply.status, reply.fault) == (status, fault)
    for value in ("", "new", "=1", "new=", "new= 1", "new=1 ", "new=1\n[global]", "new=\u00e9", "a b=1", None, 7, {},
                  "n=" + "1" * 1025, "n" * 256 + "=1", "-" * 36):
        assert members(cloud, path, "add", value).status == 400, value
        assert members(cloud, path, "remove", value).status == 400, value
    for section in ("", "a]b", "[global]", "a b", "a\nb", 7, None, "s" * 256):
        assert members(cloud, path, "add", "new=1", section=section).status == 400, section
    for body in ([], {}, [7], [{"op": "add", "path": "/ptp_parameters/-"}],
                 [{"op": "remove", "path": "/ptp_parameters/-"}],
                 [{"op": "replace", "path": "/ptp_parameters/-", "value": "new=1"}],
                 [{"op": "add", "path": "/ptp_parameters/0", "value": "new=1"}],
                 [{"op": "replace", "path": "/name", "value": "other"}],
                 [{"op": "add", "path": "/ptp_parameters/-", "value": "new=1"},
                  {"op": "replace", "path": "/name", "value": "other"}]):
        assert cloud.call("PATCH", path, body).status == 400, body
    assert cloud.get(path).body == before
    assert stored(cloud) == [("global", "domainNumber", "24")]


def test_owners_share_a_parameter_until_the_last_one_gives_it_up(cloud: Any) -> None:
    first, second = instance(cloud), instance(cloud, "ptp2")
    third = interface(cloud, first)
    paths = [f"/v1/ptp_instances/{first['uuid']}", "/v1/ptp_instances/ptp2", "/v1/ptp_interfaces/ptpif1"]
    for path in paths:
        assert members(cloud, path, "add", "priority1=1").status == 200
    (shared,) = cloud.get("/v1/ptp_parameters/detail").body["ptp_parameters"]
    assert shared["owners"] == [first["uuid"], second["uuid"], third["uuid"]]
    for path in paths[:2]:
        members(cloud, path, "remove", "priority1=1")
        assert stored(cloud) == [("global", "priority1", "1")]
    assert cloud.delete(paths[2]).status == 204
    assert stored(cloud) == []
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(PTP_PARAMETER_OWNERSHIPS)).scalar() == 0


def test_a_uuid_names_a_parameter_that_another_owner_has(cloud: Any) -> None:
    instance(cloud)
    instance(cloud, "ptp2")
    members(cloud, "/v1/ptp_instances/ptp1", "add", "a=1", section="other")
    (known,) = cloud.get("/v1/ptp_parameters").body["ptp_parameters"]
    reply = members(cloud, "/v1/ptp_instances/ptp2", "add", known["uuid"])
    assert reply.body["parameters"] == {"other": ["a=1"]}
    assert stored(cloud) == [("other", "a", "1")]


def test_another_value_of_a_shared_parameter(cloud: Any) -> None:
    instance(cloud)
    instance(cloud, "ptp2")
    table = "unicast_master_table_1"
    for name in ("ptp1", "ptp2"):
        members(cloud, f"/v1/ptp_instances/{name}", "add", "table_id=1", section=table)
    members(cloud, "/v1/ptp_instances/ptp2", "add", "table_id=2", section="unicast_master_table_2")
    known = {one["section"]: one for one in cloud.get("/v1/ptp_parameters").body["ptp_parameters"]}
    path = f"/v1/ptp_parameters/{known[table]['uuid']}"
    reply = cloud.patch(path, value="2")
    assert (reply.status, reply.fault) == (
        400, "PTP instance ptp2: section unicast_master_table_2: table_id 2 is that of section unicast_master_table_1.")
    assert cloud.patch(path, value="x").status == cloud.patch(path, value="").status == 400
    assert cloud.patch(path, name="y").status == cloud.patch("/v1/ptp_parameters/x", value="").status == 400
    assert cloud.patch(f"/v1/ptp_parameters/{ABSENT}", value="2").status == 404
    assert cloud.get(path).body == known[table]
    changed = cloud.patch(path, value="7").body
    assert (changed["value"], changed["owners"]) == ("7", known[table]["owners"])
    assert cloud.patch(path, value="7").body == changed
    for name in ("ptp1", "ptp2"):
        assert cloud.get(f"/v1/ptp_instances/{name}").body["parameters"][table] == ["table_id=7"]


def test_a_parameter_does_not_become_another_one(cloud: Any) -> None:
    for name, value in (("ptp1", "1"), ("ptp2", "2")):
        instance(cloud, name)
        members(cloud, f"/v1/ptp_instances/{name}", "add", f"priority1={value}")
    uuid = cloud.get("/v1/ptp_instances/ptp1/ptp_parameters").status
    assert uuid == 404, "the parent is named by its uuid there"
    known = cloud.get("/v1/ptp_parameters").body["ptp_parameters"][0]
    reply = cloud.patch(f"/v1/ptp_parameters/{known['uuid']}", value="2")
    assert (reply.status, reply.fault) == (409, (
        f"There is another PTP parameter with value 2, section and name of {known['uuid']}. Remove this one from its "
        "owners and add the other one."))
    assert stored(cloud) == [("global", "priority1", "1"), ("global", "priority1", "2")]


def test_interfaces_belong_to_an_instance(cloud: Any) -> None:
    owner = instance(cloud)
    made = interface(cloud, owner)
    assert {name: made[name] for name in made
            if name not in ("uuid", "created_at", "updated_at", "links", "ptp_parameters")} == {
        "id": 1, "type": "ptp-interface", "name": "ptpif1", "ptp_instance_id": owner["id"],
        "ptp_instance_uuid": owner["uuid"], "ptp_instance_name": "ptp1", "hostnames": [], "interface_names": [],
        "parameters": []}
    for ident in (made["uuid"], made["id"], "ptpif1"):
        assert cloud.get(f"/v1/ptp_interfaces/{ident}").body == made
    assert members(cloud, "/v1/ptp_interfaces/ptpif1", "add", "masterOnly=1").body["parameters"] == ["masterOnly=1"]
    (parameter,) = cloud.get(f"/v1/ptp_interfaces/{made['uuid']}/ptp_parameters").body["ptp_parameters"]
    assert parameter["owners"] == [made["uuid"]]
    reply = members(cloud, "/v1/ptp_interfaces/ptpif1", "add", "a=1", section="eth0")
    assert (reply.status, reply.fault) == (
        400, "PTP interface ptpif1: parameters of PTP interfaces have no other section than global, so eth0 is not "
             "possible.")
    for body, status in (({"name": "ptpif1", "ptp_instance_uuid": owner["uuid"]}, 409),
                         ({"name": "detail", "ptp_instance_uuid": owner["uuid"]}, 400),
                         ({"name": "new", "ptp_instance_uuid": ABSENT}, 404),
                         ({"name": "new", "ptp_instance_uuid": "ptp1"}, 400), ({"name": "new"}, 400),
                         ({"ptp_instance_uuid": owner["uuid"]}, 400)):
        assert cloud.post("/v1/ptp_interfaces", body).status == status
    refused = cloud.delete("/v1/ptp_instances/ptp1")
    assert (refused.status, refused.fault) == (
        400, f"PTP instance {owner['uuid']} is still associated with PTP interface(s)")
    assert cloud.delete("/v1/ptp_interfaces/ptpif1").status == cloud.delete("/v1/ptp_instances/ptp1").status == 204
    assert cloud.delete("/v1/ptp_interfaces/ptpif1").status == cloud.delete("/v1/ptp_instances/ptp1").status == 404
    assert stored(cloud) == []


def test_instances_of_hosts(cloud: Any) -> None:
    worker(cloud)
    one, monitor, other = (instance(cloud), instance(cloud, "gnss1", "gnss-monitor"),
                           instance(cloud, "gnss2", "gnss-monitor"))
    host = "/v1/ihosts/worker-0"
    reply = members(cloud, host, "add", one["id"], str(monitor["id"]), name="ptp_instances")
    assert (reply.status, reply.body["hostname"]) == (200, "worker-0")
    assert reply.body["ptp_instances"][0]["href"].endswith("/ptp_instances")
    assert members(cloud, "/v1/ihosts/controller-0", "add", one["uuid"], name="ptp_instances").status == 200
    assert cloud.get("/v1/ptp_instances/ptp1").body["hostnames"] == ["controller-0", "worker-0"]
    for path in (f"{host}/ptp_instances", f"{host}/ptp_instances/detail"):
        assert [found["name"] for found in cloud.get(path).body["ptp_instances"]] == ["gnss1", "ptp1"]
    names = [found["name"] for found in cloud.get("/v1/ihosts/controller-0/ptp_instances").body["ptp_instances"]]
    assert names == ["ptp1"]
    for value, op, status, fault in (
            ("ptp1", "add", 409, "PTP instance ptp1 is already assigned to host worker-0."),
            ("gnss2", "add", 400, "Host worker-0 can have only one PTP instance of service gnss-monitor, not gnss1 and "
                                  "gnss2."),
            (other["id"], "remove", 404, "PTP instance gnss2 is not assigned to host worker-0."),
            (99, "add", 404, "PTP instance 99 could not be found.")):
        # The first operation of each request alone would be accepted.
        refused = cloud.call("PATCH", host, [
            {"op": "remove", "path": "/ptp_instances/-", "value": monitor["id"]} if status == 404 else
            {"op": "add", "path": "/ptp_instances/-", "value": instance(cloud, f"free-{op}-{value}")["id"]},
            {"op": op, "path": "/ptp_instances/-", "value": value}])
        assert (refused.status, refused.fault) == (status, fault)
        assert len(cloud.get(f"{host}/ptp_instances").body["ptp_instances"]) == 2
    in_use = cloud.delete(f"/v1/ptp_instances/{one['id']}")
    assert (in_use.status, in_use.fault) == (400, f"PTP instance {one['uuid']} is still associated with host(s)")
    assert members(cloud, host, "remove", one["id"], name="ptp_instances").status == 200
    assert [found["name"] for found in cloud.get(f"{host}/ptp_instances").body["ptp_instances"]] == ["gnss1"]
    assert members(cloud, "/v1/ihosts/nobody", "add", one["id"], name="ptp_instances").status == 404


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "", None, [], {}, 2**31, "x" * 256])
def test_what_names_no_instance(cloud: Any, value: Any) -> None:
    instance(cloud)
    for op in ("add", "remove"):
        assert members(cloud, "/v1/ihosts/controller-0", op, value, name="ptp_instances").status == 400


def test_a_patch_of_a_host_changes_instances_or_attributes(cloud: Any) -> None:
    made = instance(cloud)
    host = "/v1/ihosts/controller-0"
    before = cloud.host("controller-0")
    reply = cloud.call("PATCH", host, [{"op": "replace", "path": "/serialid", "value": "7"},
                                       {"op": "add", "path": "/ptp_instances/-", "value": made["id"]}])
    assert (reply.status, reply.fault) == (
        400, "'/ptp_instances/-' can not be changed together with other attributes.")
    for operation in ({"op": "add", "path": "/ptp_instances", "value": [1]},
                      {"op": "add", "path": "/ptp_instances/0", "value": 1},
                      {"op": "replace", "path": "/ptp_instances/-", "value": 1}):
        assert cloud.call("PATCH", host, [operation]).status == 400
    assert cloud.host("controller-0") == before
    assert members(cloud, host, "add", made["id"], name="ptp_instances").status == 200
    assert cloud.patch(host, serialid="7").body["serialid"] == "7"


def test_an_operator_assigns_to_hosts_only(cloud: Any) -> None:
    made = instance(cloud)
    body = [{"op": "add", "path": "/ptp_instances/-", "value": made["id"]}]
    assert cloud.call("PATCH", "/v1/ihosts/controller-0", body, role="operator").status == 200
    assert cloud.call("PATCH", f"/v1/iinterfaces/{ABSENT}", body, role="operator").status == 403
    assert cloud.call("PATCH", "/v1/ptp_instances/ptp1", body, role="operator").status == 403
    assert cloud.call("POST", "/v1/ptp_instances/apply", role="operator").status == 403


def test_interfaces_of_hosts(cloud: Any) -> None:
    _, found = with_ports(cloud)
    owner = instance(cloud)
    one, two = interface(cloud, owner), interface(cloud, owner, "ptpif2")
    for name in ("eth5", "mgmt0"):
        path = f"/v1/iinterfaces/{found[name]['uuid']}"
        reply = members(cloud, path, "add", one["id"], name="ptp_interfaces")
        assert (reply.status, reply.body["ifname"]) == (200, name)
    path = f"/v1/iinterfaces/{found['eth5']['uuid']}"
    assert members(cloud, path, "add", "ptpif2", name="ptp_interfaces").status == 200
    shown = cloud.get(f"/v1/ptp_interfaces/{one['uuid']}").body
    assert (shown["hostnames"], sorted(shown["interface_names"])) == (["worker-0"], ["worker-0/eth5", "worker-0/mgmt0"])
    assert [each["name"] for each in cloud.get(f"{path}/ptp_interfaces").body["ptp_interfaces"]] == ["ptpif1", "ptpif2"]
    for nested in ("/v1/ihosts/worker-0/ptp_interfaces", "/v1/ihosts/worker-0/ptp_interfaces/detail"):
        # A PTP interface on two interfaces of the host is listed once.
        assert [each["name"] for each in cloud.get(nested).body["ptp_interfaces"]] == ["ptpif1", "ptpif2"]
    assert cloud.get("/v1/ihosts/controller-0/ptp_interfaces").body == {"ptp_interfaces": []}
    for value, op, status, fault in (
            (one["id"], "add", 409, "PTP interface ptpif1 is already assigned to interface eth5."),
            (99, "add", 404, "PTP interface 99 could not be found.")):
        refused = members(cloud, path, op, value, name="ptp_interfaces")
        assert (refused.status, refused.fault) == (status, fault)
    in_use = cloud.delete("/v1/ptp_interfaces/ptpif2")
    assert (in_use.status, in_use.fault) == (
        400, f"PTP interface {two['uuid']} is still associated with host interface(s)")
    assert members(cloud, path, "remove", two["id"], name="ptp_interfaces").status == 200
    again = members(cloud, path, "remove", two["id"], name="ptp_interfaces")
    assert (again.status, again.fault) == (404, "PTP interface ptpif2 is not assigned to interface eth5.")
    assert cloud.delete("/v1/ptp_interfaces/ptpif2").status == 204
    assert members(cloud, f"/v1/iinterfaces/{ABSENT}", "add", one["id"], name="ptp_interfaces").status == 404


def test_an_interface_with_a_ptp_interface_outlives_its_port(cloud: Any) -> None:
    uuid, found = with_ports(cloud)
    members(cloud, f"/v1/iinterfaces/{found['eth5']['uuid']}", "add", interface(cloud, instance(cloud))["id"],
            name="ptp_interfaces")
    cloud.inventory.store(host_uuid=uuid, kind="port", records=[port()])
    left = {one["ifname"]: one for one in cloud.get("/v1/ihosts/worker-0/iinterfaces").body["iinterfaces"]}
    assert "eth6" not in left and left["eth5"]["uuid"] == found["eth5"]["uuid"]
    assert cloud.get("/v1/ptp_interfaces/ptpif1").body["interface_names"] == ["worker-0/eth5"]


def test_assignments_go_with_their_host_and_not_the_other_way(cloud: Any) -> None:
    uuid, found = with_ports(cloud)
    made = instance(cloud)
    members(cloud, "/v1/ihosts/worker-0", "add", made["id"], name="ptp_instances")
    members(cloud, f"/v1/iinterfaces/{found['eth5']['uuid']}", "add", interface(cloud, made)["id"],
            name="ptp_interfaces")
    assert cloud.delete(f"/v1/ihosts/{uuid}").status == 204
    cloud.settle()
    with cloud.db.reader() as conn:
        for table in (PTP_INSTANCE_MAPS, PTP_INTERFACE_MAPS):
            assert conn.execute(sa.select(sa.func.count()).select_from(table)).scalar() == 0
    assert cloud.get("/v1/ptp_instances/ptp1").body["hostnames"] == []
    assert cloud.delete("/v1/ptp_interfaces/ptpif1").status == cloud.delete("/v1/ptp_instances/ptp1").status == 204


def orders(cloud: Any) -> list[tuple[str, str, list[str], bool]]:
    with cloud.db.reader() as conn:
        rows = conn.execute(sa.select(RUNTIME_CONFIG, I_HOST.c.hostname).join(
            I_HOST, I_HOST.c.id == RUNTIME_CONFIG.c.forihostid).order_by(RUNTIME_CONFIG.c.id))
        return [(row.hostname, row.reason, list(row.classes), row.reboot_required) for row in rows]


def test_apply_orders_the_hosts_in_service_that_use_ptp(cloud: Any) -> None:
    uuid = worker(cloud)
    assert cloud.post("/v1/ptp_instances/apply", None).status == 204
    assert orders(cloud) == [], "no host uses PTP"
    with cloud.db.writer() as conn:
        conn.execute(sa.update(I_HOST).values(clock_synchronization="ptp", invprovision="provisioned"))
    reply = cloud.post("/v1/ptp_instances/apply", None)
    assert (reply.status, reply.body) == (204, None)
    wanted = ("controller-0", "PTP", ["platform::ptpinstance"], False)
    assert orders(cloud) == [wanted], "the worker is locked"
    cloud.state(uuid, administrative="unlocked", operational="enabled", availability="available")
    assert cloud.post("/v1/ptp_instances/apply", {}).status == 204
    assert orders(cloud)[1:] == [wanted, ("worker-0", *wanted[1:])]


def test_the_settings_of_the_system(cloud: Any) -> None:
    (known,) = cloud.get("/v1/ptp").body["ptps"]
    system = cloud.get("/v1/isystems").body["isystems"][0]
    assert {name: known[name] for name in ("mode", "transport", "mechanism", "isystem_uuid")} == {
        "mode": "hardware", "transport": "l2", "mechanism": "e2e", "isystem_uuid": system["uuid"]}
    path = f"/v1/ptp/{known['uuid']}"
    assert cloud.get(path).body == cloud.get("/v1/ptp/detail").body["ptps"][0] == known
    assert known["links"][0]["href"].endswith(path)
    for changes in ({"mode": "software", "transport": "l3"}, {"mechanism": "none"}, {"mode": ""}, {"enabled": "true"},
                    {"isystem_uuid": ABSENT}):
        assert cloud.patch(path, **changes).status == 400
    assert cloud.call("PATCH", path, [{"op": "remove", "path": "/mode"}]).status == 400
    assert cloud.get(path).body == known
    changed = cloud.patch(path, mode="legacy", transport="udp", mechanism="p2p")
    assert changed.status == 200 and cloud.get(path).body == changed.body
    assert [changed.body[name] for name in ("mode", "transport", "mechanism")] == ["legacy", "udp", "p2p"]
    for reply in (cloud.post("/v1/ptp", {}), cloud.delete(path)):
        assert (reply.status, reply.fault) == (403, "Operation not permitted.")
    assert cloud.post("/v1/ptp/apply", None).status == 204 and orders(cloud) == []
    assert cloud.get(f"/v1/ptp/{ABSENT}").status == cloud.get("/v1/ptp/x").status == 404


def test_the_database_refuses_what_the_rules_refuse(cloud: Any) -> None:
    """Whatever a second request does at the same time: nothing becomes double, and nothing in use disappears."""
    made = instance(cloud, "gnss1", "gnss-monitor")
    other = instance(cloud, "gnss2", "gnss-monitor")
    members(cloud, "/v1/ptp_instances/gnss1", "add", "a=1")
    members(cloud, "/v1/ihosts/controller-0", "add", made["id"], name="ptp_instances")
    host = cloud.host("controller-0")["id"]
    for statement in (
            sa.insert(PTP_PARAMETERS).values(section="global", name="a", value="1"),
            sa.delete(PTP_PARAMETERS),
            sa.insert(PTP_PARAMETER_OWNERSHIPS).values(ptp_parameter_id=1, ptp_instance_id=made["id"]),
            sa.insert(PTP_PARAMETER_OWNERSHIPS).values(ptp_parameter_id=1),
            sa.insert(PTP_INSTANCE_MAPS).values(forihostid=host, ptp_instance_id=made["id"]),
            sa.insert(PTP_INSTANCE_MAPS).values(forihostid=host, ptp_instance_id=other["id"],
                                                single_service="gnss-monitor")):
        with pytest.raises(Exception, match=r"(?i)constraint"), cloud.db.writer() as conn:
            conn.execute(statement)


def rendered(cloud: Any, host: str) -> Any:
    with cloud.db.reader() as conn:
        return hiera.render(conn, host_row(conn, host)).host["platform::ptpinstance::config"]


def test_a_host_with_ptp_gets_the_configuration_of_its_instances(cloud: Any) -> None:
    _, found = with_ports(cloud)
    one = instance(cloud)
    instance(cloud, "other")
    members(cloud, "/v1/ptp_instances/ptp1", "add", "domainNumber=24", "cmdline_opts=-m")
    members(cloud, f"/v1/ptp_interfaces/{interface(cloud, one)['id']}", "add", "masterOnly=1")
    members(cloud, f"/v1/iinterfaces/{found['eth5']['uuid']}", "add", "ptpif1", name="ptp_interfaces")
    members(cloud, "/v1/ihosts/worker-0", "add", "ptp1", name="ptp_instances")
    assert rendered(cloud, "worker-0") == {}, "the host takes its time by NTP"
    cloud.patch("/v1/ihosts/worker-0", clock_synchronization="ptp")
    assert rendered(cloud, "worker-0") == {"ptp1": {"service": "ptp4l", "options": "-m", "sections": [
        ["global", [["message_tag", "ptp1"], ["uds_address", "/var/run/ptp4l-ptp1"], ["domainNumber", "24"]]],
        ["eth5", [["masterOnly", "1"]]]]}}
    assert rendered(cloud, "controller-0") == {}


def test_another_clock_of_a_host_in_service_is_ordered(cloud: Any) -> None:
    uuid = worker(cloud)
    assert cloud.patch(f"/v1/ihosts/{uuid}", clock_synchronization="ptp").status == 200
    assert orders(cloud) == [], "the host takes the whole configuration when it is unlocked"
    for clock in ("ntp", "ptp", "ptp", "sundial"):
        cloud.patch("/v1/ihosts/controller-0", clock_synchronization=clock)
    assert orders(cloud) == [("controller-0", "clock synchronization", ["platform::ptpinstance"], False)]
    assert cloud.host("controller-0")["clock_synchronization"] == "ptp"
