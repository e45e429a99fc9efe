# SPDX-License-Identifier: Apache-2.0
"""Client of profiles over the REST API."""
from __future__ import annotations

from flock.cli.client import segment
from flock.cli.commands import json_patch
from sysinv.client.hosts import Api, Hosts, Item, form, item, listed, one_of

_PATH = "/v1/iprofile"
# Profiles of these types are listed with what they have, as an array.
_LISTS = {"cpu": f"{_PATH}/cpuprofiles_list", "memory": f"{_PATH}/memprofiles_list",
          "if": f"{_PATH}/ifprofiles_list", "stor": f"{_PATH}/storprofiles_list"}


class Profiles:
    """Requests about the profiles of one type, or of all types when it is empty; ``ref`` is a name or uuid."""

    def __init__(self, api: Api, profile_type: str = "") -> None:
        self._api = api
        self._type = profile_type

    def all(self) -> list[Item]:
        if self._type in _LISTS:
            return listed({"profiles": self._api.get(_LISTS[self._type])}, "profiles")
        return [one for one in listed(self._api.get(_PATH), "iprofiles")
                if self._type in ("", one.get("profiletype"))]

    def get(self, ref: str) -> Item:
        """Raises CliError when there is no such profile."""
        return one_of(self.all(), ref, "profilename", "uuid", what="profile")

    def create(self, name: str, host: str) -> Item:
        """Take a profile from a host. Raises HostNotFound."""
        return item(self._api.post(_PATH, {
            "profilename": name, "profiletype": self._type, "ihost_uuid": Hosts(self._api).get(host)["uuid"]}))

    def import_file(self, name: str, data: bytes) -> list[Item]:
        """Send a file of profiles; returns what came of each."""
        body, content_type = form(name, data)
        _, reply = self._api.answer("POST", f"{_PATH}/import_profile", data=body,
                                    headers={"Content-Type": content_type})
        return listed({"results": reply}, "results")

    def delete(self, ref: str) -> None:
        self._api.delete(f"{_PATH}/{segment(str(self.get(ref)['uuid']))}")

    def apply(self, host: str, ref: str, *, dry_run: bool) -> Item:
        """Apply a profile to a host, or only show what it would change. Raises HostNotFound."""
        profile, uuid = str(self.get(ref)["uuid"]), str(Hosts(self._api).get(host)["uuid"])
        path = f"/v1/ihosts/{segment(uuid)}{'?dry_run=true' if dry_run else ''}"
        return item(self._api.patch(path, json_patch({"action": "apply-profile", "iprofile_uuid": profile})))
