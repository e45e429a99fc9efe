# SPDX-License-Identifier: Apache-2.0
"""Packages whose names are loaded at first use, so that who needs one of them does not pay for the libraries of all."""
from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def names_of(package: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package. ``homes``: by module below the package, the names that it has.

    No module may be called like one of the names: as an attribute of the package it would hide the name.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home_of[name]}"), name)

    return load
