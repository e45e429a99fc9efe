# SPDX-License-Identifier: Apache-2.0
"""What one method of an interface takes and gives, compiled from its annotations into codecs."""
from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flock.core.errors import InvalidInput
from flock.rpc.codec import Codec, codec_for
from flock.rpc.interface import MethodSpec, interface_spec

_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """Codecs of one method's keyword arguments and of its result."""

    spec: MethodSpec
    parameters: dict[str, Codec]
    defaults: dict[str, Any]
    result: Codec

    def encode_arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments as JSON values; InvalidInput when one is unknown, missing or of the wrong type."""
        self._check_names(given)
        return {name: self.parameters[name].encode(value, name) for name, value in given.items()}

    def decode_arguments(self, wire: Any) -> dict[str, Any]:
        """Keyword arguments from JSON values; what a caller of an older version omits takes its default."""
        if not isinstance(wire, dict):
            raise InvalidInput(field="arguments", rule="must be an object")
        self._check_names(wire)
        return {name: self.parameters[name].decode(value, name) for name, value in wire.items()}

    def _check_names(self, given: Mapping[str, Any]) -> None:
        for name in given:
            if name not in self.parameters:
                raise InvalidInput(field=name, rule=f"is not an argument of {self.spec.name}")
        for name in self.parameters:
            if name not in given and name not in self.defaults:
                raise InvalidInput(field=name, rule="is required")


def signatures(interface: type) -> dict[str, Signature]:
    """All methods of ``interface`` by name; TypeError when a type in a signature cannot travel."""
    return _compiled(interface)


@functools.cache
def _compiled(interface: Any) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    for name, spec in interface_spec(interface).methods.items():
        function = vars(interface)[name]
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        found[name] = Signature(
            spec=spec,
            parameters={parameter.name: codec_for(hints[parameter.name]) for parameter in parameters},
            defaults={item.name: item.default for item in parameters if item.default is not _REQUIRED},
            result=codec_for(hints.get("return", type(None))),
        )
    return found
