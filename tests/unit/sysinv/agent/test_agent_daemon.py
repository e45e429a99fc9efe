# SPDX-License-Identifier: Apache-2.0
"""The agent's shell against a conductor in this process: directly, and over the in-memory bus."""
from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import DeadlineExceeded, FlockError, Refused, Unavailable
from flock.exec import Root
from flock.rpc import Server, Transport, client
from flock.testing.machines import recorded_machines
from sysinv.agent.collectors import numa
from sysinv.agent.collectors.items import Items
from sysinv.agent.daemon import Agent
from sysinv.agent.machine import hardware_root, store_uuid
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import HostRef
from sysinv.contract.reports import UnknownReport, reports
from sysinv.contract.rpc import InventoryReports, SysinvAgent
from sysinv.resources.node.report import NumaReport
from tests.unit.sysinv.agent.agents import HOST, MAC, TIMING, Conductor, make_agent

MakeRoot = Callable[[Mapping[str, str]], Root]
SERIES = [*reports(), "completed"]


def _until(kind: str) -> list[str]:
    return SERIES[:SERIES.index(kind) + 1]


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


@pytest.fixture
def agent(conductor: Conductor, system: Root, tmp_path: Path) -> Agent:
    return make_agent(conductor, system, tmp_path)


def test_first_round_looks_up_reports_everything_and_completes(agent: Agent, conductor: Conductor,
                                                               tmp_path: Path) -> None:
    pause_s = agent.step()
    lookup, *reports = conductor.calls
    assert lookup == ("lookup", {"macs": [MAC], "hostname": "worker-0"})
    assert [name for name, _ in reports] == SERIES
    assert {arguments["host_uuid"] for _, arguments in reports} == {HOST}
    by_name = dict(reports)
    (platform,) = by_name["platform"]["items"]
    assert (platform["boot_id"], platform["after_install"], platform["first_report"]) == ("boot-1", True, True)
    assert [cpu["cpu_model"] for cpu in by_name["cpu"]["items"]] == ["Small CPU"]
    assert [node["cpus"] for node in by_name["numa"]["items"]] == [[0]]
    assert [port["pciaddr"] for port in by_name["port"]["items"]] == ["virtual:mgmt0"]
    assert [memory["node_memtotal_mib"] for memory in by_name["memory"]["items"]] == [1024]
    assert 60 <= pause_s <= 66
    assert (tmp_path / "platform.conf").read_text() == f"UUID={HOST}\n"
    assert agent.health.report()[0]


def test_second_round_sends_nothing_when_nothing_changed(agent: Agent, conductor: Conductor) -> None:
    agent.step()
    conductor.named()
    agent.step()
    assert conductor.named() == []


def test_change_is_reported_alone(agent: Agent, conductor: Conductor, system: Root) -> None:
    agent.step()
    conductor.named()
    (system.path / "sys/devices/virtual/net/mgmt0/mtu").write_text("9000")
    agent.step()
    assert conductor.named() == ["port"]


def test_refused_report_does_not_stop_the_others_and_is_retried(agent: Agent, conductor: Conductor) -> None:
    conductor.failures["cpu"] = [Refused(detail="not now")]
    assert agent.step() == TIMING.retry_interval_s
    assert conductor.named() == ["lookup", *reports()]
    assert agent.health.report()[0] is False
    agent.step()
    assert conductor.named() == ["cpu", "completed"]
    assert agent.health.report()[0]


@pytest.mark.parametrize("error", [Unavailable(service="message bus", reason="no connection"),
                                   DeadlineExceeded(what="report", timeout_s=30)])
def test_silent_conductor_ends_the_round(agent: Agent, conductor: Conductor, error: FlockError) -> None:
    conductor.failures["port"] = [error]
    assert agent.step() == TIMING.retry_interval_s
    assert conductor.named() == ["lookup", *_until("port")]
    agent.step()
    assert conductor.named() == SERIES[SERIES.index("port"):]


def test_report_that_an_older_conductor_does_not_know_stops_nothing(agent: Agent, conductor: Conductor) -> None:
    conductor.failures["disk"] = [UnknownReport(kind="disk")]
    assert agent.step() >= TIMING.audit_interval_s
    assert conductor.named() == ["lookup", *SERIES]
    assert agent.health.report()[0]
    # It is offered again, and is as any other once the conductor was upgraded.
    agent.step()
    assert conductor.named() == ["disk"]
    agent.step()
    assert conductor.named() == []
    assert agent.view.foreign == frozenset()


def test_failed_completion_is_retried(agent: Agent, conductor: Conductor) -> None:
    conductor.failures["completed"] = [Unavailable(service="database", reason="busy")]
    assert agent.step() == TIMING.retry_interval_s
    conductor.named()
    agent.step()
    assert conductor.named() == ["completed"]


def test_deleted_host_looks_its_record_up_again_and_tells_everything_anew(agent: Agent, conductor: Conductor) -> None:
    agent.step()
    conductor.named()
    other = "6e6f6465-0000-4000-8000-000000000002"
    conductor.host = HostRef(uuid=other, hostname="worker-0", personality="worker")
    conductor.failures["memory"] = [HostNotFound(id=HOST)]
    agent.agent_update(host_uuid=HOST, force_updates=["memory"])
    agent.step()
    assert agent.view.host_uuid is None
    agent.step()
    assert conductor.named() == ["memory", "lookup", *SERIES]
    assert agent.view.host_uuid == other


@pytest.mark.parametrize(("error", "pause_s"), [
    (Unavailable(service="message bus", reason="no connection"), 5), (DeadlineExceeded(what="x", timeout_s=30), 5),
    (Refused(detail="no"), 30)])
def test_lookup_is_tried_again_sooner_when_nobody_answered(agent: Agent, conductor: Conductor, error: FlockError,
                                                           pause_s: float) -> None:
    conductor.failures["lookup"] = [error]
    assert agent.step() == pause_s
    assert conductor.named() == ["lookup"]


def test_host_without_record_waits(agent: Agent, conductor: Conductor) -> None:
    conductor.host = None
    assert agent.step() == TIMING.lookup_interval_s
    assert conductor.named() == ["lookup"]


def test_requests_force_named_reports_and_strangers_are_ignored(agent: Agent, conductor: Conductor) -> None:
    agent.step()
    conductor.named()
    agent.agent_update(host_uuid="another", force_updates=[])
    agent.step()
    assert conductor.named() == []
    agent.agent_update(host_uuid=HOST, force_updates=["audit_disk", "memory", "no-such-report"])
    agent.step()
    assert conductor.named() == ["disk", "memory"]
    agent.agent_update(host_uuid=HOST, force_updates=[])
    agent.step()
    assert conductor.named() == SERIES[:-1]


def test_request_is_kept_when_its_report_failed(agent: Agent, conductor: Conductor) -> None:
    agent.step()
    conductor.named()
    conductor.failures["disk"] = [Refused(detail="busy")]
    agent.agent_update(host_uuid=HOST, force_updates=["disk"])
    agent.step()
    agent.step()
    agent.step()
    assert conductor.named() == ["disk", "disk"]


def test_restarted_agent_tells_of_the_same_boot_and_a_reboot_of_a_new_one(
        conductor: Conductor, system: Root, tmp_path: Path) -> None:
    def first_platform() -> tuple[bool, bool]:
        conductor.calls.clear()
        make_agent(conductor, system, tmp_path).step()
        (report,) = dict(conductor.calls)["platform"]["items"]
        return report["after_install"], report["first_report"]

    assert first_platform() == (True, True)
    assert first_platform() == (False, False)
    (system.path / "proc/sys/kernel/random/boot_id").write_text("boot-2")
    assert first_platform() == (False, True)


def test_boot_is_not_marked_as_told_before_the_conductor_took_it(agent: Agent, conductor: Conductor) -> None:
    conductor.failures["platform"] = [Unavailable(service="x", reason="y")]
    agent.step()
    agent.step()
    told = [arguments["items"][0]["after_install"] for name, arguments in conductor.calls if name == "platform"]
    assert told == [True, True]


def test_broken_collector_leaves_the_others_alone(agent: Agent, conductor: Conductor,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_root: Root) -> list[Any]:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("sysinv.agent.collectors.disk.collect", broken)
        assert agent.step() == TIMING.retry_interval_s
    assert conductor.named() == ["lookup", *(kind for kind in reports() if kind != "disk")]
    agent.step()
    assert conductor.named() == ["disk", "completed"]


def odd_mtu(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """A file of one port raises what nobody thought of."""
    real = Root.int

    def broken(self: Root, rel: str, default: int | None = None) -> int | None:
        if rel.endswith("mgmt1/mtu"):
            raise ZeroDivisionError(reason)
        return real(self, rel, default)

    monkeypatch.setattr(Root, "int", broken)


def second_port(system: Root) -> None:
    net = system.path / "sys/devices/virtual/net/mgmt1"
    net.mkdir()
    for name, text in (("type", "1"), ("address", "02:aa:00:00:00:02"), ("flags", "0x1003"), ("mtu", "1500")):
        (net / name).write_text(text)
    (system.path / "sys/class/net/mgmt1").symlink_to("../../devices/virtual/net/mgmt1")


def test_one_odd_item_makes_a_partial_report_and_is_told_once(
        agent: Agent, conductor: Conductor, system: Root, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture) -> None:
    second_port(system)
    with monkeypatch.context() as patch:
        odd_mtu(patch, "no mtu")
        assert agent.step() >= TIMING.audit_interval_s
        told = dict(conductor.calls)
        assert told["lookup"]["macs"] == [MAC]
        assert [port and port["name"] for port in told["port"]["items"]] == ["mgmt0", None]
        # The host is inventoried all the same.
        assert conductor.named()[-1] == "completed" and agent.health.report()[0]
        agent.step()
        assert conductor.named() == []
        said = [record.getMessage() for record in caplog.records if record.name == "sysinv.agent.machine"]
        assert said == ["The port inventory cannot be read whole; 'mgmt1' is left out, and what is stored of it stays: "
                        "ZeroDivisionError: no mtu"]
        odd_mtu(patch, "another reason")
        agent.step()
        assert "another reason" in caplog.records[-1].getMessage()
    agent.step()
    ((name, arguments),) = conductor.calls
    assert name == "port" and [port["name"] for port in arguments["items"]] == ["mgmt0", "mgmt1"]


def test_more_items_than_a_report_may_have_are_cut_and_told(
        agent: Agent, conductor: Conductor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    allowed = reports()["numa"].items_max
    many = [NumaReport(number, ()) for number in range(allowed + 30)]
    monkeypatch.setattr(numa, "collect", lambda _root: Items(many))
    agent.step()
    items = dict(conductor.calls)["numa"]["items"]
    assert len(items) == allowed and items[-1] is None and items[-2]["numa_node"] == allowed - 2
    said = [record.getMessage() for record in caplog.records if record.name == "sysinv.agent.machine"]
    assert len(said) == 21 and said[-1] == "11 more items of the inventory cannot be read"
    monkeypatch.setattr(numa, "collect", lambda _root: Items(many[:allowed]))
    conductor.named()
    agent.step()
    items = dict(conductor.calls)["numa"]["items"]
    assert len(items) == allowed and None not in items


def test_an_item_that_no_message_carries_costs_only_itself(
        agent: Agent, conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numa, "collect", lambda _root: Items([NumaReport(0, (0,)), NumaReport(10**5000, ())]))
    assert agent.step() >= TIMING.audit_interval_s
    items = dict(conductor.calls)["numa"]["items"]
    assert [item and item["numa_node"] for item in items] == [0, None]


def test_recorded_hardware_with_own_ports(conductor: Conductor, system: Root, tmp_path: Path,
                                          open_recording: Callable[..., Any]) -> None:
    recording = open_recording(next(one for one in recorded_machines() if one.name.startswith("40intel64")))
    make_agent(conductor, system, tmp_path, hardware=recording.root).step()
    told = dict(conductor.calls)
    assert {one["cpu"] for one in told["cpu"]["items"]} == recording.expected.cpus
    assert {one["numa_node"] for one in told["memory"]["items"]} == set(recording.expected.nodes)
    assert [one["name"] for one in told["port"]["items"]] == ["mgmt0"]
    assert told["platform"]["items"][0]["boot_id"] == "boot-1"


def test_hardware_root_from_option_marker_or_default(tmp_path: Path) -> None:
    marker, recorded = tmp_path / "hardware_root", tmp_path / "recorded"
    recorded.mkdir()
    assert hardware_root(None, marker).path == Path("/")
    marker.write_text(f"{recorded}\n")
    assert hardware_root(None, marker).path == recorded
    assert hardware_root("/proc", marker).path == Path("/proc")
    assert hardware_root(str(tmp_path / "absent"), marker).path == Path("/")


def test_uuid_replaces_an_old_one_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "platform.conf"
    path.write_text("nodetype=worker\nUUID=old\nhostname=worker-0\n")
    path.chmod(0o640)
    store_uuid(path, "new")
    assert path.read_text() == "nodetype=worker\nhostname=worker-0\nUUID=new\n"
    assert path.stat().st_mode & 0o777 == 0o640
    before = path.stat().st_mtime_ns
    store_uuid(path, "new")
    assert path.stat().st_mtime_ns == before
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


@pytest.fixture
def served(fake_transport: Transport, conductor: Conductor) -> Iterator[Transport]:
    server = Server(fake_transport, "controller-0", {InventoryReports: conductor})
    assert server.start()
    yield fake_transport
    server.stop(5)


def until(condition: Callable[[], bool], timeout_s: float = 10) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_over_the_bus_everything_arrives_and_requests_wake_the_agent(
        served: Transport, conductor: Conductor, system: Root, tmp_path: Path) -> None:
    agent = make_agent(client(InventoryReports, served), system, tmp_path,
                       make_server=lambda one: Server(served, "worker-0", {SysinvAgent: one}, threads_max=2))
    agent.start()
    try:
        assert conductor.complete.wait(20)
        assert agent.alive()
        assert conductor.named() == ["lookup", *SERIES]
        client(SysinvAgent, served, server="worker-0").agent_update(host_uuid=HOST, force_updates=["cpu"])
        assert until(lambda: [name for name, _ in conductor.calls] == ["cpu"])
    finally:
        agent.stop()
    assert not agent.alive()


def test_stop_does_not_wait_for_the_next_audit(agent: Agent, conductor: Conductor) -> None:
    agent.start()
    assert conductor.complete.wait(10)
    started = time.monotonic()
    agent.stop()
    assert time.monotonic() - started < 4
    assert not agent.alive()
    assert set(agent.view.acknowledged) == set(reports())


def test_agent_serves_the_whole_interface(fake_transport: Transport, agent: Agent) -> None:
    # Server refuses an implementation that lacks a method.
    assert Server(fake_transport, "worker-0", {SysinvAgent: agent}) is not None


def test_agent_process_knows_the_answers_it_acts_on() -> None:
    """What crosses the bus is rebuilt as its class only when the process has loaded the class; the agent has no
    database package that would do so by chance."""
    code = """
import sys
import sysinv.cmd.agent
from flock.core.errors import from_wire
for code, name in (("sysinv.host.not_found", "HostNotFound"), ("sysinv.report.unknown", "UnknownReport")):
    assert type(from_wire({"code": code, "params": {"id": "1", "kind": "x"}})).__name__ == name, code
assert not any(name.startswith(("sysinv.db", "sqlalchemy")) for name in sys.modules)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class RecordedRenewal:
    """Takes the part of ``Renewal``; ``trouble`` is what it returns."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.trouble: str | None = None

    def request(self, **asked: bool) -> None:
        self.calls.append(asked)

    def settle(self) -> None:
        self.calls.append("settle")

    def carry_out(self, host_uuid: str) -> str | None:
        self.calls.append(host_uuid)
        return self.trouble


def test_credentials_are_renewed_for_the_own_host_only(conductor: Conductor, system: Root, tmp_path: Path) -> None:
    renewal = RecordedRenewal()
    agent = make_agent(conductor, system, tmp_path, renewal=renewal)
    agent.renew_credentials(host_uuid=HOST, certificate=True, bus_password=False)
    assert renewal.calls == []
    agent.step()
    # A renewal that was interrupted ends before the bus is used.
    assert renewal.calls == ["settle", HOST]
    agent.renew_credentials(host_uuid=HOST, certificate=True, bus_password=False)
    agent.renew_credentials(host_uuid="6e6f6465-0000-4000-8000-000000000009", certificate=True, bus_password=True)
    agent.renew_credentials(host_uuid=HOST, certificate=False, bus_password=False, authorities=True)
    assert renewal.calls[2:] == [{"certificate": True, "bus_password": False, "authorities": False},
                                 {"certificate": False, "bus_password": False, "authorities": True}]
    renewal.trouble = "away"
    assert agent.step() == TIMING.retry_interval_s
