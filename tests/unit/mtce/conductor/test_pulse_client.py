# SPDX-License-Identifier: Apache-2.0
import json
import socket
import threading
from dataclasses import asdict, replace

import pytest

from mtce.conductor.pulses import PulseClient
from mtce.contract.records import MtcAlive, MtceHost
from mtce.core.view import first_view

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
HOST = MtceHost(UUID, "worker-0", "worker", "worker", "", "192.168.204.10", "192.168.206.10", "locked", "disabled",
                "online")
WATCHED = {"uuid": UUID, "hostname": "worker-0", "networks": ["mgmt", "cluster-host"], "epoch": 7}


class Heartbeat:
    """The other end of the socket."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(1)
        self.sock.settimeout(10)

    def accept(self):
        self.connection, _ = self.sock.accept()
        self.connection.settimeout(10)
        self.lines = self.connection.makefile("rb")

    def hear(self):
        return json.loads(self.lines.readline())

    def say(self, **message):
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def hang_up(self):
        self.lines.close()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()


@pytest.fixture
def ends(tmp_path):
    heard, arrived = [], threading.Condition()

    def on_level(*level):
        with arrived:
            heard.append(level)
            arrived.notify_all()

    heartbeat = Heartbeat(tmp_path / "hb.sock")
    client = PulseClient(str(tmp_path / "hb.sock"), on_level, on_level)

    def wait(count):
        with arrived:
            assert arrived.wait_for(lambda: len(heard) >= count, 10)
        return heard

    yield heartbeat, client, wait
    client.stop()
    heartbeat.sock.close()


def monitored(epoch=7):
    return replace(first_view(HOST), monitored=True, epoch=epoch)


def test_whole_list_then_changes_then_whole_list_again_after_a_lost_connection(ends):
    heartbeat, client, _ = ends
    client.watch(monitored())
    client.start()
    heartbeat.accept()
    assert heartbeat.hear() == {"op": "hosts", "hosts": [WATCHED]}
    client.watch(monitored(8))
    assert heartbeat.hear() == {"op": "start", "host": {**WATCHED, "epoch": 8}}
    client.watch(monitored(8))
    client.watch(replace(monitored(8), monitored=False))
    assert heartbeat.hear() == {"op": "stop", "uuid": UUID}
    client.watch(monitored(9))
    assert heartbeat.hear()["op"] == "start"
    heartbeat.hang_up()
    heartbeat.accept()
    assert heartbeat.hear() == {"op": "hosts", "hosts": [{**WATCHED, "epoch": 9}]}


def test_levels_are_passed_on_and_nonsense_is_survived(ends):
    heartbeat, client, wait = ends
    client.start()
    heartbeat.accept()
    heartbeat.say(event="level", uuid=UUID, network="oam", level="loss", epoch=7)
    heartbeat.connection.sendall(b"{\n[]\n")
    heartbeat.say(event="level", uuid=UUID, network="mgmt", level="loss", epoch=7, misses=10)
    assert wait(1) == [(UUID, "mgmt", "loss", 7)]


def test_mtcalive_is_passed_on_of_its_own_host_only_and_with_fields_of_a_newer_release(ends):
    heartbeat, client, wait = ends
    client.start()
    heartbeat.accept()
    alive = MtcAlive(UUID, "worker-0", "boot-1", 60, 7, True, True, False, True, None, False)
    other = "2f1c1d7e-0000-4000-8000-000000000002"
    for document in (asdict(replace(alive, host_uuid=other)), {**asdict(alive), "healthy": "yes"}, {}, [], None):
        heartbeat.say(event="alive", uuid=UUID, alive=document)
    heartbeat.say(event="alive", uuid=UUID, alive={**asdict(alive), "colour": "blue"})
    assert wait(1) == [(alive,)]


def test_synced_only_between_the_word_and_the_end_of_the_connection(ends):
    heartbeat, client, wait = ends
    client.start()
    heartbeat.accept()
    assert not client.session()
    heartbeat.say(event="synced")
    heartbeat.say(event="level", uuid=UUID, network="mgmt", level="ok", epoch=1, misses=0)
    wait(1)
    assert client.session()
    heartbeat.hang_up()
    heartbeat.accept()
    assert not client.session()
