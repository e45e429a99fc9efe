# SPDX-License-Identifier: Apache-2.0
"""The wire conventions in which subsystems' APIs differ; declared as ``DIALECT`` in ``<subsystem>/api/dialect.py``."""
from __future__ import annotations

import hashlib
import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flock.api.absent import Absent
from flock.core.errors import FlockError

FaultBody = Callable[[int, str, str, str], Mapping[str, Any]]
Document = Callable[[str], dict[str, Any]]
# Arguments: the base URL and the collections of the routes.
VersionDocument = Callable[[str, Sequence[str]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Wire conventions of one API.

    ``fault_keys``: order of the inner error keys. ``web_errors``: inner keys of routing and policy errors: ``fault``
    (only faultstring) or ``title`` (code, title, description). ``domain_prefix``: format string over ``http`` in front
    of the text of domain errors, such as ``[HTTP {http}] ``. ``default_version``: the version of paths that name none.
    ``strict_content_type``: refuse a body that is not JSON with 415. ``read_from_any_project``: readers need not be in
    project admin or services. ``root`` and ``version``: the documents at ``/`` and ``/v1``, which need no token.
    ``default_port``: the port of run_api. ``more_ports``: where the front serves the same API too. ``absent``: paths
    that clients know but this API does not serve.
    ``fault_body``: makes every error body from status, title, sentence and code, in another form than these, which
    ``fault_schema`` describes.
    """

    fault_keys: tuple[str, ...] = ("debuginfo", "faultcode", "faultstring")
    web_errors: str = "fault"
    domain_prefix: str = ""
    default_version: str | None = None
    strict_content_type: bool = False
    read_from_any_project: bool = False
    default_port: int = 8080
    more_ports: tuple[int, ...] = ()
    root: Document | None = None
    version: VersionDocument | None = None
    absent: Sequence[Absent] = ()
    fault_body: FaultBody | None = None
    fault_schema: Mapping[str, Any] | None = None

    def fault(self, status: int, text: str) -> bytes:
        """Body of a domain error."""
        if self.fault_body is not None:
            return json.dumps(self.fault_body(status, HTTPStatus(status).phrase, text, "")).encode("ascii")
        values = {"debuginfo": None, "faultcode": "Client" if status < 500 else "Server", "faultstring": text}
        return _wrap({key: values[key] for key in self.fault_keys})

    def web_fault(self, status: int, title: str, text: str | None) -> bytes:
        """Body of an error of routing, policy or transport."""
        if self.fault_body is not None:
            return json.dumps(self.fault_body(status, title, text or title, "")).encode("ascii")
        if self.web_errors == "title":
            described = None if status in (403, 404, 405) else text
            return _wrap({"code": status, "title": title, "description": described})
        return _wrap({"faultstring": text or title})

    def domain_fault(self, error: FlockError) -> bytes:
        """Body of a ``FlockError``; errors about the format of the request (``flock.wire``) get no prefix."""
        if self.fault_body is not None:
            body = self.fault_body(error.http, HTTPStatus(error.http).phrase, str(error), error.code)
            return json.dumps(body).encode("ascii")
        prefix = "" if error.code.startswith("flock.wire.") else self.domain_prefix.format(http=error.http)
        return self.fault(error.http, prefix + str(error))

    def unexpected(self, error: Exception, request_id: str) -> bytes:
        """Body of an error that nobody has foreseen; the log has it."""
        text = (f"Internal error occurred. Error signature [{signature(error)}]" if self.fault_body is not None
                else f"An unexpected error occurred; the log has it under {request_id}.")
        return self.fault(500, text)


def signature(error: Exception) -> str:
    """Eight characters that are the same for the same fault of the program, whatever line it has moved to."""
    frames = traceback.extract_tb(error.__traceback__)
    told = [type(error).__name__, *(f"{frame.filename}:{frame.name}:{frame.line}" for frame in frames)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:8]


def _wrap(inner: dict[str, Any]) -> bytes:
    return json.dumps({"error_message": json.dumps(inner)}).encode("ascii")


def version_entry(base_url: str) -> dict[str, Any]:
    """The ``v1`` element of a root document."""
    return {"id": "v1", "links": [{"href": f"{base_url}/v1/", "rel": "self"}]}


def root_document(name: str, description: str) -> Document:
    """The default document at ``/``."""

    def build(base_url: str) -> dict[str, Any]:
        entry = version_entry(base_url)
        return {"name": name, "description": description, "versions": [entry], "default_version": entry}

    return build


def version_document(media_type: str, collections: Sequence[str] = (), slash: bool = False) -> VersionDocument:
    """The default document at ``/v1``: a pair of links per collection; ``slash``: links end in a slash.

    Lists ``collections``, or all collections of the routes when it is empty.
    """
    end = "/" if slash else ""

    def build(base_url: str, routed: Sequence[str]) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": "v1",
            "media_types": [{"base": "application/json", "type": media_type}],
            "links": [{"href": f"{base_url}/v1/", "rel": "self"},
                      {"href": f"{base_url}/docs/api/v1/", "rel": "describedby", "type": "text/html"}],
        }
        for name in collections or routed:
            document[name] = [{"href": f"{base_url}/v1/{name}{end}", "rel": "self"},
                              {"href": f"{base_url}/{name}{end}", "rel": "bookmark"}]
        return document

    return build
