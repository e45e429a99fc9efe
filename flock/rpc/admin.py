# SPDX-License-Identifier: Apache-2.0
"""Makes and removes accounts and the exchange of a running broker, through RabbitMQ's management API."""
from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests

from flock.core.errors import Unavailable
from flock.rpc.accounts import HASHING, HOST_PREFIX, Binding, BusConnection, HostAccess, StoredQueue, inlet

CONNECT_S, READ_S = 2.0, 5.0
MAX_CONNECTIONS = "max-connections"
ANSWER_MAX = 8 * 1024 * 1024
PROCESSES_MAX = 500
BINDING_COLUMNS = "source,destination,destination_type,routing_key"


class BusAdmin:
    """The management API at ``url`` (``http://127.0.0.1:15672``), used with an administrator's account.

    Every method raises Unavailable when the broker does not answer or refuses.
    """

    def __init__(self, url: str, account: str, password: str, vhost: str = "/") -> None:
        self._url = url.rstrip("/")
        self._auth = (account, password)
        self._vhost = _word(vhost)

    def make_exchange(self, name: str, kind: str = "topic") -> None:
        """Make the durable exchange ``name`` unless it is there."""
        self._send("PUT", f"exchanges/{self._vhost}/{_word(name)}",
                   {"type": kind, "durable": True, "auto_delete": False})

    def prepare(self, access: HostAccess) -> None:
        """Make the host's exchange, its queues, the inlets of its topics, and all bindings, unless they are there."""
        self.make_exchange(access.requests)
        for name in access.queues:
            # Hosts whose account is of an earlier release make the same queues, so these must not differ. What keeps
            # them when the broker ends are its definitions.
            self._send("PUT", f"queues/{self._vhost}/{_word(name)}",
                       {"durable": False, "auto_delete": False, "arguments": {}})
        for topic in access.topics:
            self.make_exchange(inlet(topic, access.exchange), "fanout")
        for binding in access.bindings:
            self.bind(binding)

    def bind(self, binding: Binding) -> None:
        """Make a binding between what is there, unless it is there too."""
        self._send("POST", f"bindings/{self._vhost}/e/{_word(binding.source)}/{'q' if binding.to_queue else 'e'}/"
                           f"{_word(binding.destination)}", {"routing_key": binding.routing_key, "arguments": {}})

    def renew(self, access: HostAccess, password: str) -> None:
        """Make the host's account with a new password. What it had before is removed first, with its connections."""
        self.remove(access)
        user, rights = _word(access.account), access.permissions
        self.prepare(access)
        self._send("PUT", f"users/{user}", {"password": password, "tags": ""})
        self.limit_connections(access.account, access.connections_max)
        self._send("PUT", f"user-limits/{user}/max-channels", {"value": access.channels_max})
        # The topic permissions come first: without them, the broker permits all routing keys.
        self._send("PUT", f"topic-permissions/{self._vhost}/{user}",
                   {"exchange": access.exchange, "write": rights.topic_write, "read": rights.topic_read})
        self._send("PUT", f"permissions/{self._vhost}/{user}",
                   {"configure": rights.configure, "write": rights.write, "read": rights.read})

    def set_password(self, account: str, password_hash: str) -> None:
        """Give ``account`` the password with this hash (``broker_hash``). Its permissions and connections stay."""
        self._send("PUT", f"users/{_word(account)}",
                   {"password_hash": password_hash, "hashing_algorithm": HASHING, "tags": ""})

    def remove(self, access: HostAccess) -> None:
        """Remove the host's account; the broker closes its connections. Removes its exchange, and its queues.

        Passes what is not there.
        """
        self._send("DELETE", f"users/{_word(access.account)}", missing_is_well=True)
        self.clear(access, [queue.name for queue in self.queues()], self.exchanges())
        self._send("DELETE", f"exchanges/{self._vhost}/{_word(access.requests)}", missing_is_well=True)

    def clear(self, access: HostAccess, queues: Iterable[str], exchanges: Iterable[str], at_most: int | None = None
              ) -> None:
        """Delete those of these queues and exchanges that have one of the host's names; ``at_most`` so many of them."""
        own = re.compile(access.owned)
        found = ((kind, name) for kind, names in (("queues", queues), ("exchanges", exchanges)) for name in names
                 if own.fullmatch(name))
        for kind, name in itertools.islice(found, at_most):
            self._send("DELETE", f"{kind}/{self._vhost}/{_word(name)}", missing_is_well=True)

    def limit_connections(self, account: str, most: int) -> None:
        """Permit the account so many connections from now on; 0 bars it. Closes none."""
        self._send("PUT", f"user-limits/{_word(account)}/{MAX_CONNECTIONS}", {"value": most})

    def barred(self) -> list[str]:
        """The accounts that may not connect."""
        found = self._send("GET", "user-limits")
        return [str(one["user"]) for one in found or ()
                if isinstance(one, dict) and (one.get("value") or {}).get(MAX_CONNECTIONS) == 0]

    def connections(self) -> list[BusConnection]:
        """All connections."""
        found = self._send("GET", "connections?columns=name,user")
        return [BusConnection(str(one.get("name", "")), str(one.get("user", "")))
                for one in found or () if isinstance(one, dict)]

    def held(self) -> dict[str, int]:
        """Bytes that the broker's processes hold for each connection and each queue, by its name: commands not carried
        out yet, consumers, messages not acknowledged …

        Only the PROCESSES_MAX largest processes count, and what is a few seconds old. Empty without the broker's
        plugin ``rabbitmq_top``.
        """
        found: dict[str, int] = {}
        for node in self._send("GET", "nodes?columns=name") or ():
            path = f"top/{_word(str(node['name']))}?sort=memory&row_count={PROCESSES_MAX}"
            for process in (self._send("GET", path, missing_is_well=True) or {}).get("processes", ()):
                owner = process.get("name") or {}
                if name := str(owner.get("connection_name") or owner.get("queue_name") or ""):
                    found[name] = found.get(name, 0) + int(process.get("memory", 0))
        return found

    def bindings(self) -> list[Binding]:
        """All bindings, those of each queue to the default exchange too."""
        return [Binding(str(one.get("source", "")), str(one.get("destination", "")),
                        one.get("destination_type") == "queue", str(one.get("routing_key", "")))
                for one in _rows(self._send("GET", f"bindings/{self._vhost}?columns={BINDING_COLUMNS}"))]

    def close(self, connection: str) -> None:
        """Close a connection by its name. Passes when it is gone."""
        self._send("DELETE", f"connections/{_word(connection)}", missing_is_well=True)

    def is_full(self) -> bool:
        """Whether the broker reads from nobody because its memory or its disk is full.

        What a host takes and does not acknowledge lies on the disk, whatever the limits of queues are.
        """
        path = "health/checks/local-alarms"
        answer = self._ask("GET", path)
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
            return not _resources(answer).isdisjoint(("memory", "disk space"))
        _check(answer, "GET", path)
        return False

    def exchanges(self) -> list[str]:
        """The names of all exchanges."""
        return [str(one.get("name", ""))
                for one in _rows(self._send("GET", f"exchanges/{self._vhost}?columns=name,type"))]

    def queues(self) -> list[StoredQueue]:
        """All queues."""
        return [StoredQueue(str(one.get("name", "")), str(one.get("type", "")), frozenset(one.get("arguments") or ()))
                for one in _rows(self._send("GET", f"queues/{self._vhost}?columns=name,type,arguments"))]

    def definitions(self, exchange: str, accesses: Iterable[HostAccess]) -> dict[str, Any]:
        """What a broker can import at its start: accounts with their rights and limits, routes, policies, ``exchange``
        and those whose names begin with it and a dot, and the queues of hosts.

        Not what hosts make, and not the queues of services, which make them themselves.
        """
        found = self._send("GET", "definitions")
        if not isinstance(found, dict):
            raise Unavailable(service="the broker's management", reason="GET definitions: no object")
        wanted = ("vhosts", "users", "permissions", "topic_permissions", "exchanges", "bindings", "policies", "queues")
        kept: dict[str, Any] = {name: [one for one in found.get(name) or () if isinstance(one, dict)]
                                for name in wanted}
        kept["exchanges"] = [one for one in kept["exchanges"] if f"{one.get('name')}.".startswith(f"{exchange}.")]
        places = {one["name"] for one in kept["exchanges"]}
        queues = {name for access in accesses for name in access.queues}
        kept["queues"] = [one for one in kept["queues"] if one.get("name") in queues]
        kept["bindings"] = [one for one in kept["bindings"] if one.get("source") in places and (
            one.get("destination") in places if one.get("destination_type") == "exchange"
            else one.get("destination") in queues and one.get("routing_key") == one["destination"])]
        return {name: sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)) for name, rows in kept.items()}

    def hosts(self) -> list[str]:
        """The hostnames that have an account."""
        found = self._send("GET", "users")
        names = [str(user.get("name", "")) for user in found if isinstance(user, dict)] if found else []
        return [name[len(HOST_PREFIX):] for name in names if name.startswith(HOST_PREFIX)]

    def _send(self, method: str, path: str, body: Any = None, *, missing_is_well: bool = False) -> Any:
        answer = self._ask(method, path, body)
        if answer.status_code == HTTPStatus.NOT_FOUND and missing_is_well:
            return None
        _check(answer, method, path)
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise Unavailable(service="the broker's management", reason=f"{method} {path}: no JSON") from error

    def _ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        try:
            return requests.request(method, f"{self._url}/api/{path}", json=body, auth=self._auth,
                                    timeout=(CONNECT_S, READ_S), allow_redirects=False)
        except requests.RequestException as error:
            raise Unavailable(service="the broker's management", reason=type(error).__name__) from error


def _resources(answer: requests.Response) -> set[str]:
    """What a node lacks, ``memory`` or ``disk space``; memory where the reply does not say."""
    try:
        found = {str(one["resource"]) for one in answer.json()["alarms"]}
    except (ValueError, LookupError, TypeError):
        found = set()
    return found or {"memory"}


def _rows(found: Any) -> list[dict[str, Any]]:
    return [one for one in found or () if isinstance(one, dict)]


def _check(answer: requests.Response, method: str, path: str) -> None:
    # A redirect is no success: nobody follows it, so nothing is done.
    if answer.status_code // 100 != 2 or len(answer.content) > ANSWER_MAX:
        raise Unavailable(service="the broker's management",
                          reason=f"{method} {path} is answered with {answer.status_code}")


def _word(name: str) -> str:
    return quote(name, safe="")
