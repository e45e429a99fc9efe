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
WATCHED = {"uuid": UUID, "hostname": "worker-0", "networks": ["mgmt", "cluster-host"], "epoch": 7,
           "addresses": {"mgmt": "192.168.204.10", "cluster-host": "192.168.206.10"}}


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
def ends(request, tmp_path):
    heard, arrived = [], threading.Condition()

    def on_level(*level):
        with arrived:
            heard.append(level)
            arrived.notify_all()

    heartbeat = Heartbeat(tmp_path / "hb.sock")
    client = PulseClient(str(tmp_path / "hb.sock"), on_level, on_level, getattr(request, "param", 30.0))

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
    # The whole list again when the change came while the list was on its way.
    assert heartbeat.hear() in ({"op": "start", "host": {**WATCHED, "epoch": 8}},
                                {"op": "hosts", "hosts": [{**WATCHED, "epoch": 8}]})
    client.watch(monitored(8))
    client.watch(replace(monitored(8), monitored=False))
    assert heartbeat.hear() in ({"op": "stop", "uuid": UUID}, {"op": "hosts", "hosts": []})
    client.watch(monitored(9))
    assert heartbeat.hear()["op"] in ("start", "hosts")
    heartbeat.hang_up()
    heartbeat.accept()
    assert heartbeat.hear() == {"op": "hosts", "hosts": [{**WATCHED, "epoch": 9}]}


def test_levels_are_passed_on_and_nonsense_is_survived(ends):
    heartbeat, client, wait = ends
    client.start()
    heartbeat.accept()
    heartbeat.say(event="level", uuid=UUID, network="oam", level="loss", epoch=7)
    heartbeat.connection.sendall(b"{\n[]\n" + b"[" * 100_000 + b"\n")
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


@pytest.mark.parametrize("ends", [0.3], indirect=True)
def test_list_is_repeated_and_brings_a_lost_level_back(ends):
    heartbeat, client, wait = ends
    client.watch(monitored())
    client.start()
    heartbeat.accept()
    for round_number in range(1, 4):
        assert heartbeat.hear() == {"op": "hosts", "hosts": [WATCHED]}
        heartbeat.say(event="level", uuid=UUID, network="mgmt", level="ok", epoch=7, misses=0)
        heartbeat.say(event="synced")
        assert wait(round_number)[-1] == (UUID, "mgmt", "ok", 7)
        assert client.session() or round_number == 1


@pytest.mark.parametrize("ends", [0.3], indirect=True)
def test_daemon_that_does_not_answer_a_list_is_not_connected(ends):
    heartbeat, client, wait = ends
    client.start()
    heartbeat.accept()
    heartbeat.hear()
    heartbeat.say(event="synced")
    heartbeat.say(event="level", uuid=UUID, network="mgmt", level="ok", epoch=1, misses=0)
    wait(1)
    assert client.session()
    assert heartbeat.hear()["op"] == "hosts"
    assert heartbeat.lines.readline() == b""  # it gave up
    heartbeat.accept()
    assert not client.session()
    assert heartbeat.hear()["op"] == "hosts"


def test_daemon_that_reads_nothing_holds_nobody_up(ends):
    heartbeat, client, _ = ends
    client.watch(monitored())
    client.start()
    heartbeat.accept()
    heartbeat.hear()
    watching = threading.Thread(target=lambda: [client.watch(monitored(epoch)) for epoch in range(8, 3_009)])
    watching.start()
    watching.join(20)
    assert not watching.is_alive()
    assert heartbeat.lines.readline()  # what fitted is still there
    while epoch_of_last_line(heartbeat) != 3_008:
        heartbeat.accept()


def epoch_of_last_line(heartbeat):
    """Read until the client gives the connection up or has said the newest; a line cut short is nothing."""
    epoch = None
    while epoch != 3_008 and (line := heartbeat.lines.readline()).endswith(b"\n"):
        message = json.loads(line)
        epoch = (message.get("hosts") or [message["host"]])[0]["epoch"]
    return epoch
