# SPDX-License-Identifier: Apache-2.0
"""Routes of ``labels``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, View, ViewPage, describes
from flock.auth.policy import CONFIGURATOR, Rule
from flock.wire.render import render_many
from flock.wire.types import Boolean
from sysinv.api.inventory import Inventory, OneItem, read_policy, read_routes
from sysinv.resources.label.fields import Label
from sysinv.resources.label.rules import KEY_MAX, LABELS_MAX, NAME, PREFIX, VALUE_MAX
from sysinv.resources.label.service import LabelService
from sysinv.resources.label.store import QUERY
from sysinv.resources.label.table import LABEL

INVENTORY = Inventory("label", Label, QUERY, LABEL, LABEL.c.host_id)
LABELS = {"type": "object", "minProperties": 1, "maxProperties": LABELS_MAX,
          "propertyNames": {"maxLength": KEY_MAX, "pattern": f"^({PREFIX}/)?{NAME}$"},
          "additionalProperties": {"type": "string", "maxLength": VALUE_MAX, "pattern": f"^({NAME})?$"}}


class LabelController(OneItem):
    """``/v1/labels/<uuid>``: of a label to read and delete it, of a host to give it labels."""

    @describes(query=(Argument("overwrite", Boolean(), "Give labels that the host has new values."),), body=LABELS,
               answers={200: ViewPage((View(Label),))}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Assign labels to a host, all or none."""
        overwrite = call.query.bool("overwrite")
        rows = call.deps(LabelService).assign(call.args["uuid"], call.json(), overwrite=overwrite)
        return {"labels": render_many(Label, rows, call.base_url)}

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Remove a label."""
        call.deps(LabelService).remove(call.args["uuid"])


ROUTES = read_routes(INVENTORY) | {"/v1/labels/{uuid}": LabelController(INVENTORY)}
POLICY = (
    *read_policy(INVENTORY),
    Rule("sysinv_api:label:assign", CONFIGURATOR, "POST", "/v1/labels/{uuid}"),
    Rule("sysinv_api:label:remove", CONFIGURATOR, "DELETE", "/v1/labels/{uuid}"),
)
