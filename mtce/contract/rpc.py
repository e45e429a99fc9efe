# SPDX-License-Identifier: Apache-2.0
"""Bus interfaces of mtce: its conductor's, for sysinv and for host agents, and the host agent's."""
from __future__ import annotations

from flock.rpc.interface import call, cast, rpc_interface
from mtce.contract.records import ActionReply, CommandResult, HostStatus, MtcAlive, MtceHost

CONDUCTOR_TOPIC = "mtce.conductor"
AGENT_TOPIC = "mtce.agent"


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.2", namespace="hosts")
class MtceHosts:
    """sysinv and mtce-api to the conductor; each change is answered after it is stored."""

    @call(timeout_s=6)
    def put_host(self, *, host: MtceHost) -> ActionReply:
        """Add a host or renew what is known of it; the three states count only for a host not known yet.

        A record of an older ``revision`` than the known one passes and changes nothing. One of a deleted host fails,
        unless its revision is above that of the deletion.
        """
        raise TypeError("interface")

    @call(timeout_s=6)
    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        """Start an action (unlock, lock, force-lock, reboot, reset, power-on, power-off, reinstall, swact …).

        A repeated ``request_id`` is answered as the first time.
        """
        raise TypeError("interface")

    @call(timeout_s=10)
    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        """Forget a locked host and clear its alarms; an unknown host passes. Nothing is done to the host itself.

        Records up to ``revision`` do not bring the host back. Fails when the known record is newer than the deletion.
        """
        raise TypeError("interface")

    @call(timeout_s=6)
    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        """What mtce holds true of one host."""
        raise TypeError("interface")

    @call(timeout_s=6)
    def list_hosts(self) -> list[HostStatus]:
        """What mtce holds true of all hosts."""
        raise TypeError("interface")

    @call(timeout_s=6)
    def tell_again(self, *, host_uuids: list[str]) -> None:
        """Send the whole present states of these hosts (at most 100) to inventory, behind what waits to be sent."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="agent_events")
class AgentEvents:
    """Host agents to the conductor; lost messages are repaired by the next mtcAlive."""

    @cast
    def mtc_alive(self, *, alive: MtcAlive) -> None:
        """Sign of life."""
        raise TypeError("interface")

    @cast
    def command_result(self, *, result: CommandResult) -> None:
        """A command ended."""
        raise TypeError("interface")


@rpc_interface(topic=AGENT_TOPIC, version="1.0")
class MtceAgent:
    """Conductor to the agent of one host (server name = hostname).

    ``boot_id`` names the boot a command is meant for: an agent of another boot drops it, so that a command which
    waited in a queue never hits a host that has rebooted since. Empty means any boot.
    """

    @call(timeout_s=10)
    def reboot(self, *, host_uuid: str, boot_id: str, request_id: str, delay_s: int) -> None:
        """Acknowledge, then reboot after ``delay_s`` with a fail-safe."""
        raise TypeError("interface")

    @cast
    def request_mtcalive(self, *, host_uuid: str) -> None:
        """Send an mtcAlive now."""
        raise TypeError("interface")

    @cast
    def run_goenabled(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Run the go-enabled tests; ends with a ``goenabled`` command result."""
        raise TypeError("interface")

    @cast
    def set_locked(self, *, host_uuid: str, locked: bool) -> None:
        """Keep or remove the node-locked flag."""
        raise TypeError("interface")

    @cast
    def start_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Start host services (after passed tests); ends with a ``start-services`` command result."""
        raise TypeError("interface")

    @cast
    def stop_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Stop host services (lock); ends with a ``stop-services`` command result."""
        raise TypeError("interface")
