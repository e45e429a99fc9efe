# SPDX-License-Identifier: Apache-2.0
"""Samples of IPMI and Redfish: real output, a recorded server, and rubbish in single sensors."""
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtce.core.sensors import ipmi, redfish
from mtce.core.sensors.samples import GroupName, Sample, Severity, Thresholds, group_of, merged

RECORDED = Path(__file__).parents[4] / "fixtures" / "redfish" / "public-rackmount1.tar.gz"
LISTED = """\
CPU1 Temp        | 46.000     | degrees C  | ok    | 0.000     | 0.000     | 0.000     | 85.000    | 90.000    | 95.000
System Temp      | 39.000     | degrees C  | nc    | -9.000    | -7.000    | -5.000    | 38.000    | 85.000    | 90.000
FAN1             | 300.000    | RPM        | cr    | 100.000   | 400.000   | 600.000   | na        | na        | na
FAN2             | na         | RPM        | na    | 100.000   | 400.000   | 600.000   | na        | na        | na
P1-DIMMA1 Temp   | na         |            | na    | na        | na        | na        | na        | na        | na
12V              | 12.063     | Volts      | ok    | 10.173    | 10.299    | 10.740    | 12.945    | 13.260    | 13.386
PS1 Status       | 0x1        | discrete   | 0x0100| na        | na        | na        | na        | na        | na
Chassis Intru    | 0x0        | discrete   | 0x0000| na        | na        | na        | na        | na        | na
PS1 Input Power  | 168.000    | Watts      | ok    | na        | na        | na        | na        | 580.000   | na
PWM | odd        | 25.000     | percent    | ok    | na        | na        | na        | na        | na        | na
CPU Usage        | 12.000     | percent    | ok    | na        | na        | na        | na        | na        | na
"""


@pytest.fixture(scope="module")
def recorded():
    tree = {}
    with tarfile.open(RECORDED) as archive:
        for member in archive.getmembers():
            if member.name.endswith("index.json") and "/Chassis/1U/" in member.name:
                tree[member.name.partition("/Chassis/1U/")[2].removesuffix("/index.json")] = json.load(
                    archive.extractfile(member))
    return tree


def test_ipmitool_lists_analog_sensors():
    found = {sample.name: sample for sample in ipmi.parse(LISTED)}
    assert "PS1 Status" not in found and "Chassis Intru" not in found
    assert found["CPU1 Temp"] == Sample("CPU1 Temp", "degrees C", "ok", 46.0, Thresholds(0, 0, 0, 85, 90, 95))
    assert found["FAN1"].severity is Severity.CRITICAL and found["FAN1"].thresholds.unc is None
    assert found["FAN2"].severity is Severity.OFFLINE and found["FAN2"].value is None
    assert found["PWM | odd"].value == 25.0


def test_a_sensor_without_reading_keeps_the_unit_that_was_read_before():
    kept, _ = merged(ipmi.parse(LISTED))
    assert "P1-DIMMA1 Temp" not in {sample.name for sample in kept}
    kept, _ = merged(ipmi.parse(LISTED), {"P1-DIMMA1 Temp": "degrees C"})
    assert {sample.name: sample.unit for sample in kept}["P1-DIMMA1 Temp"] == "degrees C"


@pytest.mark.parametrize(("status", "severity"), [
    ("ok", "ok"), ("OK", "ok"), ("nc", "major"), ("lnc", "major"), ("unc", "major"), ("Warning", "major"),
    ("cr", "critical"), ("lcr", "critical"), ("ucr", "critical"), ("Critical", "critical"), ("nr", "critical"),
    ("lnr", "critical"), ("unr", "critical"), ("NonRecoverable", "critical"), ("na", "offline"), ("ns", "offline"),
    ("", "minor"), ("0x8080", "minor"), ("what?", "minor")])
def test_severity_of_each_status(status, severity):
    assert Sample("s", "RPM", status).severity == severity


@pytest.mark.parametrize(("name", "unit", "group"), [
    ("a", "RPM", GroupName.FANS), ("a", "% RPM", GroupName.FANS), ("a", "CFM", GroupName.FANS),
    ("a", "degrees C", GroupName.TEMPERATURE), ("a", "degrees F", GroupName.TEMPERATURE),
    ("a", "Volts", GroupName.VOLTAGE), ("a", "Amps", GroupName.POWER), ("a", "Watts", GroupName.POWER),
    ("a", "Joules", GroupName.POWER), ("a", "Coulombs", GroupName.POWER), ("CPU usage", "percent", GroupName.USAGE),
    ("Fan 3", "percent", GroupName.FANS), ("State of health", "percent", None), ("a", "Hz", None), ("a", "", None),
    ("a", "discrete", None)])
def test_group_of_each_unit(name, unit, group):
    assert group_of(Sample(name, unit, "ok")) is group


def test_of_one_name_the_worst_counts_and_limits_hold():
    twice = [Sample("Temp", "degrees C", word, value) for word, value in (("ok", 1.0), ("na", None), ("nc", 2.0))]
    for order in (twice, twice[::-1]):
        assert [(sample.status, sample.value) for sample in merged(order)[0]] == [("nc", 2.0)]
    many = [Sample(f"s{number}", "RPM", "ok") for number in range(300)]
    kept, left_out = merged(many)
    assert len(kept) == 256 and left_out == 44


def test_recorded_server_by_power_and_thermal(recorded):
    kept, left_out = merged([*redfish.power(recorded["Power"]), *redfish.thermal(recorded["Thermal"])])
    shown = {sample.name: (group_of(sample).value, sample.value, sample.severity.value) for sample in kept}
    assert left_out == 0
    assert shown["CPU1 Temp"] == ("server temperature", 41.0, "ok")
    assert shown["CPU2 Temp"] == ("server temperature", None, "offline")
    assert shown["BaseBoard System Fan"] == ("server fans", 2100.0, "ok")
    assert shown["VRM1 Voltage"] == ("server voltage", 12.0, "ok")
    assert shown["Power Supply Bay"] == ("server power", 325.0, "major")
    limits = {sample.name: sample.thresholds for sample in kept}
    assert limits["CPU1 Temp"] == Thresholds(None, None, None, 42, 45, 48)
    assert limits["VRM1 Voltage"] == Thresholds(10, 11, 11.5, 12.5, 13, 15)


def test_recorded_server_by_its_sensors_collection(recorded):
    names = [path.rpartition("/")[2] for path in redfish.sensor_links(recorded["Sensors"])]
    assert len(names) == 41
    kept, _ = merged(sample for name in names for sample in redfish.sensor(recorded[f"Sensors/{name}"]))
    shown = {sample.name: sample for sample in kept}
    assert shown["CPU #1 Temperature"].thresholds == Thresholds(None, None, None, 42, 45, 50)
    assert group_of(shown["Chassis Fan #1"]) is GroupName.FANS and shown["Chassis Fan #1"].value == 45.0
    assert {group_of(sample) for sample in kept} == {GroupName.FANS, GroupName.TEMPERATURE, GroupName.VOLTAGE,
                                                     GroupName.POWER}
    whole = {"Members": [recorded[f"Sensors/{name}"] for name in names]}
    assert merged(redfish.expanded(whole))[0] == kept
    assert redfish.expanded(recorded["Sensors"]) == []


@pytest.mark.parametrize(("members", "health", "severity"), [
    (0, "Critical", None), (1, "Critical", "ok"), (2, "Critical", "major"), (2, "OK", "ok"), (3, "Warning", "major")])
def test_redundancy_of_power_supplies(members, health, severity):
    body = {"Redundancy": [{"Name": "PSU Redundancy", "RedundancySet": [{"@odata.id": f"/{i}"} for i in range(members)],
                            "Status": {"State": "Enabled", "Health": health}}]}
    assert [sample.severity for sample in redfish.power(body)] == ([] if severity is None else [severity])


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
                        ["Name", "Status", "State", "Health", "Reading", "ReadingCelsius", "RedundancySet",
                         "Thresholds", "UpperCaution", "ReadingUnits", "PhysicalContext", "x"]), inner, max_size=4),
                    max_leaves=8)
GOOD = {"Name": "good", "ReadingCelsius": 5, "ReadingVolts": 5, "Status": {"State": "Enabled", "Health": "OK"}}


@given(JSON, st.sampled_from([("Temperatures", redfish.thermal), ("Voltages", redfish.power),
                              ("PowerSupplies", redfish.power), ("PowerControl", redfish.power)]))
def test_rubbish_in_one_entry_loses_only_that_one(rubbish, where):
    field, read = where
    names = [sample.name for sample in merged(read({field: [rubbish, GOOD, rubbish]}))[0]]
    assert "good" in names
    redfish.sensor(rubbish)
    redfish.expanded({"Members": [rubbish, rubbish]})
    assert read(rubbish) == [] or isinstance(rubbish, dict)


@given(st.text(max_size=200))
def test_any_line_loses_only_itself(line):
    found = merged(ipmi.parse(f"{line}\n{LISTED}"))[0]
    assert {"CPU1 Temp", "FAN1", "12V"} <= {sample.name for sample in found}
    for sample in found:
        assert sample.name.isprintable() and 0 < len(sample.name) <= 64
        sample.name.encode()
