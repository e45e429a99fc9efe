# SPDX-License-Identifier: Apache-2.0
"""Asks the REST APIs of sysinv and fm: hosts and actions on them, the system and its health, active alarms."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from flock.cli.errors import server_sentence
from flock.core.checks import Report, from_rows
from flock.core.errors import DeadlineExceeded, Refused, Unavailable
from flock.core.parse import parse_json
from patching.core.strategy.picture import Alarm
from patching.core.strategy.work.seen import SeenHost

PAGE_MAX = 1000
_NOBODY_DID = 503


class Http(Protocol):
    """The part of ``flock.auth.session.OwnSession`` that is used."""

    def request(self, method: str, url: str, body: Any = None, timeout_s: float = 30.0) -> tuple[int, bytes]:
        """Status and body. Unavailable: no answer."""

    def endpoint(self, service_type: str) -> str:
        """URL of a service in the catalogue. Unavailable."""


class Rest:
    """One API: at ``url``, or else where the catalogue has it. Calls raise Unavailable (nothing was done, or a question
    is refused), Refused with the service's sentence, DeadlineExceeded (perhaps it was done)."""

    def __init__(self, http: Http, service: str, service_type: str, url: str = "", timeout_s: float = 30.0) -> None:
        self._http, self.service, self._type = http, service, service_type
        self._url, self._timeout_s = url, timeout_s

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the answer; None without one."""
        base = (self._url or self._http.endpoint(self._type)).rstrip("/").removesuffix("/v1")
        status, data = self._http.request(method, f"{base}{path}", body, self._timeout_s)
        if status == _NOBODY_DID or (method == "GET" and status >= 400):
            raise Unavailable(service=self.service, reason=server_sentence(data) or f"status {status}")
        if status >= 500:
            raise DeadlineExceeded(what=f"{self.service} ({server_sentence(data) or f'status {status}'})",
                                   timeout_s=self._timeout_s)
        if status >= 400:
            raise Refused(detail=server_sentence(data) or f"{self.service} answers with status {status}")
        try:
            return parse_json(data) if data else None
        except ValueError as error:
            raise Unavailable(service=self.service, reason=f"its answer is no JSON: {error}") from error

    def pages(self, path: str, envelope: str, **query: str) -> Iterator[Mapping[str, Any]]:
        """All elements of a collection."""
        asked = {**query, "limit": str(PAGE_MAX)}
        while True:
            reply = self.call("GET", f"{path}?{urlencode(asked)}")
            rows = reply.get(envelope) if isinstance(reply, dict) else None
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise Unavailable(service=self.service, reason=f"its answer has no list of {envelope}")
            yield from rows
            if not reply.get("next") or not rows:
                return
            asked["marker"] = str(rows[-1].get("uuid"))


class Inventory:
    """sysinv-api: hosts, the system."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def hosts(self) -> dict[str, SeenHost]:
        """All hosts that have a name and a personality, by name. Unavailable: without it nothing is known of hosts."""
        found = (seen_host(row) for row in self._rest.pages("/v1/ihosts", "ihosts")
                 if row.get("hostname") and row.get("personality"))
        return {host.hostname: host for host in found}

    def act(self, hostname: str, action: str) -> None:
        """Order an action on a host."""
        self._rest.call("PATCH", f"/v1/ihosts/{quote(hostname, safe='')}",
                        [{"op": "replace", "path": "/action", "value": action}])

    def software_version(self) -> str:
        """The version of the system as ``MM.mm``. Unavailable: it does not answer, or has no system yet."""
        for row in self._rest.pages("/v1/isystems", "isystems"):
            if row.get("software_version"):
                return str(row["software_version"])
        raise Unavailable(service=self._rest.service, reason="it has no system yet")

    def health(self, kind: str, relaxed: bool, ignored: Iterable[str]) -> Report:
        """The health of the system. ``kind``: ``kube-upgrade`` or ``upgrade``. ``relaxed``: alarms that do not affect
        management do not count. ``ignored``: ids of alarms that never count. Unavailable: it does not answer."""
        query = urlencode({"format": "json", "alarm_ignore_list": ",".join(ignored)})
        found = self._rest.call("GET", f"/v1/health/{kind}{'/relaxed' if relaxed else ''}?{query}")
        try:
            return from_rows(found)
        except ValueError as error:
            raise Unavailable(service=self._rest.service, reason="its answer is no report of the health") from error


class Alarms:
    """Active alarms of fault management."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    def active(self) -> tuple[Alarm, ...]:
        """All active alarms, suppressed ones as well."""
        return tuple(Alarm(str(row.get("alarm_id")), str(row.get("entity_instance_id")),
                           str(row.get("mgmt_affecting")).lower() != "false")
                     for row in self._rest.pages("/v1/alarms", "alarms", include_suppress="True"))


def seen_host(row: Mapping[str, Any]) -> SeenHost:
    """A host of sysinv's API."""
    capabilities = row.get("capabilities") or {}
    personality = str(row["personality"])
    peers = row.get("peers") or {}
    error = f"{row['last_error']} ({row.get('last_error_at')})" if row.get("last_error") else ""
    return SeenHost(
        id=row["id"] if isinstance(row.get("id"), int) else 0, hostname=str(row["hostname"]), personality=personality,
        administrative=str(row.get("administrative")), operational=str(row.get("operational")),
        availability=str(row.get("availability")),
        is_aio=personality == "controller" and "worker" in str(row.get("subfunctions") or "").split(","),
        is_active=capabilities.get("Personality") == "Controller-Active",
        is_busy=bool(row.get("ihost_action")) or row.get("mtce_action") not in (None, "none"),
        uptime_s=int(row.get("uptime") or 0), error=error,
        replication_group=str(peers.get("name") or "") if isinstance(peers, dict) else "")
