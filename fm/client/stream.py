# SPDX-License-Identifier: Apache-2.0
"""Client of the event stream: parses server-sent events, reconnects and resumes after the last event."""
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
ATTEMPTS_MAX = 20  # in a row without any message from the server

Connect = Callable[[str | None], AbstractContextManager[Iterator[bytes]]]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; a later connection resumes after ``ident``.

    ``kind`` is empty for a heartbeat, and GAP when the server no longer has some events.
    """

    ident: str | None
    kind: str
    data: str

    def event(self) -> Event:
        """The decoded event; CliError when ``data`` is not JSON."""
        try:
            found: Event = json.loads(self.data)
        except ValueError:
            raise CliError(f"The event stream sent an invalid event: {self.data[:80]!r}") from None
        return found


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Text lines from byte pieces of any size; drops text after the last line end."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        rest += decoder.decode(piece)
        # A carriage return at the end may be the first half of CRLF.
        complete, rest = (rest[:-1], rest[-1]) if rest.endswith("\r") else (rest, "")
        *whole, tail = complete.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        yield from whole
        rest = tail + rest
        if len(rest) > LINE_MAX_CHARS:
            raise CliError(f"The event stream sent a line of more than {LINE_MAX_CHARS} characters.")


def messages(pieces: Iterable[bytes]) -> Iterator[Message]:
    """The messages of a stream, including heartbeats."""
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
    """Yield messages without end. Reconnects after a pause when the connection breaks, and resumes after the last one.

    ``connect`` opens a stream after the given id. ``say`` is called with a sentence for each interruption. Raises
    CliError when the API refuses (4xx), when it fails before the first message, and after ATTEMPTS_MAX failures in a
    row.
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
            problem = "the server closed it"
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
