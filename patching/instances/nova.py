# SPDX-License-Identifier: Apache-2.0
"""Virtual machines of Nova: live migration where it is possible, else cold migration; anti-affinity groups are kept."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from flock.auth.session import OwnSession
from flock.core.errors import InvalidInput, Refused, Unavailable
from flock.core.parse import parse_json
from flock.core.records import replace
from patching.core.strategy.picture import Instance, InstanceState
from patching.instances.interface import Workload

VERSION = {"X-OpenStack-Nova-API-Version": "2.72", "OpenStack-API-Version": "compute 2.72"}
"""Train: services by uuid, policies of groups as one word, flavors with extra specs."""
REASONS = {"X-OpenStack-Nova-API-Version": "2.84", "OpenStack-API-Version": "compute 2.84"}
"""Ussuri: events tell their reason; before, it is at the end of a traceback, if there."""
PAGE_MAX = 1000
TIMEOUT_S = 30.0
REASON = "software deployment"
REASON_MAX = 500
LIVE_LIMIT_S, LIVE_LEAST_S, COLD_LIMIT_S = 800, 120, 900
LIVE_TIMEOUT = "hw:wrs:live_migration_timeout"
_APART = ("anti-affinity", "soft-anti-affinity")
_STATES = {"ACTIVE": InstanceState.RUNNING, "PAUSED": InstanceState.RUNNING, "SUSPENDED": InstanceState.RUNNING,
           "SHUTOFF": InstanceState.STOPPED, "VERIFY_RESIZE": InstanceState.MOVED, "MIGRATING": InstanceState.MOVING,
           "RESIZE": InstanceState.MOVING, "ERROR": InstanceState.FAILED}
_MOVES = {"live-migration": "the live migration", "migrate": "the cold migration"}
_GONE = ("DELETED", "SOFT_DELETED", "SHELVED", "SHELVED_OFFLOADED")


class Http(Protocol):
    """The part of ``OwnSession`` that is used."""

    def request(self, method: str, url: str, body: Mapping[str, Any] | None = None, timeout_s: float = 30.0,
                headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body. Unavailable without an answer."""

    def endpoint(self, service_type: str) -> str:
        """URL of a service in the catalogue."""


class Nova:
    """Servers by id. ``url``: of the compute API; empty: from the catalogue."""

    def __init__(self, http: Http, url: str = "", timeout_s: float = TIMEOUT_S) -> None:
        self._http, self._url, self._timeout_s = http, url.rstrip("/"), timeout_s
        # Servers whose move was begun here, with their host and their newest action before that.
        self._begun: dict[str, tuple[str, str]] = {}

    def look(self) -> Workload:
        """The servers of all projects; those that their users have stopped are locked."""
        apart: dict[str, set[str]] = {}
        for group in self._pages("os-server-groups", "server_groups", all_projects="True"):
            if group.get("policy") in _APART:
                for member in group["members"]:
                    apart.setdefault(member, set()).add(group["id"])
        found = [self._with_trouble(instance(server, apart))
                 for server in self._pages("servers/detail", "servers", all_tenants="True")
                 if server["status"] not in _GONE]
        self._begun = {name: self._begun[name] for name in self._begun.keys() & {one.id for one in found}}
        aggregates = {one["name"]: frozenset(one["hosts"]) for one in self._call("GET", "os-aggregates")["aggregates"]}
        return Workload({one.id: one for one in found if one.host}, aggregates)

    def close_host(self, hostname: str) -> None:
        """Disable the compute service of the host."""
        for service in self._services(hostname):
            if service["status"] == "enabled":
                self._call("PUT", f"os-services/{service['id']}", {"status": "disabled", "disabled_reason": REASON})

    def open_host(self, hostname: str) -> None:
        """Enable the compute service, where it was disabled here."""
        for service in self._services(hostname):
            if service["status"] == "disabled" and service.get("disabled_reason") == REASON:
                self._call("PUT", f"os-services/{service['id']}", {"status": "enabled"})

    def move(self, instance_id: str) -> None:
        """Migrate the server, live unless it is forbidden for it."""
        server = self._server(instance_id)
        if server is None or _STATES.get(server["status"]) in (InstanceState.MOVING, InstanceState.MOVED):
            return
        newest = self._actions(instance_id)[:1]
        self._begun[instance_id] = (server.get("OS-EXT-SRV-ATTR:host") or "", newest[0]["request_id"] if newest else "")
        if live_limit_s(server):
            self._act(instance_id, {"os-migrateLive": {"host": None, "block_migration": "auto"}})
        else:
            self._act(instance_id, {"migrate": None})

    def confirm_move(self, instance_id: str) -> None:
        """Confirm a cold migration."""
        server = self._server(instance_id)
        if server is not None and server["status"] == "VERIFY_RESIZE":
            self._act(instance_id, {"confirmResize": None})

    def stop(self, instance_id: str) -> None:
        """Stop the server."""
        server = self._server(instance_id)
        if server is not None and server["status"] == "ACTIVE":
            self._act(instance_id, {"os-stop": None})

    def start(self, instance_id: str) -> None:
        """Start the server."""
        server = self._server(instance_id)
        if server is not None and server["status"] == "SHUTOFF":
            self._act(instance_id, {"os-start": None})

    def _with_trouble(self, one: Instance) -> Instance:
        """The instance with why its last move has failed: Nova accepts a move before it looks for another host, so only
        its list of actions tells."""
        host, before = self._begun.get(one.id, ("", ""))
        if not host or one.host != host or one.state is not InstanceState.RUNNING:
            return one
        for action in self._actions(one.id):
            if action["request_id"] == before:
                break
            if action["action"] in _MOVES:
                if action.get("message") != "Error":
                    break
                why = self._why(one.id, action["request_id"])
                return replace(one, trouble=f"{_MOVES[action['action']]} has failed: {why} ({action['request_id']})")
        return one

    def _actions(self, instance_id: str) -> list[dict[str, Any]]:
        """What was done with a server, the newest first."""
        path = f"servers/{quote(instance_id, safe='')}/os-instance-actions"
        found: list[dict[str, Any]] = self._call("GET", path, missing=True).get("instanceActions", [])
        return found

    def _why(self, instance_id: str, request_id: str) -> str:
        """The reason why an action has failed."""
        path = f"servers/{quote(instance_id, safe='')}/os-instance-actions/{quote(request_id, safe='')}"
        try:
            found = self._call("GET", path, missing=True, version=REASONS)
        except Refused:
            # Not acceptable to an older Nova.
            found = self._call("GET", path, missing=True)
        told = [(event.get("details") or "")[:REASON_MAX] or sentence(event.get("traceback") or "")
                for event in found.get("instanceAction", {}).get("events", []) if event.get("result") == "Error"]
        return next((one for one in told if one), "Nova tells no reason")

    def _services(self, hostname: str) -> list[dict[str, Any]]:
        query = urlencode({"host": hostname, "binary": "nova-compute"})
        found: list[dict[str, Any]] = self._call("GET", f"os-services?{query}")["services"]
        return found

    def _server(self, instance_id: str) -> dict[str, Any] | None:
        found = self._call("GET", f"servers/{quote(instance_id, safe='')}", missing=True)
        return found.get("server")

    def _act(self, instance_id: str, action: Mapping[str, Any]) -> None:
        self._call("POST", f"servers/{quote(instance_id, safe='')}/action", action, missing=True)

    def _pages(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All elements: servers are continued behind a marker, groups by an offset."""
        asked: dict[str, Any] = {**query, "limit": PAGE_MAX}
        while True:
            page = self._call("GET", f"{path}?{urlencode(asked)}")[key]
            yield from page
            if len(page) < PAGE_MAX:
                return
            if key == "servers":
                asked["marker"] = page[-1]["id"]
            else:
                asked["offset"] = asked.get("offset", 0) + len(page)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, missing: bool = False,
              version: Mapping[str, str] = VERSION) -> dict[str, Any]:
        """The answer; ``missing``: empty where there is nothing of that id. Refused with Nova's reason."""
        base = self._url or self._http.endpoint("compute").rstrip("/")
        status, data = self._http.request(method, f"{base}/{path}", body, self._timeout_s, version)
        if status == 404 and missing:
            return {}
        if status >= 500:
            raise Unavailable(service="nova", reason=f"{method} {path.partition('?')[0]}: status {status}")
        if status >= 400:
            raise Refused(detail=f"Nova refuses {method} {path.partition('?')[0]}: {_reason(status, data)}")
        return _object(data) if data else {}


def instance(server: Mapping[str, Any], apart: Mapping[str, set[str]]) -> Instance:
    """One server. One that is being moved or stopped by a task of Nova is in that state already."""
    state = _STATES.get(server["status"], InstanceState.RUNNING)
    if (server.get("OS-EXT-STS:task_state") or "").startswith(("migrating", "resize")):
        state = InstanceState.MOVING
    return Instance(server["id"], server.get("OS-EXT-SRV-ATTR:host") or "", is_locked=state is InstanceState.STOPPED,
                    apart=frozenset(apart.get(server["id"], ())), state=state,
                    move_limit_s=live_limit_s(server) or COLD_LIMIT_S)


def sentence(traceback: str) -> str:
    """The message of the exception at the end of a traceback, without its class; empty when there is none."""
    lines = [line for line in traceback.splitlines() if line and not line[0].isspace() and ": " in line]
    return lines[-1].partition(": ")[2].strip()[:REASON_MAX] if lines else ""


def live_limit_s(server: Mapping[str, Any]) -> int:
    """Seconds that a live migration may take: the least that server and flavor name, within bounds; 0: not live."""
    extra = (server.get("flavor") or {}).get("extra_specs") or {}
    named = [number for text in ((server.get("metadata") or {}).get(LIVE_TIMEOUT), extra.get(LIVE_TIMEOUT))
             if (number := _number(text)) is not None]
    if 0 in named:
        return 0
    return max(LIVE_LEAST_S, min([LIVE_LIMIT_S, *named]))


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 10 else None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = parse_json(data)
    except (ValueError, InvalidInput) as error:
        raise Unavailable(service="nova", reason=f"its answer is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Unavailable(service="nova", reason="its answer is no JSON object")
    return found


def _reason(status: int, data: bytes) -> str:
    try:
        parts = [part["message"] for part in _object(data).values() if isinstance(part, dict) and "message" in part]
    except Unavailable:
        parts = []
    return str(parts[0]) if parts else f"status {status}"


def driver(conf: Any) -> Nova:
    """The driver with the service's own account."""
    return Nova(OwnSession(conf, "nova"), conf.orchestrator.nova_url)
