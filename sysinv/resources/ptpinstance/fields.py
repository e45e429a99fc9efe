# SPDX-License-Identifier: Apache-2.0
"""``ptp_instances``: a service of time synchronisation with its parameters, which hosts run that it is assigned to."""
from __future__ import annotations

from typing import Any

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import INT_MAX, Choice, Text, WireType
from sysinv.resources.ptpinstance.rules import NAME_LENGTH_MAX, NAME_PATTERN, SERVICES

REFERENCE_LENGTH_MAX = 255


class Reference(WireType):
    """What identifies an object: its id as number or text, its uuid, or its name."""

    name = "reference"
    _text = Text(REFERENCE_LENGTH_MAX, 1)

    def validate(self, value: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            if not 0 < value <= INT_MAX:
                raise ValueError("Value must be an id, a uuid or a name.")
            return str(value)
        return self._text.validate(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def accepted(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": INT_MAX}, self._text.accepted()]}


NAME = Text(NAME_LENGTH_MAX, 1, NAME_PATTERN,
            "Value may have letters, digits, '_', '.' and '-', begins with a letter or digit, and is not a number.")
SERVICE = Choice(SERVICES)
LIST = "ptp_instances"
# What an operation on ``/ptp_instances/-`` of a host has.
MEMBER: dict[str, WireType] = {"value": Reference()}


class PtpInstance(Record):
    """One PTP instance. ``parameters``: the parameters as ``name=value``, by section."""

    envelope = LIST
    id = attr(int, writer=SYSTEM, nullable=False)
    type = attr(str, writer=SYSTEM, nullable=False)
    name = attr(NAME, nullable=False)
    service = attr(SERVICE, nullable=False)
    hostnames = attr([str], writer=SYSTEM, nullable=False)
    parameters = attr(dict, writer=SYSTEM, nullable=False)
    capabilities = attr(dict, writer=SYSTEM, nullable=False)


class NewPtpInstance(Resource):
    """Body of ``POST /v1/ptp_instances``."""

    name = attr(NAME, mandatory=True)
    service = attr(SERVICE, mandatory=True)
