# SPDX-License-Identifier: Apache-2.0
"""Tables as text."""
from hypothesis import given
from hypothesis import strategies as st

from flock.cli.table import display_width, printable, render, wrap


def test_left_aligned_with_rules() -> None:
    assert render(["id", "hostname"], [["1", "controller-0"], ["12", "w"]]) == "\n".join([
        "+----+--------------+",
        "| id | hostname     |",
        "+----+--------------+",
        "| 1  | controller-0 |",
        "| 12 | w            |",
        "+----+--------------+",
    ])


def test_words_are_wrapped_to_the_width() -> None:
    text = render(["Alarm ID", "Reason Text"], [["200.001", "worker-0 was administratively locked to take it out"]], 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "| 200.001  | worker-0 was" in text
    assert "administratively" in text


def test_headers_wrap_after_underscores() -> None:
    text = render(["app_hp_total_1G", "x"], [["0", "a b c d e f g h i j k l m n o p q r s t"]], 20)
    assert "app_hp_total_1G" not in text
    assert max(map(len, text.splitlines())) <= 20


def test_too_narrow_stays_unwrapped() -> None:
    row = ["cd5ef327-618b-4aac-9b10-9bbbe2baa8e0", "one two"]
    assert render(["uuid", "words"], [row], 20) == render(["uuid", "words"], [row])


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render(["a"], [["\x1b[2Jboom"]])
    assert printable("a\tb\x00") == "a    b?"


def test_wide_characters_take_two_columns() -> None:
    assert display_width("主机") == 4
    lines = render(["名"], [["ab"]]).splitlines()
    assert {display_width(line) for line in lines} == {6}


def test_wrap_never_breaks_a_word() -> None:
    assert wrap("aaaa bb cc", 5) == ["aaaa", "bb cc"]
    assert wrap("aaaaaaaaaa b", 5) == ["aaaaaaaaaa", "b"]


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=6), st.integers(1, 200))
def test_every_line_has_the_same_width(rows: list[tuple[str, str]], width: int) -> None:
    lines = render(["one", "two"], rows, width).split("\n")
    assert len({display_width(line) for line in lines}) == 1
