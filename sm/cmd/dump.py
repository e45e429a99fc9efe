# SPDX-License-Identifier: Apache-2.0
"""sm-dump: all groups and services of this controller in two lists."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sm.client.program import parser_of, say, status
from sm.contract.control import ServiceLine, StatusReport

WIDTH = 104


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line. 0: told; 1: no daemon runs, with the reason on stderr."""
    parser = parser_of("sm-dump", "Prints groups and services of this controller with desired and present state.",
                       "sm-dump", "sm-dump --pid --impact")
    parser.add_argument("--verbose", action="store_true", help="also the reasons")
    parser.add_argument("--pid", action="store_true", help="process ids, as pid files name them")
    parser.add_argument("--pn", action="store_true", help="names of those processes")
    parser.add_argument("--pid_file", action="store_true", help="pid files")
    parser.add_argument("--impact", action="store_true", help="what a failure of the service means")
    args = parser.parse_args(arguments)
    known = status("sm-dump", args.socket)
    if known is None:
        return 1
    for line in lines(known, args):
        say(line.rstrip())
    return 0


def lines(known: StatusReport, args: argparse.Namespace) -> Iterator[str]:
    """The two lists. ``args``: the options of the command line."""
    yield "-Service_Groups".ljust(WIDTH, "-")
    for group in known.groups:
        if group.node == known.node:
            yield (f"{group.name:<32} {group.desired:<20} {group.state:<20} {group.status:<10} {group.condition:<20} "
                   f"{group.reason if args.verbose else ''}")
    yield "-" * WIDTH
    yield ""
    yield "-Services".ljust(WIDTH, "-")
    for service in sorted(known.services, key=lambda line: line.name):
        more = " ".join(_more(service, args))
        yield (f"{service.name:<32} {service.desired:<20} {service.state:<20} {service.status:<10} "
               f"{service.condition:<20} {more}")
    yield "-" * WIDTH


def _more(service: ServiceLine, args: argparse.Namespace) -> Iterator[str]:
    pid = _pid(service.pid_file) if args.pid or args.pn else ""
    if args.impact:
        yield f"{service.impact:<10}"
    if args.pid:
        yield f"{pid:<8}"
    if args.pn:
        yield f"{_process(pid):<16}"
    if args.pid_file:
        yield service.pid_file
    if not service.managed:
        yield "unmanaged"
    if args.verbose:
        yield service.reason


def _pid(pid_file: str) -> str:
    """The number in a pid file; empty without one."""
    try:
        text = Path(pid_file).read_text(encoding="ascii")[:32].strip() if pid_file else ""
    except (OSError, ValueError):
        return ""
    return text if text.isdecimal() else ""


def _process(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip() if pid else ""
    except OSError:
        return ""
