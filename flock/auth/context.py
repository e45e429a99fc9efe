# SPDX-License-Identifier: Apache-2.0
"""The caller's identity: an immutable record from keystonemiddleware's values in the WSGI environment."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# All sources of the context. Only the token check may write these into the environment.
IDENTITY_HEADERS = (
    "HTTP_X_ROLES", "HTTP_X_SERVICE_ROLES", "HTTP_X_USER_ID", "HTTP_X_USER_NAME", "HTTP_X_USER_DOMAIN_NAME",
    "HTTP_X_PROJECT_ID", "HTTP_X_PROJECT_NAME", "HTTP_X_PROJECT_DOMAIN_NAME", "HTTP_OPENSTACK_SYSTEM_SCOPE",
)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Identity of one request. ``is_service``: a valid token with the role ``service`` came with the request."""

    request_id: str = ""
    user_id: str | None = None
    user_name: str | None = None
    user_domain_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    project_domain_name: str | None = None
    roles: frozenset[str] = frozenset()
    is_service: bool = False
    system_scope: str | None = None
    address: str = ""

    def credentials(self, project_domain: str = "Default") -> dict[str, Any]:
        """The credentials for oslo.policy. Withholds the name of a project outside ``project_domain``: the rules use
        project names, which are unique only per domain, so any domain's owner could create a project "admin"."""
        home = self.project_domain_name in (None, project_domain)
        return {
            "user_id": self.user_id, "project_id": self.project_id,
            "project_name": self.project_name if home else None,
            "roles": list(self.roles), "system_scope": self.system_scope, "is_service": self.is_service,
        }


def anonymous(request_id: str, address: str = "") -> RequestContext:
    """The context of a request to a public route; ignores the client's identity headers."""
    return RequestContext(request_id=request_id, address=address)


def from_environ(environ: Mapping[str, Any], request_id: str) -> RequestContext:
    """The context from the token check's headers; the token check has removed the client's headers of these names."""
    headers = {header: environ.get(header) for header in IDENTITY_HEADERS}
    roles = _roles(headers["HTTP_X_ROLES"])
    return RequestContext(
        request_id=request_id,
        user_id=headers["HTTP_X_USER_ID"],
        user_name=headers["HTTP_X_USER_NAME"],
        user_domain_name=headers["HTTP_X_USER_DOMAIN_NAME"],
        project_id=headers["HTTP_X_PROJECT_ID"],
        project_name=headers["HTTP_X_PROJECT_NAME"],
        project_domain_name=headers["HTTP_X_PROJECT_DOMAIN_NAME"],
        roles=roles,
        is_service="service" in roles or "service" in _roles(headers["HTTP_X_SERVICE_ROLES"]),
        system_scope=headers["HTTP_OPENSTACK_SYSTEM_SCOPE"],
        address=str(environ.get("REMOTE_ADDR", "")),
    )


def _roles(text: str | None) -> frozenset[str]:
    return frozenset(role.strip().lower() for role in (text or "").split(",") if role.strip())
