# SPDX-License-Identifier: Apache-2.0
"""The token check in front of an API: keystonemiddleware with a short-lived cache in the memory of the process."""
from __future__ import annotations

import datetime
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import webob.exc
from keystoneauth1 import exceptions as keystone_errors
from keystonemiddleware import auth_token

from flock.auth.context import IDENTITY_HEADERS
from flock.core.errors import Unavailable

REMEMBERED_MAX = 2000
CONNECT_TIMEOUT_S = 10
# Keystone's own limit ([token] max_token_size) is 255; signed tokens of other providers have up to 8 kB.
TOKEN_CHARS_MAX = 8192
OVERLONG = "overlong"
TOKEN_HEADERS = ("HTTP_X_AUTH_TOKEN", "HTTP_X_STORAGE_TOKEN", "HTTP_X_SERVICE_TOKEN")


class TokenMemory:
    """Bounded cache of validated tokens by digest; an entry expires after ``ttl_s`` seconds.

    ``knows`` also remembers tokens whose entry has expired: they were valid a while ago.
    """

    def __init__(self, ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl_s, self._clock = ttl_s, clock
        self._entries: OrderedDict[bytes, tuple[float, Any]] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, token: str) -> Any | None:
        """The data that was put for ``token`` less than ``ttl_s`` ago; else None."""
        key = self._key(token)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            if self._clock() >= entry[0]:
                del self._entries[key]
                return None
            return entry[1]

    def put(self, token: str, data: Any) -> None:
        """Store ``data`` for ``token``; drops the oldest entry when the cache is full."""
        key = self._key(token)
        with self._lock:
            self._known[key] = None
            self._known.move_to_end(key)
            if self._ttl_s > 0:
                self._entries[key] = (self._clock() + self._ttl_s, data)
            for remembered in (self._known, self._entries):
                while len(remembered) > REMEMBERED_MAX:
                    remembered.popitem(last=False)

    def knows(self, token: str) -> bool:
        """Whether ``token`` was valid when it was checked last."""
        with self._lock:
            return self._key(token) in self._known

    def forget(self, token: str) -> None:
        """The token is not valid any more."""
        with self._lock:
            self._known.pop(self._key(token), None)

    @staticmethod
    def _key(token: str) -> bytes:
        return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class TokenCheck(auth_token.AuthProtocol):  # type: ignore[misc]
    """keystonemiddleware with a cache in front of its validation.

    Caches only successful validations, so a revoked token is refused at most the lifetime of an entry later. No other
    process can write the cache. The middleware still checks the expiry on every request. Tokens that were never valid
    here may hold ``strangers_max`` threads at a time, so that invented ones leave threads for the others.
    """

    def __init__(self, app: Any, conf: dict[str, Any], memory: TokenMemory, strangers_max: int) -> None:
        super().__init__(app, conf)
        self._memory = memory
        self._strangers = threading.BoundedSemaphore(strangers_max)

    def fetch_token(self, token: str, allow_expired: bool = False) -> Any:
        """Keystone's data of a token; ``Unavailable`` when Keystone does not reply."""
        data = None if allow_expired else self._memory.get(token)
        if data is not None:
            return data
        if self._memory.knows(token):
            return self._ask(token, allow_expired)
        if not self._strangers.acquire(blocking=False):
            raise Unavailable(service="Keystone", reason="too many new tokens are being checked")
        try:
            return self._ask(token, allow_expired)
        finally:
            self._strangers.release()

    def _ask(self, token: str, allow_expired: bool) -> Any:
        try:
            data = super().fetch_token(token, allow_expired=allow_expired)
        except (webob.exc.HTTPServiceUnavailable, keystone_errors.ClientException):
            # The second where this service's own login fails, or gets no answer.
            raise Unavailable(service="Keystone", reason="the token could not be checked") from None
        except auth_token.InvalidToken:
            self._memory.forget(token)
            raise
        if not allow_expired:
            self._memory.put(token, data)
        return data


def register(conf: Any) -> None:
    """Define the options of the token check."""
    for group, opts in auth_token.list_opts():
        conf.register_opts(opts, group=group)


def token_check(app: Any, conf: Any) -> Callable[..., Iterable[bytes]]:
    """``app`` behind the token check that [keystone_authtoken] of ``conf`` configures."""
    register(conf)
    fixed = {
        "oslo_config_config": conf, "delay_auth_decision": False, "include_service_catalog": False,
        "service_token_roles_required": True,
        # memcached believes every local user, so a forged entry would be a valid token.
        "memcached_servers": None, "cache": None, "token_cache_time": -1,
        "http_connect_timeout": conf.keystone_authtoken.http_connect_timeout or CONNECT_TIMEOUT_S,
    }
    check = TokenCheck(app, fixed, TokenMemory(conf.api.token_cache_local_s), max(1, conf.api.threads // 2))

    def checked(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        # keystonemiddleware does not remove all of them: it omits the system scope, and its list may change.
        for header in IDENTITY_HEADERS:
            environ.pop(header, None)
        for header in TOKEN_HEADERS:
            # Keystone cannot have issued it; a request with so long a header would fail and look like a dead Keystone.
            if len(str(environ.get(header, ""))) > TOKEN_CHARS_MAX:
                environ[header] = OVERLONG
        answer: Iterable[bytes] = check(environ, start_response)
        return answer

    return checked


def expires_at(environ: Mapping[str, Any]) -> datetime.datetime | None:
    """When the token of a checked request expires (aware); None when the token check gave no time."""
    info = environ.get("keystone.token_info")
    token = info.get("token") if isinstance(info, Mapping) else None
    text = token.get("expires_at") if isinstance(token, Mapping) else None
    try:
        moment = datetime.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=datetime.UTC)
