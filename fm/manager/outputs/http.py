# SPDX-License-Identifier: Apache-2.0
"""POSTs JSON to a URL with a timeout, authentication and certificate check; keeps secrets out of errors and logs."""
from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from flock.core.errors import Unavailable
from flock.exec.http import DeadlineAdapter
from fm.manager.outputs.output import NAME_MAX, Undeliverable

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
# Of a whole delivery, however slowly the peer sends its answer.
DELIVERY_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024
# With these codes the peer rejects the message itself; other errors are failures of the peer.
REFUSALS = frozenset({400, 413, 415, 422})


class BadUrl(ValueError):
    """An option has an invalid URL; the text names the option but not the URL, which may contain a password."""


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials for a peer; its repr hides secrets."""

    bearer_token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL split into ``text`` without credentials, ``username`` and ``password``."""

    text: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The URL for log lines: without the query, which may contain tokens."""
        parts = urlsplit(self.text)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def output_name(self, kind: str) -> str:
        """A name of the host and a digest of the URL, the same after a restart: ``webhook-host-1a2b3c4d``."""
        host = (urlsplit(self.text).hostname or "").replace(":", ".")
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:8]
        return f"{kind}-{host[:NAME_MAX - len(kind) - 10]}-{digest}"


def parse_url(text: str, option: str) -> Url:
    """The URL in ``text``; BadUrl names ``option``."""
    try:
        parts = urlsplit(text.strip())
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise BadUrl(f"{option}: not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrl(f"{option}: must be http://host... or https://host...")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    plain = urlunsplit((parts.scheme, f"{host}{port}", parts.path, parts.query, ""))
    return Url(plain, unquote(parts.username or ""), unquote(parts.password or ""))


class Poster:
    """POSTs to ``url``; not thread-safe. Credentials in the URL take precedence over ``access``."""

    def __init__(self, name: str, url: Url, access: Access) -> None:
        self._name, self._url = name, url
        self._session = requests.Session()
        # Ignore ~/.netrc and proxies from the environment: only the options decide where data and secrets go.
        self._session.trust_env = False
        self._limit = DeadlineAdapter(DELIVERY_S)
        self._limit.stop()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, self._limit)
        self._session.verify = access.ca_file or True
        if url.username or url.password:
            self._session.headers["Authorization"] = _basic(url.username, url.password)
        elif access.bearer_token:
            self._session.headers["Authorization"] = f"Bearer {access.bearer_token}"
        elif access.username:
            self._session.headers["Authorization"] = _basic(access.username, access.password)

    def post(self, body: Any) -> None:
        """Return when the peer answers 2xx. Undeliverable when it rejects the message, Unavailable on other errors."""
        self._limit.restart(DELIVERY_S)
        try:
            reply = self._session.post(self._url.text, json=body, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
                                       allow_redirects=False, stream=True)
            with reply:
                # Reading a short body keeps the connection usable for the next message; a longer one closes it.
                reply.raw.read(ANSWER_BYTES_MAX)
        except (requests.RequestException, OSError) as error:
            # Only the type: the error's text contains the URL.
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - urllib3's own errors while reading the answer
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=type(error).__name__) from None
        finally:
            self._limit.stop()
        if reply.status_code in REFUSALS:
            raise Undeliverable(output=f"{self._name} at {self._url.shown}", reason=f"HTTP {reply.status_code}")
        if not 200 <= reply.status_code < 300:
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=f"HTTP {reply.status_code}")


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
