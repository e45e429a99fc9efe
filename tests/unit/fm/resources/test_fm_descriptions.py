# SPDX-License-Identifier: Apache-2.0
"""What the routes of fault management declare of their query is what they read."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import webob

from flock.api import build_app
from flock.api.build import dialect_of, route_table
from flock.api.describe import description_of
from flock.api.query import Query
from flock.db import Database
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.resources.alarm.reading import AlarmReads

HEADERS = {"X-Roles": "configurator", "X-Project-Name": "services", "X-User-Name": "u", "X-User-Id": "1"}
ALARM = {"alarm_id": "100.101", "alarm_state": "set", "entity_instance_id": "host=c0", "severity": "minor",
         "alarm_type": "equipment", "probable_cause": "unknown"}
DESCRIBED = [(method, route.path, found) for route in route_table("fm", dialect_of("fm")).routes
             for method, handler in route.handlers.items() if (found := description_of(handler)) and found.query
             and not route.path.endswith("stream")]


@pytest.fixture
def app(database: Database) -> Any:
    METADATA.create_all(database.engine)
    synchronise(database)
    manager = Manager(database, Writer(database, lambda: Settings(Limits(1000))))
    deps = [database, AlarmReads(database), (FmManager, manager)]
    return build_app(private_conf(), "fm", deps=deps, authenticate=trusting)


class Recorder:
    """Notes which arguments a controller reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.read: set[str] = set()
        for name in ("text", "bool", "all", "__getitem__", "get"):
            monkeypatch.setattr(Query, name, self._noting(getattr(Query, name)))

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def noted(query: Query, name: str, *rest: Any, **named: Any) -> Any:
            self.read.add(name)
            return method(query, name, *rest, **named)

        return noted


VALUES = {"q.field": "severity", "q.op": "eq", "q.type": "", "q.value": "major", "marker": "", "sort_dir": "asc",
          "sort_key": "", "after": "0", "by": "host", "format": "json"}
"""What to send for a declared argument; anything else is sent as ``1``."""


@pytest.mark.parametrize(("method", "path", "described"), DESCRIBED, ids=[f"{m} {p}" for m, p, _ in DESCRIBED])
def test_declared_arguments_are_accepted_and_read(
        app: Any, monkeypatch: pytest.MonkeyPatch, method: str, path: str, described: Any) -> None:
    recorder = Recorder(monkeypatch)
    filters = {a.name: a for a in described.query if a.name.startswith("q.")}
    field = "severity" if "q.field" in filters and "severity" in filters["q.field"].datatype.by_text else "alarm_id"
    values = {**VALUES, "q.field": field}
    query = "&".join(f"{argument.name}={values.get(argument.name, '1')}" for argument in described.query)
    sent = {"json": ALARM} if method == "POST" else {}
    made = webob.Request.blank("/v1/alarms?full=1", method="POST", headers=HEADERS, json=ALARM).get_response(app)
    path = path.replace("{uuid}", made.json["uuid"])
    response = webob.Request.blank(f"{path}?{query}", method=method, headers=HEADERS, **sent).get_response(app)
    assert response.status_int == 200, response.body
    assert described.query_names - recorder.read - {"q.type"} == set(), "declared and never read"
