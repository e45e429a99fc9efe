# SPDX-License-Identifier: Apache-2.0
"""A stranger on the pxeboot network takes the address of another host or asks without end, at a real dnsmasq."""
from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.testing.privileges import need_root
from flock.testing.services.process import wait_for
from sysinv.conductor.dhcp import (
    QUESTIONS_BURST,
    QUESTIONS_PER_MINUTE,
    QUESTIONS_PER_SECOND,
    TRANSFERS_MAX,
    DnsmasqPaths,
    render_conf,
    render_hosts,
    render_rules,
)
from sysinv.model.addressing import PoolView

VICTIM, ADDRESS = "08:00:27:00:00:09", "169.254.202.77"
STRANGER = "08:00:27:66:66:66"
POOL = PoolView(1, "u", "pxeboot", "169.254.202.0", 24, "random", (("169.254.202.10", "169.254.202.250"),),
                "169.254.202.1", "169.254.202.2", "169.254.202.3")
DISCOVER, OFFER, REQUEST, DECLINE, ACK, RELEASE = 1, 2, 3, 4, 5, 7
# Sends one datagram to the DHCP server; with a second argument it waits for the reply and writes it in hexadecimal.
SENDER = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"machine0")
sock.bind(("", 68))
data = bytes.fromhex(sys.argv[1])
sock.sendto(data, ("255.255.255.255", 67))
if len(sys.argv) > 2:
    sock.settimeout(5)
    while True:
        reply = sock.recv(2000)
        if reply[4:8] == data[4:8]:
            print(reply.hex())
            break
"""


# Begins so many transfers of a boot file and acknowledges nothing; with 1, writes the first block.
READER = """
import socket, sys
count, kept = int(sys.argv[1]), []
for _ in range(count):
    kept.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    kept[-1].settimeout(3)
    kept[-1].sendto(b"\\0\\1boot\\0octet\\0", ("169.254.202.2", 69))
if count == 1:
    try:
        block, place = kept[0].recvfrom(2000)
        kept[0].sendto(b"\\0\\4" + block[2:4], place)
        print(block[4:].decode())
    except TimeoutError:
        print("nothing")
"""

# Sends so many of the given messages in turn, each from the next of the given MAC addresses.
FLOOD = """
import json, socket, struct, sys
told = json.load(sys.stdin)
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("machine0", 0))
for number in range(told["count"]):
    data = bytes.fromhex(told["messages"][number % len(told["messages"])])
    mac = bytes.fromhex(told["macs"][number % len(told["macs"])].replace(":", ""))
    udp = struct.pack("!HHHH", 68, 67, 8 + len(data), 0) + data
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), b"\\xff" * 4)
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    total = (total & 0xffff) + (total >> 16)
    sock.send(b"\\xff" * 6 + mac + b"\\x08\\x00" + head[:10] + struct.pack("!H", total ^ 0xffff) + head[12:] + udp)
"""


def option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def message(mac: str, options: bytes, *, ciaddr: str = "0.0.0.0", file: bytes = b"") -> bytes:
    hardware = bytes.fromhex(mac.replace(":", ""))
    head = bytes([1, 1, 6, 0]) + os.urandom(4) + b"\0\0\x80\0" + address(ciaddr) + bytes(12)
    return (head + hardware.ljust(16, b"\0") + bytes(64) + file.ljust(128, b"\0") + b"\x63\x82\x53\x63" + options
            + b"\xff").ljust(300, b"\0")


def typed(kind: int, *more: bytes) -> bytes:
    return option(53, bytes([kind])) + b"".join(more)


CLIENT_ID = option(61, b"\x01" + bytes.fromhex(VICTIM.replace(":", "")))
ABOUT = (option(54, address("169.254.202.2")), option(50, address(ADDRESS)), CLIENT_ID)
FORGED = {
    "decline": message(VICTIM, typed(DECLINE, *ABOUT)),
    "decline with padding first": message(VICTIM, b"\0" + typed(DECLINE, *ABOUT)),
    "decline with its type last": message(VICTIM, b"".join(ABOUT) + typed(DECLINE)),
    "decline behind a question": message(VICTIM, typed(REQUEST, typed(DECLINE, *ABOUT))),
    "decline in the field of the file": message(
        VICTIM, option(52, b"\x01") + b"".join(ABOUT), file=typed(DECLINE) + b"\xff"),
    "release": message(VICTIM, typed(RELEASE, ABOUT[0], CLIENT_ID), ciaddr=ADDRESS),
}


@dataclasses.dataclass
class Site:
    """Two network namespaces with a cable between them: dnsmasq's and that of all machines."""

    server: int
    machines: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    def run(self, place: int, *argv: str, text: str | None = None) -> str:
        done = subprocess.run(["nsenter", "-t", str(place), "-n", *argv], input=text, capture_output=True, text=True,
                              timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, data: bytes) -> None:
        self.run(self.machines, sys.executable, "-c", SENDER, data.hex())

    def ask(self, data: bytes) -> tuple[int, str]:
        """The type of the reply and the address in it."""
        reply = bytes.fromhex(self.run(self.machines, sys.executable, "-c", SENDER, data.hex(), "reply").strip())
        options = reply[240:]
        assert options[:2] == b"\x35\x01"
        return options[2], ".".join(map(str, reply[16:20]))

    def answered(self, data: bytes) -> tuple[int, str]:
        """As ``ask``, of a client that repeats its message when there is no reply."""
        for _ in range(5):
            try:
                return self.ask(data)
            except AssertionError as error:
                lost = error
        raise lost

    def protect(self) -> None:
        for _ in range(2):  # The unit loads them at each start.
            self.run(self.server, "nft", "-f", "-", text=render_rules("pxeboot0"))

    def read(self, mac: str, count: int) -> str:
        """Begin ``count`` transfers as the machine with this MAC address."""
        self.run(self.machines, "ip", "link", "set", "machine0", "address", mac)
        return self.run(self.machines, sys.executable, "-c", READER, str(count)).strip()

    def flood(self, count: int, macs: list[str], *messages: bytes) -> None:
        """Send the messages in turn, each in a frame from the next of these MAC addresses."""
        self.run(self.machines, sys.executable, "-c", FLOOD, text=json.dumps(
            {"count": count, "macs": macs, "messages": [data.hex() for data in messages]}))

    def asked(self) -> int:
        """How many of the messages that strangers sent have reached dnsmasq."""
        return sum("DHCPREQUEST" in line and VICTIM not in line for line in self.log().splitlines())

    def leases(self) -> str:
        return (self.folder / "dnsmasq.leases").read_text()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def start(self) -> None:
        paths = DnsmasqPaths(str(self.folder), str(self.folder), "/bin/true")
        (self.folder / "dnsmasq.hosts").write_text(render_hosts(POOL, [], [], {VICTIM}, {VICTIM: ADDRESS}))
        (self.folder / "dnsmasq.addn_hosts").write_text("")
        (self.folder / "dnsmasq.conf").write_text(render_conf(paths, POOL, "pxeboot0", "mgmt0"))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["nsenter", "-t", str(self.server), "-n", "dnsmasq", "--keep-in-foreground", "--user=root",
                 f"--conf-file={self.folder}/dnsmasq.conf"], stderr=log)
        wait_for((self.folder / "dnsmasq.pid").exists, 10, "dnsmasq to run")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need_root("nft", "dnsmasq", "ip", "udhcpc")
    holders = [subprocess.Popen(["unshare", "-n", "sleep", "600"]) for _ in range(2)]
    made = Site(holders[0].pid, holders[1].pid, tmp_path)
    try:
        own = os.readlink("/proc/self/ns/net")
        wait_for(lambda: all(os.readlink(f"/proc/{holder.pid}/ns/net") != own for holder in holders), 10, "namespaces")
        made.run(made.server, "ip", "link", "add", "pxeboot0", "type", "veth", "peer", "name", "machine0", "netns",
                 str(made.machines))
        made.run(made.server, "ip", "link", "add", "mgmt0", "type", "veth", "peer", "name", "mgmt1")
        made.run(made.server, "ip", "address", "add", "169.254.202.2/24", "dev", "pxeboot0")
        made.run(made.machines, "ip", "address", "add", "169.254.202.200/24", "dev", "machine0")
        for place, name in ((made.server, "pxeboot0"), (made.server, "mgmt0"), (made.machines, "machine0")):
            made.run(place, "ip", "link", "set", name, "up")
        made.start()
        yield made
    finally:
        for process in (made.process, *holders):
            if process is not None:
                process.kill()
                process.wait(10)


def discover(mac: str = VICTIM) -> bytes:
    return message(mac, typed(DISCOVER))


def request(mac: str, wanted: str, *more: bytes) -> bytes:
    return message(mac, typed(REQUEST, option(54, address("169.254.202.2")), option(50, address(wanted)), *more))


@pytest.mark.parametrize("kind", FORGED)
def test_nobody_takes_the_address_of_a_confirmed_host(site: Site, kind: str) -> None:
    site.protect()
    assert site.ask(request(VICTIM, ADDRESS)) == (ACK, ADDRESS)
    for _ in range(3):
        site.send(FORGED[kind])
    # dnsmasq reads its messages in order, so what was sent before has been judged.
    assert site.ask(discover()) == (OFFER, ADDRESS)
    assert VICTIM in site.leases()
    assert "DHCPDECLINE" not in site.log() and "DHCPRELEASE" not in site.log() and "disabling" not in site.log()


@pytest.mark.parametrize("kind", ["decline", "decline with padding first", "decline with its type last",
                                  "decline in the field of the file"])
def test_without_the_rules_each_of_these_takes_the_address(site: Site, kind: str) -> None:
    """The attack is real: the test above would see it."""
    assert site.ask(request(VICTIM, ADDRESS)) == (ACK, ADDRESS)
    site.send(FORGED[kind])
    kind_of_reply, offered = site.ask(discover())
    assert kind_of_reply == OFFER and offered != ADDRESS


def test_declines_leave_no_line_in_the_journal(site: Site) -> None:
    site.protect()
    site.ask(discover())
    before = len(site.log().splitlines())
    for _ in range(20):
        site.send(FORGED["decline"])
    site.ask(discover())
    assert len(site.log().splitlines()) - before <= 2


def test_a_client_id_does_not_give_a_stranger_the_lease_of_a_host(site: Site) -> None:
    site.protect()
    assert site.ask(message(VICTIM, typed(REQUEST, *ABOUT[:2], CLIENT_ID))) == (ACK, ADDRESS)
    _, offered = site.ask(message(STRANGER, typed(DISCOVER, CLIENT_ID)))
    assert offered != ADDRESS
    assert site.ask(request(STRANGER, offered, CLIENT_ID)) == (ACK, offered)
    assert VICTIM in site.leases() and ADDRESS in site.leases()
    assert site.ask(discover()) == (OFFER, ADDRESS)


def test_a_machine_that_begins_transfers_leaves_places_for_others(site: Site) -> None:
    (site.folder / "boot").write_text("program")
    site.protect()
    site.read(STRANGER, TRANSFERS_MAX + 100)
    assert site.read(VICTIM, 1) == "program"
    # It has its own share, and others do not pay for it.
    for _ in range(25):
        assert site.read(VICTIM, 1) == "program"


def test_without_the_rules_it_takes_all_places(site: Site) -> None:
    (site.folder / "boot").write_text("program")
    # A transfer that happens to end at that moment leaves a place.
    for _ in range(10):
        site.read(STRANGER, TRANSFERS_MAX)
        if site.read(VICTIM, 1) == "nothing":
            return
    raise AssertionError("the victim was served every time")


def test_a_machine_that_asks_without_end_is_heard_some_times_a_minute(site: Site) -> None:
    """Each of these questions makes dnsmasq end a lease and begin another, with two runs of the lease script."""
    site.protect()
    began = time.monotonic()
    site.flood(600, [STRANGER], request(STRANGER, "169.254.202.201"), request(STRANGER, "169.254.202.202"))
    assert site.ask(request(VICTIM, ADDRESS)) == (ACK, ADDRESS)
    allowed = QUESTIONS_PER_MINUTE * (1 + (time.monotonic() - began) / 60) + 1
    assert 0 < site.asked() <= allowed


def test_machines_that_ask_without_end_are_heard_some_times_a_second(site: Site) -> None:
    """Whoever sends with many MAC addresses."""
    site.protect()
    macs = [f"08:00:27:77:{number // 256:02x}:{number % 256:02x}" for number in range(2000)]
    began = time.monotonic()
    site.flood(4000, macs, *(request(mac, "169.254.202.201") for mac in macs))
    # In the end there is room for another again.
    assert site.answered(request(VICTIM, ADDRESS)) == (ACK, ADDRESS)
    assert 0 < site.asked() <= QUESTIONS_BURST + QUESTIONS_PER_SECOND * (time.monotonic() - began) + 1


def test_without_the_rules_each_of_these_questions_is_heard(site: Site) -> None:
    site.flood(200, [STRANGER], request(STRANGER, "169.254.202.201"), request(STRANGER, "169.254.202.202"))
    wait_for(lambda: site.asked() > 2 * QUESTIONS_PER_MINUTE, 60, "dnsmasq to hear them")


def test_an_honest_client_gets_its_address(site: Site) -> None:
    site.protect()
    site.run(site.machines, "ip", "link", "set", "machine0", "down")
    site.run(site.machines, "ip", "link", "set", "machine0", "address", VICTIM)
    site.run(site.machines, "ip", "link", "set", "machine0", "up")
    site.run(site.machines, "udhcpc", "-i", "machine0", "-n", "-q", "-f", "-s", "/bin/true", "-t", "5")
    assert VICTIM in site.leases() and ADDRESS in site.leases()
