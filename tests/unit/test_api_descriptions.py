# SPDX-License-Identifier: Apache-2.0
"""Every operation of every API is described, and the description is what the application goes by."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import webob

from flock.api import build_app
from flock.api.build import dialect_of, openapi_document, route_table
from flock.api.describe import description_of
from flock.testing.fixtures import private_conf
from flock.testing.identity import trusting
from tests.registry import SUBSYSTEMS

HEADERS = {"X-Roles": "admin,reader,service", "X-Project-Name": "services", "X-User-Name": "u", "X-User-Id": "1"}
UUID = "5c5f3a4e-0000-4000-8000-000000000001"


def operations(subsystem: str) -> Iterator[tuple[str, str, Any]]:
    for route in route_table(subsystem, dialect_of(subsystem)).routes:
        for method, handler in route.handlers.items():
            yield method, route.path, handler


ALL = [(name, method, path, handler) for name in SUBSYSTEMS for method, path, handler in operations(name)]
NAMES = [f"{subsystem} {method} {path}" for subsystem, method, path, _ in ALL]


@pytest.fixture(scope="module")
def apps() -> dict[str, Any]:
    """APIs without any service behind them: what is refused here is refused before the controller runs."""
    return {name: build_app(private_conf(), name, authenticate=trusting) for name in SUBSYSTEMS}


def inner(response: webob.Response) -> str:
    body = response.json
    return str(json.loads(body["error_message"])["faultstring"] if "error_message" in body else body["description"])


@pytest.mark.parametrize(("subsystem", "method", "path", "handler"), ALL, ids=NAMES)
def test_operations_are_described_and_refuse_other_arguments(
        apps: dict[str, Any], subsystem: str, method: str, path: str, handler: Any) -> None:
    assert description_of(handler) is not None, f"{method} {path}: declare it with flock.api.describe"
    assert (handler.__doc__ or "").strip(), f"{method} {path}: the docstring is the summary"
    url = re.sub(r"\{\w+\+?\}", UUID, path) + "?surely_unknown=1"
    request = webob.Request.blank(url, method=method, headers=HEADERS)
    response = request.get_response(apps[subsystem])
    assert response.status_int == 400
    assert inner(response).endswith('Unknown argument: "surely_unknown"')


def test_controllers_leave_unknown_arguments_to_the_application() -> None:
    """A second list of names beside the description could differ from it."""
    for _, method, path, handler in ALL:
        names = handler.__code__.co_names if hasattr(handler, "__code__") else handler.__func__.__code__.co_names
        assert "only" not in names, f"{method} {path}"


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_documents_are_sound(subsystem: str) -> None:
    document = openapi_document(subsystem)
    assert json.loads(json.dumps(document)) == document
    found = list(_schemas(document))
    assert len(found) > 20
    for schema in found:
        jsonschema.Draft202012Validator.check_schema(schema)
    for reference in _references(document):
        assert _resolve(document, reference) is not None, reference
    ids = [operation["operationId"] for item in document["paths"].values() for verb, operation in item.items()
           if verb != "parameters"]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_documents_say_who_may_call(subsystem: str) -> None:
    document = openapi_document(subsystem)
    assert document["components"]["securitySchemes"]["token"]["name"] == "X-Auth-Token"
    table = {(route.path, method): route.rules[method] for route in route_table(subsystem, dialect_of(subsystem)).routes
             for method in route.handlers}
    for (path, method), rule in table.items():
        operation = document["paths"][path.replace("+}", "}")][method.lower()]
        refusals = {"401", "403"} & operation["responses"].keys()
        if rule.check == "@":
            assert operation["security"] == [] and "401" not in refusals
        else:
            assert operation["security"] == [{"token": [rule.check.rsplit(":", 1)[1]]}]
            assert refusals == {"401", "403"}


def test_served_document_is_the_generated_one(apps: dict[str, Any]) -> None:
    for subsystem, app in apps.items():
        response = webob.Request.blank("/v1/openapi.json", headers=HEADERS).get_response(app)
        assert response.json == openapi_document(subsystem)
        refused = webob.Request.blank("/v1/openapi.json", headers={**HEADERS, "X-Roles": "member"}).get_response(app)
        assert refused.status_int == 403


def _schemas(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        if isinstance(node.get("schema"), dict):
            yield node["schema"]
        for name, child in node.items():
            if name == "schemas":
                yield from child.values()
            else:
                yield from _schemas(child)
    elif isinstance(node, list):
        for child in node:
            yield from _schemas(child)


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from _references(child)
    elif isinstance(node, list):
        for child in node:
            yield from _references(child)


def _resolve(document: Any, reference: str) -> Any:
    assert reference.startswith("#/")
    for part in reference[2:].split("/"):
        document = document[part]
    return document
