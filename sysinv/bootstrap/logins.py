# SPDX-License-Identifier: Apache-2.0
"""What a refused login at Keystone costs the one who tries. Keystone's server loads a copy of this file.

Refused logins take equally long: Keystone hashes a password only for users that exist, so its time told a stranger
which do. Wrong passwords lock a user for the address that sends them only: Keystone's own lock holds for all addresses,
so a stranger who guesses would keep a user out.
"""
from __future__ import annotations

import hashlib
import io
import ipaddress
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Any

# Above the time of a hash, which is about 0.25 s with Keystone's default cost.
REFUSAL_S = 0.75
LOGIN_PATH = "/v3/auth/tokens"
LOGIN_BYTES_MAX = 128 * 1024
# Wrong passwords of one address for one user, and of one address for any users, within LOCK_S.
ATTEMPTS_MAX, ADDRESS_ATTEMPTS_MAX, LOCK_S = 5, 30, 60.0
PLACES_MAX = 20_000
NETWORK_BITS = 64
"""Who has an IPv6 address can use all of its network of this prefix."""
REFUSAL = json.dumps({"error": {
    "code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}).encode()

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


def is_login(environ: Environment) -> bool:
    """Whether the request asks for a token."""
    path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    return environ.get("REQUEST_METHOD") == "POST" and path.rstrip("/") == LOGIN_PATH


class TrueAddress:
    """Sets the client's address, which the web server in front sends; nobody else opens the unix socket."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "")
        return self._application(environ, start_response)


class EqualTime:
    """Delays each refusal of a login until ``refusal_s`` after its request."""

    def __init__(self, application: Application, refusal_s: float = REFUSAL_S) -> None:
        self._application, self._refusal_s = application, refusal_s

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not is_login(environ):
            return self._application(environ, start_response)
        began = time.monotonic()

        def start(status: str, *rest: Any) -> Any:
            if status.startswith("401"):
                time.sleep(max(0.0, began + self._refusal_s - time.monotonic()))
            return start_response(status, *rest)

        return self._application(environ, start)


class AddressLock:
    """Refuses logins of a user from an address after ``ATTEMPTS_MAX`` wrong passwords within ``lock_s``.

    Refuses logins of all users from an address after ``ADDRESS_ATTEMPTS_MAX``. Such a refusal comes at once and holds
    no thread. ``exempt``: users of services, whose passwords are random; a local user must not lock them out. Logins in
    progress do not count, so parallel guesses exceed the limits by at most the number of Keystone's threads.
    """

    def __init__(self, application: Application, exempt: Collection[str] = (), lock_s: float = LOCK_S,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._application, self._exempt = application, frozenset(exempt)
        self._lock_s, self._monotonic = lock_s, monotonic
        self._failures: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()
        self._mutex = threading.Lock()

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        user = _user_of(environ) if is_login(environ) else None
        if user is None or user in self._exempt:
            return self._application(environ, start_response)
        network = _network_of(environ)
        pair = (network, hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest())
        if self._count(pair) >= ATTEMPTS_MAX or self._count((network,)) >= ADDRESS_ATTEMPTS_MAX:
            start_response("401 Unauthorized", [
                ("Content-Type", "application/json"), ("Content-Length", str(len(REFUSAL)))])
            return [REFUSAL]

        def start(status: str, *rest: Any) -> Any:
            if status.startswith("401"):
                self._failed(pair)
                self._failed((network,))
            elif status.startswith("2"):
                with self._mutex:
                    self._failures.pop(pair, None)
            return start_response(status, *rest)

        return self._application(environ, start)

    def _count(self, place: tuple[str, ...]) -> int:
        now = self._monotonic()
        with self._mutex:
            return sum(now - at < self._lock_s for at in self._failures.get(place, ()))

    def _failed(self, place: tuple[str, ...]) -> None:
        """Remember a wrong password; forgets the places whose last one is the oldest beyond ``PLACES_MAX``."""
        now = self._monotonic()
        with self._mutex:
            recent = [at for at in self._failures.pop(place, ()) if now - at < self._lock_s]
            self._failures[place] = [*recent, now]
            if len(self._failures) > PLACES_MAX:
                self._failures.popitem(last=False)


def _user_of(environ: Environment) -> str | None:
    """The user that a login with a password names; None for other logins and bodies, which Keystone judges."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not 0 < length <= LOGIN_BYTES_MAX:
            return None
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)
        user = json.loads(body)["auth"]["identity"]["password"]["user"]
        return str(user.get("id") or user["name"])
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _network_of(environ: Environment) -> str:
    text = str(environ.get("REMOTE_ADDR", ""))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    return text if address.version == 4 else str(ipaddress.ip_network((address, NETWORK_BITS), strict=False))
