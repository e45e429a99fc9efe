# SPDX-License-Identifier: Apache-2.0
"""``sysinv-agent``: hardware inventory of this host, reported to the conductor."""
from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

from flock import service  # must be first: it selects the thread backend
from flock.conf import conf_dir
from flock.exec import Root
from flock.rpc import Server, VersionWatch, client, transport
from sysinv.agent.daemon import Agent, Timing
from sysinv.agent.machine import Machine, hardware_root
from sysinv.conf import agent as options
from sysinv.contract.rpc import InventoryReports, SysinvAgent

SERVER_THREADS = 2


def build(conf: Any) -> Agent:
    """Return the agent with its connection to the bus."""
    options.register(conf)
    bus = transport(conf)
    hostname = conf.agent.hostname or socket.gethostname()
    machine = Machine(hardware_root(conf.agent.hardware_root, conf_dir() / "hardware_root"), Root("/"),
                      Path(conf.state_dir) / "sysinv" / "last_boot")
    timing = Timing(conf.agent.audit_interval, conf.agent.retry_interval, conf.agent.lookup_interval,
                    conf.agent.lookup_retry)
    versions = VersionWatch(bus, [InventoryReports])
    versions.start()
    agent = Agent(client(InventoryReports, bus), machine, hostname, Path(conf.agent.platform_conf), timing,
                  make_server=lambda agent: Server(bus, hostname, {SysinvAgent: agent}, threads_max=SERVER_THREADS))
    agent.health.add("versions", versions.trouble)
    return agent


def main() -> int:
    """Run until SIGTERM; returns the exit status."""
    return service.run_daemon("sysinv-agent", build)


if __name__ == "__main__":
    sys.exit(main())
