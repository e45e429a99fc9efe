# SPDX-License-Identifier: Apache-2.0
"""Bus interfaces of mtce: the conductor's for sysinv and for host agents, and the host agent's."""
from __future__ import annotations

from flock.rpc.interface import call, cast, host_with_uuid, rpc_interface
from mtce.contract.records import ActionReply, ClaimReport, CommandResult, HostStatus, MtcAlive, MtceHost
from sysinv.contract.sensors import SensorSettings

CONDUCTOR_TOPIC = "mtce.conductor"
AGENT_TOPIC = "mtce.agent"
INVENTORY = ("sysinv-conductor",)


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.3", namespace="hosts", speaks_for="system",
               callers=(*INVENTORY, "mtce-api"))
class MtceHosts:
    """Interface for sysinv and mtce-api; the conductor replies to each change after it has stored it."""

    @call(timeout_s=6)
    def put_host(self, *, host: MtceHost) -> ActionReply:
        """Add a host or update its record; mtce uses the record's three states only for a new host.

        A record with an older ``revision`` than the stored one passes and changes nothing. A record of a deleted host
        fails unless its revision is above that of the deletion.
        """
        raise TypeError("interface")

    @call(timeout_s=6)
    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        """Start an action (unlock, lock, force-lock, reboot, reset, power-on, power-off, reinstall, swact …).

        Returns the first reply again for a repeated ``request_id``.
        """
        raise TypeError("interface")

    @call(timeout_s=10)
    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        """Delete a locked host and clear its alarms; passes for an unknown host. Does not touch the host itself.

        Records up to ``revision`` do not add the host again. Fails when the stored record is newer than the deletion.
        """
        raise TypeError("interface")

    @call(timeout_s=6)
    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        """Return mtce's present states of one host; None when it is unknown."""
        raise TypeError("interface")

    @call(timeout_s=6)
    def list_hosts(self) -> list[HostStatus]:
        """Return mtce's present states of all hosts."""
        raise TypeError("interface")

    @call(timeout_s=6, callers=INVENTORY)
    def tell_again(self, *, host_uuids: list[str]) -> None:
        """Send all present states of these hosts (at most 100) to sysinv, after the messages already queued."""
        raise TypeError("interface")

    @call(timeout_s=6, callers=INVENTORY)
    def resync_host(self, *, host_uuid: str, sequence: int) -> HostStatus | None:
        """Repair what mtce stores of one host, and return its states with a new number; None when it is unknown.

        ``sequence`` is the number that sysinv stores. The new number is above both, unless one of them is out of
        range. A stopped state machine runs again.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="sensor_settings", speaks_for="system",
               callers=("sysinv-api",))
class MtceSensors:
    """Interface for sysinv: what operators change of a host's sensors."""

    @call(timeout_s=6)
    def change_settings(self, *, host_uuid: str, settings: SensorSettings) -> ActionReply:
        """Adopt all settings of a host's sensors; fails when one cannot be carried out, and then changes none."""
        raise TypeError("interface")

    @call(timeout_s=6)
    def relearn(self, *, host_uuid: str) -> ActionReply:
        """Begin to build the host's sensor model anew; fails while that goes on already."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="agent_events", speaks_for="host")
class AgentEvents:
    """Interface for host agents; the next mtcAlive makes up for a lost message."""

    @cast(about=host_with_uuid("alive.host_uuid"))
    def mtc_alive(self, *, alive: MtcAlive) -> None:
        """Accept an mtcAlive."""
        raise TypeError("interface")

    @cast(about=host_with_uuid("result.host_uuid"))
    def command_result(self, *, result: CommandResult) -> None:
        """Accept the result of a command."""
        raise TypeError("interface")

    @cast(about=host_with_uuid("report.host_uuid"))
    def addresses_claimed(self, *, report: ClaimReport) -> None:
        """Accept the wrong claims that a host sees; what a worker sees counts for that worker alone."""
        raise TypeError("interface")


@rpc_interface(topic=AGENT_TOPIC, version="1.0", speaks_for="system", callers=("mtce-conductor",), per_host=True)
class MtceAgent:
    """Interface of one host's agent (server name = hostname) for the conductor.

    ``boot_id`` names the boot a command is for: an agent drops a command for another boot, so that a command which
    waited in a queue never affects a host that has rebooted since. Empty means any boot.
    """

    @cast
    def reboot(self, *, host_uuid: str, boot_id: str, request_id: str, delay_s: int) -> None:
        """Send a ``reboot`` command result, then reboot after ``delay_s`` with a fail-safe."""
        raise TypeError("interface")

    @cast
    def request_mtcalive(self, *, host_uuid: str) -> None:
        """Send an mtcAlive now."""
        raise TypeError("interface")

    @cast
    def run_goenabled(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Run the go-enabled tests; the agent sends a ``goenabled`` command result at the end."""
        raise TypeError("interface")

    @cast
    def set_locked(self, *, host_uuid: str, locked: bool) -> None:
        """Create or remove the node-locked flag."""
        raise TypeError("interface")

    @cast
    def start_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Start host services (after passed tests); the agent sends a ``start-services`` command result at the end."""
        raise TypeError("interface")

    @cast
    def stop_services(self, *, host_uuid: str, boot_id: str, request_id: str) -> None:
        """Stop host services (lock); the agent sends a ``stop-services`` command result at the end."""
        raise TypeError("interface")
