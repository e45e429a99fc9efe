# SPDX-License-Identifier: Apache-2.0
"""REST of host maintenance: StarlingX's bodies in and out, who may do what, and bad input."""
import json

import pytest
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import build_app
from flock.testing.identity import trusting
from mtce.contract.records import ActionReply, HostStatus
from mtce.contract.rpc import MtceHosts
from mtce.resources.host import fields

UUID = "3c7e0a6e-1a2b-4c3d-8e4f-5a6b7c8d9e0f"
RECORD = {
    "operation": "modify", "uuid": UUID, "hostname": "worker-0", "personality": "worker", "subfunctions": "worker",
    "mgmt_ip": "192.168.204.37", "mgmt_mac": "08:00:27:AA:BB:CC", "administrative": "locked",
    "operational": "disabled", "availability": "online", "action": "unlock", "invprovision": "provisioned",
    "bm_type": "dynamic", "bm_ip": "10.10.10.126", "bm_username": "root", "created_at": None, "capabilities": {},
}
STATUS = HostStatus(UUID, "worker-0", "unlocked", "enabled", "available", "disabled", "not-installed", "none", "idle",
                    "", 4711, "worker", "worker")


class Conductor:
    """Remembers what it was asked; refuses locks."""

    def __init__(self):
        self.puts, self.actions, self.deleted = [], [], []

    def put_host(self, *, host):
        self.puts.append(host)
        return ActionReply("pass")

    def host_action(self, *, host_uuid, action, request_id):
        self.actions.append((host_uuid, action, request_id))
        if action == "lock":
            return ActionReply("fail", "Controller is Active", "Swact Controller and then Lock")
        return ActionReply("pass")

    def delete_host(self, *, host_uuid):
        self.deleted.append(host_uuid)
        return ActionReply("pass")

    def get_host(self, *, host_uuid):
        return STATUS if host_uuid == UUID else None

    def list_hosts(self):
        return [STATUS]


@pytest.fixture
def api():
    conf = cfg.ConfigOpts()
    flock_conf.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    conductor = Conductor()
    app = build_app(conf, "mtce", deps=[(MtceHosts, conductor)], authenticate=trusting)

    def call(method, path, body=None, role="service", project="services"):
        request = webob.Request.blank(path, method=method, headers={
            "X-Roles": role, "X-Project-Name": project, "X-User-Id": "u", "X-Project-Id": "p",
            "X-Identity-Status": "Confirmed"})
        if body is not None:
            request.body, request.content_type = json.dumps(body).encode(), "application/json"
        return request.get_response(app)

    call.conductor = conductor
    return call


def test_a_record_with_an_action_is_put_and_acted_on(api):
    reply = api("PATCH", f"/v1/hosts/{UUID}", RECORD)
    assert (reply.status_int, reply.json) == (200, {"status": "pass"})
    host = api.conductor.puts[0]
    assert (host.mgmt_mac, host.bm_type, host.bm_secret) == ("08:00:27:aa:bb:cc", "dynamic", None)
    assert api.conductor.actions[0][:2] == (UUID, "unlock")


def test_adding_only_puts(api):
    assert api("POST", "/v1/hosts/", {**RECORD, "operation": "add", "action": "none"}).json == {"status": "pass"}
    assert api.conductor.puts and not api.conductor.actions


def test_a_refusal_keeps_reason_and_advice(api):
    reply = api("PATCH", f"/v1/hosts/{UUID}", {"action": "lock"})
    assert reply.status_int == 409
    assert reply.json == {"status": "fail", "reason": "Controller is Active",
                          "action": "Swact Controller and then Lock"}


def test_state_and_uptime_are_read(api):
    body = api("GET", f"/v1/hosts/{UUID}", role="reader").json
    assert body["state"]["availability"] == "available" and body["subfunctions"] == "worker"
    assert api("GET", "/v1/systems", role="reader").json == {
        "hosts": [{"uuid": UUID, "hostname": "worker-0", "uptime": "4711"}]}
    assert api("GET", "/v1/hosts/3c7e0a6e-0000-4c3d-8e4f-5a6b7c8d9e0f", role="reader").status_int == 404


@pytest.mark.parametrize("role, project, status", [
    ("reader", "admin", 403), ("operator", "admin", 403), ("member", "services", 403), ("service", "other", 403),
    ("admin", "other", 403), ("admin", "admin", 200), ("service", "services", 200)])
def test_only_services_and_administrators_act(api, role, project, status):
    assert api("PATCH", f"/v1/hosts/{UUID}", {"action": "unlock"}, role, project).status_int == status
    assert api("DELETE", f"/v1/hosts/{UUID}", None, role, project).status_int == status
    assert len(api.conductor.deleted) == (status == 200)


@pytest.mark.parametrize("change, field", [
    ({"uuid": "nonsense"}, "uuid"), ({"hostname": ""}, "hostname"), ({"hostname": "x" * 256}, "hostname"),
    ({"hostname": "a\0b"}, "hostname"), ({"personality": "king"}, "personality"), ({"mgmt_mac": "08:00"}, "mgmt_mac"),
    ({"mgmt_ip": "300.1.1.1"}, "mgmt_ip"), ({"mgmt_ip": None}, "mgmt_ip"), ({"bm_type": "ilo"}, "bm_type"),
    ({"bm_ip": None}, "bm_ip"), ({"administrative": "open"}, "administrative"), ({"action": "explode"}, "action"),
    ({"action": 7}, "action")])
def test_bad_records_name_the_field(api, change, field):
    reply = api("PATCH", f"/v1/hosts/{UUID}", {**RECORD, **change})
    assert reply.status_int == 400
    assert field in json.loads(reply.json["error_message"])["faultstring"]
    assert not api.conductor.puts and not api.conductor.actions


def test_other_bad_calls(api):
    assert api("PATCH", "/v1/hosts/nonsense", {"action": "unlock"}).status_int == 400
    assert api("PATCH", f"/v1/hosts/{UUID}", ["unlock"]).status_int == 400
    assert api("PATCH", f"/v1/hosts/{UUID}", {}).status_int == 400
    assert fields.requested_action({"action": "none"}) is None
