# SPDX-License-Identifier: Apache-2.0
"""The inside of dependencies is touched in one place, which says at once when something there is missing."""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock import foreign
from flock.foreign import MissingHook, load, require

ROOT = Path(__file__).parents[4]
PACKAGES = ("flock", "fm", "fm_api", "sysinv", "mtce", "devstack")
# Documented for users in spite of its name, the standard library's, and a package that is bounded for it (pysnmp).
ALLOWED = {"_mapping", "_exit", "_actions", "_value2member_map_", "_callback_function", "_wsme_attr_order"}


class Dependency:
    """One of another release."""

    def __init__(self) -> None:
        self._old = 1

    def there(self) -> None:
        """Still there."""


def test_a_missing_hook_is_said_with_package_version_and_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda package: "19.1")
    require("oslo.messaging", Dependency, "_old", "x")
    require("oslo.messaging", Dependency, "there", "x")
    with pytest.raises(MissingHook) as refused:
        require("oslo.messaging", Dependency, "_new", "calls end in time")
    assert str(refused.value) == (
        "oslo.messaging 19.1 has no Dependency._new, which is needed so that calls end in time. Install a version of "
        "oslo.messaging within the bounds of setup.cfg.")
    with pytest.raises(MissingHook, match=r"no module oslo_messaging\._elsewhere, which is needed so that"):
        load("oslo.messaging", "oslo_messaging._elsewhere", "x")


def test_each_dependency_that_is_touched_has_an_upper_bound() -> None:
    bounds = (ROOT / "setup.cfg").read_text()
    for path in Path(foreign.__file__).parent.glob("[a-z]*.py"):
        package = next(line.split('"')[1] for line in path.read_text().splitlines() if line.startswith("PACKAGE = "))
        lines = [line.strip() for line in bounds.splitlines() if line.strip().startswith(f"{package}>")]
        assert lines and all("<" in line for line in lines), package


def _sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            yield path, ast.parse(path.read_text())


def _named_here(tree: ast.Module) -> Iterator[str]:
    """Names that this project gives itself."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node.value):
            yield node.attr
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _is_own(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls", "mcs")


def _touched(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Private names asked of something that is not the asking object, however that is spelt."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not _is_own(node.value):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, part) for part in (node.module or "").split("."))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("attr"):
            yield from ((node.lineno, str(argument.value)) for argument in node.args[1:2]
                        if isinstance(argument, ast.Constant))


def test_private_members_of_others_are_touched_in_one_place_only() -> None:
    found = dict(_sources())
    ours = {name for tree in found.values() for name in _named_here(tree)} | ALLOWED
    outside = [f"{path.relative_to(ROOT)}:{line} {name}" for path, tree in found.items()
               if (ROOT / "flock/foreign") not in path.parents for line, name in _touched(tree)
               if name.startswith("_") and not name.startswith("__") and name not in ours]
    assert outside == []
