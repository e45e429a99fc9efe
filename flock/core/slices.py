# SPDX-License-Identifier: Apache-2.0
"""Finds the parts of resources: ``<package>/<noun>/<part>.py``. The directory is the list; there is no other."""
from __future__ import annotations

import importlib
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
