# SPDX-License-Identifier: Apache-2.0
"""The columns of the command line are fields of the wire, under the labels that the declarations give."""
from __future__ import annotations

import importlib

import pytest

from flock.cli.commands import ListCommand, ShowCommand
from flock.cli.scan import commands
from flock.wire.resource import Resource
from tests.registry import SUBSYSTEMS

COMPUTED = {"alarm-summary"}  # counts, no stored resource
ROW = {"id", "uuid", "created_at", "updated_at", "links"}


def declared(module: str) -> dict[str, str | None]:
    """Wire names and labels of all resources and schemas that the slice of a cli module declares."""
    fields = importlib.import_module(module.rpartition(".")[0] + ".fields")
    found: dict[str, str | None] = {}
    for value in vars(fields).values():
        if isinstance(value, type) and issubclass(value, Resource):
            for attribute in value._wsme_attributes:
                found.setdefault(attribute.name, getattr(attribute, "label", None))
        elif isinstance(value, dict) and isinstance(value.get("properties"), dict):  # a JSON schema
            found.update(dict.fromkeys(value["properties"]))
    return found


CASES = [(name, factory) for subsystem in SUBSYSTEMS
         for name, factory in sorted(commands(f"{subsystem}.resources").items())
         if issubclass(factory, (ListCommand, ShowCommand)) and name not in COMPUTED]


@pytest.mark.parametrize(("name", "factory"), CASES, ids=[name for name, _ in CASES])
def test_columns_are_declared(name: str, factory: type) -> None:
    known = declared(factory.__module__)
    shown = factory.columns if issubclass(factory, ListCommand) else factory.fields
    assert [column.field for column in shown if column.field not in known.keys() | ROW] == []
    if issubclass(factory, ListCommand):
        wrong = {column.field: (column.title, known[column.field]) for column in shown
                 if known.get(column.field) and column.title != known[column.field]}
        assert wrong == {}
