# SPDX-License-Identifier: Apache-2.0
"""LLDP agents and neighbours: stored by port, shown everywhere, removed when a complete report omits them."""
from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysinv.resources.lldpagent.intake import agent_change
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.lldpagent.table import LLDP_AGENTS
from sysinv.resources.lldpneighbour.intake import neighbour_change
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport
from sysinv.resources.lldpneighbour.table import LLDP_NEIGHBOURS
from sysinv.resources.port.report import PortReport

HOST = "controller-0"
TEXT = st.none() | st.text(max_size=12)
NEIGHBOUR = st.builds(LldpNeighbourReport, st.sampled_from(["a", "b", "none"]), st.sampled_from(["c", "C", "x" * 700]),
                      st.sampled_from(["1", "2", "\x00" * 99]), system_name=TEXT, dot1_port_vid=TEXT)
PORTS = {"a": 1, "b": 2}


def port(name: str, slot: int) -> dict[str, Any]:
    return asdict(PortReport(name, f"0000:00:0{slot}.0", 0, f"08:00:27:00:0a:0{slot}", 1500, None, None, None, 0, None,
                             "", "", "", "", ""))


def agent(name: str, **more: Any) -> dict[str, Any]:
    return asdict(LldpAgentReport(name, "rx=enabled,tx=enabled", "52:54:00:00:00:01", f"id of {name}", **more))


def neighbour(name: str, chassis: str = "leaf", identifier: str = "e1", **more: Any) -> dict[str, Any]:
    return asdict(LldpNeighbourReport(name, chassis, identifier, **more))


@pytest.fixture
def tell(cloud: Any) -> Any:
    uuid = cloud.host(HOST)["uuid"]
    cloud.inventory.report(host_uuid=uuid, kind="port", items=[port("a", 1), port("b", 2)])
    return lambda kind, items: cloud.inventory.report(host_uuid=uuid, kind=kind, items=items)


def listed(cloud: Any, collection: str, *fields: str, path: str = f"ihosts/{HOST}/") -> list[tuple[Any, ...]]:
    found = cloud.get(f"/v1/{path}{collection}").body[collection]
    return sorted(tuple(one[name] for name in fields) for one in found)


def test_agents_are_shown_with_their_ports(cloud: Any, tell: Any) -> None:
    tell("lldp_agent", [agent("a", ttl="120", dot1_lag="capable=y,enabled=n"), agent("b"), agent("cni0")])
    ports = {one["name"]: one["uuid"] for one in cloud.get("/v1/ports").body["ports"]}
    found = {one["port_name"]: one for one in cloud.get("/v1/lldp_agents").body["lldp_agents"]}
    assert set(found) == {"a", "b"}, "a device that is no port has no agent"
    shown = found["a"]
    assert shown == cloud.get(f"/v1/lldp_agents/{shown['uuid']}").body
    assert set(shown) == {
        "uuid", "status", "host_uuid", "port_uuid", "port_name", "port_namedisplay", "chassis_id", "port_identifier",
        "port_description", "system_description", "system_name", "system_capabilities", "management_address", "ttl",
        "dot1_lag", "dot1_vlan_names", "dot3_mac_status", "dot3_max_frame", "created_at", "updated_at", "links"}
    assert (shown["port_uuid"], shown["port_namedisplay"], shown["host_uuid"]) == (
        ports["a"], "a", cloud.host(HOST)["uuid"])
    assert (shown["status"], shown["ttl"], shown["dot1_lag"], shown["dot3_max_frame"]) == (
        "rx=enabled,tx=enabled", "120", "capable=y,enabled=n", None)


def test_neighbours_of_a_port_are_told_apart_by_chassis_and_port(cloud: Any, tell: Any) -> None:
    tell("lldp_neighbour", [neighbour("a"), neighbour("a", "host-7"), neighbour("b"), neighbour("b", "leaf", "e2"),
                            neighbour("cni0")])
    assert listed(cloud, "lldp_neighbours", "port_name", "msap") == [
        ("a", "host-7,e1"), ("a", "leaf,e1"), ("b", "leaf,e1"), ("b", "leaf,e2")]
    shown = cloud.get("/v1/lldp_neighbours?sort_key=msap&limit=1").body["lldp_neighbours"][0]
    assert {"msap", "dot1_port_vid", "dot1_vid_digest", "dot1_management_vid", "dot1_proto_vids", "dot1_proto_ids",
            "dot3_power_mdi", "port_uuid", "port_namedisplay"} <= set(shown) and "status" not in shown


def test_what_a_report_omits_is_removed_and_what_stays_keeps_its_uuid(cloud: Any, tell: Any) -> None:
    tell("lldp_neighbour", [neighbour("a"), neighbour("b")])
    before = dict(listed(cloud, "lldp_neighbours", "port_name", "uuid"))
    tell("lldp_neighbour", [neighbour("a", system_name="leaf-7"), None])
    assert dict(listed(cloud, "lldp_neighbours", "port_name", "uuid")) == before, "an incomplete report removes nothing"
    tell("lldp_neighbour", [neighbour("a", system_name="leaf-8")])
    assert listed(cloud, "lldp_neighbours", "port_name", "uuid", "system_name") == [("a", before["a"], "leaf-8")]
    tell("lldp_agent", [agent("a"), agent("b")])
    tell("lldp_agent", [agent("b")])
    assert listed(cloud, "lldp_agents", "port_name") == [("b",)]
    tell("lldp_agent", [])
    tell("lldp_neighbour", [])
    assert listed(cloud, "lldp_agents", "uuid") == listed(cloud, "lldp_neighbours", "uuid") == []


def test_below_a_port(cloud: Any, tell: Any) -> None:
    tell("lldp_agent", [agent("a"), agent("b")])
    tell("lldp_neighbour", [neighbour("b"), neighbour("b", "host-7")])
    ports = {one["name"]: one["uuid"] for one in cloud.get("/v1/ports").body["ports"]}
    base = f"ports/{ports['b']}/"
    assert listed(cloud, "lldp_agents", "port_name", path=base) == [("b",)]
    assert listed(cloud, "lldp_neighbours", "msap", path=base) == [("host-7,e1",), ("leaf,e1",)]
    assert listed(cloud, "lldp_neighbours", "msap", path=f"ports/{ports['a']}/") == []
    page = cloud.get(f"/v1/{base}lldp_neighbours?limit=1").body
    assert f"/v1/{base}lldp_neighbours?" in page["next"]
    for unknown in ("cd5ef327-618b-4aac-9b10-9bbbe2baa8e0", "b"):
        assert cloud.get(f"/v1/ports/{unknown}/lldp_agents").status == 404
    assert cloud.post(f"/v1/{base}lldp_agents", {}).status == 405


def test_ports_and_hosts_link_to_them(cloud: Any, tell: Any) -> None:
    uuid = cloud.get("/v1/ports").body["ports"][0]["uuid"]
    for collection in ("ports", "ethernet_ports"):
        member = cloud.get(f"/v1/{collection}/{uuid}").body
        for child in ("lldp_agents", "lldp_neighbours"):
            assert member[child] == [
                {"href": f"http://localhost:80/v1/ports/{uuid}/{child}", "rel": "self"},
                {"href": f"http://localhost:80/ports/{uuid}/{child}", "rel": "bookmark"}]
    assert "lldp_agents" not in cloud.get("/v1/ports").body["ports"][0]
    assert {"lldp_agents", "lldp_neighbours", "labels"} <= set(cloud.host(HOST))


def test_they_go_with_their_port(cloud: Any, tell: Any) -> None:
    tell("lldp_agent", [agent("a"), agent("b")])
    tell("lldp_neighbour", [neighbour("a"), neighbour("b")])
    tell("port", [port("b", 2)])
    assert listed(cloud, "lldp_agents", "port_name") == listed(cloud, "lldp_neighbours", "port_name") == [("b",)]


def test_any_text_is_stored(cloud: Any, tell: Any) -> None:
    odd = "\x00\ud800\u202e" * 2000
    tell("lldp_neighbour", [neighbour("a", odd, odd, **dict.fromkeys(
        ("system_name", "management_address", "ttl", "dot1_vlan_names", "dot3_power_mdi"), odd))])
    (shown,) = cloud.get("/v1/lldp_neighbours").body["lldp_neighbours"]
    for name in ("msap", "chassis_id", "ttl", "dot1_vlan_names", "dot3_power_mdi"):
        assert len(shown[name]) == LLDP_NEIGHBOURS.c[name].type.length
        assert shown[name].startswith(r"\x00\ud800"), name


@given(st.lists(NEIGHBOUR, max_size=6), st.lists(NEIGHBOUR, max_size=6))
def test_after_a_complete_report_exactly_its_neighbours_are_stored(first: list[LldpNeighbourReport],
                                                                   second: list[LldpNeighbourReport]) -> None:
    rows: list[dict[str, Any]] = [{"id": number, **values} for number, values in enumerate(
        neighbour_change([], first, PORTS).insert)]
    change = neighbour_change(rows, second, PORTS)
    after = {row["id"]: {**row, **change.update.get(row["id"], {})} for row in rows if row["id"] not in change.delete}
    kept = [{name: value for name, value in row.items() if name != "id"} for row in after.values()]
    wanted = neighbour_change([], second, PORTS).insert
    assert sorted(kept + change.insert, key=repr) == sorted(wanted, key=repr)
    keys = [(one["port_id"], one["msap"]) for one in wanted]
    assert len(set(keys)) == len(keys), "a port has each neighbour once"
    assert not neighbour_change(rows, second, PORTS, partial=True).delete


def test_an_unchanged_agent_is_not_written_again() -> None:
    report = LldpAgentReport("a", system_name="x" * 999)
    (values,) = agent_change([], [report], PORTS).insert
    assert len(values["system_name"]) == LLDP_AGENTS.c.system_name.type.length
    change = agent_change([{"id": 5, **values}], [report], PORTS)
    assert (change.insert, change.update, change.delete) == ([], {}, [])
