# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of resource declarations, for responses and for request bodies."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flock.wire import times
from flock.wire.resource import ADMIN, Attribute, Resource, Shape, shape
from flock.wire.types import Moment, WireType

Schema = dict[str, Any]
# Returns the schema (or a reference to it) of a resource inside another one.
Nested = Callable[[type[Resource]], Schema]

LINKS: Schema = {"type": "array", "items": {
    "type": "object", "required": ["href", "rel"], "additionalProperties": False,
    "properties": {"href": {"type": "string"}, "rel": {"type": "string"}, "type": {"type": "string"}}}}
ZONELESS: Schema = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?$",
                    "description": "UTC, without zone; the fraction is absent when it is 0."}
NULL: Schema = {"type": "null"}


def nullable(schema: Schema) -> Schema:
    """``schema`` or null."""
    if not schema:
        return schema
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if set(schema) == {"anyOf"}:
        return {"anyOf": [*schema["anyOf"], NULL]}
    return {"anyOf": [schema, NULL]}


def answered(resource: type[Resource], nested: Nested, fields: Sequence[str] | None = None) -> Schema:
    """Schema of a rendered resource: all fields that are not secret, or ``fields``; null where a value is absent.

    Marks every field as ``readOnly`` whose writer is not the operator.
    """
    declared = shape(resource)
    chosen = [a for a in declared.attributes if not a.secret and (fields is None or a.name in fields)]
    if fields is not None:
        chosen.sort(key=lambda attribute: fields.index(attribute.name))
    properties = {a.name: _answered(a, declared, nested) for a in chosen}
    required = [a.name for a in chosen if not a.optional]
    if declared.links and (fields is None or "links" in fields):
        properties["links"] = {**LINKS, "readOnly": True}
        required.append("links")
    return _object(resource, properties, required)


def sent(resource: type[Resource], nested: Nested) -> Schema:
    """Schema of the bodies that ``parse_body`` accepts: no unknown fields; null for fields that are not mandatory."""
    properties, required = {}, []
    for attribute in shape(resource).attributes:
        if attribute.readonly:
            continue
        schema = _type(attribute.datatype, nested, "accepted")
        schema = schema if attribute.mandatory else nullable(schema)
        properties[attribute.name] = _noted(attribute, schema, {"writeOnly": True} if attribute.secret else {})
        if attribute.mandatory:
            required.append(attribute.name)
    return _object(resource, properties, required)


def _object(resource: type[Resource], properties: Schema, required: list[str]) -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if resource.__doc__:
        found["description"] = " ".join(resource.__doc__.split())
    return {**found, "required": required} if required else found


def _answered(attribute: Attribute, declared: Shape, nested: Nested) -> Schema:
    datatype = attribute.datatype
    zoneless = isinstance(datatype, Moment) and declared.time_format is times.without_zone
    schema = ZONELESS if zoneless else _type(datatype, nested, "schema")
    schema = nullable(schema) if attribute.nullable else schema
    return _noted(attribute, schema, {} if attribute.writer is ADMIN else {"readOnly": True})


def _noted(attribute: Attribute, schema: Schema, notes: Schema) -> Schema:
    if attribute.document:
        notes = {**notes, "description": attribute.document}
    return {**schema, **notes}


def _type(datatype: Any, nested: Nested, form: str) -> Schema:
    if isinstance(datatype, WireType):
        found: Schema = getattr(datatype, form)()
        return found
    return nested(datatype)
