# SPDX-License-Identifier: Apache-2.0
"""Reads ``schema/<service>.yaml``: the services with their sections and parameters, found by scanning."""
from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from sysinv.resources.serviceparameter.rules import (
    CHECKS,
    PERSONALITIES,
    Definition,
    Effect,
    Schema,
    Section,
)
from sysinv.resources.serviceparameter.values import KINDS, ValueRule

DIRECTORY = Path(__file__).parent / "schema"
_SECTION = {"effect", "classes", "personalities", "parameters", "any", "collect", "check", "used_by"}
_RULE = {"type", "min", "max", "values", "also", "pattern"}
_DEFINITION = {*_RULE, "default", "mandatory", "readonly", "secret", "key", "unit"}


@functools.cache
def schema() -> Schema:
    """Return the product's services by name, with their sections by name."""
    return read(DIRECTORY)


def read(directory: Path) -> Schema:
    """Return the services of the files of a directory; TypeError names the file and what is wrong in it."""
    found: dict[str, Mapping[str, Section]] = {}
    for path in sorted(directory.glob("*.yaml")):
        try:
            document = yaml.safe_load(path.read_text())
            _only(document, {"service", "sections"})
            if document["service"] != path.stem:
                raise TypeError("service must be the name of the file")
            found[path.stem] = {name: _section(path.stem, name, one) for name, one in document["sections"].items()}
        except (TypeError, KeyError, ValueError, AttributeError, re.error, yaml.YAMLError) as error:
            raise TypeError(f"{path.name}: {error}") from error
    return found


def _only(document: Mapping[str, Any], names: Collection[str]) -> None:
    unknown = set(document) - set(names)
    if unknown:
        raise TypeError(f"unknown {', '.join(sorted(unknown))}")


def _section(service: str, name: str, document: Mapping[str, Any]) -> Section:
    _only(document, _SECTION)
    given = document.get("any")
    any_name = None
    if given is not None:
        _only(given, {*_RULE, "name"})
        re.compile(given["name"])
        any_name = (given["name"], _rule(given))
    made = Section(
        service, name, Effect(document["effect"]), tuple(document.get("classes", ())),
        tuple(document.get("personalities", ())),
        {one: _definition(one, values) for one, values in document.get("parameters", {}).items()}, any_name,
        document.get("collect"), document.get("check"), document.get("used_by", ""))
    if bool(made.classes) is (made.effect is Effect.STORED) or bool(made.classes) is not bool(made.used_by):
        raise TypeError(f"{name}: a section that hosts apply has classes and used_by, another one has neither")
    if not set(made.personalities) <= set(PERSONALITIES) or (made.check is not None and made.check not in CHECKS):
        raise TypeError(f"{name}: unknown personality or check")
    return made


def _definition(name: str, document: Mapping[str, Any]) -> Definition:
    _only(document, _DEFINITION)
    made = Definition(name, _rule(document), document.get("default"), document.get("mandatory", False),
                      document.get("readonly", False), document.get("secret", False), document.get("key"),
                      document.get("unit", ""))
    if made.default is not None and made.rule.broken(made.default) is not None:
        raise TypeError(f"{name}: the default breaks the rule")
    if made.mandatory and made.default is None:
        raise TypeError(f"{name}: what is mandatory has a default")
    if made.secret and made.key is not None:
        raise TypeError(f"{name}: a secret has no key of the data that everybody sees")
    return made


def _rule(document: Mapping[str, Any]) -> ValueRule:
    kind = document["type"]
    if kind not in KINDS:
        raise TypeError(f"unknown type {kind}")
    re.compile(document.get("pattern", ""))
    limits: dict[str, Any] = {}
    if kind in ("text", "url"):
        limits["length_max"] = document.get("max", 4096)
    elif "max" in document:
        limits["most"] = document["max"]
    return ValueRule(kind, document.get("min", 0), values=tuple(document.get("values", ())),
                     also=tuple(document.get("also", ())), pattern=document.get("pattern", ""), **limits)
