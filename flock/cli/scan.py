# SPDX-License-Identifier: Apache-2.0
"""Finds the commands: every ``<package>/resources/<noun>/cli.py`` publishes ``COMMANDS = {"host-list": HostList}``."""
from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

from cliff.command import Command
from cliff.commandmanager import CommandManager


def cli_modules(resources: str) -> list[str]:
    """Module names of the slices of package ``resources`` that have commands, sorted."""
    spec = importlib.util.find_spec(resources)
    roots = list(spec.submodule_search_locations or ()) if spec else []
    return sorted(f"{resources}.{path.parent.name}.cli" for root in roots for path in Path(root).glob("*/cli.py"))


def commands(resources: str, table: str = "COMMANDS") -> dict[str, type[Command]]:
    """All commands of the slices; a name that two slices publish is a programming error."""
    found: dict[str, type[Command]] = {}
    for name in cli_modules(resources):
        module = importlib.import_module(name)
        for command, factory in getattr(module, table, {}).items():
            if command in found:
                raise ValueError(f"command {command!r} is published by {found[command].__module__} and {name}")
            found[command] = factory
    return found


def manager(resources: Iterable[str]) -> CommandManager:
    """A cliff command manager that holds the commands of these packages."""
    loaded = CommandManager(None, convert_underscores=False)
    for package in resources:
        for name, factory in commands(package).items():
            loaded.add_command(name, factory)
    return loaded
