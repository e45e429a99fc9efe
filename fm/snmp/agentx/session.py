# SPDX-License-Identifier: Apache-2.0
"""A session with a master agent over a stream socket: opens it, registers subtrees, then answers requests."""
from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Sequence

from fm.snmp.agentx.codec import HEADER_OCTETS, Malformed, decode_header, decode_payload, encode
from fm.snmp.agentx.messages import (
    Body,
    Close,
    CloseReason,
    ErrorStatus,
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
)
from fm.snmp.objects import Oid

Answer = Callable[[Get | GetBulk, int], Response]
"""A function of a read request and its transaction id that returns the response."""


class SessionEnded(Exception):
    """The master agent is unreachable, does not answer or refuses; the text says which."""


class Left(Exception):
    """``stop_fd`` became readable while waiting."""


class Session:
    """``connect``, ``open``, then ``serve`` until SessionEnded or Left. ``stop_fd`` becomes readable to stop."""

    def __init__(self, address: str | tuple[str, int], *, timeout_s: float, ping_interval_s: float,
                 stop_fd: int) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._ping_interval_s = ping_interval_s
        self._stop_fd = stop_fd
        self._socket: socket.socket | None = None
        self._id = 0
        self._packets = 0

    def connect(self) -> None:
        """Connect to the master agent; SessionEnded when it is unreachable."""
        family = socket.AF_UNIX if isinstance(self._address, str) else socket.AF_INET
        try:
            if family == socket.AF_UNIX:
                self._socket = socket.socket(family, socket.SOCK_STREAM)
                self._socket.settimeout(self._timeout_s)
                self._socket.connect(self._address)
            else:
                self._socket = socket.create_connection(self._address, self._timeout_s)  # type: ignore[arg-type]
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise SessionEnded(f"no connection: {error}") from error

    def open(self, identity: Oid, description: str, subtrees: Sequence[Oid]) -> None:
        """Open the session and register ``subtrees``; SessionEnded when the master refuses."""
        timeout_s = min(255, int(self._timeout_s))
        answer, session_id = self._ask(Open(timeout_s, identity, description.encode()))
        if answer.fault != ErrorStatus.NONE:
            raise SessionEnded(f"the master agent refuses a session: {_name(answer.fault)}")
        self._id = session_id
        for subtree in subtrees:
            answer, _ = self._ask(Register(subtree, timeout_s))
            if answer.fault != ErrorStatus.NONE:
                raise SessionEnded(f"the master agent refuses {'.'.join(map(str, subtree))}: {_name(answer.fault)}")

    def serve(self, answer: Answer) -> None:
        """Answer requests; ping the master after ``ping_interval_s`` without one. Ends only by SessionEnded or Left."""
        while True:
            received = self._receive(self._ping_interval_s)
            if received is None:
                ponged, _ = self._ask(Plain(Kind.PING), answer)
                if ponged.fault != ErrorStatus.NONE:
                    raise SessionEnded(f"the master agent no longer knows the session: {_name(ponged.fault)}")
                continue
            self._handle(*received, answer)

    def close(self) -> None:
        """Send a close message if possible, and close the socket."""
        opened, self._socket = self._socket, None
        if opened is None:
            return
        try:
            if self._id:
                opened.settimeout(self._timeout_s)
                opened.sendall(encode(Message(Close(CloseReason.SHUTDOWN), self._id, 0, self._packets + 1)))
        except OSError:  # the master has closed the connection already
            pass
        finally:
            opened.close()
            self._id = 0

    def _ask(self, body: Body, answer: Answer | None = None) -> tuple[Response, int]:
        """Send a message and return its reply with the session id; answers requests that arrive before the reply."""
        self._packets += 1
        packet = self._packets
        self._send(Message(body, self._id, 0, packet))
        end = time.monotonic() + self._timeout_s
        while (left_s := end - time.monotonic()) > 0:
            received = self._receive(left_s)
            if received is None:
                break
            header, payload = received
            if header.kind is Kind.RESPONSE:
                message = self._decoded(header, payload)
                if message.packet_id == packet and isinstance(message.body, Response):
                    return message.body, message.session_id
            elif answer is not None:
                self._handle(header, payload, answer)
        raise SessionEnded(f"the master agent did not answer within {self._timeout_s:g} s")

    def _handle(self, header: Header, payload: bytes, answer: Answer) -> None:
        if header.kind is Kind.RESPONSE:  # a late reply, after its timeout
            return
        if header.kind is Kind.CLOSE:
            raise SessionEnded("the master agent closed the session")
        try:
            message = decode_payload(header, payload)
        except Malformed:
            self._reply(header, Response(ErrorStatus.PARSE_ERROR))
            return
        if header.session_id != self._id:
            self._reply(header, Response(ErrorStatus.NOT_OPEN))
        elif message.context is not None:
            self._reply(header, Response(ErrorStatus.UNSUPPORTED_CONTEXT))
        elif header.kind is not Kind.CLEANUP_SET:  # the only message without a reply
            self._reply(header, _response(message, answer))

    def _reply(self, header: Header, response: Response) -> None:
        self._send(Message(response, header.session_id, header.transaction_id, header.packet_id))

    def _decoded(self, header: Header, payload: bytes) -> Message:
        try:
            return decode_payload(header, payload)
        except Malformed as error:
            raise SessionEnded(f"the master agent sent an invalid message: {error}") from error

    def _send(self, message: Message) -> None:
        opened = self._opened()
        try:
            opened.settimeout(self._timeout_s)
            opened.sendall(encode(message))
        except OSError as error:
            raise SessionEnded(f"sending failed: {error}") from error

    def _receive(self, wait_s: float) -> tuple[Header, bytes] | None:
        """The next message, None when none starts within ``wait_s`` seconds."""
        opened = self._opened()
        ready, _, _ = select.select([opened.fileno(), self._stop_fd], [], [], wait_s)
        if self._stop_fd in ready:
            raise Left
        if not ready:
            return None
        try:
            header = decode_header(self._exactly(HEADER_OCTETS))
            return header, self._exactly(header.payload_octets)
        except Malformed as error:
            # The start of the next message is unknown, so the session cannot continue.
            raise SessionEnded(f"the master agent sent an invalid message: {error}") from error

    def _exactly(self, size: int) -> bytes:
        """The next ``size`` octets of a message that has started; SessionEnded after the timeout."""
        opened = self._opened()
        parts: list[bytes] = []
        end = time.monotonic() + self._timeout_s
        while size:
            opened.settimeout(max(0.001, end - time.monotonic()))
            try:
                part = opened.recv(min(size, 65536))
            except OSError as error:
                raise SessionEnded(f"receiving failed: {error}") from error
            if not part:
                raise SessionEnded("the master agent closed the connection")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _opened(self) -> socket.socket:
        if self._socket is None:
            raise SessionEnded("not connected")
        return self._socket


def _response(message: Message, answer: Answer) -> Response:
    match message.body:
        case Get() | GetBulk() as body:
            return answer(body, message.transaction_id)
        case ProposedSet() as body:
            return Response(ErrorStatus.NOT_WRITABLE, 1 if body.variables else 0)
        case Plain(kind=Kind.COMMIT_SET):
            return Response(ErrorStatus.COMMIT_FAILED)
        case Plain():
            return Response()
        case _:
            return Response(ErrorStatus.REQUEST_DENIED)


def _name(fault: int) -> str:
    return ErrorStatus(fault).name.lower().replace("_", " ") if fault in ErrorStatus._value2member_map_ else str(fault)
