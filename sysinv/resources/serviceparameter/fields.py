# SPDX-License-Identifier: Apache-2.0
"""``parameters``: parameters of services."""
from __future__ import annotations

from flock.wire.resource import Record, Resource, attr
from flock.wire.types import Text
from sysinv.resources.serviceparameter.rules import (
    NAME_LENGTH_MAX,
    PERSONALITIES,
    RESOURCE_LENGTH_MAX,
    SECTION_LENGTH_MAX,
    VALUE_LENGTH_MAX,
)

_SERVICE = Text(SECTION_LENGTH_MAX)
# A value is a line of a configuration file, so it can have no line break.
VALUE = Text(VALUE_LENGTH_MAX, 0, r"[^\n\r\t]*", "Value must not contain line breaks and tabulators.")
PARAMETERS = {"type": "object", "minProperties": 1, "maxProperties": 256,
              "propertyNames": {"maxLength": NAME_LENGTH_MAX}, "additionalProperties": {"type": "string"}}


class ServiceParameter(Record):
    """One parameter. ``value`` is ``****`` where it is secret."""

    envelope = "parameters"
    path = "service_parameter"
    service = attr(str, nullable=False)
    section = attr(str, nullable=False)
    name = attr(str, nullable=False)
    value = attr(VALUE, nullable=False)
    # Stored as empty text where there is none.
    personality = attr(PERSONALITIES, source="shown_personality")
    resource = attr(str, source="shown_resource")


class NewParameters(Resource):
    """The body of a POST: parameters of one section."""

    service = attr(_SERVICE)
    section = attr(_SERVICE)
    personality = attr(Text(SECTION_LENGTH_MAX))
    resource = attr(Text(RESOURCE_LENGTH_MAX))
    parameters = attr(dict)


class ParameterChange(Resource):
    """Fields of a PATCH. ``name`` names the parameter once more, and can not be changed."""

    name = attr(Text(NAME_LENGTH_MAX))
    value = attr(VALUE, secret=True)
    personality = attr(Text(SECTION_LENGTH_MAX))
    resource = attr(Text(RESOURCE_LENGTH_MAX))


class Application(Resource):
    """The body of ``apply``: without section, all sections of the service."""

    service = attr(_SERVICE)
    section = attr(_SERVICE)
