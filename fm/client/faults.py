# SPDX-License-Identifier: Apache-2.0
"""REST calls on alarms, events and suppression for command lines and other programs; pages are followed."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flock.cli.client import ApiClient, segment
from flock.cli.errors import ApiError, CliError

Row = Mapping[str, Any]
OPERATORS = (("!=", "ne"), ("<=", "le"), (">=", "ge"), ("=", "eq"), ("<", "lt"), (">", "gt"))
TYPES = ("string", "integer", "float", "datetime", "boolean")
PAGES_MAX = 10_000


def query_arguments(text: str | None) -> list[tuple[str, str]]:
    """``field<op>[type::]value;...`` as ``q.*`` arguments; CliError when a part has no operator."""
    arguments: list[tuple[str, str]] = []
    for part in (text or "").split(";"):
        if not part.strip():
            continue
        at, sign, name = min(((part.find(sign), sign, name) for sign, name in OPERATORS if sign in part),
                             default=(-1, "", ""), key=lambda found: (found[0], -len(found[1])))
        if at <= 0:
            raise CliError(f"Cannot read the query {part!r}: it must be field<op>value with one of = != < <= > >=.")
        value = part[at + len(sign):].strip()
        kind, separator, rest = value.partition("::")
        if not separator or kind not in TYPES:
            kind, rest = "", value
        arguments += [("q.field", part[:at].strip()), ("q.op", name), ("q.type", kind), ("q.value", rest)]
    return arguments


class Faults:
    """One fault management API."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    def alarms(self, query: str | None = None, include_suppress: bool = False, expand: bool = True) -> list[Row]:
        """Active alarms."""
        return self._all("alarms", [*query_arguments(query), *_flags(include_suppress=include_suppress, expand=expand)])

    def alarm(self, uuid: str) -> Row:
        """One alarm; CliError ``Alarm not found``."""
        return self._one(f"/v1/alarms/{segment(uuid)}", f"Alarm not found: {uuid}")

    def delete_alarm(self, uuid: str) -> None:
        """Clear one alarm; CliError ``Alarm not found``."""
        try:
            self._client.delete(f"/v1/alarms/{segment(uuid)}")
        except ApiError as problem:
            raise _explained(problem, f"Alarm not found: {uuid}") from problem

    def summary(self, include_suppress: bool = False) -> Row:
        """Counts per severity."""
        found: Row = self._client.get("/v1/alarms/summary", dict(_flags(include_suppress=include_suppress)))
        return found

    def acknowledge(self, uuid: str, comment: str) -> Row:
        """Acknowledge one alarm in the caller's name."""
        try:
            found: Row = self._client.put(f"/v1/alarms/{segment(uuid)}/acknowledgement", {"comment": comment})
        except ApiError as problem:
            raise _explained(problem, f"Alarm not found: {uuid}") from problem
        return found

    def events(self, query: str | None = None, limit: int | None = None, alarms: bool = False, logs: bool = False,
               include_suppress: bool = False, expand: bool = True) -> list[Row]:
        """Events, newest first; at most ``limit``."""
        arguments = [*query_arguments(query),
                     *_flags(alarms=alarms, logs=logs, include_suppress=include_suppress, expand=expand)]
        return self._all("event_log", arguments, limit)

    def event(self, uuid: str) -> Row:
        """One event; CliError ``Event log not found``."""
        return self._one(f"/v1/event_log/{segment(uuid)}", f"Event log not found: {uuid}")

    def suppressions(self, include_unsuppressed: bool = True) -> list[Row]:
        """Suppression entries in order of alarm id."""
        rows = self._all("event_suppression", [])
        return [row for row in rows if include_unsuppressed or row.get("suppression_status") == "suppressed"]

    def set_suppression(self, uuid: str, status: str) -> None:
        """Suppress or show the id of one entry."""
        body = [{"path": "/suppression_status", "value": status, "op": "replace"}]
        self._client.patch(f"/v1/event_suppression/{segment(uuid)}", body)

    def _one(self, path: str, missing: str) -> Row:
        try:
            found: Row = self._client.get(path)
        except ApiError as problem:
            raise _explained(problem, missing) from problem
        return found

    def _all(self, collection: str, arguments: list[tuple[str, str]], limit: int | None = None) -> list[Row]:
        rows: list[Row] = []
        wanted: Any = [*arguments, *([("limit", str(limit))] if limit else [])]
        for _ in range(PAGES_MAX):
            answer = self._client.get(f"/v1/{collection}", wanted)
            rows += answer.get(collection, [])
            following = answer.get("next")
            if not following or (limit and len(rows) >= limit):
                break
            wanted = parse_qsl(urlsplit(following).query, keep_blank_values=True)
        return rows[:limit] if limit else rows


def _flags(**flags: bool) -> list[tuple[str, str]]:
    return [(name, "True") for name, value in flags.items() if value]


def _explained(problem: ApiError, missing: str) -> CliError:
    return CliError(missing) if problem.status == 404 else problem
