# SPDX-License-Identifier: Apache-2.0
"""``?dry_run=true`` of a change: the answer says what the change would do to hosts, and nothing is changed.

It is for changes whose effects are all in one transaction: a route that also calls another service must not take it.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, View
from flock.db import Database
from flock.wire.resource import Resource
from flock.wire.types import Boolean
from sysinv.config.effects import Effects

DRY_RUN = Argument("dry_run", Boolean(), "Only say what the change would do to hosts; nothing is changed.")
KEY = "dry_run"
_EFFECTS: Mapping[str, Any] = {KEY: {"type": "array", "items": {"type": "object", "required": [
    "hosts", "classes", "ordered", "reboot_required", "changed", "changes"]}}}


def rehearsable(resource: type[Resource]) -> AnyOf:
    """Return the answer of such a route: ``resource``, after a rehearsal with the effects."""
    return AnyOf((resource, View(resource, name=f"Rehearsed{resource.__name__}", extra=_EFFECTS)))


def carried_out(call: Call, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the answer of ``work``, or, undone, with the effects below ``dry_run``."""
    if not call.query.bool(KEY):
        return work()
    effects = Effects()
    with call.deps(Database).rehearsed(effects):
        body = work()
    return {**body, KEY: [effect.plain() for effect in effects.found()]}
