# SPDX-License-Identifier: Apache-2.0
"""Bus interfaces of sysinv: those of its conductor (for agents, lease script, API and mtce), and that of the agents."""
from __future__ import annotations

from typing import Any

from flock.rpc.interface import call, cast, host_named, host_with_uuid, rpc_interface
from sysinv.contract.records import (
    ConfigurationResult,
    HostRef,
    HostStateUpdate,
    IssuedCertificate,
    Neighbourhood,
    SharedFile,
    StorageOrder,
    StorageResult,
    TrustedAuthorities,
    WantedConfiguration,
)
from sysinv.contract.sensors import SensorReport, SensorSettings

CONDUCTOR_TOPIC = "sysinv.conductor_manager"
AGENT_TOPIC = "sysinv.agent_manager"


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.2", namespace="inventory", speaks_for="host")
class InventoryReports:
    """Agent to conductor: a call returns once the report is stored.

    Resources declare their reports (``sysinv.contract.reports``); a new resource needs no change here.
    """

    @call(timeout_s=10, about=host_named("hostname"))
    def get_host_by_macs(self, *, macs: list[str], hostname: str) -> HostRef | None:
        """Return the host that owns one of the MAC addresses, else the host with that name; None without either."""
        raise TypeError("interface")

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def report(self, *, host_uuid: str, kind: str, items: list[Any]) -> None:
        """Store the host's items of ``kind``; each is the JSON form of that kind's record.

        ``null`` stands for items that the agent could not read. Skips these and items that are not valid records, and
        then removes no stored items. Raises UnknownReport, InvalidInput (too many items, or no valid one among those
        that are not null), NotFound for the host.
        """
        raise TypeError("interface")

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def inventory_completed(self, *, host_uuid: str) -> None:
        """Set the host to ``inventoried``, after every first report was acknowledged."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="discovery", speaks_for="system",
               callers=("sysinv-dnsmasq-lease-update",))
class Discovery:
    """dnsmasq's lease script to conductor."""

    @call(timeout_s=30)
    def handle_dhcp_lease(self, *, tags: list[str], mac: str, ip_address: str, client_id: str | None,
                          expires_s: int) -> None:
        """Discover a host when an unknown MAC address gets a lease on the pxeboot network.

        ``expires_s`` is the end of the lease in seconds since the epoch, 0 when unknown.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.2", namespace="host_states", speaks_for="system",
               callers=("mtce-conductor",))
class HostStates:
    """mtce to conductor: states that only mtce may write."""

    @call(timeout_s=10)
    def update_host_state(self, *, update: HostStateUpdate) -> None:
        """Store the fields that are not None; ignores an update whose ``sequence`` is below the stored one."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="sensors", speaks_for="system",
               callers=("mtce-conductor",))
class SensorReports:
    """mtce to conductor: sensors as mtce reads them from the hosts' BMCs."""

    @call(timeout_s=20)
    def report_sensors(self, *, report: SensorReport) -> SensorSettings:
        """Store what has changed and return all settings that operators made. Safe to repeat. HostNotFound."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="software_versions", speaks_for="system",
               callers=("patching-conductor",))
class SoftwareVersions:
    """Software management to conductor: which releases run."""

    @call(timeout_s=10)
    def set_versions(self, *, system: str, hosts: dict[str, str]) -> None:
        """Store the version (``MM.mm``) of the system, and those of hosts by name; unknown hosts are passed over.

        Safe to repeat. Raises InvalidInput.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="operations", speaks_for="system",
               callers=("sysinv-api",))
class Operations:
    """API to conductor: an operation was stored. The message may get lost: the conductor also polls the table."""

    @cast
    def operation_recorded(self, *, operation_uuid: str) -> None:
        """Look at the operations table now."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="bus_accounts", speaks_for="system",
               callers=("sysinv-api",))
class BusAccounts:
    """API to conductor, which alone administers the broker."""

    @call(timeout_s=30)
    def renew_host_account(self, *, host_uuid: str) -> str:
        """Make the host's account of the bus with a new password, and return the password.

        Closes the connections of an account that the host had. Raises HostNotFound, Unavailable.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="controller_files", speaks_for="system",
               callers=("sysinv-api",))
class ControllerFiles:
    """API to conductor, which alone may read the secrets of the system."""

    @call(timeout_s=30)
    def shared_files(self, *, host_uuid: str) -> list[SharedFile]:
        """The files from which another controller, which is being installed, makes its own.

        Raises HostNotFound, Refused for a host that is no controller or is in service, Unavailable, also for one that
        nobody expects (``sysinv.hosts.expected``).
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="credentials", speaks_for="host")
class Credentials:
    """Agent to conductor: renews certificate, bus password and trusted authorities of the agent's own host.

    Safe to repeat.
    """

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def renew_certificate(self, *, host_uuid: str, request_pem: str) -> IssuedCertificate:
        """Issue a client certificate for the key of ``request_pem``. Raises BadRequest, HostNotFound, Unavailable."""
        raise TypeError("interface")

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
        """Give the host's account the password whose salted hash (RabbitMQ's form) this is.

        Connections of the account stay open. Raises InvalidInput, HostNotFound, Unavailable.
        """
        raise TypeError("interface")

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def trusted_authorities(self, *, host_uuid: str) -> TrustedAuthorities:
        """Return what the host must trust now. Raises Unavailable."""
        raise TypeError("interface")

    @call(timeout_s=30, about=host_with_uuid("host_uuid"))
    def confirm_authorities(self, *, host_uuid: str, authorities: str, certificate: str) -> None:
        """Record which authorities the host trusts and which certificate it uses (PEM), both read from its files.

        Raises InvalidInput, HostNotFound.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="neighbours", speaks_for="host")
class Neighbours:
    """Agent to conductor: which machines may claim which addresses on the agent's networks."""

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def known_neighbours(self, *, host_uuid: str) -> Neighbourhood:
        """Return the neighbours of a host: for a worker the controllers, for a controller all hosts. HostNotFound."""
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.0", namespace="storage", speaks_for="host")
class HostStorage:
    """Agent to conductor: what the agent must change on the disks of its own host, and what came of it.

    The agent fetches its orders, so that it never carries out one that was given up meanwhile.
    """

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def storage_orders(self, *, host_uuid: str) -> list[StorageOrder]:
        """Return the orders that have no result yet, in the order in which to carry them out. HostNotFound."""
        raise TypeError("interface")

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def storage_done(self, *, host_uuid: str, result: StorageResult) -> None:
        """Store the result of one order of the host; of several results of one order the first counts.

        Ignores a result without such an order. Safe to repeat. Raises HostNotFound.
        """
        raise TypeError("interface")


@rpc_interface(topic=CONDUCTOR_TOPIC, version="1.1", namespace="configuration", speaks_for="host")
class HostConfiguration:
    """Agent to conductor: what the agent's own host should have, and what came of applying it."""

    @call(timeout_s=20, about=host_with_uuid("host_uuid"))
    def wanted_configuration(self, *, host_uuid: str, certificate_pem: str, uptime_s: int) -> WantedConfiguration:
        """Return the configuration. Its secrets are sealed for the key of the host's certificate, and left out when
        that is not the host's or empty. ``uptime_s`` tells when the host booted. Safe to repeat. Raises HostNotFound.
        """
        raise TypeError("interface")

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def configuration_applied(self, *, host_uuid: str, result: ConfigurationResult) -> None:
        """Store the result of one run. Ignores orders that are unknown or settled. Safe to repeat. HostNotFound."""
        raise TypeError("interface")

    @call(timeout_s=10, about=host_with_uuid("host_uuid"))
    def user_changed(self, *, host_uuid: str, sealed: str) -> None:
        """Take up the password that somebody gave the platform's user on a controller, sealed with the controllers'
        key. Ignored while the system has a newer one. Safe to repeat. Refused from other hosts. HostNotFound."""
        raise TypeError("interface")


@rpc_interface(topic=AGENT_TOPIC, version="1.5", speaks_for="system", callers=("sysinv-conductor",), per_host=True)
class SysinvAgent:
    """Conductor to the agent of one host (server name = hostname)."""

    @cast
    def agent_update(self, *, host_uuid: str, force_updates: list[str]) -> None:
        """Audit now; ``force_updates`` names reports to send even when unchanged (``cpu``, ``memory``, ``disk`` …)."""
        raise TypeError("interface")

    @cast
    def renew_credentials(self, *, host_uuid: str, certificate: bool, bus_password: bool,
                          authorities: bool = False) -> None:
        """Renew what is True with ``Credentials``. Sent again until the host has done so."""
        raise TypeError("interface")

    @cast
    def storage_ordered(self, *, host_uuid: str) -> None:
        """Fetch the orders with ``HostStorage`` and carry them out. Sent again until each has a result."""
        raise TypeError("interface")

    @cast
    def configuration_ordered(self, *, host_uuid: str) -> None:
        """Fetch the configuration with ``HostConfiguration`` and apply it. Sent again until the orders are settled."""
        raise TypeError("interface")
