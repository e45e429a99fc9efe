# SPDX-License-Identifier: Apache-2.0
"""One POST of JSON to one URL within a bounded time: authenticated, verified, without a secret in any text."""
from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from flock.core.errors import Unavailable
from fm.manager.outputs.output import NAME_MAX, Undeliverable

CONNECT_TIMEOUT_S = 3.0
ANSWER_TIMEOUT_S = 5.0
ANSWER_BYTES_MAX = 64 * 1024
# These say that the message is wrong; any other answer says that the peer is.
REFUSALS = frozenset({400, 413, 415, 422})


class BadUrl(ValueError):
    """An option holds no URL that can be used; the text names the option, not the URL, which may hold a password."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a peer is convinced. Secrets do not show when it is printed."""

    bearer_token: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Url:
    """A URL without user and password, which stand beside it."""

    text: str
    username: str = ""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """For log lines: also without the query, where tokens are put."""
        parts = urlsplit(self.text)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def output_name(self, kind: str) -> str:
        """A name that lasts while the URL stays and that tells the host: ``webhook-host-1a2b3c4d``."""
        host = (urlsplit(self.text).hostname or "").replace(":", ".")
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:8]
        return f"{kind}-{host[:NAME_MAX - len(kind) - 10]}-{digest}"


def parse_url(text: str, option: str) -> Url:
    """The URL of an option; BadUrl when it is none."""
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
    """POSTs to ``url``; made for one thread. User and password of the URL go before those of ``access``."""

    def __init__(self, name: str, url: Url, access: Access) -> None:
        self._name, self._url = name, url
        self._session = requests.Session()
        # Neither ~/.netrc nor proxies from the environment: what is sent where is what the options say.
        self._session.trust_env = False
        self._session.verify = access.ca_file or True
        if url.username or url.password:
            self._session.headers["Authorization"] = _basic(url.username, url.password)
        elif access.bearer_token:
            self._session.headers["Authorization"] = f"Bearer {access.bearer_token}"
        elif access.username:
            self._session.headers["Authorization"] = _basic(access.username, access.password)

    def post(self, body: Any) -> None:
        """Return when the peer answered 2xx. Undeliverable when it refuses the message, else Unavailable."""
        try:
            reply = self._session.post(self._url.text, json=body, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S),
                                       allow_redirects=False, stream=True)
            with reply:
                # A short answer is read, so that the connection serves the next message; a long one ends it.
                reply.raw.read(ANSWER_BYTES_MAX)
        except (requests.RequestException, OSError) as error:
            # The text of the error holds the URL.
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=type(error).__name__) from None
        except Exception as error:  # noqa: BLE001 - urllib3's own errors while reading the answer
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=type(error).__name__) from None
        if reply.status_code in REFUSALS:
            raise Undeliverable(output=f"{self._name} at {self._url.shown}", reason=f"HTTP {reply.status_code}")
        if not 200 <= reply.status_code < 300:
            raise Unavailable(service=f"{self._name} at {self._url.shown}", reason=f"HTTP {reply.status_code}")


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
