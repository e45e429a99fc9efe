# SPDX-License-Identifier: Apache-2.0
"""Access to one Redfish service: login, the computer system that is the host, and whether a BMC speaks Redfish."""
from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
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

from mtce.bmc.connector import BoundedConnector, followed, load_bounded
from mtce.bmc.interfaces import Access, BmcError

LOG = logging.getLogger(__name__)
ROOT = "/redfish/v1/"
VERSIONS = "/redfish"
DETECT_VERB = "tell whether it speaks Redfish"
_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
# Answers of a service that is starting, busy or broken: they say nothing about what it is.
_NOT_READY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY,
              HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT)
_OWN_LOGIN_MISSING = "it asks for a user name and a password, and none is stored for this host"


@dataclass(frozen=True, slots=True)
class RedfishSettings:
    """Transport of Redfish: ``verify`` is True, False or the path of a CA bundle; times in seconds.

    ``connect_timeout_s`` and ``read_timeout_s`` hold per request. A silent service is asked once; after
    ``command_timeout_s`` a command begins no further request.
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
        """Base URL of the service."""
        host = f"[{self._access.address}]" if ":" in self._access.address else self._access.address
        return f"{self._settings.scheme}://{host}:{self._settings.port}"

    @contextlib.contextmanager
    def system(self, verb: str) -> Iterator[Any]:
        """The sushy System; whatever goes wrong inside becomes a BmcError naming ``verb``."""
        settings = self._settings
        connector = BoundedConnector(
            self.url, verify=settings.verify, connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.read_timeout_s, command_timeout_s=settings.command_timeout_s)
        try:
            root, auth = self._login(connector)
            try:
                yield self._the_system(root)
            finally:
                _close(auth)
        except sushy_errors.AccessError as error:
            raise BmcError(address=self._access.address, verb=verb, reason=self._login_reason(error)) from error
        except (sushy_errors.SushyError, requests.RequestException, TransportError, OSError, ValueError) as error:
            raise BmcError(address=self._access.address, verb=verb, reason=reason_of(error)) from error
        except BmcError:
            raise
        except Exception as error:
            # sushy takes objects for granted where a BMC may send a list, a text, or lists in lists without end.
            LOG.debug("An answer of the BMC %s is not understood", self._access.address, exc_info=True)
            raise BmcError(address=self._access.address, verb=verb,
                           reason=f"an answer is not understood: {reason_of(error)}") from error
        finally:
            connector.close()

    def _login(self, connector: BoundedConnector) -> tuple[Any, Any]:
        """The service root and the authentication to close. Some BMCs show even the root only after a login."""
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
        """The host among the members, whose record and reset are its own."""
        system = self._found(root)
        check_own(system.path, system.json)
        return system

    def _found(self, root: Any) -> Any:
        """The host among the members; a member that is not asked for is not read when there is one or an id."""
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
    """Path of the one system that is the host: a physical machine that can be reset and boots an operating system.

    ``bodies`` are the records by path, ``unread`` the reasons of members that could not be read. A board of
    accelerators calls itself physical too, but tells nothing of booting. ValueError when more than one system fits,
    when none does, and when the only one that fits does not boot and another could not be read: a reset that hits
    the wrong system does harm.
    """
    hosts = [path for path, body in bodies.items() if _is_machine(body)]
    booting = [path for path in hosts if isinstance(bodies[path].get("Boot"), Mapping) and bodies[path]["Boot"]]
    if len(booting) == 1:
        return booting[0]
    if not booting and not unread and len(hosts) == 1:
        return hosts[0]
    trouble = "".join(f"; {_identity(path)} cannot be read: {reason}" for path, reason in unread.items())
    raise ValueError(f"which of its systems ({_listed([*bodies, *unread])}) is the host cannot be told; "
                     f"name it in the option [bmc] redfish_systems{trouble}")


def check_own(path: str, body: Mapping[str, Any]) -> None:
    """ValueError when the record at ``path`` is, or would reset, another member of its collection."""
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
    """First line of an error, at most 300 characters."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _close(auth: Any) -> None:
    try:
        auth.close()
    except Exception as error:  # noqa: BLE001 - the command is done; whatever the farewell brings must not undo that
        LOG.debug("A Redfish session was not closed: %s", reason_of(error))


@dataclass(frozen=True, slots=True)
class _Reply:
    """What one probing request brought; ``status`` 0 when nothing listens."""

    status: int
    body: Mapping[str, Any]


def is_redfish(access: Access, settings: RedfishSettings) -> bool:
    """Whether the BMC speaks Redfish 1.0 or later.

    False only on evidence: nothing listens on the port, or a web server answers that knows no Redfish. A service
    that is busy, starting, or hides everything behind a login proves nothing: BmcError, and the caller asks again.
    """
    root = _ask(access, settings, ROOT)
    if root.status in _LOGIN:
        # The list of versions is open by the standard; where it is not, only a login shows the root.
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
    """One GET. Without a login nothing secret is sent, and a certificate is none of the question's business."""
    timeout = (settings.connect_timeout_s, settings.read_timeout_s)
    url, deadline = Session(access, settings).url, time.monotonic() + settings.read_timeout_s

    def get(place: str) -> requests.Response:
        answer = requests.get(url + place, stream=True, timeout=timeout, allow_redirects=False,
                              auth=(access.username, access.password) if login else None,
                              verify=settings.verify if login else False)
        load_bounded(answer, deadline, time.monotonic)
        return answer

    status = 0
    try:
        reply = followed(get, path)
        status = reply.status_code
        body = reply.json()
    except requests.ConnectionError as error:
        if _nobody_listens(error):
            return _Reply(0, {})
        raise BmcError(address=access.address, verb=DETECT_VERB, reason=reason_of(error)) from error
    except (ValueError, RecursionError):
        # No JSON, without end, or elsewhere: a web server of another kind.
        return _Reply(status or HTTPStatus.NOT_FOUND, {})
    except (requests.RequestException, TransportError, OSError) as error:
        raise BmcError(address=access.address, verb=DETECT_VERB, reason=reason_of(error)) from error
    return _Reply(status, body if isinstance(body, Mapping) else {})


def _nobody_listens(error: requests.ConnectionError) -> bool:
    """Refused, unreachable, or a peer that speaks no TLS of today; a connection that broke off is none of these."""
    cause = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError)) \
        or isinstance(cause, NewConnectionError)
