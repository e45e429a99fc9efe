# SPDX-License-Identifier: Apache-2.0
"""Encodes and decodes AgentX messages (RFC 2741, 5 and 6). Writes network byte order, reads both orders.

Checks every length before it is used; raises ``Malformed`` for invalid octets.
"""
from __future__ import annotations

import struct

from fm.snmp.agentx.messages import (
    NO_VALUE,
    Body,
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
    VariableValue,
)
from fm.snmp.objects import Oid

VERSION = 1
HEADER_OCTETS = 20
PAYLOAD_OCTETS_MAX = 1 << 20
SUBIDS_MAX = 128
NON_DEFAULT_CONTEXT = 0x08
NETWORK_BYTE_ORDER = 0x10
_INTERNET: Oid = (1, 3, 6, 1)
_OCTETS = frozenset({Syntax.OCTET_STRING, Syntax.IP_ADDRESS, Syntax.OPAQUE})
_UNSIGNED = frozenset({Syntax.COUNTER32, Syntax.GAUGE32, Syntax.TIME_TICKS})
_PLAIN = frozenset({Kind.COMMIT_SET, Kind.UNDO_SET, Kind.CLEANUP_SET, Kind.PING})


class Malformed(ValueError):
    """The octets are not a valid AgentX message."""


def encode(message: Message) -> bytes:
    """The octets of ``message``."""
    kind, payload = _encode_body(message.body)
    flags = NETWORK_BYTE_ORDER
    if message.context is not None:
        flags |= NON_DEFAULT_CONTEXT
        payload = _octet_string(message.context) + payload
    return struct.pack("!BBBBIIII", VERSION, kind, flags, 0, message.session_id, message.transaction_id,
                       message.packet_id, len(payload)) + payload


def decode_header(octets: bytes) -> Header:
    """The header in the first 20 octets of a message; Malformed."""
    if len(octets) < HEADER_OCTETS:
        raise Malformed("the header is cut off")
    version, number, flags = octets[:3]
    if version != VERSION:
        raise Malformed(f"version {version}")
    order = "!" if flags & NETWORK_BYTE_ORDER else "<"
    session_id, transaction_id, packet_id, length = struct.unpack(f"{order}IIII", octets[4:HEADER_OCTETS])
    if length > PAYLOAD_OCTETS_MAX or length % 4:
        raise Malformed(f"a payload of {length} octets")
    try:
        kind = Kind(number)
    except ValueError:
        raise Malformed(f"type {number}") from None
    return Header(kind, flags, session_id, transaction_id, packet_id, length)


def decode_payload(header: Header, payload: bytes) -> Message:
    """The message of ``header`` and its payload; Malformed."""
    if len(payload) != header.payload_octets:
        raise Malformed("the payload is cut off")
    reader = _Reader(payload, "!" if header.flags & NETWORK_BYTE_ORDER else "<")
    context = reader.octet_string() if header.flags & NON_DEFAULT_CONTEXT else None
    body = _decode_body(header.kind, reader)
    if reader.left:
        raise Malformed(f"{reader.left} octets too many")
    return Message(body, header.session_id, header.transaction_id, header.packet_id, context)


def decode(octets: bytes) -> Message:
    """The message in ``octets``, which must contain exactly one; Malformed."""
    return decode_payload(decode_header(octets), octets[HEADER_OCTETS:])


def _encode_body(body: Body) -> tuple[Kind, bytes]:
    match body:
        case Open():
            head = struct.pack("!B3x", body.timeout_s)
            return Kind.OPEN, head + _oid(body.identity) + _octet_string(body.description)
        case Close():
            return Kind.CLOSE, struct.pack("!B3x", body.reason)
        case Register():
            return Kind.REGISTER, struct.pack("!BBBx", body.timeout_s, body.priority, 0) + _oid(body.subtree)
        case Get():
            return (Kind.GET_NEXT if body.following else Kind.GET), _ranges(body.ranges)
        case GetBulk():
            head = struct.pack("!HH", body.non_repeaters, body.max_repetitions)
            return Kind.GET_BULK, head + _ranges(body.ranges)
        case ProposedSet():
            return Kind.TEST_SET, _variables(body.variables)
        case Plain():
            return body.kind, b""
        case Response():
            head = struct.pack("!IHH", body.uptime, body.fault, body.index)
            return Kind.RESPONSE, head + _variables(body.variables)


def _oid(oid: Oid, include: bool = False) -> bytes:
    prefix, rest = 0, oid
    if len(oid) > len(_INTERNET) and oid[:4] == _INTERNET and 0 < oid[4] < 256:
        prefix, rest = oid[4], oid[5:]
    if len(rest) > SUBIDS_MAX:
        raise ValueError("an object identifier has at most 128 numbers")
    return struct.pack(f"!BBBx{len(rest)}I", len(rest), prefix, include, *rest)


def _octet_string(octets: bytes) -> bytes:
    return struct.pack("!I", len(octets)) + octets + bytes(-len(octets) % 4)


def _ranges(ranges: tuple[SearchRange, ...]) -> bytes:
    return b"".join(_oid(item.start, item.include) + _oid(item.end) for item in ranges)


def _variables(variables: tuple[Variable, ...]) -> bytes:
    return b"".join(struct.pack("!Hxx", item.syntax) + _oid(item.name) + _value(item) for item in variables)


def _value(variable: Variable) -> bytes:
    syntax, value = variable.syntax, variable.value
    if syntax in NO_VALUE and value is None:
        return b""
    if isinstance(value, int):
        if syntax is Syntax.INTEGER:
            return struct.pack("!i", value)
        if syntax in _UNSIGNED:
            return struct.pack("!I", value)
        if syntax is Syntax.COUNTER64:
            return struct.pack("!Q", value)
    if isinstance(value, bytes) and syntax in _OCTETS:
        return _octet_string(value)
    if isinstance(value, tuple) and syntax is Syntax.OBJECT_IDENTIFIER:
        return _oid(value)
    raise ValueError(f"{type(value).__name__} is no value of {syntax.name}")


class _Reader:
    """Reads fields from the front of a payload."""

    def __init__(self, octets: bytes, order: str) -> None:
        self._octets, self._order, self._place = octets, order, 0

    @property
    def left(self) -> int:
        return len(self._octets) - self._place

    def fields(self, layout: str) -> tuple[int, ...]:
        size = struct.calcsize(f"={layout}")
        found: tuple[int, ...] = struct.unpack(self._order + layout, self.take(size))
        return found

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise Malformed("a field goes beyond the payload")
        start = self._place
        self._place += size
        return self._octets[start:self._place]

    def octet_string(self) -> bytes:
        (size,) = self.fields("I")
        octets = self.take(size)
        self.take(-size % 4)
        return octets

    def oid(self) -> tuple[Oid, bool]:
        """An object identifier and its ``include`` field."""
        number, prefix, include = self.fields("BBBx")
        if number > SUBIDS_MAX:
            raise Malformed(f"an object identifier of {number} numbers")
        rest = self.fields(f"{number}I") if number else ()
        return ((*_INTERNET, prefix, *rest) if prefix else rest), bool(include)

    def ranges(self) -> tuple[SearchRange, ...]:
        found = []
        while self.left:
            start, include = self.oid()
            end, _ = self.oid()
            found.append(SearchRange(start, end, include))
        return tuple(found)

    def variables(self) -> tuple[Variable, ...]:
        found = []
        while self.left:
            (number,) = self.fields("Hxx")
            try:
                syntax = Syntax(number)
            except ValueError:
                raise Malformed(f"a value of type {number}") from None
            name, _ = self.oid()
            found.append(Variable(name, syntax, self._value(syntax)))
        return tuple(found)

    def _value(self, syntax: Syntax) -> VariableValue:
        if syntax in NO_VALUE:
            return None
        if syntax in _OCTETS:
            return self.octet_string()
        if syntax is Syntax.OBJECT_IDENTIFIER:
            return self.oid()[0]
        layout = {Syntax.INTEGER: "i", Syntax.COUNTER64: "Q"}.get(syntax, "I")
        return self.fields(layout)[0]


def _decode_body(kind: Kind, reader: _Reader) -> Body:
    match kind:
        case Kind.OPEN:
            (timeout_s,) = reader.fields("B3x")
            return Open(timeout_s, reader.oid()[0], reader.octet_string())
        case Kind.CLOSE:
            return Close(_reason(reader.fields("B3x")[0]))
        case Kind.REGISTER:
            timeout_s, priority, range_place = reader.fields("BBBx")
            if range_place:
                raise Malformed("a registration of a range of object identifiers")
            return Register(reader.oid()[0], timeout_s, priority)
        case Kind.GET | Kind.GET_NEXT:
            return Get(reader.ranges(), following=kind is Kind.GET_NEXT)
        case Kind.GET_BULK:
            non_repeaters, max_repetitions = reader.fields("HH")
            return GetBulk(reader.ranges(), non_repeaters, max_repetitions)
        case Kind.TEST_SET:
            return ProposedSet(reader.variables())
        case Kind.RESPONSE:
            uptime, fault, index = reader.fields("IHH")
            return Response(fault, index, uptime, reader.variables())
        case _ if kind in _PLAIN:
            return Plain(kind)
        case _:
            raise Malformed(f"a message of type {kind.name}, which a master agent does not send")


def _reason(number: int) -> CloseReason:
    try:
        return CloseReason(number)
    except ValueError:
        raise Malformed(f"reason {number} to close") from None
