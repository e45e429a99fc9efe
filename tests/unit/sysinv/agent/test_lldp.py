# SPDX-License-Identifier: Apache-2.0
"""LLDP as lldpd 1.0.16 of Debian 12 shows it (recorded), and as it might: neighbours send whatever they like."""
from __future__ import annotations

import json
import stat
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.core.codec import codec_for
from flock.core.errors import Unavailable
from flock.exec import Root
from sysinv.agent.collectors import lldp, lldp_agent, lldp_neighbour
from sysinv.resources.lldpagent.report import LldpAgentReport
from sysinv.resources.lldpneighbour.report import LldpNeighbourReport

RECORDED = Path(__file__).parents[3] / "fixtures/lldp"
COLLECTORS = (lldp_agent, lldp_neighbour)
NAMES = ("lldp", "interface", "name", "via", "chassis", "port", "id", "type", "value", "descr", "mgmt-ip", "capability",
         "enabled", "ttl", "vlan", "vlan-id", "pvid", "ppvid", "pi", "power", "auto-negotiation", "advertised", "hd",
         "aggregation", "link-aggregation", "mfs", "status", "unknown-tlvs", "unknown-tlv", "oui", "subtype")
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["LLDP", "00,80,C2", "5", "6"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=8),
    max_leaves=40)
ENTRY = st.dictionaries(st.sampled_from(NAMES), ODD_JSON, max_size=12)


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.json").read_text()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """This machine, on which lldpd seems to run."""
    socket = tmp_path / "lldpd.socket"
    socket.touch()
    monkeypatch.setattr(lldp, "SOCKETS", (str(socket)[1:],))
    return Root("/")


def test_what_the_own_ports_send(running: Root) -> None:
    asked = []

    def ask(what: str) -> str:
        asked.append(what)
        return recorded("interfaces")

    found = lldp_agent.collect(running, ask)
    assert asked == ["interfaces"] and found.unread == {}
    assert list(found) == [LldpAgentReport(
        port_name=name, status=status, chassis_id="fa:f9:db:86:5c:6c", port_identifier=mac, port_description=name,
        system_name="controller-0", system_description="Debian GNU/Linux 12 (bookworm) x86_64",
        system_capabilities="station", management_address="192.0.2.1, fe80::f8f9:dbff:fe86:5c6c", ttl="120",
        dot3_mac_status="auto-negotiation-capable=n,auto-negotiation-enabled=n") for name, status, mac in (
            ("eth0", "rx=enabled,tx=enabled", "fa:f9:db:86:5c:6c"),
            ("eth1", "rx=enabled,tx=disabled", "7e:a7:b7:2a:74:74"))]


def test_what_a_switch_and_a_host_send(running: Root) -> None:
    found = lldp_neighbour.collect(running, lambda _: recorded("neighbors"))
    assert [(one.port_name, one.system_name) for one in found] == [
        ("eth0", "controller-1"), ("eth1", "controller-1"), ("eth1", "leaf-7")]
    assert found[2] == LldpNeighbourReport(
        port_name="eth1", chassis_id="52:54:00:ab:cd:ef", port_identifier="Ethernet1/7",
        port_description="uplink of rack 7", system_name="leaf-7",
        system_description="Switch OS 4.2\\x0arack \u00e4 \\x07\ufffd", system_capabilities="bridge, router",
        management_address="192.0.2.7, 2001:db8::7", ttl="120", dot1_lag="capable=y,enabled=y",
        dot1_vlan_names="mgmt, cluster", dot1_port_vid="10", dot1_vid_digest="deadbeef", dot1_management_vid="20",
        dot1_proto_vids="20", dot1_proto_ids="88 8e 01",
        dot3_mac_status="auto-negotiation-capable=y,auto-negotiation-enabled=y,10base-thd, 10base-tfd, "
                        "100base-txhd, 100base-txfd, 1000base-tfd",
        dot3_max_frame="9216",
        dot3_power_mdi="power-mdi-supported=y,power-mdi-enabled=y,device-type=PSE,pairs=signal,class=class 0")


@pytest.mark.parametrize(("word", "status"), [
    ("RX and TX", "rx=enabled,tx=enabled"), ("RX only", "rx=enabled,tx=disabled"),
    ("TX only", "rx=disabled,tx=enabled"), ("disabled", "rx=disabled,tx=disabled"), ("something new", None)])
def test_status_of_an_agent(word: str, status: str | None) -> None:
    assert lldp_agent.agent({"name": "eth0", "status": [{"value": word}]}).status == status


def test_an_aggregation_as_other_releases_show_it() -> None:
    port = {"link-aggregation": [{"supported": True, "enabled": False}]}
    assert lldp.tlvs({"port": [port]})["dot1_lag"] == "capable=y,enabled=n"


@pytest.mark.parametrize("collector", COLLECTORS)
def test_without_lldpd_there_is_nothing_to_report(collector: Any, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(what: str) -> str:
        raise AssertionError(f"asked for {what}")

    assert collector.collect(Root(tmp_path), ask) == []
    monkeypatch.setattr(lldp, "SOCKETS", (str(tmp_path / "none")[1:],))
    found = collector.collect(Root("/"), ask)
    assert found == [] and found.unread == {}


@pytest.mark.parametrize("collector", COLLECTORS)
def test_nothing_is_connected(collector: Any, running: Root) -> None:
    found = collector.collect(running, lambda _: recorded("none"))
    assert found == [] and found.unread == {}


@pytest.mark.parametrize("collector", COLLECTORS)
@pytest.mark.parametrize("output", ["", "no json", "[]", '{"lldp": {}}', "{}"])
def test_an_output_that_is_none_is_unread_and_no_error(collector: Any, output: str, running: Root) -> None:
    found = collector.collect(running, lambda _: output)
    assert found == [] and list(found.unread) == ["lldpcli"]


@pytest.mark.parametrize("collector", COLLECTORS)
def test_lldpd_that_does_not_answer_is_unread_and_no_error(collector: Any, running: Root) -> None:
    def ask(what: str) -> str:
        raise Unavailable(service="lldpd", reason=what)

    found = collector.collect(running, ask)
    assert found == [] and isinstance(found.unread["lldpcli"], Unavailable)


def test_a_neighbour_without_identity_costs_the_others_nothing(running: Root) -> None:
    document = json.loads(recorded("neighbors"))
    entries = document["lldp"][0]["interface"]
    del entries[0]["chassis"]
    entries[1]["via"] = "CDPv2"
    found = lldp_neighbour.collect(running, lambda _: json.dumps(document))
    assert [one.system_name for one in found] == ["leaf-7"]
    assert list(found.unread) == ["0"]


def test_an_agent_without_a_name_costs_the_others_nothing(running: Root) -> None:
    document = json.loads(recorded("interfaces"))
    del document["lldp"][0]["interface"][0]["name"]
    found = lldp_agent.collect(running, lambda _: json.dumps(document))
    assert [one.port_name for one in found] == ["eth1"]
    assert list(found.unread) == ["0"]


def test_texts_are_cut() -> None:
    entry = {"name": "e", "via": "LLDP", "chassis": [{"id": [{"value": "c" * 9000}]}],
             "port": [{"id": [{"value": "\x00" * 9000}]}], "vlan": [{"value": "v" * 900}] * 9}
    found = lldp_neighbour.neighbour(entry)
    assert found is not None
    assert max(len(value) for value in asdict(found).values() if value) == lldp.TEXT_MAX


@given(ENTRY)
def test_whatever_lldpd_shows_is_a_report_that_can_be_sent_or_is_left_out(entry: dict[str, Any]) -> None:
    readers = ((lldp_agent.agent, LldpAgentReport), (lldp_neighbour.neighbour, LldpNeighbourReport))
    for read, record in readers:
        try:
            report = read({"name": "eth0", **entry})
        except ValueError:
            continue
        if report is not None:
            codec = codec_for(record)
            assert codec.from_document(json.loads(codec.encode(report, "item")), "item") == report
            assert all(value is None or value.isprintable() and len(value) <= lldp.TEXT_MAX
                       for value in asdict(report).values())


def test_the_program_is_asked_for_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "lldpcli"
    program.write_text('#!/bin/sh\nprintf "%s " "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert lldp.ask("neighbors") == "-f json0 show neighbors details "
