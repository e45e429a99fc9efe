# SPDX-License-Identifier: Apache-2.0
"""Bus interfaces of software management: the conductor's for APIs, orchestrator and agents, and the agent's."""
from __future__ import annotations

from flock.rpc.interface import call, cast, host_named, rpc_interface
from patching.contract.records import HostFacts, InstallOrder, InstallProgress, InstallResult, Mirrored, Order, Reply

CONDUCTOR_TOPIC = "patching.conductor"
AGENT_TOPIC = "patching.agent"


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="software", speaks_for="system",
               callers=("patching-api", "patching-orchestrator"))
class Software:
    """Interface for the APIs and the orchestrator: all changes of releases and their deployment."""

    @call(timeout_s=30)
    def order(self, *, order: Order) -> Reply:
        """Do what is ordered, and reply after it was stored; an order that takes longer goes on as a task."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="agents", speaks_for="host")
class AgentReports:
    """Interface for the agents of hosts; the next report makes up for a lost message."""

    @cast(about=host_named("facts.hostname"))
    def report(self, *, facts: HostFacts) -> None:
        """Accept what a host's agent reports."""
        raise TypeError("interface")

    @cast(about=host_named("progress.hostname"))
    def install_progress(self, *, progress: InstallProgress) -> None:
        """Accept how far an installation is."""
        raise TypeError("interface")

    @cast(about=host_named("result.hostname"))
    def install_ended(self, *, result: InstallResult) -> None:
        """Accept the result of an installation."""
        raise TypeError("interface")

    @cast(about=host_named("mirrored.hostname"))
    def mirrored(self, *, mirrored: Mirrored) -> None:
        """Accept what a controller holds of the content of releases."""
        raise TypeError("interface")


@rpc_interface(topic=AGENT_TOPIC, version="1.0", speaks_for="system", callers=("patching-conductor",), per_host=True)
class PatchingAgent:
    """Interface of one host's agent (server name = hostname) for the conductor."""

    @cast
    def install(self, *, order: InstallOrder) -> None:
        """Install, or tell again the result of an order that was carried out; a newer attempt ends an older one."""
        raise TypeError("interface")

    @cast
    def report_now(self, *, query_id: str) -> None:
        """Report at once, with this ``query_id``."""
        raise TypeError("interface")

    @cast
    def clean_up(self, *, deploy_id: str, keep: list[str]) -> None:
        """Remove what installations have left: all stored content but that of the releases ``keep`` (ids)."""
        raise TypeError("interface")
