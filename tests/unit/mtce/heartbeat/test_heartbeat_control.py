# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from mtce.core.heartbeat import Change, Watch
from mtce.heartbeat.control import BadRequest, level_line, obey, parse_watch

UUID = "2f1c1d7e-0000-4000-8000-000000000001"
HOST = {"uuid": UUID, "hostname": "worker-0", "networks": ["mgmt"], "epoch": 3}


class Book:
    def __init__(self):
        self.done = []

    def obey(self, request):
        line = request if isinstance(request, bytes) else json.dumps(request).encode()
        return obey(line, watch_all=lambda hosts: self.done.append(("all", hosts)),
                    watch=lambda host: self.done.append(("start", host)),
                    unwatch=lambda uuid: self.done.append(("stop", uuid)))


def test_whole_list_wants_present_levels():
    book = Book()
    assert book.obey({"op": "hosts", "hosts": [HOST]})
    assert book.done == [("all", [Watch(UUID, "worker-0", ("mgmt",), 3)])]


def test_start_and_stop():
    book = Book()
    assert not book.obey({"op": "start", "host": HOST})
    assert not book.obey({"op": "stop", "uuid": UUID})
    assert book.done == [("start", Watch(UUID, "worker-0", ("mgmt",), 3)), ("stop", UUID)]


def test_addresses_of_a_host_by_network():
    book = Book()
    book.obey({"op": "start", "host": {**HOST, "addresses": {"mgmt": "192.168.204.10"}}})
    assert book.done == [("start", Watch(UUID, "worker-0", ("mgmt",), 3, (("mgmt", "192.168.204.10"),)))]


@pytest.mark.parametrize("addresses", [
    [], "192.168.204.10", {"oam": "192.168.204.10"}, {"mgmt": 5}, {"mgmt": None}, {"mgmt": "worker-0"},
    {"mgmt": "fd00::1"}, {"mgmt": "239.1.1.2"}, {"mgmt": "255.255.255.255"}, {"mgmt": "0.0.0.0"}])
def test_what_is_no_address_of_a_host(addresses):
    with pytest.raises(BadRequest, match="^addresses"):
        Book().obey({"op": "start", "host": {**HOST, "addresses": addresses}})


@pytest.mark.parametrize(("request_", "field"), [
    (b"{", "line"), (b"[]", "line"), (b"[" * 100_000, "line"), ({"op": "reboot"}, "op"), ({"op": "hosts"}, "hosts"),
    ({"op": "start"}, "host"), ({"op": "start", "host": {**HOST, "uuid": "x"}}, "uuid"),
    ({"op": "start", "host": {**HOST, "networks": ["oam"]}}, "networks"),
    ({"op": "start", "host": {**HOST, "epoch": "1"}}, "epoch")])
def test_nonsense_names_the_field(request_, field):
    with pytest.raises(BadRequest, match=f"^{field}:"):
        Book().obey(request_)


def test_level_is_one_line():
    line = level_line(Change(UUID, "mgmt", 3, "loss", 10))
    assert line.endswith(b"\n")
    assert json.loads(line) == {"event": "level", "uuid": UUID, "network": "mgmt", "epoch": 3, "level": "loss",
                                "misses": 10}
    assert parse_watch(HOST).epoch == 3
