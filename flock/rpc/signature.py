# SPDX-License-Identifier: Apache-2.0
"""The arguments and the result of an interface's methods, from their annotations: codecs, schema and fingerprint."""
from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import inspect
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flock.core.codec import Codec, codec_for
from flock.core.errors import InvalidInput
from flock.core.records import members
from flock.core.shape import Named, shape
from flock.rpc.interface import MethodSpec, interface_spec

_REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    """Codecs of one method's keyword arguments, taken together as one record, and of its result."""

    spec: MethodSpec
    record: Any
    arguments: Codec
    result: Codec

    def encode_arguments(self, given: Mapping[str, Any]) -> bytes:
        """JSON of all arguments; InvalidInput when one is unknown, missing or of the wrong type."""
        known = members(self.record)
        for name in given:
            if name not in known:
                raise InvalidInput(field=name, rule=f"is not an argument of {self.spec.name}")
        for name, (_, default) in known.items():
            if name not in given and not default:
                raise InvalidInput(field=name, rule="is required")
        return self.arguments.encode(self.record(**given), "")

    def decode_arguments(self, data: bytes) -> dict[str, Any]:
        """Keyword arguments from JSON; InvalidInput when one does not fit.

        An argument that an older client omits takes its default. Ignores arguments that a newer client adds.
        """
        found = self.arguments.decode(data, "")
        return {name: getattr(found, name) for name in members(self.record)}


def signatures(interface: type) -> dict[str, Signature]:
    """All methods of ``interface`` by name; TypeError when a signature has a type that cannot be sent."""
    return _compiled(interface)


def schema(interface: type) -> dict[str, Any]:
    """The interface as JSON: its methods, and their records and enums down to the leaves."""
    return _schema(interface)


def fingerprint(interface: type) -> str:
    """Sixteen hex digits that change with anything in ``schema`` but the version."""
    return _fingerprint(interface)


@functools.cache
def _compiled(interface: Any) -> dict[str, Signature]:
    found: dict[str, Signature] = {}
    for name, spec in interface_spec(interface).methods.items():
        hints = typing.get_type_hints(vars(interface)[name])
        fields = [(item.name, hints[item.name], _field(item.default)) for item in _parameters(interface, name)]
        record = dataclasses.make_dataclass(f"{name}_arguments", fields, kw_only=True, frozen=True)
        found[name] = Signature(spec, record, codec_for(record), codec_for(hints.get("return", type(None))))
    return found


@functools.cache
def _schema(interface: Any) -> dict[str, Any]:
    spec, named = interface_spec(interface), Named()
    methods: dict[str, Any] = {}
    for name, signature in signatures(interface).items():
        methods[name] = {
            "kind": "cast" if signature.spec.timeout_s is None else "call",
            "arguments": {argument: {"type": shape(kind, named), "default": default}
                          for argument, (kind, default) in members(signature.record).items()},
            "result": shape(typing.get_type_hints(vars(interface)[name]).get("return", type(None)), named),
        }
    return {"topic": spec.topic, "namespace": spec.namespace, "version": spec.version, "methods": methods,
            "types": named}


@functools.cache
def _fingerprint(interface: Any) -> str:
    fields = {name: value for name, value in schema(interface).items() if name != "version"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def _parameters(interface: Any, name: str) -> list[inspect.Parameter]:
    return list(inspect.signature(vars(interface)[name]).parameters.values())[1:]


def _field(default: Any) -> Any:
    if default is _REQUIRED:
        return dataclasses.field()
    return dataclasses.field(default_factory=lambda: copy.copy(default))
