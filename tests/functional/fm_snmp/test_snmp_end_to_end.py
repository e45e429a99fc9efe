# SPDX-License-Identifier: Apache-2.0
"""A raiser, RabbitMQ, fm-manager, fm-snmp-agent, snmpd and snmptrapd, each a process of its own. Costs about 20 s."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from flock.db import migrate
from flock.testing.daemons import start_daemon, write_conf
from flock.testing.services.process import Process, wait_for
from flock.testing.services.rabbitmq import RabbitNode
from tests.functional.fm.service import FaultManagement
from tests.functional.fm_snmp.netsnmp import Snmpd, Snmptrapd, ask

ROOT = "1.3.6.1.4.1.731.1.1.1.1"
ENGINE = "800002db05e2e0e2e0"
USERS = {f"-e 0x{ENGINE} noc": "SHA-256 authpass1 AES privpass1"}


@dataclass
class System:
    """All that runs."""

    fm: FaultManagement
    agent: Process
    snmpd: Snmpd
    snmptrapd: Snmptrapd

    def active(self) -> list[str]:
        """Entities of the table of active alarms."""
        found = ask("snmpbulkwalk", self.snmpd.as_community(), f"{ROOT}.1.1.4")
        return [each.value.decode() for each in found if isinstance(each.value, bytes)]


@pytest.fixture
def system(tmp_path: Path, rabbit: RabbitNode, snmpd: Snmpd, snmptrapd: Snmptrapd) -> Iterator[System]:
    fm = FaultManagement(tmp_path, f"sqlite:///{tmp_path}/fm.sqlite", rabbit.url, None)
    write_conf(fm.conf_dir / "flock.conf", {
        "fm_snmp": {"destinations": "noc,old", "engine_id": ENGINE, "agentx_address": snmpd.agentx_address,
                    "agentx_reconnect_max_s": 1},
        "fm_snmp.noc": {"host": "127.0.0.1", "port": snmptrapd.port, "version": "3", "user_name": "noc",
                        "auth_protocol": "SHA-256", "auth_key": "authpass1", "priv_protocol": "AES",
                        "priv_key": "privpass1"},
        "fm_snmp.old": {"host": "127.0.0.1", "port": snmptrapd.port, "community": "public", "inform": True,
                        "timeout_s": 1}})
    migrate.upgrade(fm.url, "fm")
    snmpd.start()
    snmptrapd.start(USERS)
    agent = start_daemon("fm-snmp-agent", fm.folder, fm.conf_dir)
    try:
        fm.start_manager()
        yield System(fm, agent, snmpd, snmptrapd)
    finally:
        agent.stop()
        fm.stop()


def test_alarms_are_told_and_shown_and_nothing_is_lost_with_the_manager(system: System) -> None:
    raiser = system.fm.raiser()
    raiser.raise_alarm(alarm_id="200.004", entity_instance_id="host=compute-1", severity="critical", reason_text="é")
    for sender in ("user noc", "community public"):
        got, = system.snmptrapd.wait(1, sender)
        assert got.name == f"{ROOT}.0.1"
        assert got.values[f"{ROOT}.1.1.4.0"] == b"region=RegionOne.system=system.host=compute-1"
        assert got.values[f"{ROOT}.1.1.7.0"] == "é".encode()
    wait_for(lambda: system.active() == ["system=system.host=compute-1"], 20, "the alarm in the table")
    system.snmptrapd.stop()
    raiser.clear_alarm(alarm_id="200.004", entity_instance_id="host=compute-1")
    wait_for(lambda: system.active() == [], 20, "the alarm out of the table")
    system.fm.kill_manager()
    system.snmptrapd.start(USERS)
    system.fm.start_manager()
    for sender in ("user noc", "community public"):
        assert [each.name for each in system.snmptrapd.wait(2, sender, timeout_s=40)][-1] == f"{ROOT}.0.9"
    for process in (system.agent, system.fm.manager):
        assert process is not None
        assert "authpass1" not in process.log_tail() and "privpass1" not in process.log_tail()
    system.agent.stop()
    assert system.agent.running is False


def test_a_wrong_option_ends_the_start_and_is_named(tmp_path: Path) -> None:
    write_conf(tmp_path / "conf" / "fm.conf", {
        "DEFAULT": {"transport_url": "fake://service.tests@memory/", "state_dir": tmp_path},
        "fm_snmp": {"destinations": "noc"}, "fm_snmp.noc": {"host": "n", "version": "3", "user_name": "u",
                                                            "auth_protocol": "SHA-256", "auth_key": "topsecr"}})
    manager = start_daemon("fm-manager", tmp_path, tmp_path / "conf")
    try:
        wait_for(lambda: not manager.running, 30, "the end of fm-manager")
        assert "[fm_snmp.noc] auth_key: at least 8 characters with auth_protocol" in manager.log_tail()
        assert "topsecr" not in manager.log_tail()
    finally:
        manager.stop()
