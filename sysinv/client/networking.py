# SPDX-License-Identifier: Apache-2.0
"""Client of interfaces, data networks, addresses, and of the networks on interfaces, over the REST API."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.cli.client import segment
from flock.cli.commands import json_patch
from sysinv.client.hosts import Api, Hosts, Item, item, listed, one_of


class Interfaces:
    """Requests about the interfaces of hosts; ``host`` is an id, uuid or hostname, ``ref`` a name or uuid."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._hosts = Hosts(api)

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
        return item(self._api.post("/v1/iinterfaces", {**values, "ihost_uuid": self._hosts.get(host)["uuid"]}))

    def update(self, host: str, ref: str, changes: Mapping[str, Any]) -> Item:
        return item(self._api.patch(f"/v1/iinterfaces/{self.get(host, ref)['uuid']}", json_patch(changes)))

    def delete(self, host: str, ref: str) -> None:
        self._api.delete(f"/v1/iinterfaces/{self.get(host, ref)['uuid']}")


class DataNetworks:
    """Requests about data networks; ``ref`` is a name, id or uuid."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> list[Item]:
        return listed(self._api.get("/v1/datanetworks"), "datanetworks")

    def get(self, ref: str) -> Item:
        return item(self._api.get(f"/v1/datanetworks/{segment(ref)}"))

    def create(self, values: Mapping[str, Any]) -> Item:
        return item(self._api.post("/v1/datanetworks", dict(values)))

    def update(self, ref: str, changes: Mapping[str, Any]) -> Item:
        return item(self._api.patch(f"/v1/datanetworks/{segment(ref)}", json_patch(changes)))

    def delete(self, ref: str) -> None:
        self._api.delete(f"/v1/datanetworks/{segment(ref)}")


class Assignments:
    """Requests about the networks on interfaces: ``collection`` is interface_networks or interface_datanetworks."""

    def __init__(self, api: Api, collection: str) -> None:
        self._api = api
        self._collection = collection

    def of_host(self, host: str, ifname: str | None) -> list[Item]:
        """Return the networks on all interfaces of a host or on one, each with the hostname. Raises HostNotFound."""
        hosts = Hosts(self._api)
        name = hosts.get(host).get("hostname")
        return [{**one, "hostname": name} for one in hosts.children(host, self._collection)
                if ifname is None or ifname in (one.get("ifname"), one.get("interface_uuid"))]

    def get(self, uuid: str) -> Item:
        return item(self._api.get(f"/v1/{self._collection}/{segment(uuid)}"))

    def create(self, values: Mapping[str, Any]) -> Item:
        return item(self._api.post(f"/v1/{self._collection}", dict(values)))

    def delete(self, uuid: str) -> None:
        self._api.delete(f"/v1/{self._collection}/{segment(uuid)}")


class Addresses:
    """Requests about addresses."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self, uuid: str) -> Item:
        return item(self._api.get(f"/v1/addresses/{segment(uuid)}"))

    def create(self, values: Mapping[str, Any]) -> Item:
        return item(self._api.post("/v1/addresses", dict(values)))

    def delete(self, uuid: str) -> None:
        self._api.delete(f"/v1/addresses/{segment(uuid)}")


def network_uuid(api: Api, ref: str) -> str:
    """Return the uuid of a platform network given by name or uuid. Raises CliError when there is none."""
    found = listed(api.get("/v1/networks"), "networks")
    return str(one_of(found, ref, "name", "uuid", what="network")["uuid"])
