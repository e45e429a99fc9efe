# SPDX-License-Identifier: Apache-2.0
"""Client of one collection of the REST API."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.cli.client import segment
from flock.cli.commands import json_patch
from sysinv.client.hosts import Api, Item, item, listed


class Collection:
    """Requests about the items of ``/v1/<name>``; ``ref`` is what the API takes in the path, usually a uuid."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._name = name

    def all(self) -> list[Item]:
        return self.all_of(self._name)

    def all_of(self, envelope: str) -> list[Item]:
        """Return all items of a collection whose list has another name than its path."""
        return listed(self._api.get(f"/v1/{self._name}"), envelope)

    def get(self, ref: str) -> Item:
        return item(self._api.get(self._path(ref)))

    def create(self, values: Mapping[str, Any]) -> Item:
        return item(self._api.post(f"/v1/{self._name}", dict(values)))

    def update(self, ref: str, changes: Mapping[str, Any]) -> Item:
        """Replace fields of one item."""
        return item(self._api.patch(self._path(ref), json_patch(changes)))

    def rehearse(self, ref: str, changes: Mapping[str, Any]) -> Item:
        """Return one item as ``update`` would leave it, and ``dry_run``, what that would do to hosts."""
        return item(self._api.patch(f"{self._path(ref)}?dry_run=true", json_patch(changes)))

    def delete(self, ref: str) -> None:
        self._api.delete(self._path(ref))

    def _path(self, ref: str) -> str:
        return f"/v1/{self._name}/{segment(ref)}"
