# SPDX-License-Identifier: Apache-2.0
"""Hosts brought to a state through the conductor, and its stored rows."""
import sqlalchemy as sa

from mtce.core import actions as act
from mtce.core.events import AgentResult, Pulse, RebootAnswer
from mtce.core.view import Level, Network

UUID = "2f1c1d7e-0000-4000-8000-000000000001"


def rows(bench, table):
    with bench.db.reader() as conn:
        return [dict(row) for row in conn.execute(sa.select(table)).mappings()]


def locked_online(bench):
    assert bench.hosts.put_host(host=bench.host()).status == "pass"
    bench.alive()
    bench.advance(2)
    assert bench.status().availability == "online"


def enabled(bench):
    locked_online(bench)
    bench.hosts.host_action(host_uuid=UUID, action="unlock", request_id="u-1")
    reboot = bench.effects.wait_for(act.SendReboot)
    bench.loop.post(UUID, RebootAnswer(reboot.command_id, True))
    bench.alive("boot-2", locked=False)
    bench.effects.wait_for(act.RunGoenabled)
    bench.loop.post(UUID, AgentResult("boot-2", "goenabled", True))
    bench.effects.wait_for(act.StartServices)
    bench.loop.post(UUID, AgentResult("boot-2", "start-services", True))
    bench.settle()
    epoch = bench.loop.roster.get(UUID).view.epoch
    for network in Network:
        bench.loop.post(UUID, Pulse(network, Level.OK, epoch))
    bench.advance(12)
    assert bench.status().operational == "enabled"
