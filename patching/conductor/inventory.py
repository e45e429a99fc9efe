# SPDX-License-Identifier: Apache-2.0
"""What the inventory (sysinv-api) says of hosts, asked with the account of this service."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from flock.core.checks import Report, from_rows
from flock.core.errors import Unavailable
from flock.core.parse import parse_json
from patching.contract.states import AgentState
from patching.core.model import Host

SERVICE = "sysinv-api"


class Http(Protocol):
    """The part of ``flock.auth.session.OwnSession`` that is used."""

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        """Status and body."""


@dataclass(frozen=True, slots=True)
class InventoryHost:
    """A host of the inventory."""

    id: int
    uuid: str
    hostname: str
    personality: str
    administrative: str
    operational: str
    availability: str

    def seen(self, agent: AgentState | None) -> Host:
        """The host on which decisions are made."""
        return Host(self.id, self.hostname, self.personality, self.administrative, self.operational,
                    self.availability, agent)


class Inventory:
    """sysinv-api at ``url``."""

    def __init__(self, http: Http, url: str, timeout_s: float) -> None:
        self._http, self._url, self._timeout_s = http, url.rstrip("/"), timeout_s

    def hosts(self) -> dict[str, InventoryHost]:
        """The hosts of the inventory that have a name and a kind, by name. Unavailable: it does not answer."""
        found = self._list("ihosts")
        named = [row for row in found if row.get("hostname") and row.get("personality")]
        return {host.hostname: host for host in map(_host, named)}

    def software_version(self) -> str:
        """The version of the system as ``MM.mm``. Unavailable: it does not answer, or has no system yet."""
        for row in self._list("isystems"):
            if row.get("software_version"):
                return str(row["software_version"])
        raise Unavailable(service=SERVICE, reason="it has no system yet")

    def health(self, kind: str, relaxed: bool, ignored: Iterable[str]) -> Report:
        """The health of the system. ``kind``: ``kube-upgrade`` or ``upgrade``. ``relaxed``: alarms that do not affect
        management do not count. ``ignored``: ids of alarms that never count. Unavailable: it does not answer."""
        query = urlencode({"format": "json", "alarm_ignore_list": ",".join(ignored)})
        path = f"health/{kind}{'/relaxed' if relaxed else ''}"
        status, content = self._http.request("GET", f"{self._url}/v1/{path}?{query}", None, self._timeout_s)
        try:
            return from_rows(_body(content) if status == 200 else None)
        except ValueError as error:
            raise Unavailable(service=SERVICE, reason=f"it answers {status} to a question about the health") from error

    def _list(self, collection: str) -> list[dict[str, Any]]:
        status, content = self._http.request("GET", f"{self._url}/v1/{collection}", None, self._timeout_s)
        body = _body(content) if status == 200 else None
        rows = body.get(collection) if isinstance(body, dict) else None
        if not isinstance(rows, list):
            raise Unavailable(service=SERVICE, reason=f"it answers {status} to a question about {collection}")
        return [row for row in rows if isinstance(row, dict)]


def _body(content: bytes) -> Any:
    try:
        return parse_json(content)
    except ValueError:
        return None


def _host(row: Mapping[str, Any]) -> InventoryHost:
    number = row.get("id")
    return InventoryHost(
        number if isinstance(number, int) else 0, str(row.get("uuid", "")), str(row["hostname"]),
        str(row["personality"]), str(row.get("administrative", "")), str(row.get("operational", "")),
        str(row.get("availability", "")))
