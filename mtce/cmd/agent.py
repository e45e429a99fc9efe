# SPDX-License-Identifier: Apache-2.0
"""``mtce-agent``, on every host: sends mtcAlives, runs go-enabled tests, starts and stops services, reboots."""
from __future__ import annotations

import socket
from typing import Any

from flock.exec.root import Root
from flock.rpc import Server, ServerWatch, client, transport
from flock.service.daemon import run_daemon
from mtce.agent.commands import reboot
from mtce.agent.daemon import Agent, Limits
from mtce.conf import agent as options
from mtce.contract.rpc import AgentEvents, MtceAgent

SERVER_THREADS = 2


def build(conf: Any) -> Agent:
    """Return the agent with its connection to the bus."""
    options.register(conf)
    group = conf.host_agent
    bus = transport(conf)
    hostname = group.hostname or socket.gethostname()
    limits = Limits(group.alive_period_s, group.goenabled_timeout_s, group.host_services_timeout_s,
                    group.failsafe_shutdown_delay_s)
    servers = ServerWatch(bus, [AgentEvents])
    servers.start()
    agent = Agent(client(AgentEvents, bus), Root(group.root), hostname, limits, reboot,
                  make_server=lambda agent: Server(bus, hostname, {MtceAgent: agent}, threads_max=SERVER_THREADS),
                  alive_socket=group.alive_socket or f"{conf.run_dir}/mtce/alive.sock")
    agent.health.add("versions", servers.mismatch)
    return agent


def main() -> int:
    """Run until SIGTERM."""
    return run_daemon("mtce-agent", build)
