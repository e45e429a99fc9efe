# SPDX-License-Identifier: Apache-2.0
"""HTTP requests to other services of the cloud, with a token of this service's own account."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keystoneauth1 import exceptions, loading
from keystoneauth1.session import Session

from flock.auth import account
from flock.core.errors import Unavailable


class OwnSession:
    """Requests with the account that [keystone_authtoken] of ``conf`` names. ``service``: whom errors name."""

    def __init__(self, conf: Any, service: str) -> None:
        chosen = account.options(conf)
        self._service = service
        self._region = chosen.region_name or None
        self._session = Session(auth=loading.load_auth_from_conf_options(conf, account.GROUP),
                                verify=account.verify(chosen))

    def request(self, method: str, url: str, body: Mapping[str, Any] | None = None, timeout_s: float = 30.0,
                headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of the answer, whatever they are. Unavailable: there is no answer, or no token."""
        try:
            reply = self._session.request(url, method, json=body, raise_exc=False, redirect=False, timeout=timeout_s,
                                          headers={"Accept": "application/json", **(headers or {})})
        except (exceptions.ClientException, OSError) as error:
            raise Unavailable(service=self._service, reason=str(error)) from error
        return int(reply.status_code), bytes(reply.content)

    def endpoint(self, service_type: str) -> str:
        """The internal URL of a service in the catalogue, in the region of this service. Unavailable: it has none, or
        Keystone does not answer."""
        try:
            found = self._session.get_endpoint(service_type=service_type, interface="internal",
                                               region_name=self._region)
        except (exceptions.ClientException, OSError) as error:
            raise Unavailable(service=self._service, reason=str(error)) from error
        if not found:
            raise Unavailable(service=self._service, reason=f"the catalogue has no internal URL of {service_type}")
        return str(found)
