# SPDX-License-Identifier: Apache-2.0
"""What the programs that ask the daemon have in common: the socket, the errors, the exit status."""
from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Sequence

from flock.cli.output import stdout_closed_quietly
from flock.core.errors import FlockError
from flock.core.records import replace
from sm.client.control import ask
from sm.contract.control import SOCKET, Reply, Request, StatusReport, Verb


def examples(*lines: str) -> str:
    """Command lines for the end of a help text."""
    return "\n".join(("examples:", *(f"  {line}" for line in lines)))


def parser_of(name: str, description: str, *lines: str) -> argparse.ArgumentParser:
    """A parser with the option of the socket, and examples in its help."""
    parser = argparse.ArgumentParser(prog=name, description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog=examples(*lines))
    parser.add_argument("--socket", default=SOCKET, help="control socket of sm-daemon (default: %(default)s)")
    return parser


def answer(name: str, socket: str, request: Request) -> Reply | None:
    """The daemon's answer; None after an error, which is told on stderr."""
    try:
        return ask(replace(request, origin=f"{name} ({_user()})"), socket)
    except FlockError as error:
        sys.stderr.write(f"{name}: {error}\n")
        return None


def status(name: str, socket: str) -> StatusReport | None:
    """What the daemon knows; None after an error, which is told on stderr."""
    reply = answer(name, socket, Request("", Verb.STATUS))
    return reply.status if reply is not None else None


def command(name: str, socket: str, request: Request) -> int:
    """Have the daemon do something and print what it says. 0: done; 1: refused or no daemon."""
    reply = answer(name, socket, request)
    if reply is None:
        return 1
    say(reply.text)
    return 0


def of_service(name: str, verb: Verb, description: str, arguments: Sequence[str], *, alone: bool = False) -> int:
    """Run a program whose command line is ``NAME service SERVICE``."""
    parser = parser_of(name, description, f"{name} service vim")
    parser.add_argument("what", choices=("service",), metavar="service")
    parser.add_argument("service", help="name of the service")
    args = parser.parse_args(arguments)
    return command(name, args.socket, Request("", verb, service=args.service, alone=alone))


def _user() -> str:
    """The account of the person, also behind sudo."""
    try:
        return os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def say(text: str) -> None:
    """Write lines of the program's output; the rest is for nobody when the reader has closed the pipe (``| head``)."""
    if stdout_closed_quietly(f"{text}\n"):
        sys.exit(1)
