# SPDX-License-Identifier: Apache-2.0
"""Routes of hosts through the API, and what the host is ordered to do."""
from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from sysinv.config import hiera
from sysinv.db.lookup import host_row
from sysinv.resources.configuration.table import RUNTIME_CONFIG
from sysinv.resources.host.table import I_HOST
from sysinv.resources.interface.hiera import PUPPET_CLASS
from tests.unit.sysinv.resources.test_ptp import with_ports

ABSENT = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"


@pytest.fixture
def data0(cloud: Any) -> dict[str, Any]:
    """Interface eth5 of worker-0 with an address of each family."""
    found = dict(with_ports(cloud)[1]["eth5"])
    assert cloud.patch(f"/v1/iinterfaces/{found['uuid']}", ifclass="data", ipv4_mode="static",
                       ipv6_mode="static").status == 200
    for address, prefix in (("192.168.59.3", 24), ("fd00:59::3", 64)):
        assert cloud.post("/v1/addresses", {"interface_uuid": found["uuid"], "address": address,
                                            "prefix": prefix}).status == 200
    return found


def body(interface: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"interface_uuid": interface["uuid"], "network": "10.20.0.0", "prefix": "16", "gateway": "192.168.59.1",
            **changes}


def configured(cloud: Any, administrative: str) -> None:
    with cloud.db.writer() as conn:
        conn.execute(sa.update(I_HOST).where(I_HOST.c.hostname == "worker-0").values(
            administrative=administrative, config_target=ABSENT, invprovision="provisioned"))


def orders(cloud: Any) -> list[Any]:
    with cloud.db.reader() as conn:
        return [(row.reason, row.classes, row.reboot_required) for row in conn.execute(
            sa.select(RUNTIME_CONFIG).order_by(RUNTIME_CONFIG.c.id))]


def test_life_of_a_route(cloud: Any, data0: dict[str, Any]) -> None:
    made = cloud.post("/v1/routes", body(data0))
    assert made.status == 200, made.fault
    assert {name: made.body[name] for name in ("network", "prefix", "gateway", "metric", "ifname", "interface_uuid",
                                               "forihostid")} == {
        "network": "10.20.0.0", "prefix": 16, "gateway": "192.168.59.1", "metric": 1, "ifname": "eth5",
        "interface_uuid": data0["uuid"], "forihostid": data0["forihostid"]}
    six = cloud.post("/v1/routes", body(data0, network="::", prefix=0, gateway="FD00:59:0::1", metric="7")).body
    assert (six["network"], six["prefix"], six["gateway"], six["metric"]) == ("::", 0, "fd00:59::1", 7)
    for path in ("/v1/routes", "/v1/ihosts/worker-0/routes", f"/v1/iinterfaces/{data0['uuid']}/routes"):
        assert cloud.get(path).body["routes"] == [made.body, six]
    assert cloud.get("/v1/routes?limit=1&sort_key=metric&sort_dir=desc").body["routes"] == [six]
    assert cloud.get(f"/v1/routes/{six['uuid']}").body == six
    again = cloud.post("/v1/routes", body(data0, metric=3))
    assert (again.status, again.fault) == (
        409, "Route 10.20.0.0/16 via 192.168.59.1 already exists on interface eth5.")
    assert cloud.delete(f"/v1/routes/{made.body['uuid']}").status == 204
    for ident in (made.body["uuid"], "x"):
        assert cloud.delete(f"/v1/routes/{ident}").status == 404
    assert cloud.get("/v1/routes").body["routes"] == [six]


@pytest.mark.parametrize(("changes", "status", "fault"), [
    ({"gateway": "192.168.60.1"}, 400, "Gateway 192.168.60.1 is not reachable from an address of interface eth5."),
    ({"gateway": "192.168.59.3"}, 400, "Gateway 192.168.59.3 must not be an address of the host itself."),
    ({"gateway": "fd00:59::1"}, 400, "Gateway fd00:59::1 must be of the same IP family as network 10.20.0.0/16."),
    ({"network": "10.20.0.9"}, 400,
     "Network 10.20.0.9 is no address of a subnet with prefix 16: that is 10.20.0.0/16."),
    ({"prefix": 33}, 400, "Prefix of 10.20.0.0 must be between 0 and 32."),
    ({"interface_uuid": ABSENT}, 404, None), ({"interface_uuid": "eth5"}, 400, None),
    *(({name: value}, 400, None) for name, value in (
        ("prefix", -1), ("prefix", "x"), ("metric", 0), ("metric", 2**31), ("metric", "x"), ("gateway", "x"),
        ("network", None), ("gateway", None), ("forihostid", 1)))])
def test_refusals_change_nothing(cloud: Any, data0: dict[str, Any], changes: dict[str, Any], status: int,
                                 fault: str | None) -> None:
    configured(cloud, "unlocked")
    reply = cloud.post("/v1/routes", body(data0, **changes))
    assert reply.status == status
    assert fault is None or reply.fault == fault
    assert (cloud.get("/v1/routes").body["routes"], orders(cloud)) == ([], [])


def test_an_address_that_a_route_needs_stays(cloud: Any, data0: dict[str, Any]) -> None:
    route = cloud.post("/v1/routes", body(data0)).body["uuid"]
    found = {one["address"]: one["uuid"] for one in
             cloud.get(f"/v1/iinterfaces/{data0['uuid']}/addresses").body["addresses"]}
    reply = cloud.delete(f"/v1/addresses/{found['192.168.59.3']}")
    assert (reply.status, reply.fault) == (
        409, "Route 10.20.0.0/16 via 192.168.59.1 on interface eth5 needs an address of the interface in the subnet of "
             "its gateway. Delete the route first.")
    assert cloud.get(f"/v1/addresses/{found['192.168.59.3']}").status == 200
    assert cloud.delete(f"/v1/addresses/{found['fd00:59::3']}").status == 204
    # Another address of the subnet is enough.
    assert cloud.post("/v1/addresses", {"interface_uuid": data0["uuid"], "address": "192.168.59.4",
                                        "prefix": 24}).status == 200
    assert cloud.delete(f"/v1/addresses/{found['192.168.59.3']}").status == 204
    assert cloud.delete(f"/v1/routes/{route}").status == 204


def test_a_network_whose_address_a_route_needs_stays(cloud: Any) -> None:
    mgmt = with_ports(cloud)[1]["mgmt0"]
    (address,) = [one for one in cloud.get(f"/v1/iinterfaces/{mgmt['uuid']}/addresses").body["addresses"]
                  if one["pool_uuid"] and one["address"].startswith("192.168.204.")]
    gateway = "192.168.204.250" if address["address"] != "192.168.204.250" else "192.168.204.251"
    assert cloud.post("/v1/routes", body(mgmt, gateway=gateway)).status == 200
    (assigned,) = [one for one in cloud.get("/v1/ihosts/worker-0/interface_networks").body["interface_networks"]
                   if one["network_type"] == "mgmt"]
    reply = cloud.delete(f"/v1/interface_networks/{assigned['uuid']}")
    assert (reply.status, "Delete the route first." in reply.fault) == (409, True)
    assert cloud.get(f"/v1/interface_networks/{assigned['uuid']}").status == 200


def test_a_host_in_service_is_ordered_to_change_its_routes(cloud: Any, data0: dict[str, Any]) -> None:
    configured(cloud, "unlocked")
    made = cloud.post("/v1/routes", body(data0))
    assert made.status == 200, made.fault
    one = ("routes", [PUPPET_CLASS], False)
    assert orders(cloud) == [one]
    with cloud.db.reader() as conn:
        config = hiera.render(conn, host_row(conn, "worker-0")).host[f"{PUPPET_CLASS}::network_config"]
    assert config["eth5"]["routes"] == [{"destination": "10.20.0.0/16", "gateway": "192.168.59.1", "metric": 1}]
    assert cloud.delete(f"/v1/routes/{made.body['uuid']}").status == 204
    assert orders(cloud) == [one, one]


def test_routes_go_with_their_interface(cloud: Any) -> None:
    uuid, _found = with_ports(cloud)
    vlan = cloud.post("/v1/iinterfaces", {"ihost_uuid": uuid, "ifname": "v", "iftype": "vlan", "vlan_id": 1,
                                          "uses": ["eth5"], "ifclass": "data", "ipv4_mode": "static"}).body
    assert cloud.post("/v1/addresses", {"interface_uuid": vlan["uuid"], "address": "10.9.0.1",
                                        "prefix": 24}).status == 200
    route = cloud.post("/v1/routes", body(vlan, gateway="10.9.0.2")).body
    assert cloud.delete(f"/v1/iinterfaces/{vlan['uuid']}").status == 204
    assert cloud.get(f"/v1/routes/{route['uuid']}").status == 404
