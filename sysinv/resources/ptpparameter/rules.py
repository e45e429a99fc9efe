# SPDX-License-Identifier: Apache-2.0
"""Rules of PTP parameters: what one owner, a PTP instance or a PTP interface, may have together."""
from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from flock.core import ids
from flock.core.errors import Conflict, NotFound, Refused

GLOBAL = "global"
SECTION_LENGTH_MAX, NAME_LENGTH_MAX, VALUE_LENGTH_MAX = 255, 255, 1024
SECTION_PATTERN = r"[A-Za-z0-9_.:\-/<>{}]+"
NAME_PATTERN = rf"[A-Za-z0-9_.\-]{{1,{NAME_LENGTH_MAX}}}"
VALUE_PATTERN = rf"[!-~]([ -~]{{0,{VALUE_LENGTH_MAX - 2}}}[!-~])?"
PARAMETERS_MAX = 256
UNICAST_TABLE = "unicast_master_table"
TABLE_ID, INTERVAL, PEER = "table_id", "logQueryInterval", "peer_address"
TRANSPORTS = ("L2", "UDPv4", "UDPv6")
_TABLE_ID_MAX = 2**31 - 1
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")


class ParameterRefused(Refused):
    """A rule about PTP parameters refuses a request."""

    code: ClassVar[str] = "sysinv.ptp_parameter.refused"


class ParameterExists(Conflict):
    """There is such a parameter already."""

    code: ClassVar[str] = "sysinv.ptp_parameter.exists"


class ParameterNotFound(NotFound):
    """The owner does not have that parameter."""

    code: ClassVar[str] = "sysinv.ptp_parameter.not_found"
    text: ClassVar[str] = "{owner} has no parameter {parameter}."


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; owners with the same one share its row."""

    section: str
    name: str
    value: str

    @property
    def pair(self) -> str:
        """The parameter as clients write it."""
        return f"{self.name}={self.value}"

    def __str__(self) -> str:
        return f"{self.pair} in section {self.section}"


@dataclass(frozen=True, slots=True)
class Operation:
    """A parameter that is added to an owner or removed from it."""

    adds: bool
    parameter: Parameter


@dataclass(frozen=True, slots=True)
class Owner:
    """What has parameters; ``text`` names it in refusals, ``sections``: whether it may have other ones than global."""

    text: str
    sections: bool


def operation(adds: bool, value: str, section: str, known: Mapping[str, Parameter]) -> Operation | None:
    """Return the operation for ``name=value``, or for a uuid; None when ``known`` has no parameter of that uuid."""
    if ids.is_uuid(value):
        parameter = known.get(value.lower())
        return None if parameter is None else Operation(adds, parameter)
    name, _, text = value.partition("=")
    return Operation(adds, Parameter(section, name, text))


def changed(owner: Owner, known: Sequence[Parameter], operations: Iterable[Operation]) -> tuple[Parameter, ...]:
    """Return what an owner has after ``operations``, which are carried out in their order.

    Only the result must comply with the rules, so one request can replace a value.
    ParameterRefused, ParameterExists, ParameterNotFound.
    """
    found = dict.fromkeys(known)
    for one in operations:
        if one.adds and one.parameter in found:
            raise ParameterExists(detail=f"{owner.text} already has parameter {one.parameter}.")
        if one.adds:
            found[one.parameter] = None
        elif one.parameter not in found:
            raise ParameterNotFound(owner=owner.text, parameter=str(one.parameter))
        else:
            del found[one.parameter]
    after = tuple(found)
    check(owner, after)
    return after


def with_value(owner: Owner, known: Sequence[Parameter], parameter: Parameter, value: str) -> Parameter:
    """Return ``parameter`` with another value, which ``owner`` may have in its place; ParameterRefused."""
    new = replace(parameter, value=value)
    check(owner, [new if one == parameter else one for one in known])
    return new


def check(owner: Owner, parameters: Sequence[Parameter]) -> None:
    """Raise ParameterRefused when one owner may not have these parameters together."""
    refusal = _refusal(owner, parameters)
    if refusal is not None:
        raise ParameterRefused(detail=f"{owner.text}: {refusal}")


def _refusal(owner: Owner, parameters: Sequence[Parameter]) -> str | None:
    if len(parameters) > PARAMETERS_MAX:
        return f"at most {PARAMETERS_MAX} parameters are possible."
    sections: dict[str, list[Parameter]] = defaultdict(list)
    for one in parameters:
        sections[one.section].append(one)
    tables: dict[int, str] = {}
    for section, members in sections.items():
        if section != GLOBAL and not owner.sections:
            return f"parameters of PTP interfaces have no other section than {GLOBAL}, so {section} is not possible."
        is_table = section.startswith(UNICAST_TABLE)
        refusal = (_table_refusal(members) if is_table else None) or _repetition(members, is_table)
        if refusal is not None:
            return f"section {section}: {refusal}"
        for one in members:
            if is_table and one.name == TABLE_ID:
                other = tables.setdefault(int(one.value), section)
                if other != section:
                    return f"section {section}: table_id {one.value} is that of section {other}."
    return None


def _repetition(members: Sequence[Parameter], is_table: bool) -> str | None:
    """Refuse several values of a name, of which the service would use any; a table has several addresses."""
    values: dict[str, list[str]] = defaultdict(list)
    for one in members:
        if not (is_table and one.name in TRANSPORTS):
            values[one.name].append(one.value)
    repeated = next((name for name, found in values.items() if len(found) > 1), None)
    if repeated is None:
        return None
    return f"{repeated} can have only one value, not {' and '.join(values[repeated])}. Remove the other one first, " \
           "or in the same request."


def _table_refusal(members: Sequence[Parameter]) -> str | None:
    """Refuse what is no entry of a table of unicast masters."""
    for one in members:
        rule = _TABLE_RULES.get(one.name)
        if rule is None:
            return f"parameter {one.name} is not possible there. It must be one of: {', '.join(_TABLE_RULES)}."
        text, fits = rule
        if not fits(one.value):
            return f"{one.pair} is not possible. {one.name} must be {text}."
    used = [name for name in TRANSPORTS if any(one.name == name for one in members)]
    if len(used) > 1:
        return f"{', '.join(TRANSPORTS)} can not be mixed in one table, but it would have {' and '.join(used)}."
    return None


def _integer(minimum: int, maximum: int) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        return re.fullmatch(r"0|-?[1-9][0-9]{0,9}", value) is not None and minimum <= int(value) <= maximum
    return fits


def _address(*versions: int) -> Callable[[str], bool]:
    def fits(value: str) -> bool:
        try:
            return ipaddress.ip_address(value).version in versions
        except ValueError:
            return False
    return fits


_TABLE_RULES: Mapping[str, tuple[str, Callable[[str], bool]]] = {
    TABLE_ID: ("a positive integer", _integer(1, _TABLE_ID_MAX)),
    INTERVAL: ("an integer from -128 to 127", _integer(-128, 127)),
    PEER: ("an IPv4 or IPv6 address", _address(4, 6)),
    "L2": ("a MAC address", lambda value: _MAC.fullmatch(value) is not None),
    "UDPv4": ("an IPv4 address", _address(4)),
    "UDPv6": ("an IPv6 address", _address(6)),
}
