# SPDX-License-Identifier: Apache-2.0
"""Root on worker-0 sends numbers out of range and messages about others, to real daemons with the bootstrap's accounts:
nothing is stored, and worker-0 has one alarm."""
from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.core.errors import FlockError
from flock.rpc import client
from flock.rpc.accounts import EXCHANGE
from flock.testing.services.process import wait_for
from flock.testing.subsystem import RunningSubsystem
from fm.contract.errors import TooManyAlarms
from fm.contract.fault import Fault
from fm.contract.rpc import FaultRequest, FmManager
from fm.raiser import Raiser
from fm.raiser import requests as make
from mtce.contract.records import CommandResult, HostStatus, MtcAlive, MtceHost
from mtce.contract.rpc import AgentEvents, MtceHosts
from tests.security.conftest import SecuredBus

ALARMS_MAX = 100
UUIDS = {"worker-0": str(uuid.uuid4()), "worker-1": str(uuid.uuid4())}


class Controller:
    """fm-manager and mtce-conductor as processes, each with its account; sysinv's account asks them."""

    def __init__(self, folder: Path, secured: SecuredBus, transports: Any) -> None:
        self.fm = RunningSubsystem("fm", folder / "fm", f"sqlite:///{folder}/fm.sqlite",
                                   secured.service("fm-manager"), exchange=EXCHANGE)
        self.mtce = RunningSubsystem("mtce", folder / "mtce", f"sqlite:///{folder}/mtce.sqlite",
                                     secured.service("mtce-conductor"), exchange=EXCHANGE)
        bus = transports(secured.service("sysinv-conductor"))
        self.faults, self.hosts = client(FmManager, bus, deadline_s=3), client(MtceHosts, bus, deadline_s=3)
        self.fm.configure({"fm": {"host_alarms_max": ALARMS_MAX}})
        self.mtce.configure({"conductor": {"hostname": "controller-0", "platform_conf": "/nonexistent"},
                             "timers": {"host_add_delay_s": 1}})

    def start(self) -> None:
        for subsystem in (self.fm, self.mtce):
            subsystem.make_tables()
        self.fm.daemon("fm-manager", lambda: self.active("100.101") == [])
        self.mtce.daemon("mtce-conductor", lambda: self.hosts.list_hosts() == [])
        for number, (name, ident) in enumerate(UUIDS.items()):
            assert self.hosts.put_host(host=MtceHost(
                uuid=ident, hostname=name, personality="worker", subfunctions="worker", mgmt_mac="",
                mgmt_ip=f"192.168.204.{20 + number}", cluster_host_ip=None, administrative="locked",
                operational="disabled", availability="offline")).status == "pass"

    def stop(self) -> None:
        self.mtce.stop()
        self.fm.stop()

    def active(self, alarm_id: str) -> list[Fault]:
        return self.faults.get_faults(alarm_id=alarm_id, entity_instance_id=None, below=True)

    def status(self, name: str) -> HostStatus:
        found = self.hosts.get_host(host_uuid=UUIDS[name])
        assert found is not None
        return found


@pytest.fixture
def controller(secured: SecuredBus, transports: Any, tmp_path: Path) -> Iterator[Controller]:
    made = Controller(tmp_path, secured, transports)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def alive(name: str = "worker-0", **changes: Any) -> MtcAlive:
    values: dict[str, Any] = {
        "host_uuid": UUIDS[name], "hostname": name, "boot_id": "boot-1", "uptime_s": 60, "sequence": 1,
        "configured": True, "healthy": True, "locked": True, "goenabled": False, "goenabled_failed": None,
        "services_failed": False}
    return MtcAlive(**{**values, **changes})


def test_numbers_out_of_range_are_refused_and_alarmed(controller: Controller, secured: SecuredBus,
                                                      transports: Any) -> None:
    agent = client(AgentEvents, transports(secured.host("worker-0")))
    before = controller.status("worker-0")
    for forged in (alive(sequence=2**60), alive(sequence=-1), alive(uptime_s=2**40), alive(uptime_s=10**30),
                   alive(uptime_s=-5),
                   alive(boot_id=""), alive(boot_id="b" * 5000), alive(goenabled_failed="t" * 5000)):
        agent.mtc_alive(alive=forged)
    agent.command_result(result=CommandResult(UUIDS["worker-0"], "boot-1", "goenabled", "1", True, "d" * 100_000))
    wait_for(lambda: controller.active("200.006") != [], 30, "the alarm")
    agent.mtc_alive(alive=alive("worker-1", boot_id="foreign"))
    wait_for(lambda: "sender_refused" in controller.mtce.log() or "may not send" in controller.mtce.log(), 20,
             "the message about another host")
    assert [(fault.entity_instance_id, fault.severity) for fault in controller.active("200.006")] == [
        ("host=worker-0.process=agents", "minor")]
    after = controller.status("worker-0")
    assert (after.availability, after.uptime_s, after.sequence < 1000) == (before.availability, 0, True)
    agent.mtc_alive(alive=alive())
    wait_for(lambda: controller.status("worker-0").availability == "online", 20, "a true message to count")


def test_a_deleted_host_has_no_alarm(controller: Controller, secured: SecuredBus, transports: Any) -> None:
    """Its agents send until their connections are closed; neither what they sent before nor after is alarmed."""
    bus = transports(secured.host("worker-0"))
    agent, faults = client(AgentEvents, bus), client(FmManager, bus)
    agent.mtc_alive(alive=alive(sequence=-1))
    wait_for(lambda: controller.active("200.006") != [], 30, "the alarm")
    assert controller.hosts.delete_host(host_uuid=UUIDS["worker-0"], revision=1).status == "pass"
    wait_for(lambda: controller.active("200.006") == [], 30, "its deletion to clear it")
    other = client(AgentEvents, transports(secured.host("worker-1")))
    for _ in range(2):
        agent.mtc_alive(alive=alive(sequence=-1))
        faults.apply(requests=raises(0, ALARMS_MAX + 50))
    # Both daemons judge and report in turn; the alarm of another host, refused later, shows that they have.
    other.mtc_alive(alive=alive("worker-1", sequence=-1))
    client(FmManager, transports(secured.host("worker-1"))).apply(requests=[
        make.alarm_request("100.103", f"host=worker-1.n={name}", {}, {"severity": "major"})
        for name in range(ALARMS_MAX + 1)])
    reasons: set[str] = set()

    def both_reported() -> bool:
        reasons.update(fault.reason_text.partition(": ")[2].partition(":")[0].partition(".")[0]
                       for fault in controller.active("200.006"))
        return len(reasons) == 2

    wait_for(both_reported, 60, f"both daemons to report worker-1, not only {reasons}")
    assert [fault.entity_instance_id for fault in controller.active("200.006")] == ["host=worker-1.process=agents"]


def raises(first: int, number: int) -> list[FaultRequest]:
    return [make.alarm_request("100.103", f"host=worker-0.n={name}", {}, {"severity": "major"})
            for name in range(first, first + number)]


def test_a_host_that_raises_without_end_is_refused_for_good_and_alarmed(controller: Controller, secured: SecuredBus,
                                                                       transports: Any, tmp_path: Path) -> None:
    bus = transports(secured.host("worker-0"))
    outcomes = client(FmManager, bus).apply(requests=raises(0, ALARMS_MAX + 50))
    assert [outcome.error is None for outcome in outcomes] == [True] * ALARMS_MAX + [False] * 50
    wait_for(lambda: [fault.entity_instance_id for fault in controller.active("200.006")]
             == ["host=worker-0.process=agents"], 30, "the alarm")
    # The conductors' alarms of this host are not refused, and a raiser drops what was refused.
    (own,) = controller.faults.apply(requests=[
        make.alarm_request("200.004", "host=worker-0", {}, {"severity": "critical"})])
    assert own.error is None
    refused: list[FlockError] = []
    raiser = Raiser(bus, tmp_path / "spool", on_refused=lambda request, error: refused.append(error))
    try:
        raiser.raise_alarm("100.103", entity_instance_id="host=worker-0.n=again", severity="major")
        wait_for(lambda: bool(refused), 20, "the refusal")
        assert isinstance(refused[0], TooManyAlarms) and str(ALARMS_MAX) in str(refused[0])
        wait_for(lambda: raiser.backlog()[0] == 0, 10, "the spool to be empty")
    finally:
        raiser.stop()
    assert len(controller.active("100.103")) == ALARMS_MAX
