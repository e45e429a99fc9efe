# SPDX-License-Identifier: Apache-2.0
"""``host-resync`` with sysinv and mtce as processes: forged numbers of states are mended on both sides, without SQL."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock.rpc import Server, client
from flock.rpc.interface import rpc_interface
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import wait_for
from flock.testing.services.rabbitmq import RabbitNode
from flock.testing.subsystem import RunningSubsystem
from mtce.contract.records import MtcAlive
from mtce.contract.rpc import AgentEvents, MtceHosts
from mtce.db.tables import HOST
from sysinv.resources.host.table import I_HOST
from tests.functional.sysinv.conftest import Sysinv

FORGED = 2**53


@rpc_interface(topic="nothing", version="1.0", speaks_for="system", callers=("tests",))
class Nothing:
    """Served in place of the emulated mtce."""


class Both(Sysinv):
    """sysinv, and mtce as daemons of its own on the same bus."""

    def __init__(self, folder: Path, rabbit: RabbitNode, keystone: KeystoneServer) -> None:
        super().__init__(folder, f"sqlite:///{folder}/sysinv.sqlite", rabbit, keystone)
        self.real = RunningSubsystem("mtce", folder / "mtce", f"sqlite:///{folder}/mtce.sqlite", self.rabbit_url,
                                     exchange=self.exchange)
        self.real.configure({"conductor": {"hostname": "controller-0", "platform_conf": "/nonexistent"},
                             "timers": {"host_add_delay_s": 1}})
        self._server = Server(self.bus(), "emulated", {Nothing: Nothing()})  # no mtce until ``start_mtce``
        self.hosts = client(MtceHosts, self.bus())
        self.agents = client(AgentEvents, self.bus())

    def start_mtce(self) -> None:
        """mtce takes the hosts of sysinv's audit; the test has added them while the controller was enabled."""
        self.real.make_tables()
        self.real.daemon("mtce-conductor", lambda: self.hosts.list_hosts() is not None)

    def stop(self) -> None:
        self.real.stop()
        super().stop()

    def numbers(self, uuid: str) -> tuple[int, int]:
        """The numbers of a host's states that sysinv and mtce store."""
        with self.db.reader() as ours, self.real.db.reader() as theirs:
            return (ours.execute(sa.select(I_HOST.c.mtce_sequence).where(I_HOST.c.uuid == uuid)).scalar_one(),
                    json_of(theirs.execute(sa.select(HOST.c.view).where(HOST.c.uuid == uuid)).scalar_one())["sequence"])

    def alive(self, uuid: str, number: int) -> None:
        self.agents.mtc_alive(alive=MtcAlive(uuid, "worker-0", "boot-1", 60 + number, number, True, True, True, False,
                                             None, False))


def json_of(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value)


@pytest.fixture
def both(tmp_path: Path, rabbit: RabbitNode, keystone: KeystoneServer) -> Iterator[Both]:
    made = Both(tmp_path, rabbit, keystone)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_states_follow_again_after_a_forged_number_was_stored(both: Both) -> None:
    assert both.call("POST", "/v1/ihosts", {"hostname": "worker-0", "personality": "worker",
                                            "mgmt_mac": "08:00:27:be:6e:25"}).status == 200
    both.start_mtce()
    uuid = both.host("worker-0")["uuid"]
    wait_for(lambda: both.hosts.get_host(host_uuid=uuid) is not None, 20, "mtce to have the host")
    both.alive(uuid, 1)
    wait_for(lambda: both.host(uuid)["availability"] == "online", 20, "the state to be told")
    with both.db.writer() as conn:
        conn.execute(sa.update(I_HOST).where(I_HOST.c.uuid == uuid).values(
            mtce_sequence=FORGED, operational="enabled", availability="degraded", ihost_action="lock", task="Forged"))
    assert both.call("POST", f"/v1/ihosts/{uuid}/resync", role="operator").status == 403
    answer = both.call("POST", f"/v1/ihosts/{uuid}/resync", {}, role="configurator")
    assert answer.status == 200, answer.text + both.real.log()
    host = answer.body
    assert (host["administrative"], host["operational"], host["availability"], host["ihost_action"]) == (
        "locked", "disabled", "online", None)
    ours, theirs = both.numbers(uuid)
    assert ours == theirs < 1000
    wait_for(lambda: both.host(uuid)["availability"] == "offline", 60, "silence of the agent to be told after it")
