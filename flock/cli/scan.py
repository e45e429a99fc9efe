# SPDX-License-Identifier: Apache-2.0
"""Finds the commands: every ``<package>/resources/<noun>/cli.py`` publishes ``COMMANDS = {"host-list": HostList}``."""
from __future__ import annotations

from collections.abc import Iterable

from cliff.command import Command
from cliff.commandmanager import CommandManager

from flock.core import slices


def commands(resources: str, table: str = "COMMANDS") -> dict[str, type[Command]]:
    """``{name: command class}`` of all slices; ValueError when two slices publish the same name."""
    found: dict[str, type[Command]] = {}
    for module in slices.modules(resources, "cli"):
        for command, factory in getattr(module, table, {}).items():
            if command in found:
                other = found[command].__module__
                raise ValueError(f"command {command!r} is published by {other} and {module.__name__}")
            found[command] = factory
    return found


def manager(resources: Iterable[str]) -> CommandManager:
    """A cliff command manager with the commands of these packages."""
    loaded = CommandManager(None, convert_underscores=False)
    for package in resources:
        for name, factory in commands(package).items():
            loaded.add_command(name, factory)
    return loaded
