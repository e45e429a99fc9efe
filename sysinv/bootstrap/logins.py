# SPDX-License-Identifier: Apache-2.0
"""What a refused login at Keystone costs the one who tries. Keystone's server loads a copy of this file.

Refused logins take equally long: Keystone hashes a password only for users that exist, so its time told a stranger
which do. Wrong passwords lock a user for the address that sends them only: Keystone's own lock holds for all addresses,
so a stranger who guesses would keep a user out. Logins from other machines have a share of Keystone's threads. Keystone
judges one login at a time: it stores each wrong password, and SQLite refuses such writes when many come at once.
"""
from __future__ import annotations

import hashlib
import io
import ipaddress
import json
import socket
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Any

# Above the time of a hash, which is about 0.25 s with Keystone's default cost.
REFUSAL_S = 0.75
LOGIN_PATH = "/v3/auth/tokens"
LOGIN_BYTES_MAX = 128 * 1024
# Wrong passwords of one address for one user, and of one address for any users, within LOCK_S.
ATTEMPTS_MAX, ADDRESS_ATTEMPTS_MAX, LOCK_S = 5, 30, 60.0
PLACES_MAX = 20_000
# Logins from other machines that may be in progress, in all and of one address; how long a login waits for its turn.
STRANGERS_MAX, ADDRESS_STRANGERS_MAX, TURN_S = 6, 3, 30.0
# The same of all other requests: an API that asks for a token waits for the processor that they leave.
ASKERS_MAX, ADDRESS_ASKERS_MAX = 6, 4
# Of each of both, so many more wait for a place: a client that sends some at once is no attacker.
WAITING_MAX, ADDRESS_WAITING_MAX = 16, 8
NETWORK_BITS = 64
"""Who has an IPv6 address can use all of its network of this prefix."""
REFUSAL = json.dumps({"error": {
    "code": 401, "title": "Unauthorized", "message": "The request you have made requires authentication."}}).encode()
BUSY = json.dumps({"error": {
    "code": 429, "title": "Too Many Requests", "message": "Too many requests are in progress. Try again."}}).encode()

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


def is_login(environ: Environment) -> bool:
    """Whether the request may be judged by a password: it asks for a token, changes a password, or brings no token."""
    if environ.get("REQUEST_METHOD") != "POST":
        return False
    path = _path_of(environ)
    return path == LOGIN_PATH or path.endswith("/password") or not environ.get("HTTP_X_AUTH_TOKEN")


def _path_of(environ: Environment) -> str:
    return (str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))).rstrip("/")


def is_own(address: str) -> bool:
    """Whether an address is one of this machine's: the kernel reaches those from the address itself."""
    try:
        family = socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return str(probe.getsockname()[0]) == address
    except (ValueError, OSError):
        return False


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
        began, answers = time.monotonic(), list[tuple[Any, ...]]()

        def start(*answer: Any) -> Any:
            answers.append(answer)
            return _nothing

        # The answer is whole before it waits, so that whoever is next at Keystone does not wait too.
        body = list(self._application(environ, start))
        if answers:
            if str(answers[-1][0]).startswith("401"):
                time.sleep(max(0.0, began + self._refusal_s - time.monotonic()))
            start_response(*answers[-1])
        return body


class AddressLock:
    """Refuses logins of a user from an address after ``ATTEMPTS_MAX`` wrong passwords within ``lock_s``.

    Refuses logins of all users from an address after ``ADDRESS_ATTEMPTS_MAX``. Such a refusal comes at once and holds
    no thread. ``exempt``: users of services, which log in from this machine with random passwords; another local user
    must not lock them out. Logins in progress do not count, so parallel guesses exceed the limits by at most the number
    of Keystone's threads.
    """

    def __init__(self, application: Application, exempt: Collection[str] = (), lock_s: float = LOCK_S,
                 monotonic: Callable[[], float] = time.monotonic, own: Callable[[str], bool] = is_own) -> None:
        self._application, self._exempt, self._own = application, frozenset(exempt), own
        self._lock_s, self._monotonic = lock_s, monotonic
        self._failures: OrderedDict[tuple[str, ...], list[float]] = OrderedDict()
        self._mutex = threading.Lock()

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        user = _user_of(environ) if is_login(environ) else None
        if user is None or (user in self._exempt and self._own(str(environ.get("REMOTE_ADDR", "")))):
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


class Places:
    """At most ``most`` requests at once, ``share`` of one address; some more wait up to ``turn_s`` for a place."""

    def __init__(self, most: int, share: int, turn_s: float) -> None:
        self._most, self._share, self._turn_s = most, share, turn_s
        self._inside: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._left = threading.Condition()

    def enter(self, network: str) -> bool:
        """Take a place; False when too many wait already, or none became free in time."""
        with self._left:
            if not self._has_place(network) and not self._wait(network):
                return False
            self._inside[network] += 1
            return True

    def leave(self, network: str) -> None:
        """Give the place to somebody who waits."""
        with self._left:
            _less(self._inside, network)
            self._left.notify_all()

    def _has_place(self, network: str) -> bool:
        return self._inside.total() < self._most and self._inside[network] < self._share

    def _wait(self, network: str) -> bool:
        if self._waiting.total() >= WAITING_MAX or self._waiting[network] >= ADDRESS_WAITING_MAX:
            return False
        self._waiting[network] += 1
        try:
            return self._left.wait_for(lambda: self._has_place(network), self._turn_s)
        finally:
            _less(self._waiting, network)


class Shares:
    """Limits the threads and the processor that requests from other machines use: logins ``STRANGERS_MAX`` in all and
    ``ADDRESS_STRANGERS_MAX`` of one address, other requests ``ASKERS_MAX`` and ``ADDRESS_ASKERS_MAX``. ``WAITING_MAX``
    of each wait for a place; what exceeds is refused with 429."""

    def __init__(self, application: Application, own: Callable[[str], bool] = is_own, turn_s: float = TURN_S) -> None:
        self._application, self._own = application, own
        self._logins = Places(STRANGERS_MAX, ADDRESS_STRANGERS_MAX, turn_s)
        self._others = Places(ASKERS_MAX, ADDRESS_ASKERS_MAX, turn_s)

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._own(str(environ.get("REMOTE_ADDR", ""))):
            return self._application(environ, start_response)
        places, network = self._logins if is_login(environ) else self._others, _network_of(environ)
        if not places.enter(network):
            return _busy(start_response)
        try:
            return list(self._application(environ, start_response))
        finally:
            places.leave(network)


class OneAtATime:
    """Lets logins to Keystone one by one; who waits longer than ``turn_s`` gets 429.

    Those of this machine and those of others take turns while both wait: neither must keep the other out.
    """

    def __init__(self, application: Application, own: Callable[[str], bool] = is_own, turn_s: float = TURN_S) -> None:
        self._application, self._own, self._turn_s = application, own, turn_s
        self._turns = threading.Condition()
        self._busy, self._last = False, False
        self._waiting = {True: 0, False: 0}

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not is_login(environ):
            return self._application(environ, start_response)
        if not self._begin(self._own(str(environ.get("REMOTE_ADDR", "")))):
            return _busy(start_response)
        try:
            return list(self._application(environ, start_response))
        finally:
            with self._turns:
                self._busy = False
                self._turns.notify_all()

    def _begin(self, own: bool) -> bool:
        """Wait for the turn; False when it does not come in time."""
        with self._turns:
            self._waiting[own] += 1
            try:
                free = self._turns.wait_for(
                    lambda: not self._busy and (not self._waiting[not own] or self._last is not own), self._turn_s)
            finally:
                self._waiting[own] -= 1
            if free:
                self._busy, self._last = True, own
            else:
                # Somebody may have waited for this one to take a turn.
                self._turns.notify_all()
            return free


def guarded(keystone: Application, service_users: Collection[str]) -> Application:
    """Keystone behind all of this."""
    return TrueAddress(Shares(AddressLock(EqualTime(OneAtATime(keystone)), exempt=service_users)))


def _nothing(_data: bytes) -> None:
    """WSGI's old way of writing an answer; Keystone does not use it."""


def _less(counter: Counter[str], key: str) -> None:
    """Count one less, and forget a key that counts nothing: addresses are as many as strangers like."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _busy(start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("429 Too Many Requests", [
        ("Content-Type", "application/json"), ("Content-Length", str(len(BUSY))), ("Retry-After", "2")])
    return [BUSY]


def _user_of(environ: Environment) -> str | None:
    """The user that a login with a password names; None for other logins and bodies, which Keystone judges."""
    path = _path_of(environ)
    if path.endswith("/password"):
        # Changes a password with the old one, as POST /v3/users/{user_id}/password.
        return path.split("/")[-2]
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
