# SPDX-License-Identifier: Apache-2.0
"""fmClientCli: options, records, what it prints and how it exits."""
from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.db import Database
from fm.cmd.client_cli import run
from fm.contract.rpc import FmManager
from fm.core.retention import Limits
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.endpoint import Manager
from fm.manager.writer import Settings, Writer
from fm.raiser import Raiser

Cli = Callable[..., tuple[int, list[str]]]
TIME = "2026-02-01 10:20:30.000456"
FIELDS = ("", "100.101", "set", "host", "host=a", TIME, "major", "it's 5 % # full", "operational-violation",
          "threshold-crossed", "wait", "True", "False", "False", "False")


def line(*fields: str) -> str:
    return "###" + "".join(f"{field}###" for field in fields)


@pytest.fixture
def manager(database: Database) -> FmManager:
    METADATA.create_all(database.engine)
    synchronise(database)
    return Manager(database, Writer(database, lambda: Settings(Limits(1000))))


@pytest.fixture
def cli(manager: FmManager, capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*argv: str) -> tuple[int, list[str]]:
        code = run(argv, lambda: Raiser(None, None, manager=manager))
        return code, capsys.readouterr().out.splitlines()
    return call


def test_set_get_clear(cli: Cli) -> None:
    code, (ok, uuid) = cli("-c", line(*FIELDS))
    assert (code, ok) == (0, "Ok") and re.fullmatch(r"[0-9a-f-]{36}", uuid)
    record = f"{uuid}###100.101###set###host###host=a###{TIME}###major###it's 5 % # full###operational-violation" \
             "###threshold-crossed###wait###True###False###False###"
    assert cli("-g", line("100.101", "host=a")) == (0, ["Ok", record])
    assert cli("-G", "host=a") == (0, ["Ok", record]) and cli("-A", "100.101") == (0, ["Ok", record])
    assert cli("-d", line("100.101", "host=a")) == (0, ["Ok"])
    assert cli("-g", line("100.101", "host=a")) == (255, ["FM_ERR_ENTITY_NOT_FOUND"])


def test_one_record_per_line(cli: Cli) -> None:
    for entity in ("host=a", "host=a.port=1", "host=ab"):
        cli("-c", line(*FIELDS[:4], entity, *FIELDS[5:]))
    for option, argument, count in (("-G", "host=a", 2), ("-A", "100.101", 3), ("-g", line("100.101", "host=a"), 1)):
        code, lines = cli(option, argument)
        assert code == 0 and lines[0] == "Ok" and len(lines) == 1 + count
    assert cli("-D", "host=a") == (0, ["Ok"])
    assert cli("-D", "host=a") == (255, ["FM_ERR_ENTITY_NOT_FOUND"])
    assert len(cli("-A", "100.101")[1]) == 2


def test_the_first_three_characters_do_not_matter_and_the_uuid_is_not_used(cli: Cli) -> None:
    chosen = "0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77"
    code, (_, uuid) = cli("-c", "abc" + line(chosen, *FIELDS[1:])[3:])
    assert code == 0 and uuid != chosen
    assert cli("-d", "???100.101###host=a###") == (0, ["Ok"])


def test_a_log_answers_with_the_uuid_of_its_event(cli: Cli) -> None:
    code, lines = cli("-c", line("", "200.021", "msg", "host", "host=a.command=unlock", TIME, "clear", *FIELDS[7:]))
    assert code == 0 and lines[0] == "Ok" and len(lines[1]) == 36


@pytest.mark.parametrize(("argv", "text"), [
    ((), "Wrong arguments"), (("-c",), "Wrong arguments"), (("-A", "100.101", "more"), "Wrong arguments"),
    (("-x", "y"), "Invalid option..."), (("host=a", "-D"), "Invalid option..."),
    (("-c", ""), "Invalid alarm string.."), (("-c", line(*FIELDS[:13])), "Invalid alarm string.."),
    (("-c", line(*FIELDS[:14]).removesuffix("###")), "Invalid alarm string.."),
    (("-c", line(*FIELDS, "more")), "Invalid alarm string.."), (("-d", "100.101"), "Invalid alarm filter"),
    (("-g", line("100.101")), "Invalid alarm filter"), (("-d", line("100.101", "host=a", "x")), "Invalid alarm filter"),
    (("-d", line("100.101", "host=a")), "FM_ERR_ENTITY_NOT_FOUND"), (("-D", "host=a"), "FM_ERR_ENTITY_NOT_FOUND"),
    (("-G", "host=a"), "FM_ERR_ENTITY_NOT_FOUND"), (("-A", "100.101"), "FM_ERR_ENTITY_NOT_FOUND"),
    (("-A", "nonsense"), "FM_ERR_INVALID_ATTRIBUTE"), (("-D", ""), "FM_ERR_INVALID_ATTRIBUTE"),
    (("-c", line("", "999.001", *FIELDS[2:])), "FM_ERR_INVALID_ATTRIBUTE"),
    (("-c", line(*FIELDS[:6], "loud", *FIELDS[7:])), "FM_ERR_INVALID_ATTRIBUTE"),
    (("-c", line(*FIELDS[:2], "clear", *FIELDS[3:])), "FM_ERR_ENTITY_NOT_FOUND")])
def test_failures_have_a_name_and_status_255(cli: Cli, argv: tuple[str, ...], text: str) -> None:
    assert cli(*argv) == (255, [text])


@pytest.mark.parametrize(("error", "name"), [
    (Unavailable(service="bus", reason="test"), "FM_ERR_NOCONNECT"),
    (DeadlineExceeded(what="answer", timeout_s="5"), "FM_ERR_COMMUNICATIONS"),
    (FlockError(detail="boom"), "FM_ERR_DB_OPERATION_FAILURE")])
def test_a_manager_that_does_not_answer(error: FlockError, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def connect() -> Raiser:
        raise error

    assert run(("-A", "100.101"), connect) == 255
    printed = capsys.readouterr()
    assert printed.out == f"{name}\n" and str(error) in printed.err


def test_empty_fields_are_fields(cli: Cli, manager: FmManager) -> None:
    assert cli("-c", line(*FIELDS[:7], "", *FIELDS[8:14], ""))[0] == 0
    (found,) = manager.get_faults(alarm_id=None, entity_instance_id=None, below=False)
    assert found == replace(found, reason_text="", keep_existing_alarm=False)


@pytest.mark.parametrize(("given", "stored"), [
    ("", "unknown"), (" ", "unknown"), ("cosmic-rays", "unknown"), ("not-applicable", "unknown"),
    ("unknown", "unknown"), ("lan-error", "lan-error")])
def test_a_blank_or_unknown_cause_is_unknown(cli: Cli, manager: FmManager, given: str, stored: str) -> None:
    assert cli("-c", line(*FIELDS[:9], given, *FIELDS[10:]))[0] == 0
    (found,) = manager.get_faults(alarm_id=None, entity_instance_id=None, below=False)
    assert found.probable_cause == stored


@pytest.mark.parametrize("argument", [
    line(*FIELDS[:14]), line(*FIELDS), line(*FIELDS).removesuffix("###"), line(*FIELDS[:14], "")])
def test_a_closing_separator_is_an_empty_last_value(cli: Cli, manager: FmManager, argument: str) -> None:
    assert cli("-c", argument)[0] == 0
    assert len(manager.get_faults(alarm_id="100.101", entity_instance_id="host=a", below=False)) == 1
