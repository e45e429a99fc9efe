# SPDX-License-Identifier: Apache-2.0
"""The judgement of coverage: what counts as run, and what is said about a module that nothing ran."""
from __future__ import annotations

from tests import covered

SOURCE = '''
"""Docstring."""
LIMIT = 3


def one(value):
    """Docstring."""
    if value:
        return value
    return LIMIT


class Thing:
    kind = "x"

    def two(self):
        return [
            1]

    def three(self):
        """Only of an interface."""
        raise TypeError("interface")
'''


def test_only_statements_inside_functions_count() -> None:
    assert covered.bodies(SOURCE) == {8, 9, 10, 17}
    assert covered.bodies("A = 1\nclass B:\n    c = 2\n") == set()


def test_every_module_with_behaviour_is_judged() -> None:
    names = {str(path.relative_to(covered.ROOT)) for path in covered.modules()}
    assert "flock/core/clock.py" in names and "devstack/virtualcloud/disks.py" in names
    assert not any("/cmd/" in name or name.startswith(("tests/", "flock/testing/")) for name in names)


def test_a_module_of_which_no_function_ran_is_named() -> None:
    path = covered.ROOT / "flock/core/clock.py"
    parts, wrong = covered.judge({path: covered.bodies(path.read_text())}, set())
    assert parts["flock/core"][0] > 0
    assert not any(sentence.startswith("flock/core/clock.py:") for sentence in wrong)
    assert "flock/db/database.py: no unit test runs a function of it" in wrong
    # An import alone is no test.
    _, wrong = covered.judge({path: {1, 2, 3}}, set())
    assert "flock/core/clock.py: no unit test runs a function of it" in wrong


def test_the_list_of_exceptions_may_only_become_shorter() -> None:
    path = covered.ROOT / "flock/core/clock.py"
    _, wrong = covered.judge({path: covered.bodies(path.read_text())}, {"flock/core/clock.py", "flock/gone.py"})
    assert [sentence for sentence in wrong if "take it off" in sentence] == [
        "flock/core/clock.py: take it off covered_elsewhere.txt, it has a test now or is gone",
        "flock/gone.py: take it off covered_elsewhere.txt, it has a test now or is gone"]
