# SPDX-License-Identifier: Apache-2.0
"""Sensors of hosts: what mtce reports, what operators see and change, and what mtce is told of that."""
from typing import Any

import pytest

from flock.core.errors import InvalidInput, Unavailable
from mtce.contract.records import ActionReply
from sysinv.contract.errors import HostNotFound
from sysinv.contract.sensors import (
    GroupSettings,
    GroupState,
    SensorAction,
    SensorReport,
    SensorSettings,
    SensorState,
)
from tests.unit.sysinv.resources.test_host_lifecycle import worker

FANS, HEAT = "server fans", "server temperature"
GROUPS = [GroupState(FANS, "tachometer", "RPM", "enabled"), GroupState(HEAT, "temperature", "degrees C", "enabled")]


def fan(name: str = "fan1", status: str = "ok", value: float | None = 5400.0) -> SensorState:
    return SensorState(name, FANS, "tachometer", "RPM", status, "enabled", value,
                       [None, 900.0, 1800.0, None, None, None])


def heat(name: str = "inlet") -> SensorState:
    return SensorState(name, HEAT, "temperature", "degrees C", "ok", "enabled", 24.125, [])


@pytest.fixture
def host(cloud: Any) -> str:
    uuid = str(cloud.host("controller-0")["uuid"])
    cloud.sensors.report_sensors(report=SensorReport(uuid, GROUPS, [fan(), fan("fan2"), heat()], complete=True))
    return uuid


def report(cloud: Any, uuid: str, groups: Any = (), sensors: Any = (), **flags: bool) -> SensorSettings:
    sent = SensorReport(uuid, list(groups), list(sensors), **flags)
    found: SensorSettings = cloud.sensors.report_sensors(report=sent)
    return found


def rows(cloud: Any, collection: str = "isensors") -> dict[str, Any]:
    name = "sensorname" if collection == "isensors" else "sensorgroupname"
    return {row[name]: row for row in cloud.get(f"/v1/ihosts/controller-0/{collection}").body[collection]}


def change(cloud: Any, path: str, **values: Any) -> Any:
    return cloud.call("PATCH", path, [{"op": "replace", "path": f"/{name}", "value": value}
                                      for name, value in values.items()])


def group(cloud: Any, name: str = FANS) -> str:
    return f"/v1/isensorgroups/{rows(cloud, 'isensorgroups')[name]['uuid']}"


@pytest.mark.usefixtures("host")
def test_operators_see_what_mtce_read(cloud: Any) -> None:
    shown = rows(cloud)["fan1"]
    assert {name: shown[name] for name in (
        "sensortype", "datatype", "status", "state", "value", "unit_base", "t_major_lower", "t_minor_lower",
        "t_critical_upper", "suppress", "audit_interval", "actions_minor", "actions_major", "actions_critical",
        "algorithm", "capabilities")} == {
        "sensortype": "tachometer", "datatype": "analog", "status": "ok", "state": "enabled", "value": "5400",
        "unit_base": "RPM", "t_major_lower": "900", "t_minor_lower": "1800", "t_critical_upper": None,
        "suppress": False, "audit_interval": 120, "actions_minor": "ignore", "actions_major": "log",
        "actions_critical": "alarm", "algorithm": "debounce-1.v1", "capabilities": {}}
    fans = rows(cloud, "isensorgroups")[FANS]
    assert (fans["sensors"], fans["state"], fans["unit_base_group"]) == ("fan1,fan2", "enabled", "RPM")
    assert fans["actions_critical_choices"] == "ignore,log,alarm,reset,power-cycle"
    assert fans["actions_minor_choices"] == fans["actions_major_choices"] == "ignore,log,alarm"
    below = cloud.get(f"/v1/isensorgroups/{fans['uuid']}/isensors").body["isensors"]
    assert [row["sensorname"] for row in below] == ["fan1", "fan2"]
    assert cloud.get(f"/v1/isensorgroups/{fans['uuid']}").body["isensors"][0]["href"].endswith("/isensors")
    assert rows(cloud)["inlet"]["value"] == "24.125"


def test_a_change_of_one_sensor_leaves_the_others(cloud: Any, host: str) -> None:
    before = rows(cloud)
    settings = report(cloud, host, sensors=[fan(status="critical", value=300.0)])
    after = rows(cloud)
    assert settings.complete and (after["fan1"]["status"], after["fan1"]["value"]) == ("critical", "300")
    assert after["fan1"]["uuid"] == before["fan1"]["uuid"] and after["fan2"] == before["fan2"]


def test_a_complete_report_removes_what_it_omits_and_keeps_settings_by_name(cloud: Any, host: str) -> None:
    assert change(cloud, group(cloud), actions_critical_group="reset", audit_interval_group=30).status == 200
    settings = report(cloud, host, GROUPS[:1], [fan("fan7")], complete=True, relearnt=True)
    assert set(rows(cloud)) == {"fan7"} and set(rows(cloud, "isensorgroups")) == {FANS}
    assert settings == SensorSettings([GroupSettings(FANS, 30, critical=SensorAction.RESET)], [])
    settings = report(cloud, host, GROUPS, [fan("fan7"), heat()], complete=True)
    assert [one.interval_s for one in settings.groups] == [30, 30]


def test_suppression_ends_with_a_relearnt_model_and_stays_with_any_other_report(cloud: Any, host: str) -> None:
    assert change(cloud, group(cloud), suppress="True").status == 200
    settings = report(cloud, host, GROUPS, [fan(), fan("fan3"), heat()], complete=True)
    assert settings.groups[0].suppress and settings.suppressed == ["fan1", "fan3"]
    settings = report(cloud, host, GROUPS, [fan(), fan("fan3"), heat()], complete=True, relearnt=True)
    assert not settings.groups[0].suppress and settings.suppressed == []


def test_a_report_about_what_is_not_stored_asks_for_everything(cloud: Any, host: str) -> None:
    other = str(cloud.host("controller-0")["uuid"])
    report(cloud, other, complete=True)
    assert rows(cloud) == {}
    assert not report(cloud, host, sensors=[fan()]).complete
    assert not report(cloud, host).complete


def test_rubbish_from_hardware_is_stored_readably(cloud: Any, host: str) -> None:
    odd = SensorState("f\x00an\udce9" + "x" * 300, FANS, "t" * 99, "u" * 99, "s" * 99, "e" * 99, float("1e300"), [1.0])
    report(cloud, host, sensors=[odd, SensorState("", FANS, "", "", "", "")])
    (name,) = set(rows(cloud)) - {"fan1", "fan2", "inlet"}
    assert name.startswith("f\\x00an\\xe9") and len(name) == 64
    assert rows(cloud)[name]["value"] == "1e+300"


def test_reports_have_limits_and_need_a_host(cloud: Any, host: str) -> None:
    with pytest.raises(InvalidInput, match="sensors: must be at most 256"):
        report(cloud, host, sensors=[fan(str(number)) for number in range(257)])
    with pytest.raises(InvalidInput, match="groups: must be at most 10"):
        report(cloud, host, [GroupState(str(number), "", "", "") for number in range(11)])
    with pytest.raises(HostNotFound):
        report(cloud, "0a1b2c3d-0000-4000-8000-000000000001", complete=True)
    assert len(rows(cloud)) == 3


def test_a_change_of_a_group_goes_to_mtce_first_and_to_its_sensors(cloud: Any, host: str) -> None:
    reply = change(cloud, group(cloud), actions_minor_group="log", suppress="true", audit_interval_group="60")
    assert (reply.status, reply.body["actions_minor_group"], reply.body["suppress"]) == (200, "log", True)
    assert cloud.mtce.sensor_settings[host] == SensorSettings(
        [GroupSettings(FANS, 60, minor=SensorAction.LOG, suppress=True), GroupSettings(HEAT, 60)], ["fan1", "fan2"])
    shown = rows(cloud)
    assert [shown[name]["suppress"] for name in ("fan1", "fan2", "inlet")] == [True, True, False]
    assert [shown[name]["audit_interval"] for name in ("fan1", "inlet")] == [60, 60]
    assert shown["fan2"]["actions_minor"] == "log" and shown["inlet"]["actions_minor"] == "ignore"


def test_a_sensor_alone_is_suppressed(cloud: Any, host: str) -> None:
    path = f"/v1/isensors/{rows(cloud)['fan2']['uuid']}"
    assert change(cloud, path, suppress="True").body["suppress"] is True
    assert cloud.mtce.sensor_settings[host].suppressed == ["fan2"]
    assert change(cloud, path, suppress="False").body["suppress"] is False
    assert cloud.mtce.sensor_settings[host].suppressed == []


@pytest.mark.parametrize("failure", [ActionReply("fail", "the BMC is gone", "Wait"), Unavailable])
def test_what_mtce_does_not_do_changes_nothing(cloud: Any, host: str, failure: Any) -> None:
    if isinstance(failure, ActionReply):
        cloud.mtce.answer = failure
    else:
        def silent(**words: Any) -> Any:
            raise Unavailable(service="mtce", reason="it does not answer")
        cloud.mtce.change_settings = silent
    before = rows(cloud), rows(cloud, "isensorgroups")
    replies = [change(cloud, group(cloud), suppress=True),
               change(cloud, f"/v1/isensors/{rows(cloud)['fan1']['uuid']}", suppress=True)]
    for reply in replies:
        if isinstance(failure, ActionReply):
            assert (reply.status, reply.fault) == (400, (
                "HWMON has returned with a status of fail, reason: the BMC is gone, recommended action: Wait"))
        else:
            assert reply.status == 503
    assert (rows(cloud), rows(cloud, "isensorgroups")) == before


@pytest.mark.parametrize(("values", "text"), [
    ({"sensorgroupname": "x"}, "The following fields are not remote-modifiable: ['sensorgroupname']"),
    ({"state": "x", "algorithm": "y", "suppress": True},
     "The following fields are not remote-modifiable: ['algorithm', 'state']"),
    ({"actions_minor_group": "reset"}, "actions_minor_group must be one of ignore, log, alarm, not 'reset'"),
    ({"actions_critical_group": "explode"},
     "actions_critical_group must be one of ignore, log, alarm, reset, power-cycle, not 'explode'"),
    ({"actions_critical_group": "alarm"}, "actions_critical_group of server fans is alarm already"),
    ({"audit_interval_group": 9}, "audit_interval_group"),
    ({"audit_interval_group": "often"}, "audit_interval_group"),
    ({"suppress": "perhaps"}, "suppress"),
])
def test_refused_changes_of_a_group(cloud: Any, host: str, values: Any, text: str) -> None:
    before = rows(cloud, "isensorgroups")
    reply = change(cloud, group(cloud), **values)
    assert reply.status == 400 and text in reply.fault
    assert rows(cloud, "isensorgroups") == before and host not in cloud.mtce.sensor_settings


@pytest.mark.usefixtures("host")
def test_refused_changes_of_a_sensor(cloud: Any) -> None:
    path = f"/v1/isensors/{rows(cloud)['fan1']['uuid']}"
    reply = change(cloud, path, actions_critical="reset", suppress=True)
    assert reply.fault == "The following fields are not remote-modifiable: ['actions_critical']"
    reply = cloud.call("PATCH", path, [{"op": "remove", "path": "/suppress"}])
    assert (reply.status, reply.fault) == (400, "suppress can only be replaced")
    assert change(cloud, "/v1/isensors/0a1b2c3d-0000-4000-8000-000000000001", suppress=True).status == 404
    assert change(cloud, "/v1/isensorgroups/0a1b2c3d-0000-4000-8000-000000000001", suppress=True).status == 404


def test_relearning_is_mtce_s(cloud: Any, host: str) -> None:
    for name in ("controller-0", host):
        reply = cloud.post("/v1/isensorgroups/relearn", {"host_uuid": name})
        assert (reply.status, reply.body["host_uuid"]) == (200, host)
    assert cloud.mtce.relearnt == [host, host]
    cloud.mtce.answer = ActionReply("fail", "the sensors of the host are being relearnt", "Wait until that has ended")
    reply = cloud.post("/v1/isensorgroups/relearn", {"host_uuid": host})
    assert (reply.status, reply.fault) == (400, (
        "HWMON has returned with a status of fail, reason: the sensors of the host are being relearnt, "
        "recommended action: Wait until that has ended"))
    assert cloud.post("/v1/isensorgroups/relearn", {"host_uuid": "nobody"}).status == 404
    assert cloud.post("/v1/isensorgroups/relearn", {}).status == 400


def test_a_system_with_one_controller_never_resets_it(simplex: Any) -> None:
    uuid = str(simplex.host("controller-0")["uuid"])
    report(simplex, uuid, GROUPS, [fan()], complete=True)
    assert rows(simplex, "isensorgroups")[FANS]["actions_critical_choices"] == "ignore,log,alarm"
    reply = change(simplex, group(simplex), actions_critical_group="reset")
    assert (reply.status, reply.fault) == (
        400, "actions_critical_group must be one of ignore, log, alarm, not 'reset'")


def test_sensors_go_with_their_host(cloud: Any) -> None:
    uuid = worker(cloud)
    report(cloud, uuid, GROUPS, [fan()], complete=True)
    assert len(cloud.get("/v1/isensors").body["isensors"]) == 1
    assert cloud.delete(f"/v1/ihosts/{uuid}").status == 204
    cloud.settle()
    assert cloud.get("/v1/isensors").body["isensors"] == []
    assert cloud.get("/v1/isensorgroups").body["isensorgroups"] == []
