# SPDX-License-Identifier: Apache-2.0
"""Makes the document: one path item per route, with the declared responses and those of every such operation."""
from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from flock.api.describe import JSON, JSON_PATCH, Answer, Argument, Description, Patch, ViewPage, description_of
from flock.api.dialect import Dialect
from flock.api.openapi.content import Components
from flock.api.routes import Route, RouteTable
from flock.auth.policy import ADMIN, ANYONE, CONFIGURATOR, OPERATOR, READER, SERVICE
from flock.wire.types import Uuid

ROLES = {READER: "reader", OPERATOR: "operator", CONFIGURATOR: "configurator", ADMIN: "admin", SERVICE: "service"}
XML = "application/xml"
WITH_BODY = ("POST", "PUT", "PATCH")
TEXTS = {
    400: "An argument, a field or the body breaks a rule; the text names the rule.",
    401: "The token is missing or not valid (keystonemiddleware's body).", 403: "The role does not allow it.",
    404: "The resource does not exist.", 408: "The body did not arrive in time.",
    409: "The request conflicts with the current state.",
    413: "The body is too long.", 415: "The content type of the body is not JSON.",
    500: "An unexpected error; the log records it under the request id.",
    503: "A required service does not reply.", 504: "A required service took too long."}
IDENT = Uuid().accepted()
ANY_NAME = {"type": "string", "pattern": "^[^/]+$"}
PARAMETER = re.compile(r"\{([^}+]+)\+?\}")
REQUEST_ID = {"description": "Id of the request in all log lines; the caller's own id if it is well formed.",
              "required": True, "schema": {"type": "string", "pattern": "^req-[0-9a-f-]{36}$"}}


def document(table: RouteTable, dialect: Dialect, subsystem: str) -> dict[str, Any]:
    """The OpenAPI document of all routes in ``table``; undeclared operations appear without bodies."""
    components = Components()
    about = dialect.root("") if dialect.root is not None else {"name": subsystem, "description": ""}
    alias = f" A path without /{dialect.default_version} in front means the same." if dialect.default_version else ""
    paths = {route.path.replace("+}", "}"): _path_item(route, table, components, dialect)
             for route in sorted(table.routes, key=lambda r: r.path)}
    return {
        "openapi": "3.1.0",
        "info": {"title": about["name"], "version": "v1", "description": f"{about['description']}{alias}".strip()},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "responses": {f"error_{status}": _error(status, dialect) for status in TEXTS},
            "headers": {"RequestId": REQUEST_ID},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token",
                                          "description": "A token of the identity service (Keystone)."}}}}


def operation_id(method: str, path: str) -> str:
    """An id such as ``get_v1_alarms_uuid``."""
    return "_".join([method.lower(), *re.findall(r"[A-Za-z0-9_]+", path)])


def _path_item(route: Route, table: RouteTable, components: Components, dialect: Dialect) -> dict[str, Any]:
    item: dict[str, Any] = {}
    names = PARAMETER.findall(route.path)
    if names:
        item["parameters"] = [{"name": name, "in": "path", "required": True,
                               "schema": IDENT if name == "uuid" else ANY_NAME} for name in names]
        # What takes several segments is sent with its slashes.
        if "+}" in route.path:
            item["parameters"][-1]["description"] = "One, or several with slashes between them."
    for method, handler in route.handlers.items():
        item[method.lower()] = _operation(route, method, description_of(handler) or Description(), components, dialect)
        _link(item[method.lower()], route, method, table)
    return item


def _operation(route: Route, method: str, described: Description, components: Components,
               dialect: Dialect) -> dict[str, Any]:
    rule = route.rules[method]
    summary, more = _words(route.handlers[method])
    role = ROLES.get(rule.check, rule.check)
    found: dict[str, Any] = {
        "operationId": operation_id(method, route.path), "tags": [_tag(route.path)], "summary": summary,
        "description": more, "security": [] if rule.check == ANYONE else [{"token": [role]}],
        "x-policy-rule": rule.name}
    parameters = [_parameter(argument) for argument in described.query]
    parameters += [{"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
                   for name, text in described.headers.items()]
    if parameters:
        found["parameters"] = parameters
    if described.body is not None:
        media = (JSON, JSON_PATCH) if isinstance(described.body, Patch) else described.body_media
        schema = components.sent(described.body)
        found["requestBody"] = {"required": described.body_required,
                                "content": {kind: {"schema": schema} for kind in media}}
    found["responses"] = {str(status): _response(answer, components)
                          for status, answer in sorted(described.answers.items())}
    for status in _errors(route, method, described, dialect):
        found["responses"].setdefault(str(status), {"$ref": f"#/components/responses/error_{status}"})
    return {key: value for key, value in found.items() if value != ""}


def _errors(route: Route, method: str, described: Description, dialect: Dialect) -> Iterable[int]:
    """The error statuses of every such operation and the declared ones."""
    found = {400, 500, 503, *described.errors}
    if route.rules[method].check != ANYONE:
        found |= {401, 403}
    if PARAMETER.search(route.path):
        found.add(404)
    if described.body is not None or method in WITH_BODY:
        found |= {408, 413}
    if method in WITH_BODY and dialect.strict_content_type:
        found.add(415)
    return sorted(found)


def _parameter(argument: Argument) -> dict[str, Any]:
    schema = query_schema(argument)
    found: dict[str, Any] = {"name": argument.name, "in": "query", "schema": schema}
    if argument.text:
        found["description"] = argument.text
    if argument.repeated:
        found.update(style="form", explode=True)
    return found


def query_schema(argument: Argument) -> dict[str, Any]:
    """The schema of the argument's values; also accepts an empty value, which counts as absent."""
    accepted = argument.datatype.accepted()
    if argument.repeated:
        return {"type": "array", "items": accepted}
    forms = accepted["anyOf"] if set(accepted) == {"anyOf"} else [accepted]
    return {"anyOf": [*forms, {"const": ""}]}


def _response(answer: Answer, components: Components) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.text, "headers": _headers()}
    if answer.content:
        found["content"] = {media: {"schema": components.answered(content)}
                            for media, content in answer.content.items()}
    return found


def _error(status: int, dialect: Dialect) -> dict[str, Any]:
    headers = _headers()
    if status == 401:
        headers["WWW-Authenticate"] = {"schema": {"type": "string"}, "required": True,
                                       "description": "URL of the identity service."}
        return {"description": TEXTS[status], "headers": headers, "content": {
            JSON: {"schema": {"type": "object", "required": ["error"], "properties": {"error": {
                "type": "object", "required": ["code", "title", "message"]}}}}}}
    if status == 503:
        headers["Retry-After"] = {"schema": {"type": "string"}, "description": "Seconds."}
    return {"description": TEXTS[status], "headers": headers,
            # XML for clients that accept nothing else.
            "content": {JSON: {"schema": error_schema(status, dialect)}, XML: {"schema": {"type": "string"}}}}


def error_schema(status: int, dialect: Dialect) -> dict[str, Any]:
    """The schema of an error body: one key with a JSON string that contains JSON, of a domain error or a web error;
    or what the dialect says."""
    if dialect.fault_schema is not None:
        return dict(dialect.fault_schema)
    domain = _exactly({"debuginfo": {"type": "null"}, "faultcode": {"enum": ["Client", "Server"]},
                       "faultstring": {"type": "string"}}, dialect.fault_keys)
    if dialect.web_errors == "title":
        web = _exactly({"code": {"const": status}, "title": {"type": "string"},
                        "description": {"type": ["string", "null"]}}, ("code", "title", "description"))
    else:
        web = _exactly({"faultstring": {"type": "string"}}, ("faultstring",))
    text = {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": [domain, web]}}
    return _exactly({"error_message": text}, ("error_message",))


def _exactly(properties: dict[str, Any], order: Iterable[str]) -> dict[str, Any]:
    names = list(order)
    return {"type": "object", "properties": {name: properties[name] for name in names}, "required": names,
            "additionalProperties": False}


def _headers() -> dict[str, Any]:
    return {"X-Openstack-Request-Id": {"$ref": "#/components/headers/RequestId"}}


def _link(operation: dict[str, Any], route: Route, method: str, table: RouteTable) -> None:
    """Add links from a page to the operations on one of its elements."""
    described = description_of(route.handlers[method])
    answer = described.answers.get(200) if described is not None else None
    page = answer.content.get(JSON) if answer is not None else None
    if method != "GET" or not isinstance(page, ViewPage) or "{" in route.path:
        return
    links = {}
    for other in table.routes:
        name = PARAMETER.findall(other.path)
        if len(name) == 1 and other.path.startswith(f"/v1/{page.envelope}/{{"):
            for verb in other.handlers:
                target = operation_id(verb, other.path)
                links[target] = {"operationId": target,
                                 "parameters": {name[0]: f"$response.body#/{page.envelope}/0/uuid"}}
    if links:
        operation["responses"]["200"]["links"] = links


def _words(handler: Any) -> tuple[str, str]:
    """Summary and description from the docstring."""
    summary, _, more = (inspect.getdoc(handler) or "").partition("\n")
    return summary, more.strip()


def _tag(path: str) -> str:
    parts = [part for part in path.split("/") if part and not part.startswith("{")]
    return parts[1] if len(parts) > 1 else "versions"
