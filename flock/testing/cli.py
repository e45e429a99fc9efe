# SPDX-License-Identifier: Apache-2.0
"""Runs a command line program in this process against a table of responses: ``{path: {method: response}}``."""
from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flock.cli.client import ApiClient
from flock.cli.credentials import Credentials
from flock.cli.shell import FlockShell, Program

BASE = "http://api.test:1"


@dataclass
class Answer:
    """A response of the API: ``body`` is sent as JSON; None means no body."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def refusal(status: int, faultstring: str, request_id: str = "req-1") -> Answer:
    """An error response with StarlingX's doubly encoded body."""
    inner = json.dumps({"debuginfo": None, "faultcode": "Client", "faultstring": faultstring})
    return Answer({"error_message": inner}, status, {"X-Openstack-Request-Id": request_id})


@dataclass
class Pieces:
    """A streamed response; an exception from the iterator simulates a broken connection."""

    pieces: Iterable[bytes]


@dataclass
class _Reply:
    status_code: int
    content: bytes
    headers: Mapping[str, str]
    url: str
    reason: str = ""
    pieces: Iterable[bytes] | None = None

    def iter_content(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The pieces of a streamed response, else the whole content."""
        return iter([self.content] if self.pieces is None else self.pieces)

    def close(self) -> None:
        """Do nothing, because nothing is open."""


class FakeApi:
    """Replaces a keystoneauth adapter.

    A planned response is an Answer, a JSON body, a Script of those, an exception to raise, Pieces of a streamed
    response, or a function of the request's body. Records requests in ``calls`` as (method, path, body, query) and
    their headers in ``headers``.
    """

    service_type, interface, region_name, endpoint_override = "fake", "public", None, BASE

    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        self.table = table
        self.calls: list[tuple[str, str, Any, Any]] = []
        self.headers: list[dict[str, str]] = []

    def request(self, url: str, method: str, *, json: Any = None, params: Any = None,
                headers: Mapping[str, str] | None = None, **_: Any) -> _Reply:
        """The planned response; 404 for an unplanned request."""
        path = url.removeprefix(BASE)
        self.headers.append(dict(headers or {}))
        self.calls.append((method, path, json, params or None))
        planned = self.table.get(path, {}).get(method, refusal(404, f"{path} could not be found."))
        if isinstance(planned, Script):
            planned = planned.following()
        if callable(planned):
            planned = planned(json)
        if isinstance(planned, Exception):
            raise planned
        if isinstance(planned, Pieces):
            return _Reply(200, b"", {}, url, pieces=planned.pieces)
        answer = planned if isinstance(planned, Answer) else Answer(planned)
        return _Reply(answer.status, b"" if answer.body is None else _encoded(answer.body), answer.headers, url)


class Script:
    """Responses to consecutive requests; the last one repeats."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    def following(self) -> Any:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class MemoryKeyring:
    """A session keyring in memory; ``lifetimes_s`` holds the requested lifetime of each text in seconds."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        self.texts = dict(texts or {})
        self.lifetimes_s: dict[str, int] = {}

    def read(self, name: str) -> str | None:
        return self.texts.get(name)

    def write(self, name: str, text: str, lifetime_s: int) -> None:
        self.texts[name] = text
        self.lifetimes_s[name] = lifetime_s

    def drop(self, name: str) -> None:
        self.texts.pop(name, None)


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@dataclass(frozen=True)
class Ran:
    """The result of a program: exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def run_cli(program: Program, argv: str | list[str], api: FakeApi, environ: Mapping[str, str] | None = None,
            typed: str = "") -> Ran:
    """Run ``argv`` (a text is split at spaces); returns exit code, stdout and stderr. ``typed``: what is on stdin."""
    out, err = io.StringIO(), io.StringIO()

    def make_client(given: Credentials, service_type: str, url_option: str) -> ApiClient:
        return ApiClient(api, url_option)  # type: ignore[arg-type]

    shell = FlockShell(program, environ or {}, make_client, stdin=io.StringIO(typed), stdout=out, stderr=err)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):  # argparse writes to sys.stdout
        try:
            code = shell.run(argv.split() if isinstance(argv, str) else argv)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
    return Ran(code, out.getvalue(), err.getvalue())
