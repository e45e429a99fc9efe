# SPDX-License-Identifier: Apache-2.0
"""The MIB modules compile, and say what the code sends and serves: numbers, columns, enumerations, variables."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pysmi.codegen.pysnmp import PySnmpCodeGen
from pysmi.compiler import MibCompiler
from pysmi.parser.smi import parserFactory
from pysmi.reader import CallbackReader, FileReader
from pysmi.searcher import StubSearcher
from pysmi.writer import PyFileWriter
from pysnmp.smi.builder import DirMibSource, MibBuilder

from fm.contract.causes import NUMBERED_CAUSES, SNMP_CAUSE_MAX
from fm.contract.enums import SEVERITY_RANK, Severity
from fm.snmp import notifications
from fm.snmp.mibs import FOLDER
from fm.snmp.objects import (
    ACTIVE_TABLE,
    ENTERPRISE,
    EVENT_TABLE,
    NOTIFICATIONS,
    ActiveColumn,
    EventColumn,
    Oid,
    TrapNumber,
)

# The code that the compiler writes uses the old names of its own library.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
MODULES = ("WRS-ENTERPRISE-REG", "WRS-ALARM-MIB")
# Of the standard modules, what the compiler must know of a name that our modules import.
STANDARD = {
    "SNMPv2-SMI": """
        org OBJECT IDENTIFIER ::= { iso 3 }
        Integer32 ::= INTEGER (-2147483648..2147483647)""",
    "SNMPv2-TC": """
        IMPORTS Integer32 FROM SNMPv2-SMI;
        DateAndTime ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "A time."
            SYNTAX OCTET STRING (SIZE (8 | 11))""",
    "SNMPv2-CONF": "IMPORTS Integer32 FROM SNMPv2-SMI;",
    "SNMP-FRAMEWORK-MIB": """
        IMPORTS TEXTUAL-CONVENTION FROM SNMPv2-TC;
        SnmpAdminString ::= TEXTUAL-CONVENTION STATUS current DESCRIPTION "A text."
            SYNTAX OCTET STRING (SIZE (0..255))"""}


def standard(name: str, _context: Any) -> str:
    body = STANDARD.get(name)
    return f"{name} DEFINITIONS ::= BEGIN {body} END" if body else ""


@pytest.fixture(scope="module")
def mib(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The symbols of the alarm module, compiled and loaded beside pysnmp's own standard modules."""
    folder = tmp_path_factory.mktemp("compiled")
    compiler = MibCompiler(parserFactory()(), PySnmpCodeGen(), PyFileWriter(str(folder)))
    compiler.add_sources(FileReader(str(FOLDER), recursive=False), CallbackReader(standard))
    compiler.add_searchers(StubSearcher(*PySnmpCodeGen.baseMibs, *STANDARD))
    statuses = compiler.compile(*MODULES, rebuild=True, genTexts=True)
    assert {name: str(statuses[name]) for name in MODULES} == dict.fromkeys(MODULES, "compiled")
    builder = MibBuilder()
    builder.add_mib_sources(DirMibSource(str(folder)))
    builder.load_modules(*MODULES)
    yield builder.mibSymbols["WRS-ALARM-MIB"] | builder.mibSymbols["WRS-ENTERPRISE-REG"]


def camel(words: str) -> str:
    first, *others = words.replace("_", "-").lower().split("-")
    return first + "".join(word.capitalize() for word in others)


def named_numbers(syntax: Any) -> dict[str, int]:
    return {str(name): int(number) for name, number in syntax.namedValues.items()}


def test_the_modules_have_the_file_names_that_tools_look_for() -> None:
    assert {path.name for path in Path(str(FOLDER)).glob("*.txt")} == {f"{name}.txt" for name in MODULES}


def test_tables_have_the_numbers_that_are_served(mib: dict[str, Any]) -> None:
    assert mib["wrs"].getName() == ENTERPRISE
    assert mib["wrsAlarmActiveTable"].getName() == ACTIVE_TABLE
    assert mib["wrsEventTable"].getName() == EVENT_TABLE
    for prefix, table, columns in (("wrsAlarmActive", ACTIVE_TABLE, ActiveColumn),
                                   ("wrsEvent", EVENT_TABLE, EventColumn)):
        for column in columns:
            name = prefix + camel(f"x_{column.name}")[1:]
            assert mib[name].getName() == (*table, 1, column), name
            assert mib[name].getMaxAccess() == ("not-accessible" if column == 1 else "read-only"), name
        assert f"{prefix}{camel('x_' + columns.INDEX.name)[1:]}" in str(mib[f"{prefix}Entry"].getIndexNames())


def test_enumerations_have_the_numbers_that_are_sent(mib: dict[str, Any]) -> None:
    severities = named_numbers(mib["WrsAlarmSeverity"]())
    assert severities == {camel(name): SEVERITY_RANK[name] for name in Severity if name != "clear"}
    assert named_numbers(mib["WrsEventState"]()) == {"clear": 0, "set": 1, "log": 3}
    assert sorted(named_numbers(mib["WrsAlarmEventType"]()).values()) == list(range(11))
    causes = {camel(cause): number for number, cause in enumerate(NUMBERED_CAUSES, 1) if number <= SNMP_CAUSE_MAX}
    assert named_numbers(mib["WrsAlarmProbableCause"]()) == causes | {"notApplicable": 0}
    assert named_numbers(mib["WrsBoolean"]()) == {"false": 0, "true": 1}


@pytest.mark.parametrize(("number", "entry", "columns"), [
    (TrapNumber.CRITICAL, notifications.ACTIVE_ENTRY, notifications.RAISE_COLUMNS),
    (TrapNumber.MAJOR, notifications.ACTIVE_ENTRY, notifications.RAISE_COLUMNS),
    (TrapNumber.MINOR, notifications.ACTIVE_ENTRY, notifications.RAISE_COLUMNS),
    (TrapNumber.WARNING, notifications.ACTIVE_ENTRY, notifications.RAISE_COLUMNS),
    (TrapNumber.MESSAGE, notifications.EVENT_ENTRY, notifications.MESSAGE_COLUMNS),
    (TrapNumber.CLEAR, notifications.ACTIVE_ENTRY, notifications.CLEAR_COLUMNS),
    (TrapNumber.HIERARCHICAL_CLEAR, notifications.ACTIVE_ENTRY, notifications.HIERARCHICAL_COLUMNS)])
def test_notifications_have_the_variables_that_are_sent(mib: dict[str, Any], number: TrapNumber, entry: Oid,
                                                        columns: tuple[int, ...]) -> None:
    name = "wrsAlarm" + camel(f"x_{number.name}")[1:]
    assert mib[name].getName() == (*NOTIFICATIONS, number)
    assert [mib[each].getName() for _, each in mib[name].getObjects()] == [(*entry, column) for column in columns]


def test_every_object_and_notification_is_in_a_group(mib: dict[str, Any]) -> None:
    grouped = {name for group in ("wrsAlarmActiveGroup", "wrsEventGroup", "wrsAlarmNotificationGroup")
               for _, name in mib[group].getObjects()}
    wanted = {name for name, symbol in mib.items() if type(symbol).__name__ == "NotificationType"
              or (type(symbol).__name__ == "MibTableColumn" and symbol.getMaxAccess() == "read-only")}
    assert grouped == wanted and len(wanted) == 11 + 12 + 7
