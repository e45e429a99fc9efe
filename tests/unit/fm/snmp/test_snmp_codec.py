# SPDX-License-Identifier: Apache-2.0
"""AgentX octets: every message comes back as it went, and octets that are none raise Malformed and nothing else."""
from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fm.snmp.agentx.codec import (
    HEADER_OCTETS,
    NETWORK_BYTE_ORDER,
    NON_DEFAULT_CONTEXT,
    PAYLOAD_OCTETS_MAX,
    Malformed,
    decode,
    decode_header,
    decode_payload,
    encode,
)
from fm.snmp.agentx.messages import (
    NO_VALUE,
    Close,
    CloseReason,
    Get,
    GetBulk,
    Header,
    Kind,
    Message,
    Open,
    Plain,
    ProposedSet,
    Register,
    Response,
    SearchRange,
    Syntax,
    Variable,
)
from fm.snmp.objects import ACTIVE_ENTRY, Oid

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
SUBIDS = st.lists(U32, max_size=20).map(tuple)
INTERNET_OIDS = st.tuples(U32, SUBIDS).map(lambda parts: (1, 3, 6, 1, parts[0], *parts[1]))
OIDS: st.SearchStrategy[Oid] = st.one_of(SUBIDS, INTERNET_OIDS)
RANGES = st.lists(st.builds(SearchRange, OIDS, OIDS, st.booleans()), max_size=5).map(tuple)
VALUES = {
    Syntax.INTEGER: st.integers(-2**31, 2**31 - 1), Syntax.OCTET_STRING: st.binary(max_size=300),
    Syntax.OBJECT_IDENTIFIER: OIDS, Syntax.IP_ADDRESS: st.binary(min_size=4, max_size=4), Syntax.COUNTER32: U32,
    Syntax.GAUGE32: U32, Syntax.TIME_TICKS: U32, Syntax.OPAQUE: st.binary(max_size=30),
    Syntax.COUNTER64: st.integers(0, 2**64 - 1)}
VARIABLES = st.lists(st.one_of(
    *(st.builds(Variable, OIDS, st.just(syntax), values) for syntax, values in VALUES.items()),
    *(st.builds(Variable, OIDS, st.just(syntax)) for syntax in NO_VALUE)), max_size=5).map(tuple)
BODIES = st.one_of(
    st.builds(Open, U8, OIDS, st.binary(max_size=100)), st.builds(Close, st.sampled_from(CloseReason)),
    st.builds(Register, OIDS, U8, U8), st.builds(Get, RANGES, st.booleans()), st.builds(GetBulk, RANGES, U16, U16),
    st.builds(ProposedSet, VARIABLES),
    st.builds(Plain, st.sampled_from((Kind.COMMIT_SET, Kind.UNDO_SET, Kind.CLEANUP_SET, Kind.PING))),
    st.builds(Response, U16, U16, U32, VARIABLES))
MESSAGES = st.builds(Message, BODIES, U32, U32, U32, st.one_of(st.none(), st.binary(max_size=30)))


@given(MESSAGES)
def test_a_message_comes_back(message: Message) -> None:
    octets = encode(message)
    assert len(octets) % 4 == 0 and decode(octets) == message


@given(MESSAGES, st.data())
def test_a_message_cut_short_is_malformed(message: Message, data: st.DataObject) -> None:
    octets = encode(message)
    size = data.draw(st.integers(0, len(octets) - 1))
    with pytest.raises(Malformed):
        decode(octets[:size])


@given(MESSAGES, st.data())
def test_a_damaged_message_is_read_or_malformed(message: Message, data: st.DataObject) -> None:
    octets = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(U8)
    try:
        decode(bytes(octets))
    except Malformed:
        pass


@given(st.sampled_from(Kind), st.integers(0, 31), st.binary(max_size=200))
def test_any_payload_is_read_or_malformed(kind: Kind, flags: int, payload: bytes) -> None:
    try:
        decode_payload(Header(kind, flags, 1, 2, 3, len(payload)), payload)
    except Malformed:
        pass


def test_the_octets_of_a_get_next_as_the_standard_draws_them() -> None:
    """RFC 2741, 5.2 and 6.2.6, worked out by hand."""
    wanted = SearchRange((1, 3, 6, 1, 4, 1, 731), (1, 3, 6, 1, 4, 1, 732), include=True)
    message = Message(Get((wanted,), following=True), session_id=1, transaction_id=2, packet_id=3)
    assert encode(message).hex(" ", 4) == (
        "01061000 00000001 00000002 00000003 00000018 02040100 00000001 000002db 02040000 00000001 000002dc")


def test_both_byte_orders_are_read() -> None:
    payload = struct.pack("<BBBBI", 1, 4, 0, 0, 7) + bytes(4)
    header = struct.pack("<BBBBIIII", 1, Kind.GET, 0, 0, 258, 2, 3, len(payload))
    assert decode(header + payload) == Message(Get((SearchRange((1, 3, 6, 1, 4, 7)),)), 258, 2, 3)


def test_the_context_is_read() -> None:
    octets = encode(Message(Plain(Kind.PING), context=b"abcde"))
    assert octets[2] == NETWORK_BYTE_ORDER | NON_DEFAULT_CONTEXT
    assert decode(octets).context == b"abcde"


@pytest.mark.parametrize(("change", "sentence"), [
    ((0, 2), "version 2"), ((1, 99), "type 99"), ((16, 0xFF), "octets")])
def test_a_header_that_cannot_be_is_refused(change: tuple[int, int], sentence: str) -> None:
    octets = bytearray(encode(Message(Plain(Kind.PING)))[:HEADER_OCTETS])
    octets[change[0]] = change[1]
    with pytest.raises(Malformed, match=sentence):
        decode_header(bytes(octets))


def test_what_is_read_is_bounded() -> None:
    assert PAYLOAD_OCTETS_MAX <= 1 << 20
    header = struct.pack("!BBBBIIII", 1, Kind.GET, NETWORK_BYTE_ORDER, 0, 1, 1, 1, PAYLOAD_OCTETS_MAX + 4)
    with pytest.raises(Malformed):
        decode_header(header)


def test_a_value_must_have_the_type_of_its_syntax() -> None:
    with pytest.raises(ValueError, match="str is no value of INTEGER"):
        encode(Message(Response(variables=(Variable(ACTIVE_ENTRY, Syntax.INTEGER, "1"),))))  # type: ignore[arg-type]
