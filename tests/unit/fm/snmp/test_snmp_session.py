# SPDX-License-Identifier: Apache-2.0
"""The session with a master agent, played by the test over a real socket: order, refusals, silence, nonsense."""
from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fm.snmp.agentx.codec import HEADER_OCTETS, decode_header, decode_payload, encode
from fm.snmp.agentx.messages import (
    Body,
    Close,
    CloseReason,
    ErrorStatus,
    Get,
    GetBulk,
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
from fm.snmp.agentx.session import Left, Session, SessionEnded

WAIT_S = 10.0
SUBTREES = ((1, 3, 6, 1, 4, 1, 731, 1), (1, 3, 6, 1, 4, 1, 731, 4))


class Master:
    """The other end: accepts one sub-agent and plays what the test tells it to."""

    def __init__(self, path: Path | None) -> None:
        if path is None:
            self._listener = socket.create_server(("127.0.0.1", 0))
        else:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(path))
            self._listener.listen(1)
        self.address = self._listener.getsockname()
        self._listener.settimeout(WAIT_S)
        self.peer: socket.socket | None = None

    def receive(self) -> Message:
        if self.peer is None:
            self.peer, _ = self._listener.accept()
            self.peer.settimeout(WAIT_S)
        header = decode_header(self._exactly(HEADER_OCTETS))
        return decode_payload(header, self._exactly(header.payload_octets))

    def send(self, octets: bytes) -> None:
        assert self.peer is not None
        self.peer.sendall(octets)

    def answer(self, question: Message, response: Response | None = None, session_id: int = 5) -> None:
        self.send(encode(Message(response or Response(), session_id, question.transaction_id, question.packet_id)))

    def welcome(self) -> list[Body]:
        """Open a session and let everything be registered; returns what was asked."""
        asked = []
        for _ in range(3):
            question = self.receive()
            asked.append(question.body)
            self.answer(question)
        return asked

    def ask(self, body: Body, session_id: int = 5, context: bytes | None = None) -> Message:
        self.send(encode(Message(body, session_id, 21, 22, context)))
        return self.receive()

    def close(self) -> None:
        for each in (self.peer, self._listener):
            if each is not None:
                each.close()

    def _exactly(self, size: int) -> bytes:
        assert self.peer is not None
        found = b""
        while len(found) < size:
            part = self.peer.recv(size - len(found))
            assert part, "the sub-agent closed the connection"
            found += part
        return found


class SubAgent:
    """A session in a thread; ``ended`` is how it ended."""

    def __init__(self, address: str | tuple[str, int], ping_interval_s: float = WAIT_S,
                 timeout_s: float = WAIT_S) -> None:
        self._stop_fd, self._stopper_fd = os.pipe()
        self.ended: BaseException | None = None
        self.transactions: list[int] = []
        self._session = Session(address, timeout_s=timeout_s, ping_interval_s=ping_interval_s, stop_fd=self._stop_fd)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        os.write(self._stopper_fd, b"x")

    def join(self) -> str:
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        os.close(self._stop_fd)
        os.close(self._stopper_fd)
        return str(self.ended)

    def _run(self) -> None:
        try:
            self._session.connect()
            self._session.open((1, 3, 6, 1, 4, 1, 731), "test", SUBTREES)
            self._session.serve(self._answer)
        except (SessionEnded, Left) as ended:
            self.ended = ended
        finally:
            self._session.close()

    def _answer(self, request: Get | GetBulk, transaction_id: int) -> Response:
        self.transactions.append(transaction_id)
        return Response(variables=tuple(Variable(item.start, Syntax.INTEGER, 7) for item in request.ranges))


Start = Callable[..., SubAgent]


@pytest.fixture
def master(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Master]:
    found = Master(None if getattr(request, "param", "unix") == "tcp" else tmp_path / "agentx")
    yield found
    found.close()


@pytest.fixture
def start(master: Master) -> Start:
    return lambda **options: SubAgent(master.address, **options)


@pytest.mark.parametrize("master", ["unix", "tcp"], indirect=True)
def test_it_opens_registers_answers_and_says_goodbye(master: Master, start: Start) -> None:
    sub_agent = start()
    opened, *registered = master.welcome()
    assert isinstance(opened, Open) and opened.description == b"test" and opened.timeout_s == WAIT_S
    assert [item.subtree for item in registered if isinstance(item, Register)] == list(SUBTREES)
    reply = master.ask(Get((SearchRange((1, 3)),)))
    assert (reply.session_id, reply.transaction_id, reply.packet_id) == (5, 21, 22)
    assert reply.body == Response(variables=(Variable((1, 3), Syntax.INTEGER, 7),))
    assert sub_agent.transactions == [21]
    sub_agent.stop()
    assert master.receive().body == Close(CloseReason.SHUTDOWN)
    sub_agent.join()
    assert isinstance(sub_agent.ended, Left)


@pytest.mark.parametrize(("refused", "sentence"), [
    (0, "refuses a session: open failed"), (1, "refuses 1.3.6.1.4.1.731.1: duplicate registration")])
def test_a_refusal_is_named(master: Master, start: Start, refused: int, sentence: str) -> None:
    sub_agent = start()
    for _ in range(refused):
        master.answer(master.receive())
    fault = (ErrorStatus.OPEN_FAILED, ErrorStatus.DUPLICATE_REGISTRATION)[refused]
    master.answer(master.receive(), Response(fault))
    assert sentence in sub_agent.join()


def test_writes_are_refused(master: Master, start: Start) -> None:
    sub_agent = start()
    master.welcome()
    write = master.ask(ProposedSet((Variable((1, 3), Syntax.INTEGER, 1),)))
    assert write.body == Response(ErrorStatus.NOT_WRITABLE, 1)
    assert master.ask(Plain(Kind.COMMIT_SET)).body == Response(ErrorStatus.COMMIT_FAILED)
    assert master.ask(Plain(Kind.UNDO_SET)).body == Response()
    master.send(encode(Message(Plain(Kind.CLEANUP_SET), 5, 21, 22)))  # has no answer: the next one is the ping's
    assert master.ask(Plain(Kind.PING)).body == Response()
    sub_agent.stop()
    sub_agent.join()


def test_what_it_cannot_serve_is_refused_and_the_session_goes_on(master: Master, start: Start) -> None:
    sub_agent = start()
    master.welcome()
    request = Get((SearchRange((1, 3)),))
    assert master.ask(request, session_id=6).body == Response(ErrorStatus.NOT_OPEN)
    assert master.ask(request, context=b"other").body == Response(ErrorStatus.UNSUPPORTED_CONTEXT)
    octets = bytearray(encode(Message(request, 5, 21, 22)))
    octets[HEADER_OCTETS] = 200  # more numbers than there are
    master.send(bytes(octets))
    assert master.receive().body == Response(ErrorStatus.PARSE_ERROR)
    assert isinstance(master.ask(request).body, Response)
    sub_agent.stop()
    sub_agent.join()


def test_nonsense_ends_the_session(master: Master, start: Start) -> None:
    sub_agent = start()
    master.welcome()
    master.send(b"GET / HTTP/1.1\r\n\r\n\r\n")
    assert "an invalid message" in sub_agent.join()


@pytest.mark.parametrize("goodbye", [True, False])
def test_the_end_of_the_master_ends_the_session(master: Master, start: Start, goodbye: bool) -> None:
    sub_agent = start()
    master.welcome()
    if goodbye:
        master.send(encode(Message(Close(CloseReason.SHUTDOWN), 5)))
    else:
        master.close()
    assert "the master agent closed" in sub_agent.join()


def test_a_silent_master_is_asked_and_answered_meanwhile(master: Master, start: Start) -> None:
    sub_agent = start(ping_interval_s=0.05)
    master.welcome()
    ping = master.receive()
    assert ping.body == Plain(Kind.PING)
    assert isinstance(master.ask(Get((SearchRange((1, 3)),))).body, Response)
    master.answer(ping)
    ping = master.receive()
    master.answer(ping, Response(ErrorStatus.NOT_OPEN))
    assert "no longer knows the session: not open" in sub_agent.join()


def test_a_master_that_does_not_answer_is_given_up(master: Master, start: Start) -> None:
    sub_agent = start(timeout_s=0.2)
    assert isinstance(master.receive().body, Open)
    assert "did not answer within 0.2 s" in sub_agent.join()


def test_a_message_that_stops_half_way_is_given_up(master: Master, start: Start) -> None:
    sub_agent = start(timeout_s=0.2)
    master.welcome()
    master.send(encode(Message(Get((SearchRange((1, 3)),)), 5))[:30])
    assert "receiving failed" in sub_agent.join()


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(SessionEnded, match="no connection"):
        Session(str(tmp_path / "none"), timeout_s=1, ping_interval_s=1, stop_fd=0).connect()
