# SPDX-License-Identifier: Apache-2.0
"""REST client for alarms, events, suppressions and silences, for command lines and other programs. Reads all pages."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from flock.cli.client import ApiClient, segment
from flock.cli.errors import ApiError, CliError
from fm.client import stream
from fm.client.query import WHOLE, ListPart, event_arguments, query_arguments
from fm.client.records import Acknowledgement, Alarm, Event, Silence, Summary, Suppression
from fm.client.times import wire

PAGES_MAX = 10_000
DELETE_ROUNDS_MAX = 1000
SERVICE_TYPE = "faultmanagement"
_PARTS = ("host", "group")

Arguments = list[tuple[str, str]]
Query = str | Sequence[tuple[str, str]] | None  # the query language, or q.* arguments


def connect(session: Session, region_name: str | None = None, interface: str = "public",
            endpoint: str | None = None) -> Faults:
    """The fm API of a cloud through a keystoneauth session; ``endpoint`` replaces the URL of Keystone's catalogue."""
    return Faults(ApiClient(Adapter(session, service_type=SERVICE_TYPE, interface=interface, region_name=region_name,
                                    endpoint_override=endpoint)))


class Faults:
    """The API of one fm. Every failure raises CliError; a refusal of the API raises its subclass ApiError."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def alarms(self, query: Query = None, include_suppress: bool = False, expand: bool = True, full: bool = False,
               page: ListPart = WHOLE) -> list[Alarm]:
        """Active alarms; ``full`` adds acknowledgement, staleness, flapping and silence."""
        arguments = [*query_arguments(query), *_flags(include_suppress=include_suppress, expand=expand, full=full)]
        return cast(list[Alarm], _all(self._client, "alarms", arguments, page))

    def alarm(self, uuid: str, full: bool = False) -> Alarm:
        """One alarm; CliError ``Alarm not found``."""
        with _named(f"Alarm not found: {uuid}"):
            return cast(Alarm, self._client.get(f"/v1/alarms/{segment(uuid)}", _flags(full=full)))

    def delete_alarm(self, uuid: str) -> None:
        """Clear one alarm; CliError ``Alarm not found``."""
        with _named(f"Alarm not found: {uuid}"):
            self._client.delete(f"/v1/alarms/{segment(uuid)}")

    def delete_matching(self, query: str, include_suppress: bool = False, enough: int | None = None) -> int:
        """Clear the alarms that match the query, which must have a condition; returns how many were cleared.

        The service clears a bounded number per request. Repeats the request until nothing matches or ``enough`` alarms
        are cleared; ``enough`` ends the loop when new alarms keep matching.
        """
        conditions = query_arguments(query)
        if not conditions:
            raise CliError("Alarms are deleted by at least one condition; the query has none.")
        total = 0
        for _ in range(DELETE_ROUNDS_MAX):
            answer = self._client.delete("/v1/alarms", [*conditions, *_flags(include_suppress=include_suppress)])
            deleted = int(answer["deleted"])
            total += deleted
            if not deleted or (enough is not None and total >= enough):
                break
        return total

    def summary(self, include_suppress: bool = False, by: str | None = None) -> Summary:
        """Counts per severity; ``by`` ``host`` or ``group`` adds the counts of each host or group."""
        if by is not None and by not in _PARTS:
            raise CliError(f"A summary is by one of {', '.join(_PARTS)}, not {by!r}.")
        arguments = [*_flags(include_suppress=include_suppress), *([("by", by)] if by else [])]
        return cast(Summary, self._client.get("/v1/alarms/summary", arguments))

    def acknowledge(self, uuid: str, comment: str = "") -> Acknowledgement:
        """Acknowledge one alarm in the caller's name; CliError ``Alarm not found``."""
        with _named(f"Alarm not found: {uuid}"):
            return cast(Acknowledgement, self._client.put(_acknowledgement(uuid), {"comment": comment}))

    def withdraw_acknowledgement(self, uuid: str) -> None:
        """Withdraw the acknowledgement of one alarm; CliError ``Alarm not found``."""
        with _named(f"Alarm not found: {uuid}"):
            self._client.delete(_acknowledgement(uuid))

    def events(self, query: Query = None, alarms: bool = False, logs: bool = False, include_suppress: bool = False,
               expand: bool = True, page: ListPart = WHOLE) -> list[Event]:
        """Events, newest first unless ``page`` has another order."""
        arguments = [*event_arguments(query),
                     *_flags(alarms=alarms, logs=logs, include_suppress=include_suppress, expand=expand)]
        return cast(list[Event], _all(self._client, "event_log", arguments, page))

    def event(self, uuid: str) -> Event:
        """One event; CliError ``Event log not found``."""
        with _named(f"Event log not found: {uuid}"):
            return cast(Event, self._client.get(f"/v1/event_log/{segment(uuid)}"))

    def export_events(self, query: Query = None, alarms: bool = False, logs: bool = False,
                      include_suppress: bool = False,
                      page: ListPart = WHOLE) -> AbstractContextManager[Iterator[bytes]]:
        """Events with every field as comma-separated values, in pieces as they arrive."""
        arguments = [*event_arguments(query), *_flags(alarms=alarms, logs=logs, include_suppress=include_suppress),
                     *page.arguments(), ("format", "csv")]
        return self._client.stream("/v1/event_log", arguments, {"Accept": "text/csv, application/json"})

    def follow_events(self, query: Query = None, alarms: bool = False, logs: bool = False,
                      include_suppress: bool = False, last_id: str | None = None,
                      say: Callable[[str], None] = lambda text: None,
                      sleep: Callable[[float], None] = time.sleep) -> Iterator[stream.Message]:
        """Events as they happen, without end, after event number ``last_id``; see ``stream.follow``."""
        arguments = [*event_arguments(query), *_flags(alarms=alarms, logs=logs, include_suppress=include_suppress)]

        def open_after(ident: str | None) -> AbstractContextManager[Iterator[bytes]]:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": ident} if ident else {})}
            return self._client.stream("/v1/event_stream", arguments, headers)
        return stream.follow(open_after, sleep, say, last_id)

    def suppressions(self, include_unsuppressed: bool = True) -> list[Suppression]:
        """Suppression entries in order of alarm id."""
        rows = cast(list[Suppression], _all(self._client, "event_suppression", []))
        return [row for row in rows if include_unsuppressed or row["suppression_status"] == "suppressed"]

    def set_suppression(self, uuid: str, status: str) -> None:
        """Set the ``status`` of one entry: ``suppressed`` or ``unsuppressed``."""
        body = [{"path": "/suppression_status", "value": status, "op": "replace"}]
        self._client.patch(f"/v1/event_suppression/{segment(uuid)}", body)

    def silences(self) -> list[Silence]:
        """All silences in force."""
        return cast(list[Silence], _all(self._client, "silences", []))

    def silence(self, uuid: str) -> Silence:
        """One silence; CliError ``Silence not found``."""
        with _named(f"Silence not found: {uuid}"):
            return cast(Silence, self._client.get(f"/v1/silences/{segment(uuid)}"))

    def create_silence(self, alarm_id: str | None = None, entity_instance_id: str | None = None,
                       expires_at: datetime | None = None, comment: str | None = None) -> Silence:
        """Silence an id, an entity and its contained ones, or both, until ``expires_at`` (aware; None: no expiry)."""
        given = {"alarm_id": alarm_id, "entity_instance_id": entity_instance_id,
                 "expires_at": wire(expires_at) if expires_at else None, "comment": comment}
        body = {name: value for name, value in given.items() if value is not None}
        return cast(Silence, self._client.post("/v1/silences", body))

    def change_silence(self, uuid: str, changes: dict[str, Any]) -> Silence:
        """Set ``expires_at`` (a text in the API's format, None for no expiry) or ``comment`` of a silence."""
        body = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in changes.items()]
        with _named(f"Silence not found: {uuid}"):
            return cast(Silence, self._client.patch(f"/v1/silences/{segment(uuid)}", body))

    def delete_silence(self, uuid: str) -> None:
        """End a silence."""
        with _named(f"Silence not found: {uuid}"):
            self._client.delete(f"/v1/silences/{segment(uuid)}")


def _acknowledgement(uuid: str) -> str:
    return f"/v1/alarms/{segment(uuid)}/acknowledgement"


def _all(client: ApiClient, collection: str, arguments: Arguments, page: ListPart = WHOLE) -> list[Any]:
    rows: list[Any] = []
    limit = page.limit
    wanted: Arguments = [*arguments, *page.arguments()]
    for _ in range(PAGES_MAX):
        answer = client.get(f"/v1/{collection}", wanted)
        rows += answer.get(collection, [])
        following = answer.get("next")
        if not following or (limit and len(rows) >= limit):
            break
        wanted = parse_qsl(urlsplit(following).query, keep_blank_values=True)
    return rows[:limit] if limit else rows


def _flags(**flags: bool) -> Arguments:
    return [(name, "True") for name, value in flags.items() if value]


@contextmanager
def _named(missing: str) -> Iterator[None]:
    """Raise CliError ``missing`` when the API answers 404 inside the block."""
    try:
        yield
    except ApiError as problem:
        if problem.status != 404:
            raise
        raise CliError(missing) from problem
