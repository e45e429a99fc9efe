# SPDX-License-Identifier: Apache-2.0
"""One client address cannot use up the connections of the front: nftables counts them before nginx reads a header."""
from __future__ import annotations

import contextlib
import ipaddress
import subprocess
import sys
from collections.abc import Iterator

import pytest

from flock.testing.privileges import need_root
from flock.testing.services.process import wait_for
from sysinv.bootstrap.bus import BUS_PORT
from sysinv.bootstrap.front import (
    ADDRESS_CONNECTIONS,
    BUS_BURST_KBYTES,
    BUS_KBYTES_PER_S,
    BUS_OPENS_BURST,
    OPENS_BURST,
    OPENS_PER_S,
    UDP_OPENS_BURST,
    UNTRACKED_UDP,
    Published,
    connection_ends,
    connection_limit,
)

PORTS = (5000, 6385)
SERVER = f"""
import asyncio
async def hold(reader, writer):
    await reader.read()
    writer.close()
async def main():
    for address in ("192.0.2.1", "2001:db8::1"):
        for port in {(*PORTS, BUS_PORT)!r}:
            await asyncio.start_server(hold, address, port, backlog=4096)
    print("listens", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
# Opens connections in turn to both ports and says how many of them were accepted; holds them until its input ends.
CLIENT = f"""
import socket, sys
source, count = sys.argv[1], int(sys.argv[2])
server, kept = ("2001:db8::1" if ":" in source else "192.0.2.1"), []
for number in range(count):
    try:
        kept.append(socket.create_connection((server, {PORTS!r}[number % 2]), 5, source_address=(source, 0)))
    except ConnectionError:
        pass
print(len(kept), flush=True)
sys.stdin.read()
"""


# Answers every datagram on the ports given.
ANSWERER = """
import selectors, socket, sys
known = selectors.DefaultSelector()
for port in map(int, sys.argv[1:]):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("192.0.2.1", port))
    known.register(sock, selectors.EVENT_READ)
print("listens", flush=True)
while True:
    for key, _ in known.select():
        data, source = key.fileobj.recvfrom(100)
        key.fileobj.sendto(data, source)
"""
# Asks a port from many ports, each twice after a first answer, which makes the kernel keep what it tracks.
ASKER = """
import socket, sys
for number in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("192.0.2.1", int(sys.argv[1])))
        for _ in range(3):
            sock.send(b"x")
            assert sock.recv(10) == b"x"
"""

FLOOD = """
import socket, sys
for number in range(int(sys.argv[2])):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("192.0.2.1", int(sys.argv[1])))
"""


class Site:
    """Two network namespaces with a cable between them: the front's with the limit, and that of the clients."""

    def __init__(self, server: int, clients: int) -> None:
        self.server, self.clients = server, clients

    @staticmethod
    def run(place: int, *argv: str, text: str | None = None) -> None:
        done = subprocess.run(["nsenter", "-t", str(place), "-n", *argv], input=text, capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def opened(self, source: str, count: int) -> Iterator[int]:
        """The number of connections that were accepted of ``count`` from the address ``source``."""
        child = subprocess.Popen(["nsenter", "-t", str(self.clients), "-n", sys.executable, "-c", CLIENT, source,
                                  str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert child.stdin is not None and child.stdout is not None
        try:
            yield int(child.stdout.readline())
        finally:
            child.stdin.close()
            child.wait(30)


@pytest.fixture
def site() -> Iterator[Site]:
    need_root("nft")
    holders = [subprocess.Popen(["unshare", "-n", "sleep", "600"]) for _ in range(2)]
    listens: subprocess.Popen[str] | None = None
    try:
        made = Site(*(holder.pid for holder in holders))
        own = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True, text=True, check=True).stdout
        wait_for(lambda: all(subprocess.run(["readlink", f"/proc/{holder.pid}/ns/net"], capture_output=True, text=True,
                                            check=False).stdout not in ("", own) for holder in holders),
                 10, "the namespaces")
        made.run(made.server, "ip", "link", "add", "front", "type", "veth", "peer", "name", "client", "netns",
                 str(made.clients))
        for place, name, last in ((made.server, "front", "1"), (made.clients, "client", "2")):
            made.run(place, "ip", "address", "add", f"192.0.2.{last}/24", "dev", name)
            made.run(place, "ip", "-6", "address", "add", f"2001:db8::{last}/32", "dev", name, "nodad")
            made.run(place, "ip", "link", "set", name, "up")
        for other in ("192.0.2.3/24", "2001:db8::3/32", "2001:db8:0:1::2/32"):
            made.run(made.clients, "ip", "address", "add", other, "dev", "client",
                     *(["nodad"] if ipaddress.ip_interface(other).version == 6 else []))
        apis = [Published(str(port), port, "") for port in PORTS]
        made.run(made.server, "nft", "-f", "-", text=connection_limit(apis))
        listens = subprocess.Popen(["nsenter", "-t", str(made.server), "-n", sys.executable, "-c", SERVER],
                                   stdout=subprocess.PIPE, text=True)
        assert listens.stdout is not None and listens.stdout.readline() == "listens\n"
        yield made
    finally:
        for process in (listens, *holders):
            if process is not None:
                process.kill()
                process.wait(10)


@pytest.mark.parametrize(("attacker", "neighbour", "other"), [
    ("192.0.2.2", None, "192.0.2.3"), ("2001:db8::2", "2001:db8::3", "2001:db8:0:1::2")])
def test_an_address_has_its_share_of_connections_and_others_are_served(
        site: Site, attacker: str, neighbour: str | None, other: str) -> None:
    with site.opened(attacker, 2 * ADDRESS_CONNECTIONS) as held:
        assert held == ADDRESS_CONNECTIONS
        with site.opened(other, 20) as served:
            assert served == 20
        if neighbour is not None:
            with site.opened(neighbour, 5) as served:
                assert served == 0, "a network of IPv6 counts as one address"

    def served_again() -> bool:
        with site.opened(attacker, 5) as served:
            return served == 5

    wait_for(served_again, 30, "the connections that ended are not counted")


# Asks for many connections at once and says how many were made within a second; the kernel asks again after that.
CALLER = f"""
import selectors, socket, sys, time
known, made = selectors.DefaultSelector(), 0
for number in range(int(sys.argv[2])):
    sock = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
    sock.bind((sys.argv[1], 0))
    sock.setblocking(False)
    sock.connect_ex(("2001:db8::1" if ":" in sys.argv[1] else "192.0.2.1", {BUS_PORT}))
    known.register(sock, selectors.EVENT_WRITE)
end = time.monotonic() + 0.9
while (left := end - time.monotonic()) > 0 and known.get_map():
    for key, _ in known.select(left):
        made += key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        known.unregister(key.fileobj)
print(made, flush=True)
"""


@pytest.mark.parametrize(("attacker", "other"), [("192.0.2.2", "192.0.2.3"), ("2001:db8::2", "2001:db8::3")])
def test_an_address_opens_a_share_of_connections_to_the_bus_and_others_theirs(
        site: Site, attacker: str, other: str) -> None:
    """Unfinished TLS handshakes need no certificate, and the broker keeps them."""
    def called(source: str, count: int) -> int:
        return int(subprocess.run(["nsenter", "-t", str(site.clients), "-n", sys.executable, "-c", CALLER, source,
                                   str(count)], capture_output=True, text=True, timeout=60, check=True).stdout)
    made = called(attacker, 1_000)
    assert BUS_OPENS_BURST <= made < 400
    assert called(other, BUS_OPENS_BURST) == BUS_OPENS_BURST


# Opens connections one after the other for two seconds, closes each at once, and says how many were made.
OPENER = f"""
import socket, sys, time
server, end, made = ("2001:db8::1" if ":" in sys.argv[1] else "192.0.2.1"), time.monotonic() + 2, 0
while time.monotonic() < end:
    try:
        socket.create_connection((server, {PORTS!r}[made % 2]), 0.2, source_address=(sys.argv[1], 0)).close()
        made += 1
    except OSError:
        pass
print(made, flush=True)
"""


@pytest.mark.parametrize(("attacker", "other"), [("192.0.2.2", "192.0.2.3"), ("2001:db8::2", "2001:db8:0:1::2")])
def test_an_address_begins_a_share_of_connections_to_the_apis_and_others_theirs(
        site: Site, attacker: str, other: str) -> None:
    """Beginnings of TLS handshakes that are not ended took five times as much of nginx as of their sender."""
    def opened(source: str) -> int:
        return int(subprocess.run(["nsenter", "-t", str(site.clients), "-n", sys.executable, "-c", OPENER, source],
                                  capture_output=True, text=True, timeout=60, check=True).stdout)
    for address in (attacker, other):
        assert OPENS_BURST <= opened(address) < OPENS_BURST + 5 * OPENS_PER_S


def test_addresses_of_no_network_here_do_not_fill_the_sets_of_the_bus(site: Site) -> None:
    """After 66,500 forged addresses there was no place for that of the attacker, and so no limit."""
    forged = [f"198.51.100.{number}" for number in range(1, 4)]
    for address in forged:
        site.run(site.clients, "ip", "address", "add", f"{address}/32", "dev", "client")

    def known() -> str:
        return subprocess.run(["nsenter", "-t", str(site.server), "-n", "nft", "list", "set", "inet", "flock_front",
                               "callers4"], capture_output=True, text=True, timeout=30, check=True).stdout
    for address in [*forged, "192.0.2.3"]:
        subprocess.run(["nsenter", "-t", str(site.clients), "-n", sys.executable, "-c", CALLER, address, "2"],
                       capture_output=True, timeout=60, check=True)
    assert "192.0.2.3" in known() and "198.51.100" not in known()


# Sends to the bus for so many seconds, and says how many bytes the other side has acknowledged.
SENDER = f"""
import socket, sys, time
sock = socket.create_connection(("2001:db8::1" if ":" in sys.argv[1] else "192.0.2.1", {BUS_PORT}), 5,
                                source_address=(sys.argv[1], 0))
sock.settimeout(1)
end, sent = time.monotonic() + float(sys.argv[2]), 0
while time.monotonic() < end:
    try:
        sent += sock.send(b"x" * 65536)
    except TimeoutError:
        pass
left = int.from_bytes(__import__("fcntl").ioctl(sock, 0x5411, b"\\0" * 4), sys.byteorder)
print(sent - left, flush=True)
"""


@pytest.mark.parametrize(("attacker", "other"), [("192.0.2.2", "192.0.2.3"), ("2001:db8::2", "2001:db8::3")])
def test_an_address_sends_a_share_of_bytes_to_the_bus_and_others_theirs(
        site: Site, attacker: str, other: str) -> None:
    """The broker reads commands faster than it carries them out: 740 MB of them stopped it for minutes."""
    def sent(source: str, seconds: float) -> int:
        return int(subprocess.run(["nsenter", "-t", str(site.clients), "-n", sys.executable, "-c", SENDER, source,
                                   str(seconds)], capture_output=True, text=True, timeout=60, check=True).stdout)
    burst, rate = BUS_BURST_KBYTES * 1024, BUS_KBYTES_PER_S * 1024
    assert burst / 2 < sent(attacker, 5) < burst + 10 * rate
    assert sent(other, 2) > burst / 2


def test_small_questions_do_not_fill_the_table_of_connections(site: Site) -> None:
    """Four hundred thousand questions to the name server filled it; the kernel then refused everybody's connections."""
    counted = 9999
    answerer = subprocess.Popen(
        ["nsenter", "-t", str(site.server), "-n", sys.executable, "-c", ANSWERER,
         *map(str, [*UNTRACKED_UDP, counted])], stdout=subprocess.PIPE, text=True)

    def tracked() -> int:
        return int(subprocess.run(["nsenter", "-t", str(site.server), "-n", "cat",
                                   "/proc/sys/net/netfilter/nf_conntrack_count"],
                                  capture_output=True, text=True, check=True).stdout)
    try:
        assert answerer.stdout is not None and answerer.stdout.readline() == "listens\n"
        before = tracked()
        for port in UNTRACKED_UDP:
            site.run(site.clients, sys.executable, "-c", ASKER, str(port), "100")
        assert tracked() - before < 20
        site.run(site.clients, sys.executable, "-c", ASKER, str(counted), "100")
        assert tracked() - before > 50, "other ports are tracked, so this test sees what it must"
        before = tracked()
        site.run(site.clients, sys.executable, "-c", FLOOD, str(counted + 1), "8000")
        assert UDP_OPENS_BURST / 4 < tracked() - before < 10 * UDP_OPENS_BURST, "they begin at a limited rate"
    finally:
        answerer.kill()
        answerer.wait(10)


def test_ended_connections_leave_the_table_of_connections_within_seconds(site: Site) -> None:
    """Connections that were closed at once stayed for two minutes; at 6,000 a second the table was full after forty."""
    site.run(site.server, "nft", "-f", "-", text=connection_ends([Published("a", port, "") for port in PORTS]))

    def kept() -> int:
        text = subprocess.run(["nsenter", "-t", str(site.server), "-n", "cat", "/proc/net/nf_conntrack"],
                              capture_output=True, text=True, timeout=30, check=True).stdout
        return sum("TIME_WAIT" in line for line in text.splitlines())
    subprocess.run(["nsenter", "-t", str(site.clients), "-n", sys.executable, "-c", OPENER, "192.0.2.2"],
                   capture_output=True, timeout=60, check=True)
    assert kept() > OPENS_BURST / 2
    wait_for(lambda: kept() == 0, 20, "the kernel to forget them")


def test_a_controller_reaches_its_own_apis_and_answers_pings_without_the_table_of_connections(site: Site) -> None:
    def tracked() -> int:
        return int(subprocess.run(["nsenter", "-t", str(site.server), "-n", "cat",
                                   "/proc/sys/net/netfilter/nf_conntrack_count"],
                                  capture_output=True, text=True, check=True).stdout)
    site.run(site.server, "ip", "link", "set", "lo", "up")
    before = tracked()
    site.run(site.server, sys.executable, "-c", "import socket\n"
             f"for _ in range(100): socket.create_connection(('192.0.2.1', {PORTS[1]}), 5).close()")
    site.run(site.clients, "ping", "-c", "3", "-i", "0.2", "192.0.2.1")
    assert tracked() - before < 3


def test_the_rules_can_be_loaded_again(site: Site) -> None:
    text = connection_limit([Published("a", 5000, "")])
    for _ in range(2):
        site.run(site.server, "nft", "-f", "-", text=text)
