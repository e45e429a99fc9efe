# SPDX-License-Identifier: Apache-2.0
"""sushy's HTTP connector with limits: size of each answer, time of one command; and entity tags that BMCs hide."""
from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from sushy import connector as sushy_connector

ANSWER_MAX_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 16 * 1024
REDIRECTS_MAX, PATH_SHOWN_MAX = 3, 100


class AnswerRefused(ValueError):
    """An answer that is too long, or a command that took too long; the message is what the operator reads."""


def load_bounded(response: requests.Response, deadline: float, monotonic: Callable[[], float]) -> None:
    """Read the body of a streamed ``response``; AnswerRefused beyond ANSWER_MAX_BYTES or ``deadline`` (monotonic s).

    A time limit of requests counts from byte to byte; a BMC that trickles its answer would never reach it.
    """
    body = bytearray()
    # Not stream(): it waits for a whole chunk, however slowly that comes.
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            response.close()
            raise AnswerRefused(f"an answer has more than {ANSWER_MAX_BYTES} bytes")
        if monotonic() > deadline:
            response.close()
            raise AnswerRefused("an answer did not end in time")
    response.close()
    response.raw = io.BytesIO(bytes(body))


class BoundedConnector(sushy_connector.Connector):  # type: ignore[misc]  # sushy carries no types
    """Serves one command: no request begins after ``command_timeout_s``, no answer is longer than ANSWER_MAX_BYTES."""

    def __init__(self, url: str, *, verify: bool | str, connect_timeout_s: float, read_timeout_s: float,
                 command_timeout_s: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        # With server_side_retries=0 sushy would send a request, a reset too, up to three times to a silent BMC.
        self._base = url
        self._monotonic = monotonic
        self._deadline = monotonic() + command_timeout_s
        super().__init__(url, verify=verify, response_callback=self._load, server_side_retries=1,
                         default_request_timeout=read_timeout_s, connect_timeout=connect_timeout_s)

    def get(self, path: str = "", **words: Any) -> requests.Response:
        """GET; an ``@odata.etag`` in the body becomes the ETag header where the BMC sends none.

        sushy builds If-Match from the header only, and BMCs that tell the tag in the body refuse a PATCH without it.
        """
        response = followed(lambda place: self._get(place, **words), path)
        if "ETag" not in response.headers and (tag := _body_tag(response)):
            response.headers["ETag"] = tag
        return response

    def post(self, path: str = "", **words: Any) -> requests.Response:
        """POST; AnswerRefused when the BMC sends it elsewhere."""
        self._check_time()
        response: requests.Response = super().post(here(self._base, path), stream=True, allow_redirects=False, **words)
        return _not_sent_on(response)

    def patch(self, path: str = "", **words: Any) -> requests.Response:
        """PATCH; AnswerRefused when the BMC sends it elsewhere."""
        self._check_time()
        response: requests.Response = super().patch(here(self._base, path), stream=True, allow_redirects=False, **words)
        return _not_sent_on(response)

    def delete(self, path: str = "", **words: Any) -> requests.Response:
        """DELETE; also after the time of the command, because it ends the session."""
        # Some BMCs give the session a URL with a name of their own; it lies on this server all the same.
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
        """Called by sushy for every answer, before anybody looks at its body."""
        load_bounded(response, self._deadline, self._monotonic)


def here(base: str, path: str) -> str:
    """``path`` when it leads to the BMC at ``base``; AnswerRefused for another server, which would get the login."""
    target = urljoin(base, path)
    if urlsplit(target)[:2] != urlsplit(base)[:2]:
        raise AnswerRefused(f"it points to {path[:PATH_SHOWN_MAX]!r}, which is another server")
    return target


def followed(get: Callable[[str], requests.Response], path: str) -> requests.Response:
    """``get(path)``, sent on as often as BMCs do it for a final slash; AnswerRefused for a redirect to elsewhere."""
    response = get(path)
    for _ in range(REDIRECTS_MAX):
        if not response.is_redirect:
            return response
        target = urljoin(response.url, response.headers["location"])
        if urlsplit(target)[:2] != urlsplit(response.url)[:2]:
            raise AnswerRefused(f"it redirects to {target[:PATH_SHOWN_MAX]!r}, which is another server")
        response = get(urlsplit(target).path)
    raise AnswerRefused(f"it redirects more than {REDIRECTS_MAX} times")


def _not_sent_on(response: requests.Response) -> requests.Response:
    if response.is_redirect:
        raise AnswerRefused(f"it redirects an order to {response.headers['location'][:PATH_SHOWN_MAX]!r}")
    return response


def _body_tag(response: requests.Response) -> str:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return ""
    tag = body.get("@odata.etag") if isinstance(body, dict) else None
    return tag if isinstance(tag, str) and tag.isascii() and tag.isprintable() else ""
