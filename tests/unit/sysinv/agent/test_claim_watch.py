# SPDX-License-Identifier: Apache-2.0
"""The watch over this host's addresses: frames from pairs of sockets in the place of packet sockets, ip(8) made up."""
from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from flock.core.errors import FlockError, Unavailable
from flock.exec.process import CommandFailed, Completed
from flock.testing.services.process import wait_for
from mtce.contract.records import AddressClaim
from sysinv.agent import claims, claimwatch
from sysinv.agent.claims import Own
from sysinv.agent.claimwatch import ClaimWatch, Surroundings
from sysinv.agent.neighbours import Known

OURS, THEIRS = "02:00:00:00:0a:01", "02:00:00:00:00:66"
ADDRESS, ADDRESS6 = "192.168.204.2", "fd00:204::2"
ENTITY = f"host=controller-0.network=mgmt.address={ADDRESS}"
ENTITY6 = f"host=controller-0.network=mgmt.address={ADDRESS6}"
LINKS: list[dict[str, Any]] = [
    {"ifname": "lo", "link_type": "loopback", "address": "00:00:00:00:00:00",
     "addr_info": [{"family": "inet", "local": "127.0.0.1", "scope": "host"}]},
    {},
    {"ifname": "idle0", "link_type": "ether", "address": "02:00:00:00:00:09"},
    {"ifname": "mgmt0", "link_type": "ether", "address": OURS.upper(), "addr_info": [
        {"family": "inet", "local": ADDRESS, "scope": "global"},
        {"family": "inet6", "local": "fd00:0204:0::0002", "scope": "global"},
        {"family": "inet6", "local": "fe80::1", "scope": "link"},
        {"family": "mpls", "local": "100"}]},
    {"ifname": "oam0", "link_type": "ether", "address": "02:00:00:00:00:02", "addr_info": [
        {"family": "inet", "local": "169.254.1.1", "scope": "link"}]}]


class Packets(socket.socket):
    """Has the part of a packet socket; the frames that are written to ``wire`` arrive from ``origin``."""

    def __init__(self, protocol: int) -> None:
        own, self.wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        super().__init__(fileno=own.detach())
        self.wire.setblocking(False)
        self.origin = ("mgmt0", protocol, socket.PACKET_BROADCAST, 1, b"")
        self.received: list[bytes] = []
        self.sent: list[tuple[bytes, Any]] = []
        self.unsendable: OSError | None = None

    def recvfrom(self, bufsize: int, flags: int = 0) -> tuple[bytes, Any]:
        frame = self.recv(bufsize)
        self.received.append(frame)
        return frame, self.origin

    def sendto(self, *arguments: Any) -> int:
        if self.unsendable is not None:
            raise self.unsendable
        self.sent.append(arguments)  # type: ignore[arg-type]
        return len(arguments[0])


@dataclass
class Stored:
    """The part of a ``Fault`` that the watch reads."""

    entity_instance_id: str


class Alarms:
    """Takes the part of the raiser and of the fault manager; ``failure`` is what it raises."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.fields: dict[str, Any] = {}
        self.failure: FlockError | None = None
        self.active: list[Stored] = []
        self.asked: list[dict[str, Any]] = []
        self.raised = threading.Event()

    def _tell(self, *what: str) -> str:
        if self.failure is not None:
            raise self.failure
        self.told.append(what)  # type: ignore[arg-type]
        return "id"

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, **fields: Any) -> str:
        self.fields = {"alarm_id": alarm_id, **fields}
        self._tell("raise", entity_instance_id)
        self.raised.set()
        return "id"

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> str:
        assert (alarm_id, exact) == ("400.005", True)
        return self._tell("clear", entity_instance_id)

    def get_faults(self, **asked: Any) -> list[Stored]:
        self.asked.append(asked)
        if self.failure is not None:
            raise self.failure
        return self.active


class Host:
    """A watch with everything that it looks at: time, addresses, sockets, alarms."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.links = LINKS
        self.looks = 0
        self.given_up: set[str] = set()
        self.packets: dict[int, Packets] = {}
        self.alarms = Alarms()
        self.networks = {"mgmt0": "mgmt"}
        self.known = Known()
        self.reported: list[list[AddressClaim]] = []
        patch.setattr(claimwatch, "run", self._run)
        patch.setattr(claimwatch, "packet_socket", self._open)
        patch.setattr(claimwatch, "has_address", lambda address: address not in self.given_up)
        patch.setattr(claimwatch, "WAIT_S", 0.01)
        faults: Any = self.alarms
        self.watch = ClaimWatch("controller-0", self.alarms, faults, Surroundings(
            lambda: self.networks, lambda: self.known, self.reported.append), lambda: self.now)

    def _run(self, words: list[str], **options: Any) -> Completed:
        assert words == ["ip", "-json", "address", "show"] and options["timeout_s"] > 0
        self.looks += 1
        return Completed(0, json.dumps(self.links), "")

    def _open(self, protocol: int) -> Packets:
        self.packets[protocol] = Packets(protocol)
        return self.packets[protocol]

    @property
    def arp(self) -> Packets:
        return self.packets[claims.ARP]

    @property
    def ipv6(self) -> Packets:
        return self.packets[claims.IPV6]

    def claim(self, address: str = ADDRESS, mac: str = THEIRS) -> float:
        """A frame that claims the address, and a round."""
        (self.ipv6 if ":" in address else self.arp).wire.send(claims.announcement(address, mac))
        return self.watch.step()

    def told(self) -> list[tuple[str, str]]:
        """What was told of alarms since the last look."""
        told = list(self.alarms.told)
        self.alarms.told.clear()
        return told


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    made = Host(monkeypatch)
    made.watch.step()
    yield made
    made.watch.stop()
    for each in made.packets.values():
        each.wire.close()


def test_own_addresses_are_those_of_ethernet_without_link_local_ones_of_ipv6(host: Host) -> None:
    assert claimwatch.own_addresses() == {
        ADDRESS: Own("mgmt0", OURS), ADDRESS6: Own("mgmt0", OURS), "169.254.1.1": Own("oam0", "02:00:00:00:00:02")}


@pytest.mark.parametrize(("address", "entity"), [(ADDRESS, ENTITY), (ADDRESS6, ENTITY6)])
def test_a_takeover_is_answered_and_alarmed(host: Host, address: str, entity: str) -> None:
    assert host.claim(address) == claimwatch.PAUSE_S
    assert host.arp.sent == [(claims.announcement(address, OURS), ("mgmt0", 0))]
    assert host.told() == [("raise", entity)]
    reason = (f"Address {address} of host controller-0 on mgmt0 is claimed by another machine with MAC address "
              f"{THEIRS}.")
    assert host.alarms.fields == {"alarm_id": "400.005", "severity": "major", "reason_text": reason,
                                  "proposed_repair_action": claimwatch.REMEDY}
    # Nothing more arrives: the next round begins at once and tells nothing.
    assert host.watch.step() == 0.0 and host.told() == []


def test_an_interface_without_a_network_stands_for_itself(host: Host) -> None:
    host.networks = {}
    host.now += claimwatch.ADDRESSES_EVERY_S
    host.watch.step()
    host.claim()
    assert host.told() == [("raise", f"host=controller-0.network=mgmt0.address={ADDRESS}")]


@pytest.mark.parametrize("origin", [
    ("mgmt0", claims.ARP, socket.PACKET_OUTGOING, 1, b""), ("mgmt0", claims.ARP, socket.PACKET_BROADCAST, 772, b""),
    ("oam0", claims.ARP, socket.PACKET_BROADCAST, 1, b"")])
def test_own_frames_and_those_of_other_interfaces_are_left_alone(host: Host, origin: Any) -> None:
    host.arp.origin = origin
    host.claim()
    assert len(host.arp.received) == 1 and host.arp.sent == [] and host.told() == []


def test_frames_that_claim_nothing_of_ours_are_left_alone(host: Host) -> None:
    host.arp.wire.send(b"\x00" * 13)
    host.claim("192.168.204.77")
    assert len(host.arp.received) == 2 and host.arp.sent == [] and host.told() == []
    assert host.looks == 1


def test_the_kernel_passes_on_only_advertisements_of_ipv6(host: Host) -> None:
    advertisement = claims.announcement(ADDRESS6, THEIRS)
    solicitation = advertisement[:54] + b"\x87" + advertisement[55:]
    datagram = advertisement[:20] + b"\x11" + advertisement[21:]
    for frame in (solicitation, datagram, advertisement, advertisement[:54], bytes(60)):
        host.ipv6.wire.send(frame)
    host.watch.step()
    assert host.ipv6.received == [advertisement]


def test_a_flood_of_arp_hides_no_claim_of_an_ipv6_address(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claimwatch, "FRAMES_PER_ROUND", 2)
    for _ in range(5):
        host.arp.wire.send(claims.announcement("192.168.204.77", THEIRS))
    assert host.claim(ADDRESS6) == claimwatch.PAUSE_S
    assert len(host.arp.received) == 2
    assert host.told() == [("raise", ENTITY6)]
    host.watch.step()
    assert len(host.arp.received) == 4


def test_an_address_that_was_given_up_just_now_is_left_to_its_new_holder(host: Host) -> None:
    host.given_up = {ADDRESS}
    host.claim()
    assert host.arp.sent == [] and host.told() == []
    # The list of addresses was too old: it is read again at once.
    host.links = []
    host.watch.step()
    assert host.looks == 2
    host.given_up = set()
    host.claim()
    assert host.told() == []


def test_addresses_are_read_every_ten_seconds(host: Host) -> None:
    host.now += 9.9
    host.watch.step()
    assert host.looks == 1
    host.now += 0.1
    host.watch.step()
    host.watch.step()
    assert host.looks == 2


def test_an_alarm_that_could_not_be_stored_is_raised_at_the_next_frame(host: Host) -> None:
    host.alarms.failure = Unavailable(service="store", reason="full")
    with pytest.raises(Unavailable, match="full"):
        host.claim()
    host.alarms.failure = None
    host.claim()
    assert host.told() == [("raise", ENTITY)]


def test_an_address_that_cannot_be_defended_is_alarmed(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.arp.unsendable = OSError("the network is down")
    host.claim()
    assert host.told() == [("raise", ENTITY)]
    assert f"address {ADDRESS} cannot be defended on mgmt0: the network is down" in caplog.text


def test_the_alarm_ends_when_nobody_claims_the_address_any_more(host: Host) -> None:
    host.claim()
    host.now += 299.9
    host.watch.step()
    assert host.told() == [("raise", ENTITY)]
    host.now += 0.1
    host.alarms.failure = Unavailable(service="store", reason="full")
    with pytest.raises(Unavailable):
        host.watch.step()
    # What could not be cleared is cleared in the next round, once.
    host.alarms.failure = None
    host.watch.step()
    host.watch.step()
    assert host.told() == [("clear", ENTITY)]


def test_the_alarm_ends_with_the_address(host: Host) -> None:
    host.claim()
    host.links = []
    host.now += 10
    host.watch.step()
    assert host.told() == [("raise", ENTITY), ("clear", ENTITY)]


def test_alarms_of_an_earlier_process_end_unless_the_conflict_is_still_there(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch)
    host.alarms.failure = Unavailable(service="message bus", reason="no connection")
    # The fault manager is away: the watch begins all the same.
    host.watch.step()
    host.alarms.failure = None
    host.claim()
    host.told()
    stale = "host=controller-0.network=oam.address=10.10.10.2"
    host.alarms.active = [Stored(ENTITY), Stored(stale), Stored("host=controller-0.interface=mgmt0")]
    host.now += 10
    host.watch.step()
    assert host.told() == [("clear", stale)]
    assert host.alarms.asked == 2 * [{"alarm_id": "400.005", "entity_instance_id": "host=controller-0", "below": True}]
    # Once is enough.
    host.now += 10
    host.watch.step()
    assert len(host.alarms.asked) == 2 and host.told() == []
    host.watch.stop()


def test_the_thread_watches_until_it_is_stopped(host: Host) -> None:
    host.arp.wire.send(claims.announcement(ADDRESS, THEIRS))
    host.watch.start()
    assert host.alarms.raised.wait(10)
    assert host.watch.trouble() is None
    host.watch.stop()
    assert (host.arp.fileno(), host.ipv6.fileno()) == (-1, -1)


def test_a_watch_that_may_not_open_its_sockets_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Host(monkeypatch)

    def refused(_protocol: int) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(claimwatch, "packet_socket", refused)
    host.watch.start()
    try:
        wait_for(host.watch.trouble, 10, "the trouble", pause_s=0.005)
        assert "Operation not permitted" in str(host.watch.trouble())
    finally:
        host.watch.stop()


def test_a_watch_without_ip_fails(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def failed(*_words: Any, **_options: Any) -> Completed:
        raise CommandFailed(command="ip", rc=1, reason="no netlink")

    monkeypatch.setattr(claimwatch, "run", failed)
    host.now += 10
    with pytest.raises(CommandFailed, match="no netlink"):
        host.watch.step()


def test_the_address_of_loopback_is_there_and_one_of_the_documentation_is_not() -> None:
    assert claimwatch.has_address("127.0.0.1")
    assert not claimwatch.has_address("192.0.2.1")
    assert not claimwatch.has_address("2001:db8::1")


def test_an_ipv6_address_of_this_host_is_there() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    assert claimwatch.has_address("::1")


def test_a_packet_socket_gets_the_frames_of_its_protocol() -> None:
    try:
        made = [claimwatch.packet_socket(claims.ARP), claimwatch.packet_socket(claims.IPV6)]
    except PermissionError:
        pytest.skip("without CAP_NET_RAW")
    arp, ipv6 = made
    try:
        frame = claims.announcement("192.0.2.77", THEIRS)
        arp.settimeout(5)
        ipv6.setblocking(False)
        ipv6.sendto(frame, ("lo", 0))
        got = arp.recv(claimwatch.FRAME_MAX)
        while got != frame:
            got = arp.recv(claimwatch.FRAME_MAX)
        with pytest.raises(BlockingIOError):
            while ipv6.recv(claimwatch.FRAME_MAX) != frame:
                pass
    finally:
        for each in made:
            each.close()


NEIGHBOUR, PEER0, PEER1 = "192.168.204.1", "02:00:00:00:0c:00", "02:00:00:00:0c:01"
GONE = "02:00:00:00:dd:01"


@pytest.fixture
def among_others(host: Host) -> Host:
    """A host that knows the floating address, which may be at either controller, and a deleted host."""
    host.known = Known({NEIGHBOUR: ("controller", frozenset({PEER0, PEER1})), "10.1.1.1": ("far", frozenset({PEER0}))},
                       {GONE: "worker-9"})
    host.links = [{**link, "addr_info": [{**each, "prefixlen": 24 if each["family"] == "inet" else 64}
                                         for each in link.get("addr_info", ())]} for link in LINKS]
    host.now += claimwatch.ADDRESSES_EVERY_S
    host.watch.step()
    return host


def test_a_claim_on_a_neighbours_address_is_alarmed_and_not_defended(among_others: Host) -> None:
    among_others.claim(NEIGHBOUR)
    assert among_others.told() == [("raise", f"host=controller-0.network=mgmt.address={NEIGHBOUR}")]
    assert among_others.alarms.fields["reason_text"].startswith(f"Address {NEIGHBOUR} of host controller on mgmt0")
    assert among_others.arp.sent == []


@pytest.mark.parametrize("mac", [PEER0, PEER1])
def test_the_floating_address_may_move_between_the_controllers(among_others: Host, mac: str) -> None:
    among_others.claim(NEIGHBOUR, mac)
    assert among_others.told() == []
    assert among_others.watch.report() == claimwatch.REPORT_S and among_others.reported == []


def test_a_neighbours_address_at_this_hosts_own_machine_is_a_wrong_claim(among_others: Host) -> None:
    among_others.claim(NEIGHBOUR, OURS)
    assert [kind for kind, _ in among_others.told()] == ["raise"]


def test_a_neighbour_that_no_interface_reaches_is_left_alone(among_others: Host) -> None:
    among_others.claim("10.1.1.1")
    assert among_others.told() == []


def test_claims_are_reported_for_a_minute_after_the_last_frame(among_others: Host) -> None:
    """The alarm stands longer, but a host that dies then must be reset."""
    among_others.claim(NEIGHBOUR)
    among_others.claim(ADDRESS)
    expected = [AddressClaim(NEIGHBOUR, THEIRS, "mgmt"), AddressClaim(ADDRESS, THEIRS, "mgmt")]
    for _ in range(2):
        assert among_others.watch.report() == claimwatch.REPORT_S
    assert among_others.reported == [expected, expected]
    among_others.now += claimwatch.RECENT_S - 1
    among_others.claim(ADDRESS)
    among_others.now += 1
    among_others.watch.report()
    assert among_others.reported == [expected, expected, expected[1:]]
    among_others.now += claimwatch.RECENT_S
    among_others.watch.step()
    among_others.watch.report()
    assert len(among_others.reported) == 3
    assert ("clear", f"host=controller-0.network=mgmt.address={ADDRESS}") not in among_others.told()


def test_the_first_claim_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Host(monkeypatch)
    made.watch.start()
    try:
        wait_for(lambda: made.looks, 5, "the first look")
        made.arp.wire.send(claims.announcement(ADDRESS, THEIRS))
        # Long before the next regular report.
        wait_for(lambda: made.reported, claimwatch.REPORT_S / 3, "the report")
    finally:
        made.watch.stop()


def test_a_report_that_fails_is_made_again(among_others: Host) -> None:
    def failing(claims_: list[AddressClaim]) -> None:
        raise Unavailable(service="bus", reason="gone")

    faults: Any = among_others.alarms
    watch = ClaimWatch("controller-0", among_others.alarms, faults, Surroundings(
        lambda: among_others.networks, lambda: among_others.known, failing), lambda: among_others.now)
    watch.step()
    among_others.claim(ADDRESS)
    assert watch.step() == claimwatch.PAUSE_S
    assert watch.report() == claimwatch.REPORT_S


def test_the_machine_of_a_deleted_host_raises_one_alarm_until_it_is_silent(among_others: Host) -> None:
    entity = f"host=controller-0.network=mgmt.mac={GONE}"
    for _ in range(3):
        among_others.claim("192.168.204.77", GONE)
    assert among_others.told() == [("raise", entity)]
    assert "worker-9 was deleted" in among_others.alarms.fields["reason_text"]
    assert among_others.alarms.fields["proposed_repair_action"] == claimwatch.MACHINE_REMEDY
    among_others.watch.report()
    assert among_others.reported == []
    among_others.now += claims.QUIET_S
    among_others.watch.step()
    assert among_others.told() == [("clear", entity)]


def test_the_machine_that_is_a_host_again_has_no_alarm(among_others: Host) -> None:
    among_others.claim("192.168.204.77", GONE)
    among_others.told()
    among_others.known = Known()
    among_others.now += claimwatch.ADDRESSES_EVERY_S
    among_others.watch.step()
    assert among_others.told() == [("clear", f"host=controller-0.network=mgmt.mac={GONE}")]


def test_a_deleted_host_on_another_network_is_left_alone(among_others: Host) -> None:
    among_others.arp.origin = ("oam0", claims.ARP, socket.PACKET_BROADCAST, 1, b"")
    among_others.claim("192.168.204.77", GONE)
    assert among_others.told() == []
