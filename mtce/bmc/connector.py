# SPDX-License-Identifier: Apache-2.0
"""sushy's HTTP connector with limits on the size of a reply and the time of a command, and with missing ETags added."""
from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from sushy import connector as sushy_connector

from flock.exec.http import DeadlineAdapter
from flock.foreign.redfish import mount

ANSWER_MAX_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 16 * 1024
REDIRECTS_MAX, PATH_SHOWN_MAX = 3, 100


class AnswerRefused(ValueError):
    """A reply was too long, or a command took too long; the operator reads the message."""


class TooLate(AnswerRefused):
    """A reply did not end within the time limit, which says nothing about the service."""

    def __init__(self) -> None:
        super().__init__("an answer did not end in time")


class Redirected(AnswerRefused):
    """A refused redirect: to another server, of a request other than GET, or one too many."""


def load_bounded(response: requests.Response, deadline: float, monotonic: Callable[[], float]) -> None:
    """Read the body of a streamed ``response``; AnswerRefused beyond ANSWER_MAX_BYTES or ``deadline`` (monotonic s).

    The timeout of requests restarts with every byte, so a BMC that sends its reply slowly would never reach it.
    """
    if response.is_redirect:  # has no body (DeadlineAdapter)
        return
    body = bytearray()
    # Not stream(): it waits for a whole chunk, however slowly the chunk arrives.
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            response.close()
            raise AnswerRefused(f"an answer has more than {ANSWER_MAX_BYTES} bytes")
        if monotonic() > deadline:
            response.close()
            raise TooLate
    response.close()
    response.raw = io.BytesIO(bytes(body))


class BoundedConnector(sushy_connector.Connector):  # type: ignore[misc]  # sushy carries no types
    """Serves one command: refuses requests after ``command_timeout_s`` and replies longer than ANSWER_MAX_BYTES."""

    def __init__(self, url: str, *, verify: bool | str, connect_timeout_s: float, read_timeout_s: float,
                 command_timeout_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        # With server_side_retries=0 sushy would send a request, a reset too, up to three times to a silent BMC.
        self._base = url
        self._monotonic = monotonic
        self._deadline = monotonic() + command_timeout_s
        super().__init__(url, verify=verify, response_callback=self._load, server_side_retries=1,
                         default_request_timeout=read_timeout_s, connect_timeout=connect_timeout_s)
        # A request that begins just before the time limit may take its own timeouts.
        self._limit = DeadlineAdapter(command_timeout_s + connect_timeout_s + read_timeout_s)
        mount(self, self._limit)

    @property
    def expired(self) -> bool:
        """Whether the time limit has broken the connections."""
        return self._limit.expired

    def get(self, path: str = "", **words: Any) -> requests.Response:
        """Send a GET; copies ``@odata.etag`` from the body to the ETag header when the BMC sends no such header.

        sushy builds If-Match from the header only, and BMCs that send the tag in the body refuse a PATCH without it.
        """
        response = followed(lambda place: self._get(place, **words), path)
        if "ETag" not in response.headers and (tag := _body_tag(response)):
            response.headers["ETag"] = tag
        return response

    def post(self, path: str = "", **words: Any) -> requests.Response:
        """Send a POST; AnswerRefused when the BMC redirects it."""
        self._check_time()
        response: requests.Response = super().post(here(self._base, path), stream=True, allow_redirects=False, **words)
        return _not_sent_on(response)

    def patch(self, path: str = "", **words: Any) -> requests.Response:
        """Send a PATCH; AnswerRefused when the BMC redirects it."""
        self._check_time()
        response: requests.Response = super().patch(here(self._base, path), stream=True, allow_redirects=False, **words)
        return _not_sent_on(response)

    def delete(self, path: str = "", **words: Any) -> requests.Response:
        """Send a DELETE, even after the command's time limit, because it ends the session."""
        # Some BMCs put another server name in the session's URL, although the session is on this server.
        response: requests.Response = super().delete(urlsplit(path).path, stream=True, allow_redirects=False, **words)
        return response

    def _get(self, path: str, **words: Any) -> requests.Response:
        self._check_time()
        response: requests.Response = super().get(here(self._base, path), stream=True, allow_redirects=False, **words)
        return response

    def _check_time(self) -> None:
        if self._monotonic() > self._deadline:
            raise AnswerRefused("the command took too long")

    def _load(self, response: requests.Response) -> None:
        """Load the body within the limits; sushy calls this for every reply before it reads the body."""
        load_bounded(response, self._deadline, self._monotonic)


def here(base: str, path: str) -> str:
    """Return the URL of ``path`` at ``base``; AnswerRefused for another server, which would get the login."""
    target = urljoin(base, path)
    if urlsplit(target)[:2] != urlsplit(base)[:2]:
        raise AnswerRefused(f"it points to {path[:PATH_SHOWN_MAX]!r}, which is another server")
    return target


def followed(get: Callable[[str], requests.Response], path: str) -> requests.Response:
    """Return ``get(path)`` after at most REDIRECTS_MAX redirects on the same server; Redirected for any other."""
    response = get(path)
    for _ in range(REDIRECTS_MAX):
        if not response.is_redirect:
            return response
        target = urljoin(response.url, response.headers["location"])
        if urlsplit(target)[:2] != urlsplit(response.url)[:2]:
            raise Redirected(f"it redirects to {target[:PATH_SHOWN_MAX]!r}, which is another server")
        response = get(urlsplit(target).path)
    raise Redirected(f"it redirects more than {REDIRECTS_MAX} times")


def _not_sent_on(response: requests.Response) -> requests.Response:
    if response.is_redirect:
        raise Redirected(f"it redirects an order to {response.headers['location'][:PATH_SHOWN_MAX]!r}")
    return response


def _body_tag(response: requests.Response) -> str:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    tag = body.get("@odata.etag") if isinstance(body, dict) else None
    return tag if isinstance(tag, str) and tag.isascii() and tag.isprintable() else ""
