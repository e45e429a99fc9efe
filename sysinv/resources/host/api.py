# SPDX-License-Identifier: Apache-2.0
"""Routes of ``ihosts``."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, View, ViewPage, describes, paging, patch_of
from flock.auth.policy import ANYONE, CONFIGURATOR, OPERATOR, READER, Rule
from flock.wire.paging import envelope
from flock.wire.render import links, render, render_many
from flock.wire.schema import LINKS
from flock.wire.types import Anything, Boolean
from sysinv.api.members import has_members, members
from sysinv.db.lookup import sort_keys
from sysinv.hosts.installation import Installation
from sysinv.resources.host.fields import CHILDREN, Host, HostChange, InstallProgress, InstallRequest, NewHost
from sysinv.resources.host.service import HostService
from sysinv.resources.host.table import I_HOST
from sysinv.resources.profile.fields import APPLIED, PLAN
from sysinv.resources.profile.rules import APPLY, ProfileRefused, asked
from sysinv.resources.profile.service import ProfileService
from sysinv.resources.ptpinstance import fields as ptp_instances
from sysinv.resources.ptpinstance.service import PtpInstanceService

_STATES = ("uuid", "hostname", "administrative", "operational", "availability", "subfunction_oper",
           "subfunction_avail", "task", "mtce_action", "last_error", "last_error_at", "ihost_action", "invprovision",
           "inv_state", "install_state",
           "install_state_info", "vim_progress_status", "links")
SORT_KEYS = sort_keys(Host, I_HOST)
ROLE_FIELDS = frozenset({"personality", "subfunctions"})
MEMBER = View(Host, name="HostMember", extra={child: LINKS for child in CHILDREN})
WITH_PROFILE = View(Host, name="HostWithProfile", extra={**MEMBER.extra, **APPLIED["properties"]})
INSTALL_TOKEN = {"X-Install-Token": "One-time token of the boot file."}


class HostsController:
    """``/v1/ihosts`` and ``/v1/ihosts/detail``."""

    @describes(query=(*paging(SORT_KEYS), Argument("personality", Anything(), "Hosts of this personality.")),
               answers={200: ViewPage((View(Host),))})
    def get(self, call: Call) -> dict[str, Any]:
        """One page of hosts, all or of one personality."""
        query = call.query
        page = query.page(sort_keys=SORT_KEYS)
        personality = query.text("personality")
        rows = call.deps(HostService).page(personality, page)
        filters = [("personality", personality)] if personality is not None else []
        return envelope("ihosts", render_many(Host, rows, call.base_url), page=page, base_url=call.base_url,
                        filters=filters)


class NewHostsController(HostsController):
    """``/v1/ihosts`` also takes new hosts."""

    @describes(body=NewHost, answers={200: MEMBER}, errors=(409,))
    def post(self, call: Call) -> dict[str, Any]:
        """Add a host."""
        return _member(call.deps(HostService).add(call.body_as(NewHost)), call.base_url)


class HostController:
    """``/v1/ihosts/<host>``."""

    @describes(answers={200: MEMBER})
    def get(self, call: Call) -> dict[str, Any]:
        """One host with links to what it has."""
        return _member(call.deps(HostService).get(call.args["host"]), call.base_url)

    @describes(query=(Argument("dry_run", Boolean(), "Only show what a profile would change."),),
               body=patch_of(HostChange, operations=("replace", "remove"), empty_values=True,
                             members={ptp_instances.LIST: ptp_instances.MEMBER}),
               answers={200: AnyOf((MEMBER, WITH_PROFILE))}, errors=(409, 504))
    def patch(self, call: Call) -> dict[str, Any]:
        """Attributes, actions, and profiles to apply; or the PTP instances of the host."""
        if has_members(call.json(), ptp_instances.LIST):
            changes = members(call.json(), ptp_instances.LIST, ptp_instances.MEMBER)
            call.deps(PtpInstanceService).assign(call.args["host"], changes)
            return _member(call.deps(HostService).get(call.args["host"]), call.base_url)
        operations = call.patch(allow_empty=True)
        dry_run, profile = bool(call.query.bool("dry_run")), asked(operations)
        if profile is not None:
            return _applied(call, profile, dry_run=dry_run)
        if dry_run:
            raise ProfileRefused(detail=f"dry_run is only possible with action {APPLY}.")
        if any(operation.name in ROLE_FIELDS for operation in operations):
            # A role by PATCH has the effect of a host that is added with that role.
            call.require("sysinv_api:host:add")
        return _member(call.deps(HostService).change(call.args["host"], operations), call.base_url)

    @describes(errors=(409, 504))
    def delete(self, call: Call) -> None:
        """Delete a locked host."""
        call.deps(HostService).delete(call.args["host"])


class StateController:
    """``/v1/ihosts/<host>/state``."""

    @describes(answers={200: View(Host, _STATES, "HostStates")})
    def get(self, call: Call) -> dict[str, Any]:
        """The states of one host."""
        return render(Host, call.deps(HostService).get(call.args["host"]), call.base_url, _STATES)


class ResyncController:
    """``/v1/ihosts/<host>/resync``."""

    @describes(answers={200: MEMBER}, errors=(409, 504))
    def post(self, call: Call) -> dict[str, Any]:
        """Take the states of one host from host maintenance, and start the count of their changes afresh."""
        return _member(call.deps(HostService).resync(call.args["host"]), call.base_url)


class InstallProgressController:
    """``/v1/ihosts/<host>/install_progress``, without a Keystone token."""

    @describes(body=InstallProgress, headers=INSTALL_TOKEN, errors=(403, 409), answers={200: {
        "type": "object", "required": ["install_state", "install_state_info"], "properties": {
            "install_state": {"type": "string"}, "install_state_info": {"type": ["string", "null"]}}}})
    def post(self, call: Call) -> dict[str, Any]:
        """One step of an installation."""
        body = call.body_as(InstallProgress)
        info = body.install_state_info or None
        call.deps(Installation).progress(call.args["host"], body.install_state, info, _token(call))
        return {"install_state": body.install_state, "install_state_info": info}


class InstallConfigController:
    """``/v1/ihosts/<host>/install_config``, authenticated by the boot file's one-time token."""

    @describes(body=InstallRequest, headers=INSTALL_TOKEN, errors=(403, 409), answers={200: {
        "type": "object", "required": ["sealed"], "properties": {"sealed": {"type": "string"}}}})
    def post(self, call: Call) -> dict[str, str]:
        """The configuration of an installing host, sealed for the key of its certificate request."""
        return call.deps(Installation).configuration(
            call.args["host"], _token(call), call.body_as(InstallRequest).csr, call.environ.get("REMOTE_ADDR", ""))


def _applied(call: Call, profile: str, *, dry_run: bool) -> dict[str, Any]:
    # A profile changes what otherwise only a configurator may change.
    call.require("sysinv_api:profile:add")
    uuid, plan = call.deps(ProfileService).apply(call.args["host"], profile, dry_run=dry_run)
    return {**_member(call.deps(HostService).get(uuid), call.base_url), PLAN: plan.document()}


def _token(call: Call) -> str | None:
    return call.environ.get("HTTP_X_INSTALL_TOKEN")


def _member(row: Any, base_url: str) -> dict[str, Any]:
    body = render(Host, row, base_url)
    for child in CHILDREN:
        body[child] = links(base_url, f"ihosts/{row['uuid']}", child)
    return body


ROUTES = {
    "/v1/ihosts": NewHostsController,
    "/v1/ihosts/detail": HostsController,
    "/v1/ihosts/{host}": HostController,
    "/v1/ihosts/{host}/state": StateController,
    "/v1/ihosts/{host}/resync": ResyncController,
    "/v1/ihosts/{host}/install_progress": InstallProgressController,
    "/v1/ihosts/{host}/install_config": InstallConfigController,
}

POLICY = (
    Rule("sysinv_api:host:get", READER, "GET", "/v1/ihosts"),
    Rule("sysinv_api:host:get", READER, "GET", "/v1/ihosts/detail"),
    Rule("sysinv_api:host:get", READER, "GET", "/v1/ihosts/{host}"),
    Rule("sysinv_api:host:get", READER, "GET", "/v1/ihosts/{host}/state"),
    Rule("sysinv_api:host:add", CONFIGURATOR, "POST", "/v1/ihosts"),
    Rule("sysinv_api:host:modify", OPERATOR, "PATCH", "/v1/ihosts/{host}"),
    Rule("sysinv_api:host:delete", CONFIGURATOR, "DELETE", "/v1/ihosts/{host}"),
    Rule("sysinv_api:host:resync", CONFIGURATOR, "POST", "/v1/ihosts/{host}/resync"),
    Rule("sysinv_api:host:install_progress", ANYONE, "POST", "/v1/ihosts/{host}/install_progress"),
    Rule("sysinv_api:host:install_config", ANYONE, "POST", "/v1/ihosts/{host}/install_config"),
)
