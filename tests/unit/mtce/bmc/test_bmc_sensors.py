# SPDX-License-Identifier: Apache-2.0
"""Sensors read from services as they are: chassis of several ages, collections, answers that fail or are rubbish."""
import pytest

from mtce.bmc.interfaces import Access, BmcError
from mtce.bmc.ipmi import IpmiSettings
from mtce.bmc.kinds import BmcSettings, open_bmc
from mtce.bmc.redfish import RedfishSensors
from mtce.bmc.session import Session
from mtce.core.sensors.samples import merged

CHASSIS = "/redfish/v1/Chassis/1U"
EXPANDED = CHASSIS + "/Sensors?$expand=.($levels=1)"


@pytest.fixture
def sensors(access, settings):
    return RedfishSensors(Session(access, settings))


def names(samples):
    return {sample.name for sample in merged(samples)[0]}


def only_collection(recorded):
    for name in ("Thermal", "Power"):
        del recorded.tree[CHASSIS][name]


def test_power_and_thermal_need_one_request_each(recorded, sensors):
    found = names(sensors.read())
    assert {"CPU1 Temp", "BaseBoard System Fan", "VRM1 Voltage", "Power Supply Bay"} <= found
    gets = [line for line in recorded.requests if line.startswith("GET " + CHASSIS)]
    assert gets == [f"GET {CHASSIS}", f"GET {CHASSIS}/Power", f"GET {CHASSIS}/Thermal"]
    assert recorded.requests[-1].startswith("DELETE"), "the session is closed"


def test_a_chassis_without_them_is_read_by_its_collection_sensor_by_sensor(recorded, sensors):
    only_collection(recorded)
    recorded.answers[EXPANDED] = 501, {"error": {"code": "x", "message": "QueryNotSupported"}}
    found = names(sensors.read())
    assert {"CPU #1 Temperature", "Chassis Fan #1", "Power Supply #1 12V Output Voltage"} <= found
    assert len([line for line in recorded.requests if f"{CHASSIS}/Sensors/" in line]) == 41


def test_a_collection_that_can_be_expanded_needs_one_request(recorded, sensors):
    only_collection(recorded)
    collection = recorded.tree[CHASSIS + "/Sensors"]
    recorded.answers[EXPANDED] = 200, collection | {
        "Members": [recorded.tree[link["@odata.id"]] for link in collection["Members"]]}
    assert "CPU #1 Temperature" in names(sensors.read())
    assert not [line for line in recorded.requests if f"{CHASSIS}/Sensors/" in line]


def test_a_system_that_names_no_chassis_gets_those_of_the_service(recorded, sensors):
    recorded.system["Links"].pop("Chassis")
    assert "CPU1 Temp" in names(sensors.read())


@pytest.mark.parametrize("status", [500, 503])
def test_a_part_that_fails_spoils_the_reading(recorded, sensors, status):
    """Otherwise a BMC that is busy once would look like one that lost its fans."""
    recorded.answers[CHASSIS + "/Thermal"] = status, {"error": {"code": "x", "message": "busy"}}
    with pytest.raises(BmcError, match="did not list its sensors"):
        sensors.read()


def test_a_part_that_is_not_there_is_left_out(recorded, sensors):
    del recorded.tree[CHASSIS + "/Power"]
    found = names(sensors.read())
    assert "CPU1 Temp" in found and "VRM1 Voltage" not in found


@pytest.mark.parametrize("body", [[], "x", 7, {"Temperatures": {"a": 1}}, {"Temperatures": [None, 3, [], {}]}])
def test_rubbish_in_one_part_leaves_the_other(recorded, sensors, body):
    recorded.answers[CHASSIS + "/Thermal"] = 200, body
    assert "VRM1 Voltage" in names(sensors.read())


@pytest.mark.parametrize("links", [None, 7, "x", [], [{"@odata.id": 7}], [{"@odata.id": "/redfish/v1/Chassis/none"}]])
def test_odd_links_are_no_defect(recorded, sensors, links):
    recorded.system["Links"]["Chassis"] = links
    assert isinstance(sensors.read(), list)


def test_a_chassis_on_another_server_is_refused(recorded, sensors):
    recorded.system["Links"]["Chassis"] = [{"@odata.id": "http://192.0.2.1/redfish/v1/Chassis/1"}]
    with pytest.raises(BmcError, match="another server"):
        sensors.read()


LISTED = """CPU Temp         | 46.000     | degrees C  | ok    | 0.000     | 0.000     | 0.000     | 85.000    | 90.000
FAN1             | 300.000    | RPM        | cr    | 100.000   | 400.000   | 600.000   | na        | na        | na
"""


@pytest.fixture
def tool(tmp_path, monkeypatch):
    path = tmp_path / "ipmitool"
    path.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/words\ncat {tmp_path}/listed\n')
    path.chmod(0o755)
    (tmp_path / "listed").write_text(LISTED)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def test_ipmitool_is_asked_for_its_list(tool):
    settings = BmcSettings(ipmi=IpmiSettings(sensors_timeout_s=5))
    found = open_bmc("ipmi", Access("192.0.2.1", "root", "x"), settings).sensors.read()
    assert (tool / "words").read_text().endswith("sensor list\n")
    assert [(sample.name, sample.severity) for sample in found] == [("FAN1", "critical")]


def test_a_flood_of_ipmitool_is_an_error(tool):
    (tool / "listed").write_text(LISTED * 3000)
    with pytest.raises(BmcError, match="list its sensors"):
        open_bmc("ipmi", Access("192.0.2.1", "root", "x"), BmcSettings()).sensors.read()


def test_a_host_without_bmc_has_no_sensors():
    with pytest.raises(BmcError, match="no board management is configured"):
        open_bmc("none", None, BmcSettings()).sensors.read()
