# SPDX-License-Identifier: Apache-2.0
"""Client of PTP instances and PTP interfaces over the REST API; both are named by name, id or uuid."""
from __future__ import annotations

from collections.abc import Sequence

from flock.cli.client import segment
from flock.cli.errors import ApiError, CliError
from sysinv.client.collection import Collection
from sysinv.client.hosts import Api, Item, item, listed


class Ptp(Collection):
    """Requests about PTP instances or PTP interfaces; ``noun`` names one in messages."""

    def __init__(self, api: Api, name: str, noun: str) -> None:
        super().__init__(api, name)
        self._noun = noun

    def find(self, ref: str) -> Item:
        """Return one. Raises CliError when there is none."""
        try:
            return self.get(ref)
        except ApiError as problem:
            if problem.status == 404:
                raise CliError(f"{self._noun} not found: {ref}") from problem
            raise

    def change(self, ref: str, op: str, parameters: Sequence[str], section: str | None = None) -> Item:
        """Add or remove (``op``) parameters, all or none."""
        more = {} if section is None else {"section": section}
        return change_members(self._api, self._path(ref), op, "ptp_parameters", parameters, more)

    def parameters(self, ref: str) -> list[Item]:
        """Return the parameters of one. Raises CliError when there is none."""
        path = self._path(str(self.find(ref)["uuid"]))
        return listed(self._api.get(f"{path}/ptp_parameters"), "ptp_parameters")


def instances(api: Api) -> Ptp:
    """Return the client of PTP instances."""
    return Ptp(api, "ptp_instances", "PTP instance")


def interfaces(api: Api) -> Ptp:
    """Return the client of PTP interfaces."""
    return Ptp(api, "ptp_interfaces", "PTP interface")


def assign(api: Api, owners: str, uuid: str, op: str, name: str, ref: str) -> list[Item]:
    """Add to a host or an interface, or remove from it, a member of its list ``name``; returns the list.

    ``owners``: ihosts or iinterfaces.
    """
    path = f"/v1/{owners}/{segment(uuid)}"
    change_members(api, path, op, name, [ref], {})
    return listed(api.get(f"{path}/{name}"), name)


def change_members(api: Api, path: str, op: str, name: str, values: Sequence[str], more: dict[str, str]) -> Item:
    """Send a JSON patch that adds members to a list of an object, or removes them."""
    return item(api.patch(path, [{"op": op, "path": f"/{name}/-", "value": value, **more} for value in values]))
