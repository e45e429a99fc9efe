# SPDX-License-Identifier: Apache-2.0
"""Paging, width and confirmation on a pseudo terminal."""
from __future__ import annotations

import time
from typing import Any, TextIO

import pytest
from cliff.commandmanager import CommandManager

from flock.cli import confirm
from flock.cli.client import ApiClient
from flock.cli.columns import columns
from flock.cli.commands import ActionCommand, ListCommand
from flock.cli.paging import PROMPT, screens
from flock.cli.shell import FlockShell, Program
from flock.cli.table import lay_out
from flock.testing.cli import FakeApi
from flock.testing.terminal import Terminal

PROGRAM = Program("fruit", "Fruit.", "fruit", "fruit", "--fruit-url", "FRUIT_URL", "FRUITCLIENT", ())
FRUIT = [{"id": number, "note": "a rather long note " * 4} for number in range(10)]


class FruitList(ListCommand):
    """List fruit."""

    api_name = "fruit"
    pages = True
    columns = columns("id", "note")

    def rows(self, args: Any) -> Any:
        return self.client.get("/v1/fruit")


class FruitDelete(ActionCommand):
    """Delete fruit."""

    api_name = "fruit"

    def act(self, args: Any) -> str:
        return "Deleted."


def run(argv: str, terminal: Terminal) -> int:
    """Exit code of the command, whose stdout and stderr are the terminal."""
    commands = CommandManager(None, convert_underscores=False)
    for name, factory in {"fruit-list": FruitList, "fruit-delete": FruitDelete}.items():
        commands.add_command(name, factory)

    def command(stdin: TextIO, stdout: TextIO) -> int:
        api = ApiClient(FakeApi({"/v1/fruit": {"GET": FRUIT}}))  # type: ignore[arg-type]
        shell = FlockShell(PROGRAM, {}, lambda *_: api, commands, stdin=stdin, stdout=stdout, stderr=stdout)
        return shell.run(argv.split())
    return terminal.run(command)


def test_a_long_list_stops_after_each_screenful() -> None:
    terminal = Terminal(80, 12, [(PROMPT, "\n"), (PROMPT, "\n"), (PROMPT, "\n")])
    assert run("fruit-list", terminal) == 0
    parts = terminal.screen.split(PROMPT)
    assert terminal.unanswered == []
    assert all(part.count("| id |") == 1 for part in parts)
    assert all(len(part.splitlines()) < 12 for part in parts)
    assert all(len(line) <= 80 for line in terminal.screen.replace(PROMPT, "\n").splitlines())
    assert [f"| {number}  |" in terminal.screen for number in range(10)] == [True] * 10


@pytest.mark.parametrize("answer", ["q\n", "Q\n", "quit\n", "\x04"])
def test_q_or_the_end_of_input_ends_it(answer: str) -> None:
    terminal = Terminal(80, 12, [(PROMPT, answer)])
    assert run("fruit-list", terminal) == 0
    assert terminal.screen.count("| id |") == 1


@pytest.mark.parametrize("argv", ["fruit-list --nopaging", "fruit-list -f json", "fruit-list -f csv"])
def test_what_is_not_paged(argv: str) -> None:
    terminal = Terminal(80, 12)
    assert run(argv, terminal) == 0
    assert PROMPT not in terminal.screen
    assert terminal.screen.count("rather") == 40


def test_a_short_list_asks_nothing() -> None:
    terminal = Terminal(200, 50)
    assert run("fruit-list", terminal) == 0
    assert PROMPT not in terminal.screen


def test_a_row_longer_than_the_screen_has_a_screen_of_its_own() -> None:
    layout = lay_out(["n"], [["a\n" * 30], ["b"], ["c"]])
    assert [screen.count("|") // 2 for screen in screens(layout, 10)] == [32, 3]


@pytest.mark.parametrize(("argv", "columns", "width"), [
    ("fruit-list", 40, 39), ("fruit-list", 80, 79), ("fruit-list", 200, 85), ("fruit-list --nowrap", 40, 85)])
def test_a_table_has_at_most_the_width_of_its_terminal(argv: str, columns: int, width: int) -> None:
    terminal = Terminal(columns, 100)
    run(argv, terminal)
    assert {len(line) for line in terminal.screen.splitlines()} == {width}


def test_a_confirmed_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLI_CONFIRMATIONS", "enabled")
    terminal = Terminal(typed=[(confirm.QUESTION, "yes\n")])
    assert run("fruit-delete", terminal) == 0
    assert terminal.screen == confirm.QUESTION + "Deleted.\n"


@pytest.mark.parametrize("answer", ["no\n", "y\n", "\n", "\x04"])
def test_another_answer_cancels(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    monkeypatch.setenv("CLI_CONFIRMATIONS", "enabled")
    terminal = Terminal(typed=[(confirm.QUESTION, answer)])
    assert run("fruit-delete", terminal) == 1
    assert "Deleted" not in terminal.screen
    assert "Operation cancelled by the user." in terminal.screen


def test_silence_cancels_after_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert confirm.CONFIRM_TIMEOUT_S == 10
    monkeypatch.setenv("CLI_CONFIRMATIONS", "enabled")
    monkeypatch.setattr(confirm, "CONFIRM_TIMEOUT_S", 0.3)
    begun = time.monotonic()
    terminal = Terminal()
    assert run("fruit-delete", terminal) == 1
    assert 0.3 <= time.monotonic() - begun < 5
    assert "No answer within 0.3 seconds. Operation cancelled." in terminal.screen


def test_yes_is_accepted_with_and_without_confirmations(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("enabled", "disabled"):
        monkeypatch.setenv("CLI_CONFIRMATIONS", value)
        terminal = Terminal()
        assert run("fruit-delete --yes", terminal) == 0
        assert terminal.screen == "Deleted.\n"
