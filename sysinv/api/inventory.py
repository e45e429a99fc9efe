# SPDX-License-Identifier: Apache-2.0
"""Read routes of collections, at the top level and below a host."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.api.call import Call
from flock.api.describe import Description, View, ViewPage, described, describes, paging
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core import ids
from flock.core.errors import Forbidden
from flock.db import Database
from flock.wire.errors import shown
from flock.wire.paging import envelope
from flock.wire.render import links, render, render_many
from flock.wire.resource import Resource
from flock.wire.schema import LINKS
from sysinv.db.lookup import ItemNotFound, Row, host_row, paged, sort_keys

# These methods exist because StarlingX answers 403 here, not 405.
REFUSED = describes(answers={})


class NotPermitted(Forbidden):
    """A write on a nested or read-only collection."""

    code: ClassVar[str] = "sysinv.not_permitted"
    text: ClassVar[str] = "Operation not permitted."


@dataclass(frozen=True, slots=True)
class Inventory:
    """A collection: its wire type, the query of its rows, and the column with the host; None for items of no host."""

    noun: str
    resource: type[Resource]
    query: sa.Select[Any]
    table: sa.Table
    host_column: sa.ColumnElement[Any] | None = None
    # Adds fields to a row that are not in the database.
    complete: Callable[[Call, Row], Row] = lambda _call, row: row
    # Collections below an item, with the collection of the paths under which they are served: its GET links to them.
    children: Mapping[str, str] = field(default_factory=dict)
    # Adds what other queries find to all rows of a page at once.
    joined: Callable[[Connection, Sequence[Row]], Sequence[Row]] = lambda _conn, rows: rows
    # Order of a list for which the client gives none.
    sorted_by: str = "id"

    @property
    def collection(self) -> str:
        """Name of the collection on the wire."""
        return str(self.resource.envelope)


class _Reading:
    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.descriptions: dict[str, Description] = {"get": described(
            query=paging(sort_keys(inventory.resource, inventory.table)),
            answers={200: ViewPage((View(inventory.resource),))})}

    def page_of(self, call: Call, query: sa.Select[Any], path: str) -> dict[str, Any]:
        known = sort_keys(self.inventory.resource, self.inventory.table)
        page = call.query.page(sort_keys=known, sort_key=self.inventory.sorted_by)
        with call.deps(Database).reader() as conn:
            found = self.inventory.joined(conn, paged(conn, query, self.inventory.table, page))
        rows = [self.inventory.complete(call, row) for row in found]
        items = render_many(self.inventory.resource, rows, call.base_url)
        return envelope(self.inventory.collection, items, page=page, base_url=call.base_url, path=path)


class AllItems(_Reading):
    """``/v1/<collection>`` and ``/detail``."""

    def get(self, call: Call) -> dict[str, Any]:
        """One page of all items."""
        return self.page_of(call, self.inventory.query, self.inventory.collection)


class OneItem(_Reading):
    """``/v1/<collection>/<uuid>``."""

    def __init__(self, inventory: Inventory) -> None:
        super().__init__(inventory)
        answer: Any = inventory.resource
        if inventory.children:
            answer = View(inventory.resource, name=f"{inventory.resource.__name__}Member",
                          extra={child: LINKS for child in inventory.children})
        self.descriptions["get"] = described(answers={200: answer})

    def get(self, call: Call) -> dict[str, Any]:
        """One item by uuid."""
        with call.deps(Database).reader() as conn:
            row = _by_uuid(conn, call.args["uuid"], self.inventory.query, self.inventory.table, self.inventory.noun)
            row = self.inventory.joined(conn, [row])[0]
        body = render(self.inventory.resource, self.inventory.complete(call, row), call.base_url)
        for child, parents in self.inventory.children.items():
            body[child] = links(call.base_url, f"{parents}/{row['uuid']}", child)
        return body


class ChildItems(_Reading):
    """``/v1/<parents>/<uuid>/<collection>``: the items whose ``column`` has the row id of a parent, a ``noun``."""

    def __init__(self, inventory: Inventory, noun: str, parents: str, table: sa.Table,
                 column: sa.ColumnElement[Any]) -> None:
        super().__init__(inventory)
        self._noun, self._parents, self._table, self._column = noun, parents, table, column

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the items of a parent given by uuid."""
        with call.deps(Database).reader() as conn:
            parent = _by_uuid(conn, call.args["uuid"], sa.select(self._table), self._table, self._noun)
        query = self.inventory.query.where(self._column == parent["id"])
        return self.page_of(call, query, f"{self._parents}/{parent['uuid']}/{self.inventory.collection}")


def _by_uuid(conn: Connection, ident: str, query: sa.Select[Any], table: sa.Table, noun: str) -> Row:
    """Return the row of ``query`` with this uuid; ItemNotFound."""
    found = conn.execute(query.where(table.c.uuid == ident.lower())) if ids.is_uuid(ident) else None
    row = None if found is None else found.mappings().first()
    if row is None:
        raise ItemNotFound(resource=noun, id=shown(ident))
    return dict(row)


class HostDetail(_Reading):
    """``/v1/ihosts/<host>/<collection>/detail``."""

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the items of a host given by id, uuid or hostname."""
        with call.deps(Database).reader() as conn:
            host = host_row(conn, call.args["host"])
        query = self.inventory.query.where(self.inventory.host_column == host["id"])
        return self.page_of(call, query, f"ihosts/{host['uuid']}/{self.inventory.collection}")


class HostItems(HostDetail):
    """``/v1/ihosts/<host>/<collection>``: reads; writes belong to the top-level collection."""

    @REFUSED
    def post(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()

    @REFUSED
    def patch(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()

    @REFUSED
    def delete(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()


def read_routes(inventory: Inventory) -> dict[str, Any]:
    """Return ROUTES of a read-only collection."""
    collection = inventory.collection
    return {
        f"/v1/{collection}": AllItems(inventory),
        f"/v1/{collection}/detail": AllItems(inventory),
        f"/v1/{collection}/{{uuid}}": OneItem(inventory),
        f"/v1/ihosts/{{host}}/{collection}": HostItems(inventory),
        f"/v1/ihosts/{{host}}/{collection}/detail": HostDetail(inventory),
    }


def read_policy(inventory: Inventory) -> tuple[Rule, ...]:
    """Return POLICY for ``read_routes``."""
    collection, name = inventory.collection, f"sysinv_api:{inventory.noun}"
    nested = f"/v1/ihosts/{{host}}/{collection}"
    reads = (f"/v1/{collection}", f"/v1/{collection}/detail", f"/v1/{collection}/{{uuid}}", nested, f"{nested}/detail")
    return (
        *(Rule(f"{name}:get", READER, "GET", path) for path in reads),
        *(Rule(f"{name}:write_nested", CONFIGURATOR, method, nested) for method in ("POST", "PATCH", "DELETE")))
