# SPDX-License-Identifier: Apache-2.0
"""All uses of a dependency's private members in this project; each module checks at import that they exist.

Only what correctness requires and the dependency's public API does not offer belongs here. ``setup.cfg`` sets an upper
bound for each such dependency. If a release lacks a member, the program stops at import with one clear sentence.
"""
from __future__ import annotations

import importlib
import importlib.metadata
from types import CodeType
from typing import Any


class MissingHook(ImportError):
    """A dependency lacks a private member that this project uses; raised at import instead of failing later."""


def load(package: str, module: str, needed_for: str) -> Any:
    """Import ``module`` of ``package``; MissingHook when it does not exist."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise missing(package, f"module {module}", needed_for) from exc


def require(package: str, owner: Any, name: str, needed_for: str) -> None:
    """Raise MissingHook unless ``owner`` (a class or module) has a member ``name`` or a method that uses that name."""
    codes: list[CodeType] = [member.__code__ for member in vars(owner).values() if hasattr(member, "__code__")]
    if not hasattr(owner, name) and not any(name in code.co_names for code in codes):
        raise missing(package, f"{getattr(owner, '__name__', owner)}.{name}", needed_for)


def missing(package: str, hook: str, needed_for: str) -> MissingHook:
    """The error for a missing ``hook``; ``needed_for`` states what depends on it."""
    return MissingHook(
        f"{package} {importlib.metadata.version(package)} has no {hook}, which is needed so that {needed_for}. Install "
        f"a version of {package} within the bounds of setup.cfg.")
