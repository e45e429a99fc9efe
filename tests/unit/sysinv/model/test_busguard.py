# SPDX-License-Identifier: Apache-2.0
"""Who filled the memory of the bus."""
import pytest

from flock.rpc.accounts import BusConnection
from sysinv.model.busguard import CONTROLLERS, SUSPECT_BYTES, peer_of, received, search_order, suspects
from sysinv.model.hostname import hostname_refusal

OUTPUT = """\
0      0            127.0.0.1:5671         127.0.0.1:40001 cubic rto:204 bytes_received:120 segs_out:1
0      0      [::ffff:10.0.0.1]:5671  [::ffff:10.0.0.2]:40002 cubic bytes_received:99999999 rcv_space:1
0      0               [fd00::1]:5671         [fd00::2]:40003 cubic bytes_received:7
0      0               [fd00::1]:5671         [fd00::2]:40004 cubic rto:1
rubbish
"""


def test_bytes_of_each_peer():
    assert received(OUTPUT) == {("127.0.0.1", 40001): 120, ("10.0.0.2", 40002): 99999999, ("fd00::2", 40003): 7}
    assert received("") == {}


@pytest.mark.parametrize("text", ["", "x", "10.0.0.1", "10.0.0.1:x", "a:1", "[]:1"])
def test_what_is_no_peer(text):
    assert peer_of(text) is None


def test_the_largest_sender_of_late_comes_first_and_services_never():
    peers = {name: ("10.0.0.2", number) for number, name in enumerate(["host.a", "host.b", "host.c", "service.d"], 1)}
    connections = [BusConnection(f"{address}:{port} -> 10.0.0.1:5671", name)
                   for name, (address, port) in peers.items()]
    connections += [BusConnection("10.0.0.2:9 -> 10.0.0.1:5671", "host.b"), BusConnection("strange", "host.b")]
    half = SUSPECT_BYTES // 2
    before = {peers["host.a"]: 10 * SUSPECT_BYTES}
    now = {peers["host.a"]: 10 * SUSPECT_BYTES + 1, peers["host.b"]: half, ("10.0.0.2", 9): half,
           peers["host.c"]: 2 * SUSPECT_BYTES, peers["service.d"]: 9 * SUSPECT_BYTES}
    assert suspects(connections, before, now, "host.") == ["host.c", "host.b"]
    assert suspects(connections, now, now, "host.") == []


@pytest.mark.parametrize(("found", "order"), [
    ([], []),
    ([("host.controller-0", 9), ("host.a", 5), ("host.controller-1", 3), ("host.b", 0)],
     ["host.a", "host.b", "host.controller-0", "host.controller-1"]),
    ([("host.controller-1", 9), ("host.controller-0", 9)], ["host.controller-1", "host.controller-0"]),
    ([("host.a", 5), ("host.b", 5)], ["host.a", "host.b"]),
    ([("host.controller-2", 5), ("host.controller", 4)], ["host.controller-2", "host.controller"])])
def test_controllers_are_searched_last_and_large_senders_first(found, order):
    assert [account for account, _ in search_order(found)] == order
    assert sorted(search_order(found)) == sorted(found)


def test_no_other_host_has_the_name_of_a_controller():
    assert {"host.controller-0", "host.controller-1"} == CONTROLLERS
    for account in CONTROLLERS:
        assert hostname_refusal(account.removeprefix("host."), "worker") is not None
