# SPDX-License-Identifier: Apache-2.0
"""The messages between a master agent and a sub-agent of AgentX, as values."""
from __future__ import annotations

import enum
from dataclasses import dataclass, field

from fm.snmp.objects import Oid


class Kind(enum.IntEnum):
    """Types of messages (RFC 2741, 6.1)."""

    OPEN = 1
    CLOSE = 2
    REGISTER = 3
    UNREGISTER = 4
    GET = 5
    GET_NEXT = 6
    GET_BULK = 7
    TEST_SET = 8
    COMMIT_SET = 9
    UNDO_SET = 10
    CLEANUP_SET = 11
    NOTIFY = 12
    PING = 13
    INDEX_ALLOCATE = 14
    INDEX_DEALLOCATE = 15
    ADD_AGENT_CAPS = 16
    REMOVE_AGENT_CAPS = 17
    RESPONSE = 18


class Syntax(enum.IntEnum):
    """Types of a variable's value (RFC 2741, 5.4)."""

    INTEGER = 2
    OCTET_STRING = 4
    NULL = 5
    OBJECT_IDENTIFIER = 6
    IP_ADDRESS = 64
    COUNTER32 = 65
    GAUGE32 = 66
    TIME_TICKS = 67
    OPAQUE = 68
    COUNTER64 = 70
    NO_SUCH_OBJECT = 128
    NO_SUCH_INSTANCE = 129
    END_OF_MIB_VIEW = 130


class ErrorStatus(enum.IntEnum):
    """Errors in a response: the SNMP errors that fm uses, and those of AgentX (RFC 2741, 6.2.16)."""

    NONE = 0
    GEN_ERR = 5
    COMMIT_FAILED = 14
    NOT_WRITABLE = 17
    OPEN_FAILED = 256
    NOT_OPEN = 257
    INDEX_WRONG_TYPE = 258
    INDEX_ALREADY_ALLOCATED = 259
    INDEX_NONE_AVAILABLE = 260
    INDEX_NOT_ALLOCATED = 261
    UNSUPPORTED_CONTEXT = 262
    DUPLICATE_REGISTRATION = 263
    UNKNOWN_REGISTRATION = 264
    UNKNOWN_AGENT_CAPS = 265
    PARSE_ERROR = 266
    REQUEST_DENIED = 267
    PROCESSING_ERROR = 268


class CloseReason(enum.IntEnum):
    """Why a session ends (RFC 2741, 6.2.2)."""

    OTHER = 1
    PARSE_ERROR = 2
    PROTOCOL_ERROR = 3
    TIMEOUTS = 4
    SHUTDOWN = 5
    BY_MANAGER = 6


NO_VALUE = frozenset({Syntax.NULL, Syntax.NO_SUCH_OBJECT, Syntax.NO_SUCH_INSTANCE, Syntax.END_OF_MIB_VIEW})
VariableValue = int | bytes | Oid | None


@dataclass(frozen=True, slots=True)
class SearchRange:
    """A range of names: after ``start`` (from it, with ``include``), before ``end``; an empty ``end`` is no bound."""

    start: Oid
    end: Oid = ()
    include: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A name with its value: int, octets, an object identifier, or None for the syntaxes in ``NO_VALUE``."""

    name: Oid
    syntax: Syntax
    value: VariableValue = None


@dataclass(frozen=True, slots=True)
class Header:
    """The header of every message; ``payload_octets`` octets follow it."""

    kind: Kind
    flags: int
    session_id: int
    transaction_id: int
    packet_id: int
    payload_octets: int


@dataclass(frozen=True, slots=True)
class Open:
    """Requests a session; the master waits ``timeout_s`` seconds for replies, 0 means its default."""

    timeout_s: int
    identity: Oid
    description: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Ends the session."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class Register:
    """Registers the objects below ``subtree``; of two registrations the one with the lower ``priority`` serves."""

    subtree: Oid
    timeout_s: int = 0
    priority: int = 127


@dataclass(frozen=True, slots=True)
class Get:
    """Requests the values of the names ``start``, or with ``following`` the first value of each range."""

    ranges: tuple[SearchRange, ...]
    following: bool = False


@dataclass(frozen=True, slots=True)
class GetBulk:
    """Requests the first value of ``non_repeaters`` ranges and up to ``max_repetitions`` values of the others."""

    ranges: tuple[SearchRange, ...]
    non_repeaters: int
    max_repetitions: int


@dataclass(frozen=True, slots=True)
class ProposedSet:
    """The first phase of a write."""

    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """A message without payload: commit, undo and clean-up of a write, and ping."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Response:
    """A reply; ``index`` is the number of the variable that caused ``fault`` (1-based, 0 none)."""

    fault: int = ErrorStatus.NONE
    index: int = 0
    uptime: int = 0
    variables: tuple[Variable, ...] = field(default=())


Body = Open | Close | Register | Get | GetBulk | ProposedSet | Plain | Response


@dataclass(frozen=True, slots=True)
class Message:
    """A body with the fields of its header; ``context`` None means the default context."""

    body: Body
    session_id: int = 0
    transaction_id: int = 0
    packet_id: int = 0
    context: bytes | None = None
