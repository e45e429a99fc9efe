# SPDX-License-Identifier: Apache-2.0
"""Redfish services as they are: few reset types, several systems, logins before the root, tags in bodies."""
import threading
from dataclasses import replace

import pytest

from mtce.bmc.interfaces import BmcError, PowerState
from mtce.bmc.kinds import BmcSettings, open_bmc
from mtce.bmc.redfish import RedfishBoot, RedfishPower
from mtce.bmc.session import Session, choose_system, is_redfish

SYSTEM = "/redfish/v1/Systems/437XR1138R2"
ALLOWED = "ResetType@Redfish.AllowableValues"


@pytest.fixture
def power(access, settings):
    clock = [0.0]
    return RedfishPower(Session(access, settings), lambda s: clock.__setitem__(0, clock[0] + s), lambda: clock[0])


@pytest.mark.parametrize(("offered", "graceful", "ordered"), [
    (["On", "ForceOff", "ForceRestart", "GracefulRestart", "PowerCycle"], False, ["ForceRestart"]),
    (["On", "ForceOff", "GracefulRestart", "PowerCycle"], False, ["PowerCycle"]),
    (["On", "ForceOff", "GracefulRestart"], False, ["ForceOff", "On"]),
    (["ForceOn", "ForceOff", "GracefulRestart"], False, ["ForceOff", "ForceOn"]),
    (["ForceOff", "GracefulRestart"], False, ["GracefulRestart"]),
    (["On", "ForceOff", "GracefulRestart", "PowerCycle"], True, ["GracefulRestart"]),
    (["On", "ForceOff", "PowerCycle"], True, ["PowerCycle"])])
@pytest.mark.parametrize("by_action_info", [False, True])
def test_a_reset_takes_the_most_direct_type_on_offer(recorded, power, offered, graceful, ordered, by_action_info):
    recorded.offer(*offered)
    if by_action_info:
        action = recorded.system["Actions"]["#ComputerSystem.Reset"]
        del action[ALLOWED]
        action["@Redfish.ActionInfo"] = SYSTEM + "/ResetActionInfo"
        recorded.tree[SYSTEM + "/ResetActionInfo"] = {
            "@odata.id": SYSTEM + "/ResetActionInfo", "Id": "ResetActionInfo", "Name": "Reset",
            "Parameters": [{"Name": "ResetType", "Required": True, "AllowableValues": offered}]}
    power.reset(graceful=graceful)
    assert recorded.resets == ordered


def test_a_type_that_is_offered_and_refused_gives_way_to_the_next(recorded, power):
    recorded.offer("On", "ForceOff", "ForceRestart", "PowerCycle")
    recorded.refused = {"ForceRestart"}
    power.reset(graceful=False)
    assert recorded.resets == ["PowerCycle"]


def test_off_without_a_way_back_is_no_reset(recorded, power):
    recorded.offer("ForceOff", "Nmi")
    with pytest.raises(BmcError, match="none of force restart, power cycle, graceful restart"):
        power.reset(graceful=False)
    assert recorded.resets == []


def test_a_host_that_does_not_go_off_is_not_switched_on(recorded, power):
    recorded.offer("On", "ForceOff")
    recorded.reset = lambda kind: (recorded.resets.append(kind), (204, None))[1]
    with pytest.raises(BmcError, match="still on after 45 s"):
        power.reset(graceful=False)
    assert recorded.resets == ["ForceOff"]


def test_the_system_named_for_the_host_is_the_only_one_read(recorded, access, settings):
    recorded.add_system("System_0")
    recorded.answers["/redfish/v1/Systems/437XR1138R2"] = (503, {"error": {"code": "x", "message": "busy"}})
    named = replace(access, system="System_0")
    RedfishPower(Session(named, settings)).reset(graceful=False)
    assert not any("437XR1138R2" in line for line in recorded.requests)
    with pytest.raises(BmcError, match=r"no system 'System_9', only 437XR1138R2, System_0"):
        RedfishPower(Session(replace(access, system="System_9"), settings)).state()


def test_a_board_of_accelerators_is_not_the_host(recorded, access, settings):
    recorded.add_system("HGX_Board_0", Boot=None, BiosVersion=None)
    recorded.offer("ForceRestart")
    power = RedfishPower(Session(access, settings))
    assert power.state() is PowerState.ON
    recorded.answers["/redfish/v1/Systems/HGX_Board_0"] = (503, {"error": {"code": "x", "message": "off"}})
    assert power.state() is PowerState.ON


def test_the_host_that_answers_503_is_not_replaced_by_its_board(recorded, access, settings):
    recorded.add_system("HGX_Board_0", Boot=None)
    recorded.answers[SYSTEM] = (503, {"error": {"code": "x", "message": "starting"}})
    with pytest.raises(BmcError, match="437XR1138R2 cannot be read.*503"):
        RedfishPower(Session(access, settings)).reset(graceful=False)
    assert recorded.resets == []


MACHINE = {"SystemType": "Physical", "Actions": {"#ComputerSystem.Reset": {}},
           "Boot": {"BootSourceOverrideTarget": "Hdd"}}


@pytest.mark.parametrize(("bodies", "unread", "chosen"), [
    ({"/a": MACHINE, "/b": MACHINE | {"SystemType": "Virtual"}}, {}, "/a"),
    ({"/a": MACHINE, "/b": MACHINE | {"SystemType": "DPU"}}, {"/c": "503"}, "/a"),
    ({"/a": MACHINE | {"SystemType": None}, "/b": MACHINE | {"Actions": {}}}, {}, "/a"),
    ({"/a": MACHINE | {"Boot": {}}, "/b": {"SystemType": "OS"}}, {}, None),
    ({"/a": MACHINE, "/b": MACHINE}, {}, None),
    ({"/a": MACHINE | {"Boot": None}}, {"/b": "503"}, None),
    ({}, {"/b": "503"}, None)])
def test_choice_among_systems(bodies, unread, chosen):
    if chosen is None:
        with pytest.raises(ValueError, match="redfish_systems"):
            choose_system(bodies, unread)
    else:
        assert choose_system(bodies, unread) == chosen


def test_a_root_behind_a_login_is_opened_with_it(recorded, access, settings):
    recorded.open_paths = set()
    recorded.sessions = False
    assert RedfishPower(Session(access, settings)).state() is PowerState.ON
    assert is_redfish(access, settings)
    with pytest.raises(BmcError, match="password is wrong"):
        RedfishPower(Session(replace(access, password="other"), settings)).state()


def test_a_login_without_a_stored_password_is_not_called_wrong(recorded, access, settings):
    for open_paths in (set(), recorded.open_paths):
        recorded.open_paths = open_paths
        with pytest.raises(BmcError, match="none is stored for this host") as caught:
            RedfishPower(Session(replace(access, password=""), settings)).state()
        assert "wrong" not in str(caught.value)


def test_kind_is_told_only_by_evidence(recorded, access, settings):
    kinds = BmcSettings(redfish=settings)
    assert open_bmc("dynamic", access, kinds).kind == "redfish"
    recorded.open_paths = {"/redfish"}
    assert open_bmc("dynamic", replace(access, password=""), kinds).kind == "redfish"
    recorded.open_paths = set()
    assert open_bmc("dynamic", access, kinds).kind == "redfish"
    with pytest.raises(BmcError, match="none is stored"):
        open_bmc("dynamic", replace(access, password=""), kinds)
    with pytest.raises(BmcError, match="wrong"):
        open_bmc("dynamic", replace(access, password="other"), kinds)
    for status in (429, 500, 502, 503, 504):
        recorded.answers["/redfish/v1"] = (status, {})
        with pytest.raises(BmcError, match=f"status {status}"):
            open_bmc("dynamic", access, kinds)
    for answer in ((404, {}), (200, b"<html>web console</html>"), (200, {"RedfishVersion": "0.9"}), (200, ["x"]),
                   (200, b"[" * 100_000)):
        recorded.answers["/redfish/v1"] = answer
        assert open_bmc("dynamic", access, kinds).kind == "ipmi"
    assert not is_redfish(access, replace(settings, port=1))


def test_a_silent_service_is_no_proof_of_ipmi(recorded, access, settings):
    asked_again = threading.Event()

    def never():
        asked_again.wait(10)
        return 200, {}

    recorded.answers["/redfish/v1"] = never
    with pytest.raises(BmcError):
        is_redfish(access, replace(settings, read_timeout_s=0.3))
    asked_again.set()


@pytest.mark.parametrize("tag", ['W/"8F6A1C"', '"1a2b"'])
def test_a_tag_in_the_body_is_sent_back(recorded, access, settings, tag):
    recorded.system["@odata.etag"] = tag
    RedfishBoot(Session(access, settings)).network_once()
    assert recorded.patches == [{"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}]


def test_sessions_are_closed(recorded, access, settings):
    RedfishPower(Session(access, settings)).state()
    assert recorded.requests[-1] == "DELETE /redfish/v1/SessionService/Sessions/1"


@pytest.mark.parametrize("answer", [
    (200, ["a", "list"]), (200, b"no json"), (200, {"Id": 1, "Actions": "text", "PowerState": {}}),
    (500, ["a", "list"]), (500, {"error": "text"}), (200, b"[" + b"1," * 3_000_000 + b"1]"),
    (200, b"[" * 100_000), (500, b"[" * 100_000)])
def test_answers_that_make_no_sense_are_errors_of_the_bmc(recorded, access, settings, answer):
    recorded.answers[SYSTEM] = answer
    with pytest.raises(BmcError):
        RedfishPower(Session(access, settings)).reset(graceful=False)


def test_a_command_ends_after_its_time(recorded, access, settings):
    with pytest.raises(BmcError, match="too long"):
        RedfishPower(Session(access, replace(settings, command_timeout_s=-1))).state()
