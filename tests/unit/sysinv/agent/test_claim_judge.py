# SPDX-License-Identifier: Apache-2.0
"""Which frames claim an address, when one of this host's is defended and alarmed, and what is sent in its defence."""
from __future__ import annotations

import ipaddress
import struct

import pytest

from sysinv.agent.claims import Action, Claim, Conflict, Own, View, announcement, claim_in, claimed, looked

OURS, THEIRS, OTHERS = "02:00:00:00:00:01", "02:00:00:00:00:66", "02:00:00:00:00:77"
ADDRESS, ADDRESS6 = "192.168.204.2", "fd00:204::2"
OWN = {ADDRESS: Own("mgmt0", OURS), ADDRESS6: Own("mgmt0", OURS), "10.10.10.2": Own("oam0", "02:00:00:00:00:02")}
# A reply, as captured: to 02:..:01 from the link-layer source 02:..:99, about 192.168.204.2 at 02:..:66.
ARP_REPLY = bytes.fromhex("020000000001" "020000000099" "0806" "0001080006040002"
                          "020000000066" "c0a8cc02" "020000000001" "c0a8cc03")
# An advertisement of fd00:204::2 from the link-layer source 02:..:99, with the option that says 02:..:66.
ADVERTISED = bytes.fromhex("333300000001" "020000000099" "86dd" "6000000000203aff"
                           "fd000204000000000000000000000002" "ff020000000000000000000000000001"
                           "88000000" "20000000" "fd000204000000000000000000000002" "0201020000000066")
ARP_END, ADVERTISED_MIN = 42, 78


def put(frame: bytes, offset: int, octets: str) -> bytes:
    changed = bytes.fromhex(octets)
    return frame[:offset] + changed + frame[offset + len(changed):]


def one_conflict(view: View) -> Conflict:
    [found] = view.conflicts.values()
    return found


@pytest.mark.parametrize("operation", ["0001", "0002"])
def test_arp_claims_with_requests_and_replies(operation: str) -> None:
    assert claim_in(put(ARP_REPLY, 20, operation)) == Claim(ADDRESS, THEIRS)


def test_arp_of_the_hardware_type_of_ieee_802_claims_too() -> None:
    assert claim_in(put(ARP_REPLY, 14, "0006")) == Claim(ADDRESS, THEIRS)


def test_the_padding_of_a_short_frame_changes_nothing() -> None:
    assert claim_in(ARP_REPLY + bytes(18)) == Claim(ADDRESS, THEIRS)


def test_an_arp_probe_claims_nothing() -> None:
    assert claim_in(put(ARP_REPLY, 28, "00000000")) is None


@pytest.mark.parametrize(("offset", "octets"), [
    (12, "0800"), (12, "86dd"), (14, "0007"), (16, "86dd"), (18, "08"), (19, "06")])
def test_what_is_no_arp_of_ethernet_and_ipv4_claims_nothing(offset: int, octets: str) -> None:
    assert claim_in(put(ARP_REPLY, offset, octets)) is None


def test_an_advertisement_claims_for_the_link_layer_address_that_it_states() -> None:
    assert claim_in(ADVERTISED) == Claim(ADDRESS6, THEIRS)
    # What follows the option does not matter.
    assert claim_in(ADVERTISED + bytes(8)) == Claim(ADDRESS6, THEIRS)


@pytest.mark.parametrize("options", ["", "0101020000000066", "0202020000000066", "02010200"])
def test_an_advertisement_that_states_none_claims_for_the_sender_of_the_frame(options: str) -> None:
    assert claim_in(ADVERTISED[:ADVERTISED_MIN] + bytes.fromhex(options)) == Claim(ADDRESS6, "02:00:00:00:00:99")


@pytest.mark.parametrize(("offset", "octet", "why"), [
    (20, "11", "UDP"), (21, "fe", "came through a router"), (54, "87", "a solicitation"), (12, "08", "another type")])
def test_what_is_no_advertisement_of_a_neighbour_claims_nothing(offset: int, octet: str, why: str) -> None:
    assert claim_in(put(ADVERTISED, offset, octet)) is None, why


def test_a_frame_that_was_cut_off_claims_nothing() -> None:
    assert [length for length in range(ARP_END + 1) if claim_in(ARP_REPLY[:length]) is not None] == [ARP_END]
    assert [length for length in range(ADVERTISED_MIN + 1)
            if claim_in(ADVERTISED[:length]) is not None] == [ADVERTISED_MIN]


def test_the_first_claim_is_answered_and_alarmed() -> None:
    before = View()
    view, actions = claimed(before, Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1000.0)
    # The defence first: it must not wait for the storage of the alarm.
    assert actions == [Action("defend", ADDRESS, "mgmt0", OURS), Action("raise", ADDRESS, "mgmt0", THEIRS)]
    assert view.conflicts == {ADDRESS: Conflict("mgmt0", THEIRS, 1000.0, 1000.0, 1000.0)}
    assert before.conflicts == {}


@pytest.mark.parametrize(("address", "mac", "interface", "why"), [
    ("192.168.204.77", THEIRS, "mgmt0", "another's address"), (ADDRESS, OURS, "mgmt0", "this host itself"),
    (ADDRESS, "02:00:00:00:00:02", "mgmt0", "another interface of this host"),
    (ADDRESS, THEIRS, "oam0", "a network where this host does not have the address")])
def test_what_is_no_takeover_changes_nothing(address: str, mac: str, interface: str, why: str) -> None:
    view = View({ADDRESS6: Conflict("mgmt0", THEIRS, 1.0, 1.0, 1.0)})
    assert claimed(view, Claim(address, mac), interface, OWN, 1000.0) == (view, []), why


def test_an_address_is_defended_every_ten_seconds_at_most() -> None:
    view, _ = claimed(View(), Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1000.0)
    defended = []
    for now in (1000.0, 1009.9, 1010.0, 1019.9, 1021.0, 1030.5, 1031.0):
        view, actions = claimed(view, Claim(ADDRESS, THEIRS), "mgmt0", OWN, now)
        assert one_conflict(view).last_at == now
        if actions:
            assert actions == [Action("defend", ADDRESS, "mgmt0", OURS)]
            defended.append(now)
    assert defended == [1010.0, 1021.0, 1031.0]


def raised(view: View, mac: str, now: float) -> tuple[View, list[str]]:
    view, actions = claimed(view, Claim(ADDRESS, mac), "mgmt0", OWN, now)
    return view, [action.mac for action in actions if action.kind == "raise"]


def test_the_same_machine_is_alarmed_once() -> None:
    view, first = raised(View(), THEIRS, 1000.0)
    view, later = raised(view, THEIRS, 1200.0)
    assert (first, later) == ([THEIRS], [])


def test_another_machine_is_alarmed_after_a_minute() -> None:
    view, _ = raised(View(), THEIRS, 1000.0)
    view, early = raised(view, OTHERS, 1059.9)
    # The alarm still names the first machine.
    assert early == [] and one_conflict(view).mac == THEIRS
    view, due = raised(view, OTHERS, 1060.0)
    assert due == [OTHERS] and one_conflict(view).mac == OTHERS
    # Two machines that take turns do not make more alarms than that.
    view, turn = raised(view, THEIRS, 1119.9)
    assert turn == []
    assert raised(view, THEIRS, 1120.0)[1] == [THEIRS]


def test_each_address_has_a_conflict_of_its_own() -> None:
    view, _ = claimed(View(), Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1000.0)
    first = view.conflicts[ADDRESS]
    view, actions = claimed(view, Claim(ADDRESS6, THEIRS), "mgmt0", OWN, 1001.0)
    assert [(action.kind, action.address) for action in actions] == [("defend", ADDRESS6), ("raise", ADDRESS6)]
    assert view.conflicts[ADDRESS] == first and set(view.conflicts) == {ADDRESS, ADDRESS6}


def test_a_conflict_ends_five_minutes_after_its_last_claim() -> None:
    view, _ = claimed(View(), Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1000.0)
    view, _ = claimed(view, Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1100.0)
    assert looked(view, OWN, 1399.9) == (view, [])
    ended, actions = looked(view, OWN, 1400.0)
    assert ended == View() and actions == [Action("clear", ADDRESS, "mgmt0")]
    # The same machine again is news.
    assert [action.kind for action in claimed(ended, Claim(ADDRESS, THEIRS), "mgmt0", OWN, 1401.0)[1]] == [
        "defend", "raise"]


def test_a_conflict_ends_when_this_host_gives_the_address_up() -> None:
    view = View({each: Conflict("mgmt0", THEIRS, 1000.0, 1000.0, 1000.0) for each in (ADDRESS6, ADDRESS)})
    kept, actions = looked(view, {ADDRESS6: OWN[ADDRESS6]}, 1000.1)
    assert actions == [Action("clear", ADDRESS, "mgmt0")] and set(kept.conflicts) == {ADDRESS6}
    assert set(view.conflicts) == {ADDRESS, ADDRESS6}


def test_conflicts_end_in_the_order_of_their_addresses() -> None:
    addresses = [f"10.0.0.{number}" for number in range(9, 0, -1)]
    view = View({each: Conflict("mgmt0", THEIRS, 1000.0, 1000.0, 1000.0) for each in addresses})
    assert [action.address for action in looked(view, {}, 1000.1)[1]] == sorted(addresses)


def test_an_ipv4_address_is_defended_by_an_arp_announcement() -> None:
    assert announcement(ADDRESS, OURS) == bytes.fromhex(
        "ffffffffffff" "020000000001" "0806" "0001080006040001" "020000000001" "c0a8cc02" "000000000000" "c0a8cc02")


def test_an_ipv6_address_is_defended_by_an_advertisement_to_all_nodes() -> None:
    frame = announcement(ADDRESS6, OURS)
    # Override, not solicited; everything as in the specification but the checksum, which has a test of its own.
    assert put(frame, 56, "0000") == put(put(ADVERTISED, 6, "020000000001"), 80, "020000000001")


# The sum of the second address's words has a carry again after its first carry was added.
@pytest.mark.parametrize("address", [ADDRESS6, "fd00:204:ffff::2b4b", "fe80::1"])
def test_the_checksum_is_right(address: str) -> None:
    packet = announcement(address, OURS)[14:]
    message = packet[40:]
    summed = packet[8:40] + struct.pack("!II", len(message), 58) + message
    # RFC 1071: with the checksum in it, the one's complement sum has all bits set.
    assert sum(struct.unpack(f"!{len(summed) // 2}H", summed)) % 0xFFFF == 0
    assert packet[8:24] == ipaddress.IPv6Address(address).packed


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS6])
def test_a_defence_is_a_claim_of_this_host(address: str) -> None:
    claim = claim_in(announcement(address, OURS))
    assert claim == Claim(address, OURS)
    assert claimed(View(), claim, "mgmt0", OWN, 1.0) == (View(), [])
