# SPDX-License-Identifier: Apache-2.0
"""Reads YAML files into records; names every broken rule with its file, row and field.

It knows nothing of the catalogue, because programs that audits start every few seconds read their settings with it.
"""
from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import yaml

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.catalogue.problems import CatalogueRefused, Problem

Kind = TypeVar("Kind")
FILE_BYTES_MAX = 1_000_000


class _Loader(yaml.SafeLoader):
    """Plain YAML, except that a key may stand only once in a mapping.

    libyaml's loader is faster, and its process dies of a file with many open brackets.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice in one mapping", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


class Reader:
    """Collects the broken rules of one set of files, so that all of them are reported at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, file: str, row: str, field: str, rule: str) -> None:
        """Add a broken rule."""
        self.problems.append(Problem(file, row, field, rule))

    def document(self, path: Path) -> dict[str, Any]:
        """The mapping that a file holds; empty when it holds none, which is reported."""
        try:
            if path.stat().st_size > FILE_BYTES_MAX:
                raise ValueError(f"must be at most {FILE_BYTES_MAX} bytes long")
            raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
        except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
            self.wrong(path.name, "", "", " ".join(str(error).split()))
            return {}
        if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
            self.wrong(path.name, "", "", "must be a mapping whose keys are text")
            return {}
        return raw

    def record(self, kind: Any, raw: Any, file: str, row: str) -> Any:
        """A record of the type ``kind``; None when the document does not fit, which is reported."""
        self._unknown(kind, raw, file, row, "")
        try:
            return codec_for(kind).from_document(raw, "")
        except InvalidInput as error:
            self.wrong(file, row, error.params["field"], error.params["rule"])
            return None

    def _unknown(self, kind: Any, raw: Any, file: str, row: str, place: str) -> None:
        """Report keys that no field has: in files that people write, such a key is a slip."""
        if not isinstance(raw, dict):
            return
        if is_dataclass(kind):
            hints = get_type_hints(kind)
            for key, value in raw.items():
                if key in hints:
                    self._unknown(hints[key], value, file, row, f"{place}{key}.")
                else:
                    self.wrong(file, row, f"{place}{key}",
                               f"is not known here; known are {', '.join(sorted(hints))}")
            return
        inner = get_args(kind)
        # ``Family | None`` and ``Mapping[str, Mode]`` both have the type of the values in their arguments.
        for argument in inner:
            if is_dataclass(argument):
                for key, value in ({"": raw} if type(None) in inner else raw).items():
                    self._unknown(argument, value, file, row, f"{place}{key}." if key else place)

    def finish(self) -> None:
        """Raise CatalogueRefused when a rule is broken."""
        if self.problems:
            raise CatalogueRefused(self.problems)

    def settings(self, kind: type[Kind], raw: Any, file: str, broken: Callable[[Kind], list[tuple[str, str]]]) -> Kind:
        """The only record of a file; ``broken`` gives ``(field, rule)`` for each rule that it breaks. As ``finish``."""
        found: Kind | None = self.record(kind, raw, file, "")
        if found is not None:
            for field, rule in broken(found):
                self.wrong(file, "", field, rule)
        self.finish()
        assert found is not None  # noqa: S101 - finish has raised otherwise
        return found
