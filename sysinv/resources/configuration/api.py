# SPDX-License-Identifier: Apache-2.0
"""Routes of a host's ``config_history`` and ``config_diff``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import View, ViewPage, describes, paging
from flock.auth.policy import READER, Rule
from flock.db import Database
from flock.wire.paging import envelope
from flock.wire.render import render, render_many
from sysinv.db.lookup import host_row, sort_keys
from sysinv.resources.configuration import store
from sysinv.resources.configuration.fields import ConfigDifference, ConfigOrder
from sysinv.resources.configuration.service import ConfigurationService
from sysinv.resources.configuration.table import RUNTIME_CONFIG

HISTORY, DIFF = "/v1/ihosts/{host}/config_history", "/v1/ihosts/{host}/config_diff"
SORT_KEYS = sort_keys(ConfigOrder, RUNTIME_CONFIG)


class ConfigHistoryController:
    """``/v1/ihosts/<host>/config_history``."""

    @describes(query=paging(SORT_KEYS), answers={200: ViewPage((View(ConfigOrder),))})
    def get(self, call: Call) -> dict[str, Any]:
        """One page of the orders to a host of the last day, and of those that wait."""
        page = call.query.page(sort_keys=SORT_KEYS)
        with call.deps(Database).reader() as conn:
            host = host_row(conn, call.args["host"])
            rows = store.history(conn, host["id"], page)
        return envelope("config_history", render_many(ConfigOrder, rows, call.base_url), page=page,
                        base_url=call.base_url, path=f"ihosts/{host['uuid']}/config_history")


class ConfigDiffController:
    """``/v1/ihosts/<host>/config_diff``."""

    @describes(answers={200: ViewPage((View(ConfigDifference),))})
    def get(self, call: Call) -> dict[str, Any]:
        """What an unlock of the host would change."""
        found = call.deps(ConfigurationService).differences(call.args["host"])
        return {"config_diff": [render(ConfigDifference, one) for one in found]}


ROUTES = {HISTORY: ConfigHistoryController, DIFF: ConfigDiffController}
POLICY = (Rule("sysinv_api:configuration:get", READER, "GET", HISTORY),
          Rule("sysinv_api:configuration:get", READER, "GET", DIFF))
