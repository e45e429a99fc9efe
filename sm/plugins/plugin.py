# SPDX-License-Identifier: Apache-2.0
"""What a plug-in is: given a job, it makes one attempt and says how it ended. Finds the plug-ins by scanning.

A module of ``sm.plugins`` with an attribute ``PLUGIN`` is a plug-in; ``PLUGIN(tools)`` makes it.
"""
from __future__ import annotations

import importlib
import logging
import pkgutil
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from sm.contract.states import PluginKind
from sm.core.model import ActionSpec, ServiceSpec
from sm.plugins.scope import Scopes
from sm.systemd.units import Units

LOG = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+-]{0,254}")


@dataclass(frozen=True, slots=True)
class Job:
    """One action of one service, to be attempted once."""

    service: ServiceSpec
    spec: ActionSpec

    def parameters(self) -> dict[str, str]:
        """The parameters of the service, then those of the action, which win."""
        return {**self.service.parameters, **self.spec.parameters}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: a decimal exit code, and what there is to say about it (at most 4096 characters)."""

    code: int
    text: str = ""


class PluginFailed(Exception):
    """The plug-in could not do its work. The outcome is ``plugin-failure``, with the text of the exception."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the shell lends to plug-ins. ``root``: where the directories of scripts begin; another one in tests.
    ``marks``: the directory with a file for each unit that shall stand by when it is started."""

    scopes: Scopes
    units: Units
    root: Path = Path("/")
    marks: Path = Path("/run/sm/standby")


class Plugin(Protocol):
    """Executes the actions of services of one kind. The catalogue's rows of results give its exit codes a meaning."""

    kind: ClassVar[PluginKind]

    async def attempt(self, job: Job) -> Outcome:
        """Make one attempt. Raises PluginFailed.

        The runner cancels it at the time limit. It must then end all that it has started before it returns.
        """

    async def close(self) -> None:
        """Give back what it holds; no attempt is running any more."""


def checked_name(name: str, field: str) -> str:
    """``name`` if it can be one part of a path and no option. Raises PluginFailed."""
    if not _NAME.fullmatch(name):
        raise PluginFailed(f"{field} must be letters, digits and any of _.@:+-, and begin with a letter or digit")
    return name


def whole(parameters: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    """The parameter ``name`` as a number from ``low`` to ``high``. Raises PluginFailed."""
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise PluginFailed(f"parameter {name} must be a whole number from {low} to {high}")
    return int(text)


def load(tools: Tools, package: str = "sm.plugins") -> tuple[dict[PluginKind, Plugin], dict[str, str]]:
    """All plug-ins of ``package`` by kind, and why the others cannot be used, by module."""
    plugins: dict[PluginKind, Plugin] = {}
    broken: dict[str, str] = {}
    for found in sorted(pkgutil.iter_modules(importlib.import_module(package).__path__), key=lambda item: item.name):
        try:
            made = getattr(importlib.import_module(f"{package}.{found.name}"), "PLUGIN", None)
            plugin: Plugin | None = made(tools) if made is not None else None
        except Exception as exc:
            LOG.exception("The plug-in %s cannot be used", found.name)
            broken[found.name] = f"{type(exc).__name__}: {exc}"
            continue
        if plugin is None:
            continue
        if plugin.kind in plugins:
            broken[found.name] = f"There is another plug-in of kind {plugin.kind}."
            continue
        plugins[plugin.kind] = plugin
    return plugins, broken
