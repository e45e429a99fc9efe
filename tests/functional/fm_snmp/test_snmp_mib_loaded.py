# SPDX-License-Identifier: Apache-2.0
"""net-snmp's tools with our MIB modules: names for numbers, also where no standard module is installed. Costs 3 s."""
from __future__ import annotations

import pytest

from flock.db import utcnow
from fm.conf.snmp import Destination
from fm.contract.enums import AlarmState, AlarmType, Severity
from fm.core.notice import as_payload
from fm.core.records import Event, Notice, NoticeKind
from fm.snmp.mibs import FOLDER
from fm.snmp.notifier import Notifier
from tests.functional.fm_snmp.netsnmp import Snmptrapd, available, tool

pytestmark = pytest.mark.skipif(not available(), reason="net-snmp is not installed")
ROOT = ".1.3.6.1.4.1.731.1.1.1.1"


def translate(name: str, *options: str) -> str:
    return tool("snmptranslate", *options, name, mibs=FOLDER, plain=False).out.strip()


@pytest.mark.parametrize(("number", "name"), [
    ("1.1.3.7", "wrsAlarmActiveAlarmId.7"), ("4.1.4.12", "wrsEventState.12"), ("0.1", "wrsAlarmCritical"),
    ("0.5", "wrsAlarmMessage"), ("0.9", "wrsAlarmClear"), ("0.99", "wrsAlarmHierarchicalClear")])
def test_names_and_numbers(number: str, name: str) -> None:
    assert translate(f"{ROOT}.{number}") == f"WRS-ALARM-MIB::{name}"
    assert translate(f"WRS-ALARM-MIB::{name}", "-On") == f"{ROOT}.{number}"


def test_enumerations_and_tables_are_understood() -> None:
    described = translate("WRS-ALARM-MIB::wrsAlarmActiveAlarmSeverity", "-Td")
    assert "notApplicable(0), warning(1), minor(2), major(3), critical(4)" in described
    assert "wrsAlarmActiveTable(1) wrsAlarmActiveEntry(1) 6" in described
    assert "INDEX\t\t{ wrsEventIndex }" in translate("WRS-ALARM-MIB::wrsEventEntry", "-Td")


def test_snmptrapd_prints_names(snmptrapd: Snmptrapd) -> None:
    snmptrapd.start(arguments=("-m", "+WRS-ALARM-MIB", "-M", f"+{FOLDER}"))
    receiver = Destination(name="noc", host="127.0.0.1", port=snmptrapd.port, version="2c", inform=True, timeout_s=5,
                           user_name="", auth_protocol="none", priv_protocol="none", context_name="",
                           community="public")
    event = Event("u" * 36, "100.101", AlarmState.SET, "host", "host=c0", utcnow(), Severity.MAJOR, "too hot",
                  AlarmType.EQUIPMENT, "threshold-crossed", "cool it", True, False)
    notifier = Notifier(receiver, engine_id=b"\x80\0\2\xdb\5\1\2\3", boots=1, started_s=0.0, region_name="R",
                        system_name="S")
    notifier(as_payload(Notice(NoticeKind.SET, event)))
    notifier.close()
    printed = snmptrapd.log()
    for words in ("WRS-ALARM-MIB::wrsAlarmMajor", "WRS-ALARM-MIB::wrsAlarmActiveAlarmSeverity.0 = INTEGER: major(3)",
                  "WRS-ALARM-MIB::wrsAlarmActiveProbableCause.0 = INTEGER: thresholdCrossed(50)",
                  "WRS-ALARM-MIB::wrsAlarmActiveServiceAffecting.0 = INTEGER: true(1)"):
        assert words in printed
