# SPDX-License-Identifier: Apache-2.0
"""Who filled the memory of the bus."""
import pytest

from flock.rpc.accounts import BusConnection
from sysinv.model.busguard import SUSPECT_BYTES, peer_of, received, suspects

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
