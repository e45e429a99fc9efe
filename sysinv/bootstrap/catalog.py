# SPDX-License-Identifier: Apache-2.0
"""Keystone's content for the flock: roles, projects, service users, services and endpoints. Idempotent."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sysinv.bootstrap.answers import Answers

ROLES = ("reader", "operator", "configurator", "service")


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """One catalogue entry; ``path`` is appended to ``https://host:port``."""

    name: str
    type: str
    description: str
    port: int
    path: str = ""


SERVICES = (
    ServiceEntry("fm", "faultmanagement", "Fault management", 18002),
    ServiceEntry("sysinv", "platform", "Configuration management", 6385, "/v1"),
    ServiceEntry("mtce", "maintenance", "Host maintenance", 2112),
    # Name and type by which StarlingX's clients find it.
    ServiceEntry("smapi", "smapi", "Service management", 7777),
    ServiceEntry("usm", "usm", "Software management", 5497, "/v1"),
    ServiceEntry("patching", "patching", "Software management, classic interface", 15491),
    ServiceEntry("vim", "nfv", "Orchestration of software deployments", 4545),
)


class Rest(Protocol):
    """The part of a keystoneauth1 adapter used here."""

    def get(self, url: str, **kwargs: Any) -> Any:
        """GET."""

    def post(self, url: str, **kwargs: Any) -> Any:
        """POST."""

    def put(self, url: str, **kwargs: Any) -> Any:
        """PUT."""

    def patch(self, url: str, **kwargs: Any) -> Any:
        """PATCH."""


def endpoint_urls(answers: Answers, service: ServiceEntry) -> dict[str, str]:
    """Return URLs by interface: public on the public address, internal and admin on the floating management address."""
    hosts = {"public": answers.public_address, "internal": answers.controller_ip, "admin": answers.controller_ip}
    return {interface: f"https://{host}:{service.port}{service.path}" for interface, host in hosts.items()}


def ensure_catalog(rest: Rest, answers: Answers, passwords: dict[str, str]) -> list[str]:
    """Create missing entries and correct different ones; returns one line per change. Repeated calls change nothing."""
    changes: list[str] = []
    roles = {name: _ensure(rest, "roles", "role", {"name": name}, changes) for name in (*ROLES, "admin")}
    project = _ensure(rest, "projects", "project", {"name": "services", "domain_id": "default"}, changes)
    held = {(item["user"]["id"], item["role"]["id"])
            for item in rest.get(f"/role_assignments?scope.project.id={project}").json()["role_assignments"]
            if "user" in item}
    for user, password in passwords.items():
        user_id = _ensure(rest, "users", "user", {"name": user, "domain_id": "default"}, changes,
                          {"password": password, "default_project_id": project})
        for role in ("admin", "service"):
            if (user_id, roles[role]) not in held:
                rest.put(f"/projects/{project}/users/{user_id}/roles/{roles[role]}")
                changes.append(f"role {role} for user {user}")
    known = rest.get("/endpoints").json()["endpoints"]
    for service in SERVICES:
        service_id = _ensure(rest, "services", "service", {"name": service.name, "type": service.type}, changes,
                             {"description": service.description})
        for interface, url in endpoint_urls(answers, service).items():
            _ensure_endpoint(rest, known, {"service_id": service_id, "interface": interface, "url": url,
                                           "region_id": answers.region_name}, changes)
    return changes


def _ensure(rest: Rest, collection: str, member: str, key: dict[str, str], changes: list[str],
            more: dict[str, Any] | None = None) -> str:
    query = "&".join(f"{name}={value}" for name, value in key.items())
    found = rest.get(f"/{collection}?{query}").json()[collection]
    if found:
        return str(found[0]["id"])
    made = rest.post(f"/{collection}", json={member: {**key, **(more or {})}}).json()[member]
    changes.append(f"{member} {key['name']}")
    return str(made["id"])


def _ensure_endpoint(rest: Rest, known: list[dict[str, Any]], wanted: dict[str, str], changes: list[str]) -> None:
    for endpoint in known:
        if all(endpoint.get(name) == wanted[name] for name in ("service_id", "interface", "region_id")):
            if endpoint["url"] != wanted["url"]:
                rest.patch(f"/endpoints/{endpoint['id']}", json={"endpoint": {"url": wanted["url"]}})
                changes.append(f"endpoint {wanted['url']}")
            return
    rest.post("/endpoints", json={"endpoint": wanted})
    changes.append(f"endpoint {wanted['url']}")
