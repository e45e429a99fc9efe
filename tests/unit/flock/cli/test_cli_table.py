# SPDX-License-Identifier: Apache-2.0
"""Tables as text."""
from hypothesis import given
from hypothesis import strategies as st

from flock.cli.columns import cell_text
from flock.cli.table import break_words, display_width, lay_out, printable, render, wrap

UUID = "cd5ef327-618b-4aac-9b10-9bbbe2baa8e0"


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
    assert "| 200.001 | worker-0 was" in text
    assert "administratively" in text


def test_headers_wrap_after_underscores() -> None:
    text = render(["app_hp_total_1G", "x"], [["0", "a b c d e f g h i j k l m n o p q r s t"]], 20)
    assert "app_hp_total_1G" not in text
    assert max(map(len, text.splitlines())) <= 20


def test_titles_keep_their_blanks_when_they_are_wrapped() -> None:
    text = render(["Entity Instance ID", "Text"], [["host=worker-0", "word " * 30]], 40)
    assert "| Entity        | " in text
    assert "| Instance ID   | " in text


def rejoined(text: str) -> list[str]:
    """The cells of a table of one row, their lines put together again."""
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines()[3:-1]]
    return ["".join(line[at] for line in cells) for at in range(1, len(cells[0]) - 1)]


def test_long_words_are_broken_only_where_nothing_else_fits() -> None:
    row = ["200.001", UUID, "host=controller-0.filesystem=/var/lib/docker"]
    wide = render(["id", "uuid", "entity"], [row], 100)
    assert UUID in wide and row[2] in wide
    narrow = render(["id", "uuid", "entity"], [row], 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.splitlines()[3] == "| 200.001 | cd5ef327-618b-4aac- | host=controller-0.   |"
    assert rejoined(narrow) == row
    hard = render(["id", "uuid", "entity"], [row], 28)
    assert max(map(len, hard.splitlines())) <= 28
    assert rejoined(hard) == row


def test_a_time_is_broken_between_date_and_time_of_day() -> None:
    row = ["2026-05-01T10:20:30.000456", "host=worker-0", "major", "one two three four five"]
    lines = render(["Time", "Entity", "Severity", "Text"], [row], 60).splitlines()
    assert [line.split("|")[1].strip() for line in lines[3:5]] == ["2026-05-01T", "10:20:30.000456"]


def test_words_are_broken_where_whole_ones_would_leave_no_room_for_the_text() -> None:
    row = [UUID, "word " * 40]
    text = render(["uuid", "text"], [row], 60)
    assert UUID not in text
    assert len(text.splitlines()) < len(render(["uuid", "text"], [["x" * 36, "word " * 40]], 60).splitlines())


def test_the_room_goes_to_the_longest_text() -> None:
    text = render(["a", "b"], [["short words here", "many " * 30]], 60)
    assert "| short " in text
    assert len(text.splitlines()) <= 3 + 4 + 1


def test_too_narrow_for_anything_stays_unwrapped() -> None:
    row = [UUID, "one two", UUID]
    titles = ["uuid", "words", "uuid"]
    assert render(titles, [row], 20) == render(titles, [row])
    assert max(map(len, render(titles, [row], 25).splitlines())) == 25


def test_words_break_after_punctuation() -> None:
    assert break_words("one host=controller-0.port=eth0 x", 12) == [
        "one", "host=", "controller-", "0.port=eth0", "x"]
    assert break_words("a" * 20, 8) == ["a" * 8, "a" * 8, "a" * 4]
    assert break_words("one two", 8) == ["one two"]


def test_a_table_in_pieces() -> None:
    layout = lay_out(["n"], [[str(number)] for number in range(5)])
    assert layout.text(1, 3) == "+---+\n| n |\n+---+\n| 1 |\n| 2 |\n+---+"
    assert layout.text() == render(["n"], [[str(number)] for number in range(5)])


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in render(["a"], [["\x1b[2Jboom"]])
    assert printable("a\tb\x00") == "a    b\\x00"
    assert printable("a\n\u202eb") == "a\n\\u202eb"


def test_a_stored_value_draws_no_row_and_does_not_turn_the_text() -> None:
    assert cell_text("host=worker-0.e=x\nhost=worker-1") == "host=worker-0.e=x\\x0ahost=worker-1"
    for turning in "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c":
        assert cell_text(f"a{turning}b") == f"a\\u{ord(turning):04x}b" == cell_text({"k": f"a{turning}b"})[7:-2]


def test_wide_characters_take_two_columns() -> None:
    assert display_width("主机") == 4
    lines = render(["名"], [["ab"]]).splitlines()
    assert {display_width(line) for line in lines} == {6}
    assert break_words("主机主机主机", 8) == ["主机主机", "主机"]


def test_wrap_never_breaks_a_word() -> None:
    assert wrap("aaaa bb cc", 5) == ["aaaa", "bb cc"]
    assert wrap("aaaaaaaaaa b", 5) == ["aaaaaaaaaa", "b"]


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=6), st.integers(1, 200))
def test_every_line_has_the_same_width(rows: list[tuple[str, str]], width: int) -> None:
    lines = render(["one", "two"], rows, width).split("\n")
    assert len({display_width(line) for line in lines}) == 1


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)


@given(st.lists(st.tuples(*[PLAIN] * 6), max_size=4))
def test_six_columns_always_fit_eighty(rows: list[tuple[str, ...]]) -> None:
    titles = ["Time Stamp", "State", "Event Log ID", "Reason Text", "Entity Instance ID", "Severity"]
    assert max(map(display_width, render(titles, rows, 80).split("\n"))) <= 80
