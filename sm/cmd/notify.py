# SPDX-License-Identifier: Apache-2.0
"""sm-notify: a service tells service management of an event, such as the end of a synchronization."""
from __future__ import annotations

import argparse
import socket
import sys
from collections.abc import Sequence

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from sm.contract.notices import NOTICE_MAX_BYTES, SOCKET, Answer, Notice, NoticeEvent

ANSWER_S = 5.0


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(argv: Sequence[str], path: str = SOCKET) -> int:
    """Send one notice. Returns 0 when it was accepted; else prints the reason and returns 1."""
    parser = argparse.ArgumentParser(
        prog="sm-notify", description="Make service management look at a service now.",
        epilog="example: sm-notify --service drbd-pg --event sync-end    (the data is whole: look now)",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-s", "--service", required=True, help="name of the service")
    parser.add_argument("-e", "--event", required=True, choices=[str(event) for event in NoticeEvent])
    options = parser.parse_args(argv)
    try:
        answer = sent(Notice(options.service, NoticeEvent(options.event)), path)
    except (OSError, InvalidInput) as exc:
        sys.stderr.write(f"sm-notify: {path}: {exc}\n")
        return 1
    if not answer.accepted:
        sys.stderr.write(f"sm-notify: {answer.reason}\n")
    return 0 if answer.accepted else 1


def sent(notice: Notice, path: str) -> Answer:
    """Send the notice and return the answer. Raises OSError when there is none within five seconds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
        talk.settimeout(ANSWER_S)
        talk.connect(path)
        try:
            talk.sendall(codec_for(Notice).encode(notice, "notice"))
            data = talk.recv(NOTICE_MAX_BYTES)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
    if not data:
        raise ConnectionError("service management closed the connection: too many talk to it at once")
    answer: Answer = codec_for(Answer).decode(data, "answer")
    return answer
