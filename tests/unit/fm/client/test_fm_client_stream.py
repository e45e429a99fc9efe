# SPDX-License-Identifier: Apache-2.0
"""The event stream parsed from pieces of any size, and resumed after every kind of break."""
from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.cli.errors import ApiError, ApiUnreachable, CliError
from fm.client.stream import ATTEMPTS_MAX, RECONNECT, Message, follow, lines, messages

TEXT = (b": welcome\n\nid: 7\nevent: fm.alarm.set\ndata: {\"a\":\ndata: 1}\n\n"
        b"retry: 3000\nid: 8\nevent: fm.event.log\r\ndata:{\"reason_text\": \"\xc3\x84\"}\r\n\r\nid: 9\ndata: cut")
FOUND = [Message("7", "fm.alarm.set", '{"a":\n1}'), Message("8", "fm.event.log", '{"reason_text": "Ä"}')]


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_pieces_may_be_cut_anywhere(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(TEXT)]
    pieces = [TEXT[start:end] for start, end in zip(at, at[1:], strict=False)]
    assert [message for message in messages(pieces) if message.kind] == FOUND


def test_a_comment_is_a_sign_of_life_that_may_move_the_number() -> None:
    assert list(messages([b": ping\n\n"])) == [Message(None, "", "")]
    assert list(messages([b": ping\nid: 9\n\n"])) == [Message("9", "", "")]


def test_the_last_id_holds_until_another_comes() -> None:
    assert [m.ident for m in messages([b"id: 3\ndata: a\n\ndata: b\n\n"])] == ["3", "3"]


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(CliError, match="more than"):
        list(lines(b"x" * 65536 for _ in range(100)))


def test_data_that_is_no_json_is_an_error() -> None:
    with pytest.raises(CliError, match="an invalid event"):
        Message("1", "fm.alarm.set", "<html>").event()


class Server:
    """Answers connections one after the other: pieces, or an exception before or among them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []
        self.pauses_s: list[float] = []
        self.said: list[str] = []

    @contextlib.contextmanager
    def connect(self, after: str | None) -> Iterator[Iterator[bytes]]:
        self.asked.append(after)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield self._pieces(answer)

    @staticmethod
    def _pieces(answer: list[Any]) -> Iterator[bytes]:
        for piece in answer:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def follow(self, last_id: str | None = None) -> Iterator[Message]:
        return follow(self.connect, self.pauses_s.append, self.said.append, last_id)


def event(number: int) -> bytes:
    return f"id: {number}\nevent: fm.alarm.set\ndata: {{}}\n\n".encode()


def test_every_break_is_resumed_after_the_last_event() -> None:
    server = Server([event(1), event(2)], ApiUnreachable("no"), ApiError(503, "later"),
                    [event(3), ApiUnreachable("connection lost")], [b": ping\nid: 7\n\n"], [event(8)],
                    ApiError(403, "no more"))
    seen = []
    with pytest.raises(ApiError, match="no more"):
        for message in server.follow("0"):
            seen.append(message.ident)  # noqa: PERF401  # what came before the end counts
    assert seen == ["1", "2", "3", "8"]
    assert server.asked == ["0", "2", "2", "2", "3", "7", "8"]
    assert len(server.pauses_s) == 6
    assert server.said[0].startswith("Event stream interrupted (the server closed it); next attempt in 0.5 s")


def test_events_come_in_order_once() -> None:
    server = Server([event(1), event(2)], [event(3)], ApiError(401, "who?"))
    stream = server.follow()
    assert [next(stream).ident for _ in range(3)] == ["1", "2", "3"]


def test_pauses_grow_to_their_bound_and_the_attempts_end() -> None:
    server = Server([event(1)], *[ApiUnreachable("refused")] * (ATTEMPTS_MAX + 5))
    stream = server.follow()
    assert next(stream).ident == "1"
    with pytest.raises(ApiUnreachable, match="refused"):
        next(stream)
    assert len(server.asked) == ATTEMPTS_MAX  # the end of the first stream counts too
    assert server.pauses_s == sorted(server.pauses_s)
    assert server.pauses_s[-1] == RECONNECT.max_s


def test_a_sign_of_life_makes_pauses_short_again() -> None:
    server = Server([b": ping\n\n"], *[ApiUnreachable("refused")] * 5, [b": ping\n\n"], ApiError(400, "end"))
    with pytest.raises(ApiError):
        next(server.follow())
    assert server.pauses_s[-1] == server.pauses_s[0] < server.pauses_s[4]


@pytest.mark.parametrize("problem", [ApiUnreachable("refused"), ApiError(503, "too many streams")])
def test_what_never_worked_is_not_tried_again(problem: Exception) -> None:
    server = Server(problem, [event(1)])
    with pytest.raises(type(problem), match=str(problem)):
        next(server.follow())
    assert len(server.asked) == 1
