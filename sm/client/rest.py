# SPDX-License-Identifier: Apache-2.0
"""What services ask sm-api, and tell it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from flock.core.errors import FlockError, Unavailable
from flock.core.parse import parse_json
from sm.contract.nodecommand import ErrorCode, NodeAction

Row = dict[str, Any]
SERVICE = "sm-api"


class BadResponse(FlockError):
    """sm-api has answered what a client cannot use."""

    code, http, text = "sm.bad_response", 500, "Bad response from SM API: {detail}"


class Http(Protocol):
    """The part of a keystoneauth1 session that is used: it adds the token, and raises Unavailable without an answer.
    """

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        """Status and body."""


class SmApi:
    """sm-api at ``url``. Every call raises Unavailable when there is no answer within ``timeout_s``, and BadResponse
    for an answer that is of no use."""

    def __init__(self, http: Http, url: str, origin: str, timeout_s: float = 30.0) -> None:
        self._http, self._url, self._origin, self._timeout_s = http, url.rstrip("/"), origin, timeout_s

    def all(self, collection: str) -> list[Row]:
        """All elements of ``services``, ``nodes``, ``service_groups`` or ``sm_sda``."""
        found = self._get(collection)
        rows = found.get(collection) if isinstance(found, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise BadResponse(detail=f"no list of {collection}")
        return rows

    def one(self, collection: str, ident: str) -> Row | None:
        """One element; None when there is none."""
        if ident in ("", ".", ".."):
            return None
        found = self._get(f"{collection}/{quote(ident, safe='')}")
        if found is not None and not isinstance(found, dict):
            raise BadResponse(detail=f"no element of {collection}")
        return found

    def service_node(self, hostname: str) -> Row:
        """The states of a host, and whether it provides service."""
        found = self.one("servicenode", hostname)
        if found is None or "active_services" not in found:
            raise BadResponse(detail="no states of a host")
        return found

    def command(self, hostname: str, action: NodeAction, admin: str = "unknown", oper: str = "unknown",
                avail: str = "") -> Row:
        """Have a command about a host checked and carried out; ``error_code`` and ``error_details`` say with which
        result. The result of a refused command is returned too."""
        body = {"origin": self._origin, "action": action.value, "admin": admin, "oper": oper, "avail": avail}
        status, reply = self._asked("PATCH", f"servicenode/{quote(hostname, safe='')}", body)
        if isinstance(reply, dict) and isinstance(reply.get("error_code"), str):
            return reply
        raise self._failed(status, reply)

    def refusal(self, hostname: str, check: NodeAction) -> str | None:
        """Why a check finds that an action may not begin; None when it may."""
        reply = self.command(hostname, check)
        if reply["error_code"] == ErrorCode.OK:
            return None
        services = reply.get("impact_service_list") or []
        joined = ", ".join(map(str, services))
        if check is NodeAction.LOCK_PRE_CHECK and reply["error_code"] == ErrorCode.SOLE_PROVIDER and services:
            # StarlingX's words, by which its operators know what to do.
            return (f"Service(s) {joined} is/are only running on {hostname}, locking {hostname} will result service "
                    f'outage. If lock {hostname} is required, please use "force lock" command.')
        return f"{reply.get('error_details') or 'action failed'}{f' ({joined})' if services else ''}"

    def _get(self, path: str) -> Any:
        status, reply = self._asked("GET", path, None)
        if status != 200:
            raise self._failed(status, reply)
        return reply

    def _asked(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, Any]:
        status, content = self._http.request(method, f"{self._url}/v1/{path}", body, self._timeout_s)
        try:
            return status, parse_json(content)
        except (ValueError, FlockError):
            return status, content[:200]

    def _failed(self, status: int, reply: Any) -> FlockError:
        if status in (502, 503, 504):
            return Unavailable(service=SERVICE, reason=f"it answers {status}: {_sentence(reply)}")
        return BadResponse(detail=f"status {status}: {_sentence(reply)}")


def _sentence(reply: Any) -> str:
    """The sentence of an error; the clients decode it twice."""
    text = reply.get("error_message") if isinstance(reply, dict) else reply
    try:
        inner = parse_json(text if isinstance(text, bytes) else str(text).encode())
        return str(inner["faultstring"])
    except (ValueError, KeyError, TypeError, FlockError):
        return str(text)[:200]
