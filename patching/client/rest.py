# SPDX-License-Identifier: Apache-2.0
"""What other services ask patching-api."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from flock.core.errors import Unavailable
from flock.core.parse import parse_json

SERVICE = "patching-api"


class Http(Protocol):
    """The part of ``flock.auth.session.OwnSession`` that is used: it adds the token, and raises Unavailable without an
    answer."""

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        """Status and body."""


class PatchingApi:
    """patching-api at ``url``."""

    def __init__(self, http: Http, url: str, timeout_s: float = 10.0) -> None:
        self._http, self._url, self._timeout_s = http, url.rstrip("/"), timeout_s

    def outdated_hosts(self) -> tuple[str, ...]:
        """Names of the hosts that run other software than they should. Unavailable: there is no answer within the
        time, or it is of no use."""
        content = self._get("/v1/query_hosts")
        try:
            hosts = parse_json(content)["data"]
            return tuple(str(host["hostname"]) for host in hosts if host["patch_current"] is not True)
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(service=SERVICE, reason="its answer is no list of hosts") from error

    def in_sync(self) -> bool:
        """Whether all controllers hold the content of all releases. Unavailable: as above."""
        content = self._get("/v1/software/in_sync_controller")
        try:
            said = parse_json(content)["in_sync"]
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(service=SERVICE, reason="its answer does not say what controllers hold") from error
        if not isinstance(said, bool):
            raise Unavailable(service=SERVICE, reason="its answer does not say what controllers hold")
        return said

    def _get(self, path: str) -> bytes:
        status, content = self._http.request("GET", f"{self._url}{path}", None, self._timeout_s)
        if status != 200:
            raise Unavailable(service=SERVICE, reason=f"it answers {status}")
        return content
