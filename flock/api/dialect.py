# SPDX-License-Identifier: Apache-2.0
"""How one subsystem's API differs on the wire. A subsystem declares ``DIALECT`` in ``<subsystem>/api/dialect.py``."""
from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flock.api.absent import Absent
from flock.core.errors import FlockError

Document = Callable[[str], dict[str, Any]]
# Of the base URL and the collections that the routes have.
VersionDocument = Callable[[str, Sequence[str]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """Wire conventions of one API.

    ``fault_keys``: order of the inner error keys. ``web_errors``: how routing and policy errors look inside:
    ``fault`` (only faultstring) or ``title`` (code, title, description). ``domain_prefix``: format over ``http``
    put before the text of domain errors, such as ``[HTTP {http}] ``. ``default_version``: paths without
    version mean this one. ``strict_content_type``: a body that is not JSON is answered with 415.
    ``read_from_any_project``: readers need not be in project admin or services. ``root`` and ``version``: the
    documents at ``/`` and ``/v1``; they need no token. ``default_port``: for run_api.
    ``absent``: paths that clients know and this API does not serve.
    """

    fault_keys: tuple[str, ...] = ("debuginfo", "faultcode", "faultstring")
    web_errors: str = "fault"
    domain_prefix: str = ""
    default_version: str | None = None
    strict_content_type: bool = False
    read_from_any_project: bool = False
    default_port: int = 8080
    root: Document | None = None
    version: VersionDocument | None = None
    absent: Sequence[Absent] = ()

    def fault(self, status: int, text: str) -> bytes:
        """Body of an error of the domain or the last resort."""
        values = {"debuginfo": None, "faultcode": "Client" if status < 500 else "Server", "faultstring": text}
        return _wrap({key: values[key] for key in self.fault_keys})

    def web_fault(self, status: int, title: str, text: str | None) -> bytes:
        """Body of an error of routing, policy or transport."""
        if self.web_errors == "title":
            described = None if status in (403, 404, 405) else text
            return _wrap({"code": status, "title": title, "description": described})
        return _wrap({"faultstring": text or title})

    def domain_fault(self, error: FlockError) -> bytes:
        """Body of a ``FlockError``; complaints about the request itself (``flock.wire``) take no prefix."""
        prefix = "" if error.code.startswith("flock.wire.") else self.domain_prefix.format(http=error.http)
        return self.fault(error.http, prefix + str(error))


def _wrap(inner: dict[str, Any]) -> bytes:
    return json.dumps({"error_message": json.dumps(inner)}).encode("ascii")


def version_entry(base_url: str) -> dict[str, Any]:
    """The ``v1`` element of a root document."""
    return {"id": "v1", "links": [{"href": f"{base_url}/v1/", "rel": "self"}]}


def root_document(name: str, description: str) -> Document:
    """The usual document at ``/``."""

    def build(base_url: str) -> dict[str, Any]:
        entry = version_entry(base_url)
        return {"name": name, "description": description, "versions": [entry], "default_version": entry}

    return build


def version_document(media_type: str, collections: Sequence[str] = (), slash: bool = False) -> VersionDocument:
    """The usual document at ``/v1``: a pair of links per collection; ``slash``: links end in one.

    ``collections`` limits them to those named; otherwise they are those that the routes have.
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
