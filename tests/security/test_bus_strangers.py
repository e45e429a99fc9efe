# SPDX-License-Identifier: Apache-2.0
"""A machine on the management network gives itself many addresses, or a host's: a real kernel with the real rules."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import pytest

from sysinv.agent import busfilter
from sysinv.model.busaccounts import BUS_PORT
from tests.security.test_neighbours_attacked import ATTACKER, Wire

CONTROLLER, KNOWN, LOCKED = "192.168.204.10", "192.168.204.20", "192.168.204.21"
STRANGERS = [f"192.168.204.{last}" for last in range(100, 130)]
# Counts what arrives from each address, and prints the total when its stdin ends.
SINK = """
    import json, selectors, socket, sys
    port, seen, known = int(sys.argv[1]), {}, selectors.DefaultSelector()
    server = socket.create_server(("", port), backlog=256)
    known.register(server, selectors.EVENT_READ)
    known.register(sys.stdin, selectors.EVENT_READ)
    print("listens", flush=True)
    while True:
        for key, _ in known.select():
            if key.fileobj is sys.stdin:
                print(json.dumps(seen), flush=True)
                sys.exit()
            if key.fileobj is server:
                client, (address, *_) = server.accept()
                known.register(client, selectors.EVENT_READ, address)
                seen.setdefault(address, 0)
                continue
            try:
                data = key.fileobj.recv(1 << 16)
            except OSError:
                data = b""
            seen[key.data] += len(data)
            if not data:
                known.unregister(key.fileobj)
"""
# Sends from each address until so many bytes are taken or the time is over; prints the bytes.
SEND = """
    import json, socket, sys, threading, time
    target, port, most, seconds, addresses = (sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]),
                                              sys.argv[5:])
    end, sent = time.monotonic() + seconds, dict.fromkeys(addresses, 0)

    def run(address):
        try:
            made = socket.create_connection((target, port), timeout=seconds, source_address=(address, 0))
            while sent[address] < most and time.monotonic() < end:
                made.settimeout(max(0.01, end - time.monotonic()))
                sent[address] += made.send(b"x" * min(65536, most - sent[address]))
        except OSError:
            pass

    threads = [threading.Thread(target=run, args=(address,)) for address in addresses]
    [one.start() for one in threads]
    [one.join() for one in threads]
    print(json.dumps(sent))
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("nft") is None,
                                reason="only root can make network namespaces, and the rules need nftables")


class Bus(Wire):
    """A controller that counts what reaches the port of the message bus, and a cable to everybody else."""

    def __init__(self) -> None:
        super().__init__()
        for address in (KNOWN, LOCKED, *STRANGERS):
            self.ip(self.others, "address", "add", f"{address}/24", "dev", "cable")
        self.ip(self.others, "link", "set", "cable", "address", ATTACKER)

    def guard(self, cards: dict[str, list[str]]) -> None:
        self.inside(self.host, "nft", "-f", "-", given=busfilter.script([KNOWN, LOCKED], cards, 900, 960))

    def received(self, *senders: list[str]) -> dict[str, int]:
        """What arrives by address while all ``senders`` (arguments of SEND behind the port) run."""
        sink = subprocess.Popen(["nsenter", "--net", "--target", str(self.host), sys.executable, "-c",
                                 textwrap.dedent(SINK), str(BUS_PORT)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert sink.stdout is not None and sink.stdout.readline() == "listens\n"
        threads = [threading.Thread(target=self.inside, args=(
            self.others, sys.executable, "-c", textwrap.dedent(SEND), CONTROLLER, str(BUS_PORT), *sender))
            for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        told, _ = sink.communicate("", timeout=30)
        found: dict[str, int] = json.loads(told)
        return found


@pytest.fixture
def bus() -> Iterator[Bus]:
    made = Bus()
    try:
        yield made
    finally:
        made.stop()


def test_many_addresses_of_a_stranger_share_what_one_may_send(bus: Bus) -> None:
    bus.guard({})
    seconds, much = 6, 4_000_000
    found = bus.received([str(much), str(seconds), *STRANGERS], [str(much), str(seconds), KNOWN])
    most = 1024 * (busfilter.STRANGERS_KBYTES_BURST + busfilter.STRANGERS_KBYTES_PER_S * (seconds + 2))
    strangers = sum(size for address, size in found.items() if address in STRANGERS)
    assert found[KNOWN] == much, "a host is not delayed"
    assert 0 < strangers < most


def test_without_the_rules_each_address_sends_as_much(bus: Bus) -> None:
    found = bus.received(["200000", "20", *STRANGERS])
    assert sum(found.values()) == 200_000 * len(STRANGERS)


def test_nobody_sends_in_the_name_of_a_host_whose_card_is_known(bus: Bus) -> None:
    bus.guard({KNOWN: ["02:00:00:00:00:20"]})
    found = bus.received(["1000", "4", KNOWN], ["1000", "4", LOCKED])
    assert found == {LOCKED: 1000}
    bus.guard({KNOWN: ["02:00:00:00:00:20", ATTACKER]})
    assert bus.received(["1000", "4", KNOWN]) == {KNOWN: 1000}


def test_other_ports_and_the_controller_itself_are_not_concerned(bus: Bus) -> None:
    bus.guard({KNOWN: ["02:00:00:00:00:20"]})
    tables = bus.inside(bus.host, "nft", "list", "table", "inet", busfilter.TABLE)
    assert str(BUS_PORT) in tables and KNOWN in tables
    bus.ip(bus.host, "link", "set", "lo", "up")
    script = (f"import socket; server = socket.create_server(('', {BUS_PORT}));"
              f"socket.create_connection(('{CONTROLLER}', {BUS_PORT}), timeout=5); print(server.accept()[1][0])")
    assert bus.inside(bus.host, sys.executable, "-c", script).strip() == CONTROLLER
    bus.inside(bus.host, "nft", "-f", "-", given=busfilter.script([], {}, 900, 960))
    assert busfilter.TABLE not in bus.inside(bus.host, "nft", "list", "ruleset")
