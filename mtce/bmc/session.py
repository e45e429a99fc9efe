# SPDX-License-Identifier: Apache-2.0
"""Access to one Redfish service: login, choice of the host's computer system, and detection of Redfish."""
from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import sushy
from sushy import auth as sushy_auth
from sushy import exceptions as sushy_errors
from urllib3.exceptions import HTTPError as TransportError
from urllib3.exceptions import NewConnectionError

from flock.exec.http import DeadlineAdapter
from mtce.bmc.connector import BoundedConnector, Redirected, TooLate, followed, load_bounded
from mtce.bmc.interfaces import Access, BmcError

LOG = logging.getLogger(__name__)
ROOT = "/redfish/v1/"
VERSIONS = "/redfish"
DETECT_VERB = "tell whether it speaks Redfish"
_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# Replies of a service that is starting, busy or broken: they do not show whether it is Redfish.
_NOT_READY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY,
              HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_OWN_LOGIN_MISSING = "it asks for a user name and a password, and none is stored for this host"


@dataclass(frozen=True, slots=True)
class RedfishSettings:
    """Transport of Redfish: ``verify`` is True, False or the path of a CA bundle; times in seconds.

    ``connect_timeout_s`` and ``read_timeout_s`` limit each request. A request to a silent service is not repeated;
    a command sends no further request after ``command_timeout_s``.
    """

    scheme: str = "https"
    port: int = 443
    verify: bool | str = True
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 15.0
    command_timeout_s: float = 100.0


class Session:
    """Opens the computer system of the host behind a BMC for one command."""

    def __init__(self, access: Access, settings: RedfishSettings) -> None:
        self._access = access
        self._settings = settings

    @property
    def url(self) -> str:
        """Return the base URL of the service."""
        host = f"[{self._access.address}]" if ":" in self._access.address else self._access.address
        return f"{self._settings.scheme}://{host}:{self._settings.port}"

    @contextlib.contextmanager
    def system(self, verb: str) -> Iterator[Any]:
        """Yield the sushy System; turns every error into a BmcError that names ``verb``."""
        with self.opened(verb) as (system, _connector):
            yield system

    @contextlib.contextmanager
    def opened(self, verb: str) -> Iterator[tuple[Any, BoundedConnector]]:
        """Yield the sushy System, and the connector for other resources of the service; BmcError likewise."""
        settings = self._settings
        connector = BoundedConnector(
            self.url, verify=settings.verify, connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s, command_timeout_s=settings.command_timeout_s)
        try:
            root, auth = self._login(connector)
            try:
                yield self._the_system(root), connector
            finally:
                _close(auth)
        except sushy_errors.AccessError as error:
            raise BmcError(address=self._access.address, verb=verb, reason=self._login_reason(error)) from error
        except (sushy_errors.SushyError, requests.RequestException, TransportError, OSError, ValueError) as error:
            raise BmcError(address=self._access.address, verb=verb,
                           reason=str(TooLate()) if connector.expired else reason_of(error)) from error
        except BmcError:
            raise
        except Exception as error:
            # sushy expects objects even where a BMC may send a list, a string or thousands of nested lists.
            LOG.debug("An answer of the BMC %s is not understood", self._access.address, exc_info=True)
            raise BmcError(address=self._access.address, verb=verb,
                           reason=f"an answer is not understood: {reason_of(error)}") from error
        finally:
            connector.close()

    def _login(self, connector: BoundedConnector) -> tuple[Any, Any]:
        """Return the service root and the authentication to close. Some BMCs show even the root only after a login."""
        access = self._access
        auth = sushy_auth.SessionOrBasicAuth(access.username, access.password)
        try:
            return sushy.Sushy(self.url, auth=auth, connector=connector), auth
        except sushy_errors.AccessError:
            if not access.password:
                raise
        connector.set_http_basic_auth(access.username, access.password)
        auth = sushy_auth.BasicAuth(access.username, access.password)
        return sushy.Sushy(self.url, auth=auth, connector=connector), auth

    def _login_reason(self, error: Any) -> str:
        if not self._access.password:
            return _OWN_LOGIN_MISSING
        if error.status_code == HTTPStatus.FORBIDDEN:
            return f"user {self._access.username} may not do this, or is locked"
        return "user name or password is wrong"

    def _the_system(self, root: Any) -> Any:
        """Return the host's system after ``check_own``."""
        system = self._found(root)
        check_own(system.path, system.json)
        return system

    def _found(self, root: Any) -> Any:
        """Return the host's system; reads other members only when there are several and no id is configured."""
        paths = list(root.get_system_collection().members_identities)
        wanted = self._access.system
        if wanted:
            fitting = [path for path in paths if _identity(path) == wanted]
            if not fitting:
                raise ValueError(f"it has no system {wanted!r}, only {_listed(paths)}")
            return root.get_system(fitting[0])
        if len(paths) == 1:
            return root.get_system(paths[0])
        systems: dict[str, Any] = {}
        unread: dict[str, str] = {}
        for path in paths:
            try:
                systems[path] = root.get_system(path)
            except sushy_errors.AccessError:
                raise
            except sushy_errors.HTTPError as error:
                unread[path] = f"status {error.status_code}"
            except sushy_errors.SushyError as error:
                unread[path] = reason_of(error)
        return systems[choose_system({path: system.json for path, system in systems.items()}, unread)]


def choose_system(bodies: Mapping[str, Mapping[str, Any]], unread: Mapping[str, str]) -> str:
    """Return the path of the host's system: a physical machine that can be reset and boots an operating system.

    ``bodies`` are the records by path, ``unread`` the reasons why members could not be read. An accelerator board is
    physical too, but its record has no boot settings. ValueError when none fits or more than one does: a reset of the
    wrong system does harm, and a damaged record of the host must not make a board the only candidate.
    """
    booting = [path for path, body in bodies.items() if _is_machine(body) and body.get("Boot")
               and isinstance(body["Boot"], Mapping)]
    if len(booting) == 1:
        return booting[0]
    trouble = "".join(f"; {_identity(path)} cannot be read: {reason}" for path, reason in unread.items())
    raise ValueError(f"which of its systems ({_listed([*bodies, *unread])}) is the host cannot be told; "
                     f"name it in the option [bmc] redfish_systems{trouble}")


def check_own(path: str, body: Mapping[str, Any]) -> None:
    """Raise ValueError when the record at ``path`` names or would reset another member of its collection."""
    actions = body.get("Actions")
    reset = actions.get("#ComputerSystem.Reset") if isinstance(actions, Mapping) else None
    own = path.rstrip("/") + "/"
    collection = own.rstrip("/").rpartition("/")[0] + "/"
    for told in (body.get("@odata.id"), reset.get("target") if isinstance(reset, Mapping) else None):
        place = urlsplit(urljoin(own, told)).path.rstrip("/") + "/" if isinstance(told, str) else own
        if place.startswith(collection) and not place.startswith(own):
            raise ValueError(f"the record of {_identity(path)} names {place.rstrip('/')}, which is another system")


def _is_machine(body: Mapping[str, Any]) -> bool:
    actions = body.get("Actions")
    return body.get("SystemType") in (None, "Physical") and isinstance(actions, Mapping) \
        and "#ComputerSystem.Reset" in actions


def _identity(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _listed(paths: list[str]) -> str:
    return ", ".join(sorted(_identity(path) for path in paths)) or "none"


def reason_of(error: Exception) -> str:
    """Return the first line of an error, at most 300 characters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _close(auth: Any) -> None:
    try:
        auth.close()
    except Exception as error:  # noqa: BLE001 - the command is done; an error of the logout must not make it fail
        LOG.debug("A Redfish session was not closed: %s", reason_of(error))


@dataclass(frozen=True, slots=True)
class _Reply:
    """Reply to one probe; ``status`` is 0 when nothing listens."""

    status: int
    body: Mapping[str, Any]


def is_redfish(access: Access, settings: RedfishSettings) -> bool:
    """Whether the BMC speaks Redfish 1.0 or later.

    Returns False only on evidence: nothing listens on the port, or a web server without Redfish replies. BmcError,
    after which the caller retries, when the service is busy, is starting, or shows nothing without a login.
    """
    root = _ask(access, settings, ROOT)
    if root.status in _LOGIN:
        # The standard allows reading the versions without a login; some BMCs do not, and show the root only after one.
        if "v1" in _ask(access, settings, VERSIONS).body:
            return True
        if not access.password:
            raise BmcError(address=access.address, verb=DETECT_VERB, reason=_OWN_LOGIN_MISSING)
        root = _ask(access, settings, ROOT, login=True)
        if root.status in _LOGIN:
            raise BmcError(address=access.address, verb=DETECT_VERB, reason="user name or password is wrong")
    if root.status in _NOT_READY:
        raise BmcError(address=access.address, verb=DETECT_VERB, reason=f"it answers with status {root.status}")
    major = str(root.body.get("RedfishVersion", "")).split(".")[0]
    return root.status == HTTPStatus.OK and major.isascii() and major.isdigit() and int(major) >= 1


def _ask(access: Access, settings: RedfishSettings, path: str, *, login: bool = False) -> _Reply:
    """Send one GET. Does not verify the certificate without a login, because the request then carries no secret."""
    timeout = (settings.connect_timeout_s, settings.read_timeout_s)
    url, deadline = Session(access, settings).url, time.monotonic() + settings.read_timeout_s

    def get(place: str) -> requests.Response:
        answer = http.get(url + place, stream=True, timeout=timeout, allow_redirects=False,
                          auth=(access.username, access.password) if login else None,
                          verify=settings.verify if login else False)
        load_bounded(answer, deadline, time.monotonic)
        return answer

    limit = DeadlineAdapter(settings.connect_timeout_s + settings.read_timeout_s)
    http = requests.Session()
    http.mount(settings.scheme + "://", limit)
    try:
        return _reply(access, lambda: followed(get, path), limit)
    finally:
        http.close()


def _reply(access: Access, ask: Callable[[], requests.Response], limit: DeadlineAdapter) -> _Reply:
    """Return the reply to ``ask``; BmcError when it does not show whether the service is Redfish."""
    status = 0
    try:
        reply = ask()
        status = reply.status_code
        body = reply.json()
    except Exception as error:
        if limit.expired:
            raise BmcError(address=access.address, verb=DETECT_VERB, reason=str(TooLate())) from error
        if isinstance(error, requests.ConnectionError) and _nobody_listens(error):
            return _Reply(0, {})
        if isinstance(error, (ValueError, RecursionError)) and not isinstance(error, (Redirected, TooLate)):
            # No JSON, nested too deeply, or too long: not a Redfish service.
            return _Reply(status or HTTPStatus.NOT_FOUND, {})
        if isinstance(error, (requests.RequestException, TransportError, OSError, ValueError)):
            raise BmcError(address=access.address, verb=DETECT_VERB, reason=reason_of(error)) from error
        raise
    return _Reply(status, body if isinstance(body, Mapping) else {})


def _nobody_listens(error: requests.ConnectionError) -> bool:
    """Whether nothing usable listens: refused, unreachable or no current TLS. False for a connection that broke off."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError)) \
        or isinstance(cause, NewConnectionError)
