# SPDX-License-Identifier: Apache-2.0
"""Pure conversion of one host of a file to the values of a new host, by the types of ``POST /v1/ihosts``."""
from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flock.core.errors import InvalidInput
from flock.wire.errors import BadField, shown
from flock.wire.resource import given, parse_body
from flock.wire.types import Boolean
from sysinv.contract.enums import Personality
from sysinv.resources.bulk.fields import ELEMENTS, IGNORED, POWER_ON, BulkHost
from sysinv.resources.bulk.reading import RawHost

# An empty text is a value of these: a host without serial console, for example. Other empty elements are as if missing.
_MAY_BE_EMPTY = frozenset({"console", "tboot"})
_NAMED_BY_SYSTEM = (Personality.CONTROLLER, Personality.STORAGE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One host of a file. ``name``: its hostname as the file has it; ``refusal``: why it cannot be read.

    ``no_password``: it has an empty element for the password of its BMC, as exported files do.
    """

    index: int
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    power_on: bool = False
    no_password: bool = False
    refusal: str = ""

    @property
    def title(self) -> str:
        """The host in an error about the file."""
        return self.name or f"with index {self.index}"


def entries(hosts: Sequence[RawHost]) -> list[Entry]:
    """Return the hosts of a file in its order."""
    return [_entry(index, host) for index, host in enumerate(hosts)]


def _entry(index: int, host: RawHost) -> Entry:
    texts = {name: text.strip() for name, text in host}
    name = shown(texts.get("hostname", ""))
    try:
        _check_names(host)
        power_on = _power_on(texts.get(POWER_ON))
        values = given(parse_body(BulkHost, _body(texts)))
    except InvalidInput as refusal:
        return Entry(index, name, refusal=str(refusal))
    return Entry(index, name, values, power_on, no_password=texts.get("bm_password") == "")


def _check_names(host: RawHost) -> None:
    for name, count in Counter(name for name, _ in host).items():
        if name not in ELEMENTS:
            raise InvalidInput(field=shown(name), rule=f"A host may have: {', '.join(ELEMENTS)}.")
        if count > 1:
            raise InvalidInput(field=name, rule="A host may have it once.")


def _body(texts: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {name: text for name, text in texts.items()
                            if name not in IGNORED and name != POWER_ON and (text or name in _MAY_BE_EMPTY)}
    if texts.get("personality") in _NAMED_BY_SYSTEM:
        body.pop("hostname", None)
    if texts.get("location", "").startswith("{"):
        # The field would take such a text for JSON.
        body["location"] = {"locn": texts["location"]}
    return body


def _power_on(text: str | None) -> bool:
    """Return whether the element is there and does not say no."""
    if not text:
        return text is not None
    try:
        return Boolean().validate(text)
    except ValueError as error:
        raise BadField(field=POWER_ON, value=shown(text), rule=str(error)) from None
