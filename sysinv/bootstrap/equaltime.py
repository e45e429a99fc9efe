# SPDX-License-Identifier: Apache-2.0
"""Refused logins of Keystone take equally long, whatever the reason. Keystone's server loads a copy of this file.

Keystone hashes a password only for users that exist and are not locked, so its time told a stranger which do.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

# Above the time of a hash, which is about 0.25 s with Keystone's default cost.
REFUSAL_S = 0.75
LOGIN_PATH = "/v3/auth/tokens"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class EqualTime:
    """Delays each refusal of a login until ``refusal_s`` after its request."""

    def __init__(self, application: Application, refusal_s: float = REFUSAL_S) -> None:
        self._application, self._refusal_s = application, refusal_s

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("REMOTE_ADDR"):
            # Only the web server in front opens the unix socket.
            environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "")
        path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
        if environ.get("REQUEST_METHOD") != "POST" or path.rstrip("/") != LOGIN_PATH:
            return self._application(environ, start_response)
        began = time.monotonic()

        def start(status: str, *rest: Any) -> Any:
            if status.startswith("401"):
                time.sleep(max(0.0, began + self._refusal_s - time.monotonic()))
            return start_response(status, *rest)

        return self._application(environ, start)
