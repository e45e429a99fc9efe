# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of request and response bodies: resources become components, envelopes and patches are inline."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flock.api.describe import AnyOf, Encoded, Patch, View, ViewPage
from flock.wire import schema as schemas
from flock.wire.patch import OPERATIONS_MAX
from flock.wire.resource import Resource
from flock.wire.schema import Schema


class Components:
    """The named schemas of one document; the methods return references to them."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def answered(self, content: Any) -> Schema:
        """Schema of the content of a response."""
        if isinstance(content, type) and issubclass(content, Resource):
            return self._view(View(content))
        if isinstance(content, View):
            return self._view(content)
        if isinstance(content, ViewPage):
            return self._page(content)
        return self._either(content, self.answered)

    def sent(self, content: Any) -> Schema:
        """Schema of a request body."""
        if isinstance(content, type) and issubclass(content, Resource):
            return self._named(content.__name__, schemas.sent(content, self.sent), "Sent")
        if isinstance(content, Patch):
            return _patch(content)
        return self._either(content, self.sent)

    @staticmethod
    def _either(content: Any, inner: Callable[[Any], Schema]) -> Schema:
        if isinstance(content, Encoded):
            return {"type": "string", "contentMediaType": "application/json", "contentSchema": inner(content.content)}
        if isinstance(content, AnyOf):
            return {"anyOf": [inner(one) for one in content.contents]}
        if isinstance(content, dict):
            return content
        raise TypeError(f"no schema for {content!r}")

    def _view(self, view: View) -> Schema:
        found = schemas.answered(view.resource, self.answered, view.fields)
        found["properties"].update(view.extra)
        if view.extra:
            found["required"] = [*found.get("required", []), *view.extra]
        return self._named(view.name or view.resource.__name__, found, "View")

    def _page(self, page: ViewPage) -> Schema:
        items = [self._view(view) for view in page.items]
        following: Schema = {"type": "string", "description": "URL of the next page; absent on the last page."}
        return {"type": "object", "required": [page.envelope], "additionalProperties": False, "properties": {
            page.envelope: {"type": "array", "items": items[0] if len(items) == 1 else {"anyOf": items}},
            "next": following, **page.extra}}

    def _named(self, name: str, schema: Schema, suffix: str) -> Schema:
        """A reference to the component ``name``, or to ``name + suffix`` if another schema has that name."""
        name = name if self.schemas.get(name, schema) == schema else name + suffix
        if self.schemas.setdefault(name, schema) != schema:
            raise ValueError(f"two schemas are called {name}: give one of the views a name")
        return {"$ref": f"#/components/schemas/{name}"}


def _patch(patch: Patch) -> Schema:
    forms: list[Schema] = []
    writing = [operation for operation in patch.operations if operation != "remove"]
    for name, datatype in patch.names.items():
        value = {} if datatype is None else datatype.accepted()
        value = schemas.nullable(value) if patch.empty_values else value
        forms.append({
            "type": "object", "required": ["op", "path", *(() if patch.empty_values else ("value",))],
            "properties": {"op": {"enum": writing}, "path": {"const": f"/{name}"}, "value": value}})
    if len(writing) < len(patch.operations):
        forms.append({"type": "object", "required": ["op", "path"], "properties": {
            "op": {"const": "remove"}, "path": {"enum": [f"/{name}" for name in patch.names]}}})
    forms += [{
        "type": "object", "required": ["op", "path", "value"],
        "properties": {"op": {"enum": ["add", "remove"]}, "path": {"const": f"/{name}/-"},
                       **{key: datatype.accepted() for key, datatype in types.items()}}}
        for name, types in patch.members.items()]
    return {"type": "array", "minItems": 1, "maxItems": OPERATIONS_MAX,
            "items": forms[0] if len(forms) == 1 else {"anyOf": forms}}
