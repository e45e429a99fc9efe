# SPDX-License-Identifier: Apache-2.0
"""The installer's two HTTP requests to the controller: report progress, fetch configuration. """
from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from flock import tls
from flock.core.backoff import Backoff
from flock.core.errors import Forbidden, Unavailable
from flock.core.parse import parse_json
from sysinv.installer.cmdline import InstallParameters

CALL_TIMEOUT_S = 10.0
REPLY_MAX_BYTES = 8 * 1024 * 1024
RETRY = Backoff(2.0, 15.0)
_TROUBLE = (urllib.error.URLError, http.client.HTTPException, OSError, TimeoutError)


class Controller:
    """Client of the controller from which this host booted; ``sleep`` is injected for tests."""

    def __init__(self, parameters: InstallParameters, *, timeout_s: float = CALL_TIMEOUT_S,
                 sleep: Callable[[float], None] = time.sleep, now: Callable[[], float] = time.monotonic) -> None:
        self._parameters = parameters
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._now = now
        # A proxy from the environment must not see the token.
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
        if parameters.authority:
            context = tls.client_context(authorities_pem=parameters.authority)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def progress(self, state: str, info: str | None = None) -> bool:
        """Report a state once; False when the controller did not accept it (the installation continues regardless)."""
        body = json.dumps({"install_state": state, "install_state_info": info}).encode()
        request = self._request(self._parameters.progress_url, body)
        try:
            self._send(request)
        except _TROUBLE:
            return False
        return True

    def configuration(self, request_pem: str, deadline_s: float) -> Any:
        """Return the sealed bundle (parsed JSON) for the key of a certificate request.

        Retries while the controller does not answer. Raises Forbidden when the controller rejects the token,
        Unavailable after ``deadline_s`` seconds.
        """
        end = self._now() + deadline_s
        request = self._request(self._parameters.config_url, json.dumps({"csr": request_pem}).encode())
        for delay_s in RETRY.pauses_s():
            try:
                return parse_json(self._send(request))
            except urllib.error.HTTPError as error:
                if error.code in (401, 403, 404, 410):
                    raise Forbidden() from error
                reason = f"HTTP {error.code}"
            except _TROUBLE as error:
                reason = str(error)
            except ValueError:
                reason = "the reply is not JSON"
            if self._now() + delay_s > end:
                raise Unavailable(service="install configuration", reason=reason)
            self._sleep(delay_s)
        raise AssertionError("endless")

    def _request(self, url: str, body: bytes) -> urllib.request.Request:
        """Return a POST with ``body``. ``parse_cmdline`` has checked the scheme of ``url``."""
        headers = {"X-Install-Token": self._parameters.install_token, "Accept": "application/json",
                   "Content-Type": "application/json"}
        return urllib.request.Request(url, data=body, headers=headers)  # noqa: S310

    def _send(self, request: urllib.request.Request) -> bytes:
        with self._opener.open(request, timeout=self._timeout_s) as reply:
            body: bytes = reply.read(REPLY_MAX_BYTES + 1)
        if len(body) > REPLY_MAX_BYTES:
            raise http.client.HTTPException("the reply is too long")
        return body
