# SPDX-License-Identifier: Apache-2.0
"""The tree lints itself: what ruff, mypy and import-linter cannot say about it."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from flock.api.build import published_routes
from tests.registry import PACKAGES, SUBSYSTEMS

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = (*PACKAGES, "devstack/virtualcloud")
CODE = (*PRODUCT, "tests", "doc/source")
SHELL = ("devstack", "tests")
FILE_LINES_MAX, FUNCTION_LINES_MAX, CLASS_METHODS_MAX, MODULE_FUNCTIONS_MAX = 500, 60, 20, 40
DOCSTRING_LINES_MAX = 10
BANNED_NAMES = {"utils", "common", "helpers", "misc", "constants"}
# StarlingX's services say ``from fm_api import constants``: this name is not ours to choose.
NAMED_BY_OTHERS = {"fm_api/constants.py"}
HEADER = "# SPDX-License-Identifier: Apache-2.0"
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|\bbreakpoint\(|\bset_trace\(")


@cache
def python_files(*places: str) -> tuple[Path, ...]:
    return tuple(sorted(path for place in places for path in (ROOT / place).rglob("*.py")
                        if "__pycache__" not in path.parts and "fixtures" not in path.parts))


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(text_of(path), str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(path)))


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """Millions of nodes that stayed would make every later garbage collection of this process slow."""
    yield
    for cached in (nodes, parsed, text_of):
        cached.cache_clear()


def dotted(node: ast.AST) -> str:
    """``time.sleep`` of the expression ``time.sleep``; empty for anything but names and attributes."""
    if isinstance(node, ast.Attribute):
        front = dotted(node.value)
        return f"{front}.{node.attr}" if front else ""
    return node.id if isinstance(node, ast.Name) else ""


def shown(path: Path, line: int = 0) -> str:
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes(path):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    assert [f"{shown(path)}: {lines}" for path in python_files(*CODE)
            if (lines := len(text_of(path).splitlines())) > FILE_LINES_MAX] == []


def test_functions_are_short() -> None:
    assert [f"{shown(path, node.lineno)} {node.name}: {length(node)}"
            for path in python_files(*CODE) if "versions" not in path.parts  # revisions are lists of tables
            for node in functions(path) if length(node) > FUNCTION_LINES_MAX] == []


def test_classes_have_few_methods() -> None:
    def methods(node: ast.ClassDef) -> int:
        return sum(isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and not item.name.startswith("__")
                   for item in node.body)
    assert [f"{shown(path, node.lineno)} {node.name}: {methods(node)}"
            for path in python_files(*PRODUCT) for node in nodes(path)
            if isinstance(node, ast.ClassDef) and methods(node) > CLASS_METHODS_MAX] == []


def test_modules_have_few_functions() -> None:
    def tops(path: Path) -> int:
        return sum(isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) for item in parsed(path).body)
    assert [f"{shown(path)}: {tops(path)}" for path in python_files(*PRODUCT)
            if tops(path) > MODULE_FUNCTIONS_MAX] == []


def test_no_file_is_a_drawer_for_everything() -> None:
    assert [shown(path) for path in python_files(*CODE)
            if (path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES)
            and shown(path) not in NAMED_BY_OTHERS] == []


def shell_files() -> list[Path]:
    found = []
    for place in SHELL:
        for path in (ROOT / place).rglob("*"):
            if path.is_file() and path.suffix in ("", ".sh") and not {"fixtures", "__pycache__"} & set(path.parts):
                with path.open("rb") as stream:
                    if path.suffix == ".sh" or stream.read(2) == b"#!":
                        found.append(path)
    return sorted(found)


def test_every_file_names_its_licence() -> None:
    def has_header(path: Path) -> bool:
        first = text_of(path).split("\n", 2)
        return HEADER in first[:2]
    assert [shown(path) for path in [*python_files(*CODE), *shell_files()]
            if path.stat().st_size and not has_header(path)] == []


def test_nothing_is_left_for_later() -> None:
    me = Path(__file__)
    assert [f"{shown(path, number)} {line.strip()}"
            for path in [*python_files(*CODE), *shell_files()] if path != me
            for number, line in enumerate(text_of(path).splitlines(), 1)
            if UNFINISHED.search(line)] == []


def test_all_files_of_the_product_are_installed() -> None:
    """What is no module is installed only where MANIFEST.in names it."""
    named = [words[1:] for words in map(str.split, (ROOT / "MANIFEST.in").read_text().splitlines())
             if words[:1] == ["recursive-include"]]
    missing = [shown(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.*"))
               if path.is_file() and path.suffix not in (".py", ".pyc")
               and not any(place == package and path.match(pattern)
                           for place, *patterns in named for pattern in patterns)]
    assert missing == []


def test_modules_say_what_belongs_in_them() -> None:
    """Short module docstrings; empty package files are free."""
    wrong = []
    for path in python_files(*PRODUCT):
        docstring, body = ast.get_docstring(parsed(path)), parsed(path).body
        too_long = docstring is not None and len(docstring.splitlines()) > DOCSTRING_LINES_MAX
        if body and (docstring is None or too_long) and "versions" not in path.parts:
            wrong.append(shown(path))
    assert wrong == []


def calls(path: Path) -> Iterator[ast.Call]:
    for node in nodes(path):
        if isinstance(node, ast.Call):
            yield node


def test_no_shell_between_us_and_a_program() -> None:
    def through_shell(call: ast.Call) -> bool:
        if any(word.arg == "shell" and not (isinstance(word.value, ast.Constant) and word.value.value is False)
               for word in call.keywords):
            return True
        return dotted(call.func) in ("os.system", "os.popen", "asyncio.create_subprocess_shell",
                                          "subprocess.getoutput", "subprocess.getstatusoutput")
    assert [shown(path, call.lineno) for path in python_files(*CODE)
            for call in calls(path) if through_shell(call)] == []


def test_native_threads_only() -> None:
    def imports(path: Path) -> set[str]:
        found = set()
        for node in nodes(path):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add((node.module or "").partition(".")[0])
        return found
    assert [shown(path) for path in python_files(*CODE) if {"eventlet", "gevent", "greenlet"} & imports(path)] == []


def test_imports_stand_at_the_top() -> None:
    """Except in ``cmd/``, which chooses what a process loads, and under TYPE_CHECKING."""
    def inner(path: Path) -> Iterator[str]:
        for function in functions(path):
            for node in ast.walk(function):
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    yield shown(path, node.lineno)
    assert [line for path in python_files(*PRODUCT) if "cmd" not in path.parts for line in inner(path)] == []


def test_tests_wait_for_conditions() -> None:
    """A sleep stands in a loop, or in a function that plays slow work, or a comment says what it is for."""
    wrong = []
    for path in python_files("tests"):
        sleeps = [call for call in calls(path) if dotted(call.func) in ("time.sleep", "sleep", "asyncio.sleep")]
        if not sleeps:
            continue
        excused = {id(inner) for node in nodes(path) if _is_loop_or_fake(node) for inner in ast.walk(node)}
        lines = text_of(path).splitlines()
        wrong += [shown(path, call.lineno) for call in sleeps
                  if id(call) not in excused and " # " not in lines[call.lineno - 1]]
    assert wrong == []


def _is_loop_or_fake(node: ast.AST) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.name.startswith("test")
    return isinstance(node, (ast.While, ast.For, ast.AsyncFor))


def test_decisions_read_no_clock() -> None:
    """No module below core, model or actions, and no rules.py, reads the time, sleeps or draws random numbers."""
    pure = [path for path in python_files(*PRODUCT)
            if path.name in ("rules.py", "intake.py") or {"core", "model", "actions"} & set(path.parts[:-1])]
    clocks = re.compile(r"^(time\.(time|monotonic|sleep|time_ns|monotonic_ns)|datetime\.(now|utcnow|today)|"
                        r"datetime\.datetime\.(now|utcnow)|random\.(?!Random$)\w+|secrets\.\w+|uuid\.uuid[14])$")
    allowed = {"flock/core/clock.py", "flock/core/backoff.py"}
    assert [shown(path, call.lineno) for path in pure if shown(path) not in allowed
            for call in calls(path) if clocks.match(dotted(call.func))] == []


@pytest.mark.parametrize("subsystem", SUBSYSTEMS)
def test_every_operation_has_a_policy(subsystem: str) -> None:
    routes = published_routes(subsystem)  # raises for an operation without a rule and a rule without an operation
    assert all(route.policy and route.check for route in routes)
    assert len({(route.method, route.path) for route in routes}) == len(routes) > 0


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def test_the_product_does_not_use_what_is_for_tests() -> None:
    """Among it a check of identity that believes headers."""
    assert [shown(path) for path in python_files(*PRODUCT) if not shown(path).startswith("flock/testing/")
            and any(name.startswith("flock.testing") for name in imports_of(path))] == []
