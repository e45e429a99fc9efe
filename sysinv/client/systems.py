# SPDX-License-Identifier: Apache-2.0
"""Client of the system object over the REST API."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flock.cli.client import segment
from flock.cli.commands import json_patch
from flock.cli.errors import CliError
from sysinv.client.hosts import Api, Item, item, listed


class Systems:
    """Requests about the system. There is exactly one, so methods take no identifier."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def get(self) -> Item:
        found = listed(self._api.get("/v1/isystems"), "isystems")
        if not found:
            raise CliError("There is no system yet: the configuration service has not finished its first start.")
        return found[0]

    def update(self, changes: Mapping[str, Any]) -> Item:
        return item(self._api.patch(f"/v1/isystems/{segment(str(self.get()['uuid']))}", json_patch(changes)))
