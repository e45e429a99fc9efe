# SPDX-License-Identifier: Apache-2.0
"""``ptp_parameters``: a parameter that one or more PTP instances and PTP interfaces have."""
from __future__ import annotations

from flock.wire.resource import SYSTEM, Record, Resource, attr
from flock.wire.types import Text, WireType
from sysinv.resources.ptpparameter.rules import (
    NAME_LENGTH_MAX,
    NAME_PATTERN,
    SECTION_LENGTH_MAX,
    SECTION_PATTERN,
    VALUE_LENGTH_MAX,
    VALUE_PATTERN,
)

# These texts become lines of configuration files, so none can have a line break.
SECTION = Text(SECTION_LENGTH_MAX, 1, SECTION_PATTERN,
               "A section may have letters, digits and the characters '_', '.', ':', '-', '/', '<', '>', '{' and '}'.")
VALUE = Text(VALUE_LENGTH_MAX, 1, VALUE_PATTERN, "Value must be printable ASCII without spaces at its ends.")
_UUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PAIR = Text(NAME_LENGTH_MAX + 1 + VALUE_LENGTH_MAX, 1, f"{NAME_PATTERN}={VALUE_PATTERN}|{_UUID}",
            "Value must be of the form name=value, or the uuid of a parameter. A name may have at most "
            f"{NAME_LENGTH_MAX} letters, digits, '_', '.' and '-'; a value is printable ASCII without spaces at its "
            f"ends, of at most {VALUE_LENGTH_MAX} characters.")
# What an operation on ``/ptp_parameters/-`` may have.
MEMBER: dict[str, WireType] = {"value": PAIR, "section": SECTION}
LIST = "ptp_parameters"


class PtpParameter(Record):
    """One parameter. ``owners``: the uuids of the PTP instances and PTP interfaces that have it."""

    envelope = LIST
    section = attr(SECTION, nullable=False)
    name = attr(str, nullable=False)
    value = attr(VALUE, nullable=False)
    owners = attr([str], writer=SYSTEM, nullable=False)


class PtpParameterChange(Resource):
    """Fields of a PATCH."""

    value = attr(VALUE)
