# SPDX-License-Identifier: Apache-2.0
"""Routes about controllers, and those of features that clients ask for and this system does not have."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import describes
from flock.api.reply import Reply as Answer
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.db import Database
from patching.db.views import agents, in_sync, mirrors, read

CONTROLLERS = {"controller-0", "controller-1"}
"""No other host may have these names; what a host says of its role proves nothing."""


def are_in_sync(database: Database) -> bool:
    """Whether each controller that has an agent holds the content of all releases."""
    wanted = read(database).digests
    with database.reader() as conn:
        controllers = agents(conn).keys() & CONTROLLERS
        held = mirrors(conn)
    return in_sync(controllers, wanted, held)


class InSyncController:
    """``/v1/software/in_sync_controller``."""

    @describes(answers={200: {"type": "object", "required": ["in_sync"], "properties": {
        "in_sync": {"type": "boolean"}}}})
    def get(self, call: Call) -> dict[str, Any]:
        """Whether all controllers hold the same releases."""
        return {"in_sync": are_in_sync(call.deps(Database))}


class SyncController:
    """``/v1/deploy/software_sync``."""

    @describes(body={"type": "object"}, body_required=False, answers={200: {
        "type": "object", "required": ["result"], "properties": {"result": {"type": "string"}}}})
    def post(self, call: Call) -> dict[str, Any]:
        """Whether the controllers agree; they are mirrored all the time, so there is nothing to begin."""
        return {"result": "in-sync" if are_in_sync(call.deps(Database)) else "out-of-sync"}


class SystemDeployController:
    """``/v1/system_deploy``."""

    @describes(answers={200: {"type": "array"}})
    def get(self, call: Call) -> Answer:
        """Deployments of software together with Kubernetes: none."""
        return Answer([])


ROUTES = {"/v1/software/in_sync_controller": InSyncController, "/v1/deploy/software_sync": SyncController,
          "/v1/system_deploy": SystemDeployController}
POLICY = (
    Rule("software:in_sync:get", READER, "GET", "/v1/software/in_sync_controller"),
    Rule("software:system_deploy:get", READER, "GET", "/v1/system_deploy"),
    Rule("software:deploy:software_sync", CONFIGURATOR, "POST", "/v1/deploy/software_sync"),
)
