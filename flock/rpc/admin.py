# SPDX-License-Identifier: Apache-2.0
"""Makes and removes accounts and the exchange of a running broker, through RabbitMQ's management API."""
from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests

from flock.core.errors import Unavailable
from flock.rpc.accounts import HASHING, HOST_PREFIX, Permissions

CONNECT_S, READ_S = 2.0, 5.0
ANSWER_MAX = 8 * 1024 * 1024


class BusAdmin:
    """The management API at ``url`` (``http://127.0.0.1:15672``), used with an administrator's account.

    Every method raises Unavailable when the broker does not answer or refuses.
    """

    def __init__(self, url: str, account: str, password: str, vhost: str = "/") -> None:
        self._url = url.rstrip("/")
        self._auth = (account, password)
        self._vhost = quote(vhost, safe="")

    def make_exchange(self, name: str) -> None:
        """Make the topic exchange ``name`` unless it is there."""
        self._send("PUT", f"exchanges/{self._vhost}/{quote(name, safe='')}",
                   {"type": "topic", "durable": True, "auto_delete": False})

    def renew(self, account: str, password: str, permissions: Permissions, exchange: str) -> None:
        """Make ``account`` with a new password. An account of that name is removed first, with its connections."""
        self.remove(account)
        user = quote(account, safe="")
        self._send("PUT", f"users/{user}", {"password": password, "tags": ""})
        # The topic permissions come first: without them, the broker permits all routing keys.
        self._send("PUT", f"topic-permissions/{self._vhost}/{user}",
                   {"exchange": exchange, "write": permissions.topic_write, "read": permissions.topic_read})
        self._send("PUT", f"permissions/{self._vhost}/{user}",
                   {"configure": permissions.configure, "write": permissions.write, "read": permissions.read})

    def set_password(self, account: str, password_hash: str) -> None:
        """Give ``account`` the password with this hash (``broker_hash``). Its permissions and connections stay."""
        self._send("PUT", f"users/{quote(account, safe='')}",
                   {"password_hash": password_hash, "hashing_algorithm": HASHING, "tags": ""})

    def remove(self, account: str) -> None:
        """Remove ``account``; the broker closes its connections. Passes when there is none."""
        self._send("DELETE", f"users/{quote(account, safe='')}", missing_is_well=True)

    def hosts(self) -> list[str]:
        """The hostnames that have an account."""
        found = self._send("GET", "users")
        names = [str(user.get("name", "")) for user in found if isinstance(user, dict)] if found else []
        return [name[len(HOST_PREFIX):] for name in names if name.startswith(HOST_PREFIX)]

    def _send(self, method: str, path: str, body: Any = None, *, missing_is_well: bool = False) -> Any:
        try:
            answer = requests.request(method, f"{self._url}/api/{path}", json=body, auth=self._auth,
                                      timeout=(CONNECT_S, READ_S), allow_redirects=False)
            if answer.status_code == HTTPStatus.NOT_FOUND and missing_is_well:
                return None
            if not answer.ok or len(answer.content) > ANSWER_MAX:
                raise Unavailable(service="the broker's management",
                                  reason=f"{method} {path} is answered with {answer.status_code}")
            return answer.json() if answer.content else None
        except (requests.RequestException, ValueError) as error:
            raise Unavailable(service="the broker's management", reason=type(error).__name__) from error
