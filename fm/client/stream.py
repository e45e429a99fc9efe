# SPDX-License-Identifier: Apache-2.0
"""The event stream as a client sees it: server-sent events parsed, broken connections resumed where they broke."""
from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from flock.cli.errors import ApiError, ApiUnreachable, CliError
from flock.core.backoff import Backoff
from fm.client.records import Event

LINE_MAX_CHARS = 1024 * 1024
GAP = "fm.stream.gap"
RECONNECT = Backoff(first_s=0.5, max_s=30.0)
ATTEMPTS_MAX = 20  # in a row without a sign of life from the server

Connect = Callable[[str | None], AbstractContextManager[Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; ``ident`` is what a later connection resumes after.

    Its ``kind`` is empty for a mere sign of life, and GAP where events are lost that the server no longer has.
    """

    ident: str | None
    kind: str
    data: str

    def event(self) -> Event:
        """The event inside; CliError when it is none."""
        try:
            found: Event = json.loads(self.data)
        except ValueError:
            raise CliError(f"The event stream sent what is no event: {self.data[:80]!r}") from None
        return found


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Text lines out of byte pieces of any size; what follows the last line end is dropped."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        rest += decoder.decode(piece)
        # A carriage return at the very end may be half of a line end.
        complete, rest = (rest[:-1], rest[-1]) if rest.endswith("\r") else (rest, "")
        *whole, tail = complete.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from whole
        rest = tail + rest
        if len(rest) > LINE_MAX_CHARS:
            raise CliError(f"The event stream sent a line of more than {LINE_MAX_CHARS} characters.")


def messages(pieces: Iterable[bytes]) -> Iterator[Message]:
    """The messages of a stream, signs of life among them."""
    ident: str | None = None
    kind = ""
    data: list[str] = []
    for line in lines(pieces):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            yield Message(ident, kind or "message", "\n".join(data)) if data else Message(ident, "", "")
            kind, data = "", []
        elif name == "id":
            ident = value
        elif name == "event":
            kind = value
        elif name == "data":
            data.append(value)


def follow(connect: Connect, sleep: Callable[[float], None], say: Callable[[str], None] = lambda text: None,
           last_id: str | None = None) -> Iterator[Message]:
    """Messages without end. A connection that breaks is made anew after a pause and goes on after the last message.

    ``connect`` opens a stream after the given id. ``say`` hears of interruptions. It ends with a CliError when the API
    refuses (4xx), when there was no sign of life from the beginning, and after ATTEMPTS_MAX failures in a row.
    """
    failures, alive = 0, False
    while True:
        try:
            with connect(last_id) as pieces:
                for message in messages(pieces):
                    failures, alive = 0, True
                    last_id = message.ident or last_id
                    if message.kind:
                        yield message
            problem = "the server has ended it"
        except (ApiError, ApiUnreachable) as broken:
            if isinstance(broken, ApiError) and broken.status < 500:
                raise
            if not alive or failures + 1 >= ATTEMPTS_MAX:
                raise
            problem = str(broken)
        failures += 1
        pause_s = RECONNECT.pause_s(min(failures, ATTEMPTS_MAX))
        say(f"Event stream interrupted ({problem}); next attempt in {pause_s:g} s.")
        sleep(pause_s)
