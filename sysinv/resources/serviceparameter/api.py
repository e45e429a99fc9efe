# SPDX-License-Identifier: Apache-2.0
"""Routes of ``service_parameter``."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.api.call import Call
from flock.api.describe import Argument, View, ViewPage, described, describes, paging, patch_of
from flock.api.reply import RawJson
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.errors import BadField, shown
from flock.wire.render import render, render_many
from flock.wire.resource import given
from flock.wire.types import Choice, Text
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory, OneItem
from sysinv.db.lookup import sort_keys
from sysinv.resources.serviceparameter.fields import Application, NewParameters, ParameterChange, ServiceParameter
from sysinv.resources.serviceparameter.service import ServiceParameterService
from sysinv.resources.serviceparameter.store import QUERY, as_seen
from sysinv.resources.serviceparameter.table import SERVICE_PARAMETER

PATH, NAME = "/v1/service_parameter", "sysinv_api:service_parameter"
FILTERS = ("service", "section", "name", "personality", "resource")
_ARGUMENTS = (
    Argument("q.field", Choice(FILTERS), "Field to compare.", repeated=True),
    Argument("q.op", Choice(("eq", "")), "How to compare.", repeated=True),
    Argument("q.type", Text(), "Accepted and not used.", repeated=True),
    Argument("q.value", Text(), "Value to compare with.", repeated=True))


class ParametersController(AllItems):
    """``/v1/service_parameter``."""

    def __init__(self, inventory: Inventory) -> None:
        super().__init__(inventory)
        page = paging(sort_keys(inventory.resource, inventory.table))
        many = {200: ViewPage((View(ServiceParameter),))}
        self.descriptions["get"] = described(query=(*page, *_ARGUMENTS), answers=many)
        self.descriptions["post"] = described(body=NewParameters, answers=many, errors=(409,))

    def get(self, call: Call) -> dict[str, Any]:
        """One page of the parameters, of all or of those that pass every filter."""
        return self.page_of(call, _filtered(call), "service_parameter")

    def post(self, call: Call) -> dict[str, Any]:
        """Add parameters of one section, all or none."""
        rows = call.deps(ServiceParameterService).add(given(call.body_as(NewParameters)))
        return {"parameters": render_many(ServiceParameter, rows, call.base_url)}


class ParameterController(OneItem):
    """``/v1/service_parameter/<uuid>``."""

    @describes(body=patch_of(ParameterChange, operations=("replace",), empty_values=True),
               answers={200: ServiceParameter}, errors=(409,))
    def patch(self, call: Call) -> dict[str, Any]:
        """Give a parameter another value. Of several operations on one attribute the last one counts."""
        operations = call.patch(allowed=("name", "value", "personality", "resource"), allow_empty=True,
                                mandatory=("name", "value"))
        row = call.deps(ServiceParameterService).change(call.args["uuid"], plain_changes(ParameterChange, operations))
        return render(ServiceParameter, row, call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a parameter."""
        call.deps(ServiceParameterService).delete(call.args["uuid"])


class ApplyController:
    """``/v1/service_parameter/apply``."""

    @describes(body=Application, answers={200: {"type": "null"}})
    def post(self, call: Call) -> RawJson:
        """Have hosts carry out what was changed; answers null."""
        body = given(call.body_as(Application))
        call.deps(ServiceParameterService).apply(body.get("service"), body.get("section"))
        return RawJson(b"null")


def _filtered(call: Call) -> sa.Select[Any]:
    names, values = call.query.all("q.field"), call.query.all("q.value")
    if len(names) != len(values):
        raise BadField(field="q.value", value=shown(", ".join(values)), rule="Each q.field needs one q.value.")
    query = QUERY
    for name, value in zip(names, values, strict=True):
        if name not in FILTERS:
            raise BadField(field="q.field", value=shown(name), rule=f"Value should be one of: {', '.join(FILTERS)}")
        query = query.where(SERVICE_PARAMETER.c[name] == value)
    for operator in call.query.all("q.op"):
        if operator not in ("eq", ""):
            raise BadField(field="q.op", value=shown(operator), rule="Value should be one of: eq")
    return query


def _inventory() -> Inventory:
    return Inventory("Service parameter", ServiceParameter, QUERY, SERVICE_PARAMETER, joined=as_seen)


ROUTES = {
    PATH: ParametersController(_inventory()),
    f"{PATH}/detail": AllItems(_inventory()),
    f"{PATH}/apply": ApplyController,
    f"{PATH}/{{uuid}}": ParameterController(_inventory()),
}
POLICY = (
    *(Rule(f"{NAME}:get", READER, "GET", one) for one in (PATH, f"{PATH}/detail", f"{PATH}/{{uuid}}")),
    Rule(f"{NAME}:add", CONFIGURATOR, "POST", PATH),
    Rule(f"{NAME}:apply", CONFIGURATOR, "POST", f"{PATH}/apply"),
    Rule(f"{NAME}:modify", CONFIGURATOR, "PATCH", f"{PATH}/{{uuid}}"),
    Rule(f"{NAME}:delete", CONFIGURATOR, "DELETE", f"{PATH}/{{uuid}}"),
)
