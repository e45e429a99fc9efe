# SPDX-License-Identifier: Apache-2.0
"""Routes of settings that the system has once: read and change them; adding and deleting is refused."""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from flock.api.call import Call
from flock.api.describe import Description, View, ViewPage, described, paging, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.paging import envelope
from flock.wire.render import render, render_many
from flock.wire.resource import Resource
from sysinv.api.changes import plain_changes
from sysinv.api.dryrun import DRY_RUN, carried_out, rehearsable
from sysinv.api.inventory import REFUSED, NotPermitted
from sysinv.db.single import SingleService

_APPLIES = {None: None, "apply": True, "install": False}


@dataclass(frozen=True, slots=True)
class Single:
    """``change`` declares the fields of a PATCH: those of ``resource``, and ``action`` where settings can be stored
    without being applied (``install``), or applied again (``apply``)."""

    noun: str
    path: str
    resource: type[Resource]
    change: type[Resource]
    changeable: tuple[str, ...]
    service: type[SingleService]
    mandatory: Collection[str] = ()


class AllSettings:
    """``/v1/<path>/detail``."""

    def __init__(self, single: Single) -> None:
        self.single = single
        self.descriptions: dict[str, Description] = {
            "get": described(query=paging(), answers={200: ViewPage((View(single.resource),))})}

    def get(self, call: Call) -> dict[str, Any]:
        """The settings, in a list."""
        call.query.page()
        rows = call.deps(self.single.service).all()
        return envelope(str(self.single.resource.envelope), render_many(self.single.resource, rows, call.base_url))


class WritableSettings(AllSettings):
    """``/v1/<path>`` refuses further settings."""

    @REFUSED
    def post(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()


class Settings:
    """``/v1/<path>/<uuid>``."""

    def __init__(self, single: Single) -> None:
        self.single = single
        body = patch_of(single.change, single.changeable, operations=("replace", "remove"), empty_values=True)
        self.descriptions: dict[str, Description] = {
            "get": described(answers={200: single.resource}),
            "patch": described(query=(DRY_RUN,), body=body, answers={200: rehearsable(single.resource)}, errors=(409,))}

    def get(self, call: Call) -> dict[str, Any]:
        """The settings."""
        row = call.deps(self.single.service).get(call.args["uuid"])
        return render(self.single.resource, row, call.base_url)

    def patch(self, call: Call) -> dict[str, Any]:
        """Change settings."""
        one = self.single
        operations = call.patch(allowed=one.changeable, allow_empty=True, mandatory=one.mandatory)
        changes = dict(plain_changes(one.change, operations))
        applies = _APPLIES[changes.pop("action", None)]

        def work() -> dict[str, Any]:
            row = call.deps(one.service).change(call.args["uuid"], changes, applies=applies)
            return render(one.resource, row, call.base_url)

        return carried_out(call, work)

    @REFUSED
    def delete(self, call: Call) -> None:
        """Refused."""
        raise NotPermitted()


def single_routes(single: Single) -> dict[str, Any]:
    """Return ROUTES of the settings."""
    path = f"/v1/{single.path}"
    return {path: WritableSettings(single), f"{path}/detail": AllSettings(single), f"{path}/{{uuid}}": Settings(single)}


def single_policy(single: Single) -> tuple[Rule, ...]:
    """Return POLICY for ``single_routes``."""
    path, name = f"/v1/{single.path}", f"sysinv_api:{single.noun}"
    return (*(Rule(f"{name}:get", READER, "GET", one) for one in (path, f"{path}/detail", f"{path}/{{uuid}}")),
            Rule(f"{name}:add", CONFIGURATOR, "POST", path),
            Rule(f"{name}:modify", CONFIGURATOR, "PATCH", f"{path}/{{uuid}}"),
            Rule(f"{name}:delete", CONFIGURATOR, "DELETE", f"{path}/{{uuid}}"))
