# SPDX-License-Identifier: Apache-2.0
"""Everything in this project that reaches into the inside of a dependency, each place checked when it is loaded.

Only what correctness needs and the dependency's public API does not give belongs here. ``setup.cfg`` bounds each
dependency named here from above; a release in which a hook is missing stops the program with one clear sentence.
"""
from __future__ import annotations

import importlib
import importlib.metadata
from types import CodeType
from typing import Any


class MissingHook(ImportError):
    """A dependency has changed inside, and what is built on it would fail later and in a worse place."""


def load(package: str, module: str, needed_for: str) -> Any:
    """The module ``module`` of ``package``; MissingHook when there is none."""
    try:
        return importlib.import_module(module)
    except ImportError as exc:
        raise missing(package, f"module {module}", needed_for) from exc


def require(package: str, owner: Any, name: str, needed_for: str) -> None:
    """MissingHook unless ``owner`` (a class or module) has ``name``: as a member, or in its methods as an attribute."""
    codes: list[CodeType] = [member.__code__ for member in vars(owner).values() if hasattr(member, "__code__")]
    if not hasattr(owner, name) and not any(name in code.co_names for code in codes):
        raise missing(package, f"{getattr(owner, '__name__', owner)}.{name}", needed_for)


def missing(package: str, hook: str, needed_for: str) -> MissingHook:
    """The sentence for a hook that is not there."""
    return MissingHook(
        f"{package} {importlib.metadata.version(package)} has no {hook}, which is needed so that {needed_for}. Install "
        f"a version of {package} within the bounds of setup.cfg.")
