# SPDX-License-Identifier: Apache-2.0
"""A crash as every listener hears it: alarm list, event log, event stream, SNMP notifications, webhook. One story."""
import json
import os
import socket
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest
import requests

from devstack.virtualcloud import netns, plan
from devstack.virtualcloud.cloudclient import wait_for, wait_states
from devstack.virtualcloud.mainjob import IN_SERVICE, LAB, STATE_DIR, cli, lab
from devstack.virtualcloud.site import PREFIX, Site
from fm.client.stream import messages
from fm.snmp.objects import ACTIVE_ENTRY, EVENT_ENTRY, NOTIFICATIONS, ActiveColumn, EventColumn, TrapNumber
from tests.functional.fm_snmp.netsnmp import Snmptrapd, dotted

HOST = "host=worker-1"
HOOK_PORT, TRAP_PORT = 9093, 16200
COMMUNITY = "lab-listens"
SETTINGS = f"""
import configparser
settings = configparser.ConfigParser(interpolation=None)
settings.read("/etc/flock/fm.conf")
settings["fm"].update(webhook_urls="http://{plan.OUTSIDE_ADDRESS}:{HOOK_PORT}/alarms")
settings["fm_outputs"] = dict(webhook_logs="true")
settings["fm_snmp"] = dict(destinations="nms")
settings["fm_snmp.nms"] = dict(host="{plan.OUTSIDE_ADDRESS}", port="{TRAP_PORT}", community="{COMMUNITY}")
with open("/etc/flock/fm.conf", "w") as target:
    settings.write(target)
"""
TRAPS = {dotted((*NOTIFICATIONS, number)): number for number in TrapNumber}
STATES = {"fm.alarm.set": "set", "fm.alarm.clear": "clear", "fm.event.log": "log"}


class Hook(BaseHTTPRequestHandler):
    """Keeps the alerts it is sent."""

    alerts: list = []

    def do_POST(self):  # noqa: N802 - the name is the library's
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.alerts.extend(body["alerts"])
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def webhook(cloud):
    """A receiver in the operator's network, outside the cloud."""
    server = HTTPServer((plan.OUTSIDE_ADDRESS, HOOK_PORT), Hook, bind_and_activate=False)
    server.socket.close()
    outside = Site(STATE_DIR, os.environ.get("FLOCK_LAB_PREFIX", PREFIX)).namespace_path(plan.OUTSIDE)
    server.socket = netns.listening_socket(outside, plan.OUTSIDE_ADDRESS, HOOK_PORT)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    yield Hook.alerts
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.fixture(scope="module")
def snmptrapd(cloud, tmp_path_factory):
    """Debian's snmptrapd in the same place."""
    entry = (str(LAB), "exec", plan.OUTSIDE, "--")
    daemon = Snmptrapd(tmp_path_factory.mktemp("snmptrapd"), TRAP_PORT, address=plan.OUTSIDE_ADDRESS, entry=entry)
    daemon.start(community=COMMUNITY)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="module")
def outputs(on, unmanaged, webhook, snmptrapd):
    """fm-manager tells both receivers while the tests of this file run."""
    before = on("controller-0", "cat", "/etc/flock/fm.conf")
    on("controller-0", "/opt/flock/venv/bin/python", "-c", SETTINGS)
    with unmanaged("fm-mgr"):
        on("controller-0", "systemctl", "restart", "flock-fm-manager")
    yield SimpleNamespace(webhook=webhook, snmptrapd=snmptrapd)
    restore = f"open('/etc/flock/fm.conf', 'w').write({before!r})"
    on("controller-0", "/opt/flock/venv/bin/python", "-c", restore)
    with unmanaged("fm-mgr"):
        on("controller-0", "systemctl", "restart", "flock-fm-manager")


@pytest.fixture
def stream(api, cloud):
    """What /v1/event_stream says from now on; read by a thread."""
    reply = api.get("https://127.0.0.1:18002/v1/event_stream", stream=True, timeout=60)
    assert reply.status_code == 200, reply.text
    heard: list = []

    def read():
        try:
            for message in messages(reply.iter_content(None)):
                if message.kind in STATES:
                    heard.append(message)
        except requests.RequestException:
            return

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    yield heard
    # Ends the read in the thread; closing alone would not.
    reply.raw.connection.sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)
    reply.close()


def moment(text):
    """Times as outputs write them, to a tenth of a second: SNMP has no more."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return found.replace(microsecond=found.microsecond // 100_000 * 100_000)


def from_log(event):
    return (event["event_log_id"], event["entity_instance_id"], event["state"], event["reason_text"],
            moment(event["timestamp"]))


def from_alert(alert):
    labels, annotations = alert["labels"], alert["annotations"]
    assert alert["status"] == ("firing" if annotations["state"] == "set" else "resolved")
    return (labels["alertname"], labels["entity_instance_id"], annotations["state"], annotations["summary"],
            moment(annotations["timestamp"]))


def from_trap(received):
    number = TRAPS[received.name]
    message = number is TrapNumber.MESSAGE
    entry, columns = (EVENT_ENTRY, EventColumn) if message else (ACTIVE_ENTRY, ActiveColumn)
    values = {column: received.values.get(dotted((*entry, column, 0))) for column in columns}
    ident = values[EventColumn.EVENT_ID if message else ActiveColumn.ALARM_ID]
    entity = values[columns.ENTITY_INSTANCE_ID].decode()
    region, _, rest = entity.partition(".system=")
    assert region == "region=RegionOne", entity
    state = "log" if message else "clear" if number is TrapNumber.CLEAR else "set"
    date = values[columns.DATE_AND_TIME]
    at = datetime(int.from_bytes(date[:2], "big"), *date[2:7], tzinfo=UTC) + timedelta(milliseconds=100 * date[7])
    return (ident.decode(), rest.partition(".")[2], state, values[columns.REASON_TEXT].decode(), at)


def newest(api, limit):
    """Events in the order in which they were stored; times are those of the raisers, which may overtake each other."""
    reply = api.get(f"https://127.0.0.1:18002/v1/event_log?sort_key=id&sort_dir=desc&limit={limit}", timeout=30)
    return reply.json()["event_log"]


def of_host(entity):
    return entity == HOST or entity.startswith((HOST + ".", HOST + ","))


def test_every_listener_hears_the_same_story(api, cloud, healthy, outputs, stream):
    begun = newest(api, 1)[0]["uuid"]
    outputs.webhook.clear()
    lab("crash", "worker-1")
    wait_for("200.004", lambda: "200.004" in cloud.alarm_ids(HOST), 30)
    listed = {(row["alarm_id"], row["entity_instance_id"]): (row["severity"], row["reason_text"])
              for row in json.loads(cli("fm", "alarm-list", "-f", "json", quiet=True))
              if of_host(row["entity_instance_id"])}
    wait_states(cloud, "worker-1", IN_SERVICE, 120)
    wait_for("alarms cleared", lambda: not cloud.alarm_ids(HOST), 30)

    events = []
    for event in newest(api, 500):
        if event["uuid"] == begun:
            break
        if of_host(event["entity_instance_id"]):
            events.insert(0, event)
    story = [from_log(event) for event in events]
    assert {("200.004", "set"), ("200.004", "clear"), ("200.005", "set"), ("200.005", "clear")} <= {
        (ident, state) for ident, _, state, _, _ in story}
    assert listed

    def streamed():
        return [event for event in (json.loads(message.data) for message in list(stream))
                if of_host(event["entity_instance_id"])]
    wait_for("the stream", lambda: len(streamed()) >= len(story), 10)
    assert [from_log(event) for event in streamed()] == story
    assert [message.kind for message in stream if of_host(json.loads(message.data)["entity_instance_id"])] == [
        {state: kind for kind, state in STATES.items()}[state] for _, _, state, _, _ in story]

    def trapped():
        return [heard for heard in (from_trap(each) for each in outputs.snmptrapd.received() if each.name in TRAPS)
                if of_host(heard[1])]
    wait_for("the traps", lambda: len(trapped()) >= len(story), 20)
    assert trapped() == story

    def hooked():
        return [heard for heard in map(from_alert, list(outputs.webhook)) if of_host(heard[1])]
    wait_for("the webhook", lambda: len(hooked()) >= len(story), 20)
    assert hooked() == story

    # What the list showed in the middle is what the stream had told until then.
    active = {}
    for event in streamed():
        key = event["event_log_id"], event["entity_instance_id"]
        if event["state"] == "set":
            active[key] = event["severity"], event["reason_text"]
            if key == ("200.004", HOST):
                break
        elif event["state"] == "clear":
            active.pop(key, None)
    assert listed == active


SNMPD = """rocommunity public 127.0.0.1
master agentx
agentXSocket /var/agentx/master
"""
SERVE = f"""
cp /etc/snmp/snmpd.conf /root/snmpd.before && mkdir -p /var/agentx
printf '%s' '{SNMPD}' > /etc/snmp/snmpd.conf
systemctl restart snmpd && systemctl start flock-fm-snmp-agent
"""
CEASE = "systemctl stop flock-fm-snmp-agent snmpd; cp /root/snmpd.before /etc/snmp/snmpd.conf"
FULL = "host=controller-0.filesystem=/scratch"
RECORD = ("", "100.104", "set", "host.filesystem", FULL, "", "major", "nearly full", "operational-violation",
          "threshold-crossed", "remove files", "False", "True", "False", "False")


def test_snmpd_of_the_controller_serves_the_tables(cloud, on):
    bin_dir = "/opt/flock/venv/bin"

    def walk(column):
        table = dotted((*ACTIVE_ENTRY, column))
        printed = on("controller-0", "env", "MIBS=", "snmpwalk", "-v2c", "-c", "public", "-On", "-Oe", "-t5",
                     "127.0.0.1", table, check=False)
        return [line.partition(": ")[2].strip('"') for line in printed.splitlines() if ": " in line]
    on("controller-0", "sh", "-ec", SERVE)
    try:
        said = on("controller-0", f"{bin_dir}/fmClientCli", "-c", "###" + "".join(f"{field}###" for field in RECORD))
        answer, uuid = said.split()
        assert answer == "Ok"
        wait_for("the row", lambda: uuid in walk(ActiveColumn.UUID), 30)
        rows = {uuids: texts for uuids, *texts in zip(*(walk(column) for column in (
            ActiveColumn.UUID, ActiveColumn.ALARM_ID, ActiveColumn.ENTITY_INSTANCE_ID, ActiveColumn.ALARM_SEVERITY,
            ActiveColumn.REASON_TEXT)), strict=True)}
        alarm, = (row for row in cloud.alarms() if row["uuid"] == uuid)
        ident, entity, severity, reason = rows[uuid]
        assert (ident, entity.partition(".")[2], severity, reason) == (
            alarm["alarm_id"], alarm["entity_instance_id"], "3", alarm["reason_text"])
        assert on("controller-0", f"{bin_dir}/fmClientCli", "-d", f"###100.104###{FULL}###").split() == ["Ok"]
        wait_for("the end of the row", lambda: uuid not in walk(ActiveColumn.UUID), 30)
    finally:
        on("controller-0", "sh", "-c", CEASE)
