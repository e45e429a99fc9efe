# SPDX-License-Identifier: Apache-2.0
"""``sysinv-agent``: hardware inventory of this host, reported to the conductor."""
from __future__ import annotations

import configparser
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from flock.conf import conf_dir, shared
from flock.core.errors import Refused
from flock.exec import Root
from flock.exec.process import run
from flock.exec.uptime import uptime_s
from flock.rpc import Server, ServerWatch, Transport, client, transport
from flock.rpc.login import accepted
from flock.service.daemon import run_daemon
from fm.contract.rpc import FmManager
from fm.raiser import Raiser
from mtce.contract.records import AddressClaim, ClaimReport
from mtce.contract.rpc import AgentEvents
from sysinv.agent.claimwatch import ClaimWatch, Surroundings, own_subnets
from sysinv.agent.configuration import ConfigurationWork
from sysinv.agent.configured import exchange_of
from sysinv.agent.daemon import Agent, Timing
from sysinv.agent.machine import Machine, hardware_root, networks_by_interface, stored_uuid
from sysinv.agent.neighbours import NeighbourWatch
from sysinv.agent.renewal import Places, Renewal
from sysinv.agent.storage import StorageWork
from sysinv.agent.userpassword import UserPassword
from sysinv.conf import agent as options
from sysinv.contract.rpc import Credentials, HostConfiguration, HostStorage, InventoryReports, Neighbours, SysinvAgent
from sysinv.model.hostname import CONTROLLER_0

LOG = logging.getLogger(__name__)
SERVER_THREADS = 2
# Longer than a run of Puppet and the wait for another one.
CONFIGURE_TIMEOUT_S = 700.0
# The own unit is the last: its restart ends this process.
AGENT_UNITS = ("flock-mtce-agent.service", "flock-patching-agent.service", "flock-sysinv-agent.service")
SYSTEMCTL_TIMEOUT_S = 20.0


def build(conf: Any) -> Agent:
    """Return the agent with its connection to the bus."""
    options.register(conf)
    bus = transport(conf)
    hostname = conf.agent.hostname or socket.gethostname()
    hardware = hardware_root(conf.agent.hardware_root, conf_dir() / "hardware_root")
    machine = Machine(hardware, Root("/"),
                      Path(conf.state_dir) / "sysinv" / "last_boot")
    timing = Timing(conf.agent.audit_interval, conf.agent.retry_interval, conf.agent.lookup_interval,
                    conf.agent.lookup_retry)
    servers = ServerWatch(bus, [InventoryReports])
    servers.start()
    neighbours = NeighbourWatch(client(Neighbours, bus), lambda: stored_uuid(Path(conf.agent.platform_conf)),
                                Path(conf.state_dir) / "sysinv" / "neighbours.json", own_subnets)
    agent = Agent(client(InventoryReports, bus), machine, hostname, Path(conf.agent.platform_conf), timing,
                  make_server=lambda agent: Server(bus, hostname, {SysinvAgent: agent}, threads_max=SERVER_THREADS),
                  renewal=_renewal(conf, bus, hostname), claims=_claims(conf, bus, hostname, neighbours),
                  neighbours=neighbours if conf.agent.watch_addresses else None,
                  storage=StorageWork(client(HostStorage, bus), hardware, run),
                  configuration=ConfigurationWork(
                      client(HostConfiguration, bus), exchange_of(conf), Path(conf.agent.tls_directory) / "host.crt",
                      _configure, lambda: uptime_s(Root("/"))),
                  user=UserPassword(client(HostConfiguration, bus), shared.SECRETS_KEY, _seal))
    agent.health.add("versions", servers.mismatch)
    return agent


def _configure() -> str:
    """Apply what was fetched in a program of its own, whose libraries this one does not keep; says how it ended.

    It leaves its result in a file, also that of a run that failed.
    """
    done = run([str(Path(sys.executable).with_name("sysinv-configure"))], timeout_s=CONFIGURE_TIMEOUT_S, check=False)
    text = f"sysinv-configure ended with status {done.rc}: {done.first_error_line()}"
    if done.rc != 0:
        LOG.warning("%s", text)
    return text


def _seal(text: str, purpose: str) -> str:
    # Loaded when somebody changes a password, not by every agent.
    from flock.auth.secrets import SecretBox
    return SecretBox(shared.SECRETS_KEY).seal(text, purpose)


def _claims(conf: Any, bus: Transport, hostname: str, neighbours: NeighbourWatch) -> ClaimWatch | None:
    if not conf.agent.watch_addresses:
        return None
    raiser = Raiser(bus, Path(conf.state_dir) / "sysinv" / "raiser-agent")
    platform_conf = Path(conf.agent.platform_conf)
    events = client(AgentEvents, bus)

    def report(claims: list[AddressClaim]) -> None:
        host_uuid = stored_uuid(platform_conf)
        if host_uuid is not None:
            events.addresses_claimed(report=ClaimReport(host_uuid, claims))

    return ClaimWatch(hostname, raiser, client(FmManager, bus), Surroundings(
        lambda: networks_by_interface(platform_conf), neighbours.known, report))


def _renewal(conf: Any, bus: Transport, hostname: str) -> Renewal | None:
    """None on the first controller, whose keys and passwords flock-rotate renews."""
    directory, bus_file = Path(conf.agent.tls_directory), conf_dir() / "flock.conf"
    if hostname == CONTROLLER_0 and (shared.AUTHORITY / "ca.key").exists():
        return None

    def login(url: str) -> bool:
        known = configparser.RawConfigParser(strict=False)
        known.read(bus_file)
        if not known.getboolean("oslo_messaging_rabbit", "ssl", fallback=False):
            return accepted(url)
        return accepted(url, directory / "ca.crt", directory / "host.crt", directory / "host.key")

    def restart() -> None:
        done = run(["systemctl", "--no-ask-password", "--no-block", "try-restart", *AGENT_UNITS],
                   timeout_s=SYSTEMCTL_TIMEOUT_S, check=False)
        # systemd ends what belongs to this unit, also this systemctl, as soon as it has the order.
        if done.rc not in (0, -signal.SIGTERM):
            raise Refused(detail=f"systemctl cannot restart the agents: {done.first_error_line()}")

    return Renewal(client(Credentials, bus), hostname, Places(bus_file, directory), login, restart)


def main() -> int:
    """Run until SIGTERM; returns the exit status."""
    return run_daemon("sysinv-agent", build)


if __name__ == "__main__":
    sys.exit(main())
