# SPDX-License-Identifier: Apache-2.0
"""Finds subsystems and the parts of their resources (``<package>/<noun>/<part>.py``); no other list names them."""
from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
from types import ModuleType


def names(package: str, part: str) -> list[str]:
    """Names of the modules ``<package>.<noun>.<part>`` that exist, sorted; imports ``<package>.<noun>`` only."""
    nouns = sorted(found.name for found in pkgutil.iter_modules(importlib.import_module(package).__path__)
                   if found.ispkg)
    wanted = [f"{package}.{noun}.{part}" for noun in nouns]
    return [name for name in wanted if importlib.util.find_spec(name) is not None]


def modules(package: str, part: str) -> list[ModuleType]:
    """The modules ``<package>.<noun>.<part>``, imported, by name."""
    return [importlib.import_module(name) for name in names(package, part)]


def subsystems() -> list[str]:
    """Names of the installed subsystems (entry points ``flock.subsystems``), sorted."""
    return sorted({found.name for found in importlib.metadata.entry_points(group="flock.subsystems")})
