# SPDX-License-Identifier: Apache-2.0
import asyncio
import base64
import json
from dataclasses import replace

import pytest

from devstack.virtualcloud import sensors
from devstack.virtualcloud.boot import Override
from devstack.virtualcloud.errors import LabError
from devstack.virtualcloud.redfish import tree
from devstack.virtualcloud.redfish.requests import (
    Nothing,
    Rejection,
    Request,
    Reset,
    SetMedia,
    SetOverride,
    read_command,
)
from devstack.virtualcloud.redfish.server import RedfishServer
from devstack.virtualcloud.redfish.view import Nic, ServerView

VIEW = ServerView(
    name="worker-0", uuid="0f0f0f0f-0000-4000-8000-000000000001", power=True, booted=True, override=Override(),
    media="", processors=2, memory_mib=2048,
    nics=(Nic("mgmt0", "52:54:00:f1:02:02"), Nic("data0", "52:54:00:f1:02:06")),
    bmc_mac="52:54:00:f1:02:80", bmc_address="10.10.20.102", readings=sensors.readings({}, True),
)


def links(value):
    """Every reference in a document, but not its own address or that of parts of a document."""
    if isinstance(value, dict):
        if set(value) == {"@odata.id"}:
            yield value["@odata.id"]
        for item in value.values():
            yield from links(item)
    elif isinstance(value, list):
        for item in value:
            yield from links(item)


def test_every_link_leads_to_a_resource_that_names_itself():
    found = tree.resources(VIEW)
    served_elsewhere = {tree.SESSIONS}
    for path, document in found.items():
        if path != "/redfish":
            assert document["@odata.id"] == path
        assert set(links(document)) <= set(found) | served_elsewhere, path


def test_power_override_and_sensors_show():
    hot = sensors.readings({"temp_cpu0": 97}, False)
    off = replace(VIEW, power=False, override=Override("pxe", True), readings=hot)
    system = tree.system(off)
    assert system["PowerState"] == "Off"
    assert system["Boot"]["BootSourceOverrideTarget"] == "Pxe"
    assert system["Boot"]["BootSourceOverrideEnabled"] == "Once"
    assert system["Status"]["Health"] == "Critical"
    temperatures = {item["Name"]: item for item in tree.thermal(off)["Temperatures"]}
    assert temperatures["temp_cpu0"]["ReadingCelsius"] == 97
    assert temperatures["temp_cpu0"]["Status"]["Health"] == "Critical"
    assert temperatures["temp_cpu1"]["ReadingCelsius"] is None
    assert tree.power(VIEW)["PowerControl"][0]["PowerConsumedWatts"] == 415


@pytest.mark.parametrize(("method", "path", "body", "command"), [
    ("POST", tree.SYSTEM_RESET, {"ResetType": "ForceOff"}, Reset("ForceOff")),
    ("POST", tree.SYSTEM_RESET, {}, Reset("On")),
    ("PATCH", tree.SYSTEM, {"Boot": {"BootSourceOverrideTarget": "Pxe"}}, SetOverride(Override("pxe", True))),
    ("PATCH", tree.SYSTEM, {"Boot": {"BootSourceOverrideTarget": "Cd", "BootSourceOverrideEnabled": "Continuous"}},
     SetOverride(Override("cd", False))),
    ("PATCH", tree.SYSTEM, {"Boot": {"BootSourceOverrideEnabled": "Disabled"}}, SetOverride(Override())),
    ("PATCH", tree.SYSTEM, {"AssetTag": "x"}, Nothing()),
    ("POST", tree.MEDIA_INSERT, {"Image": "http://a/b.iso"}, SetMedia("http://a/b.iso")),
    ("POST", tree.MEDIA_EJECT, {}, SetMedia("")),
    ("POST", tree.MANAGER_RESET, {"ResetType": "ForceRestart"}, Nothing()),
])
def test_requests_become_commands(method, path, body, command):
    assert read_command(method, path, body, VIEW) == command


@pytest.mark.parametrize(("method", "path", "body", "status", "power"), [
    ("POST", tree.SYSTEM_RESET, {"ResetType": "Explode"}, 400, True),
    ("POST", tree.SYSTEM_RESET, {"ResetType": "ForceRestart"}, 409, False),
    ("POST", tree.SYSTEM_RESET, [], 400, True),
    ("PATCH", tree.SYSTEM, {"Boot": "Pxe"}, 400, True),
    ("PATCH", tree.SYSTEM, {"Boot": {"BootSourceOverrideTarget": "Tape"}}, 400, True),
    ("PATCH", tree.SYSTEM, {"Name": "x"}, 400, True),
    ("POST", tree.MEDIA_INSERT, {}, 400, True),
    ("POST", tree.MEDIA_INSERT, {"Image": 7}, 400, True),
    ("DELETE", tree.SYSTEM, {}, 405, True),
    ("POST", "/redfish/v1/Nothing", {}, 404, True),
])
def test_requests_that_are_refused(method, path, body, status, power):
    with pytest.raises(Rejection) as refused:
        read_command(method, path, body, replace(VIEW, power=power))
    assert refused.value.status == status


class Recorder:
    def __init__(self):
        self.commands = []
        self.error = None

    async def perform(self, command):
        if self.error is not None:
            raise self.error
        self.commands.append(command)


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def ask(recorder):
    server = RedfishServer(lambda: VIEW, recorder.perform, "root", "secret")

    def ask(method, path, body=b"", **headers):
        return asyncio.run(server.answer(Request(method, path, headers, body)))

    return ask


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_only_the_root_is_open(ask):
    assert ask("GET", tree.ROOT).status == 200
    assert ask("GET", tree.SYSTEM).status == 401
    assert ask("GET", tree.SYSTEM, authorization=basic("root", "wrong")).status == 401
    assert ask("GET", tree.SYSTEM, authorization=basic("admin", "secret")).status == 401
    assert ask("GET", tree.SYSTEM, authorization="Basic !!!").status == 400
    assert ask("GET", tree.SYSTEM, authorization=basic("root", "secret")).data["Name"] == "worker-0"


def test_a_session_lives_until_it_is_deleted(ask):
    assert ask("POST", tree.SESSIONS, b'{"UserName": "root", "Password": "no"}').status == 401
    assert ask("POST", tree.SESSIONS, b'{"UserName": "root"}').status == 400
    opened = ask("POST", tree.SESSIONS, b'{"UserName": "root", "Password": "secret"}')
    token = {"x-auth-token": opened.headers["X-Auth-Token"]}
    assert opened.status == 201
    assert ask("GET", tree.SYSTEM, **token).status == 200
    assert ask("GET", tree.SESSIONS, **token).data["Members@odata.count"] == 1
    assert ask("DELETE", opened.headers["Location"], **token).status == 204
    assert ask("GET", tree.SYSTEM, **token).status == 401


def test_commands_reach_the_server_and_failures_come_back(ask, recorder):
    login = {"authorization": basic("root", "secret")}
    body = json.dumps({"ResetType": "ForceOff"}).encode()
    assert ask("POST", tree.SYSTEM_RESET, body, **login).status == 204
    assert recorder.commands == [Reset("ForceOff")]
    recorder.error = LabError("worker-0 has no running system")
    answer = ask("POST", tree.SYSTEM_RESET, body, **login)
    assert answer.status == 409
    assert answer.data["error"]["message"] == "worker-0 has no running system"
    assert ask("POST", tree.SYSTEM_RESET, b"{not json", **login).status == 400
