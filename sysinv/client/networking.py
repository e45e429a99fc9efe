# SPDX-License-Identifier: Apache-2.0
"""Client of interfaces, and of the networks on them, over the REST API."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sysinv.client.collection import Collection
from sysinv.client.hosts import Api, Hosts, Item, one_of


class Interfaces:
    """Requests about the interfaces of hosts; ``host`` is an id, uuid or hostname, ``ref`` a name or uuid."""

    def __init__(self, api: Api) -> None:
        self._hosts = Hosts(api)
        self._interfaces = Collection(api, "iinterfaces")

    def all(self, host: str) -> list[Item]:
        """Return the interfaces of a host, each with the names of its ports. Raises HostNotFound."""
        names: dict[str, list[str]] = {}
        for port in self._hosts.children(host, "ports"):
            names.setdefault(str(port.get("interface_uuid")), []).append(str(port.get("name")))
        return [{**one, "ports": sorted(names.get(str(one.get("uuid")), []))}
                for one in self._hosts.children(host, "iinterfaces")]

    def get(self, host: str, ref: str) -> Item:
        """Return one interface. Raises HostNotFound, and CliError when the host has no such interface."""
        return one_of(self.all(host), ref, "ifname", "uuid", what="interface")

    def create(self, host: str, values: Mapping[str, Any]) -> Item:
        return self._interfaces.create({**values, "ihost_uuid": self._hosts.get(host)["uuid"]})

    def update(self, host: str, ref: str, changes: Mapping[str, Any]) -> Item:
        return self._interfaces.update(str(self.get(host, ref)["uuid"]), changes)

    def delete(self, host: str, ref: str) -> None:
        self._interfaces.delete(str(self.get(host, ref)["uuid"]))


class Assignments(Collection):
    """Requests about the networks on interfaces: ``name`` is interface_networks or interface_datanetworks."""

    def of_host(self, host: str, ifname: str | None) -> list[Item]:
        """Return the networks on all interfaces of a host or on one, each with the hostname. Raises HostNotFound."""
        hosts = Hosts(self._api)
        hostname = hosts.get(host).get("hostname")
        return [{**one, "hostname": hostname} for one in hosts.children(host, self._name)
                if ifname is None or ifname in (one.get("ifname"), one.get("interface_uuid"))]


def network_uuid(api: Api, ref: str) -> str:
    """Return the uuid of a platform network given by name or uuid. Raises CliError when there is none."""
    return str(one_of(Collection(api, "networks").all(), ref, "name", "uuid", what="network")["uuid"])
