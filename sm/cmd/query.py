# SPDX-License-Identifier: Apache-2.0
"""sm-query: the state of a service or of groups on this controller, in one line each."""
from __future__ import annotations

import sys
from collections.abc import Sequence

from sm.client.program import parser_of, say, status
from sm.contract.control import StatusReport


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line. 0: told; 1: no daemon runs, with the reason on stderr."""
    parser = parser_of("sm-query", "Tells the state of a service or of groups on this controller.",
                       "sm-query service vim", "sm-query service-group controller-services vim-services",
                       "sm-query service-group controller-services --desired-state")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    what.add_parser("service", help="one service").add_argument("service")
    groups = what.add_parser("service-group", help="one or more groups")
    groups.add_argument("groups", nargs="+", metavar="group")
    groups.add_argument("--desired-state", action="store_true", help="what is wanted in place of what is")
    args = parser.parse_args(arguments)
    known = status("sm-query", args.socket)
    if known is None:
        return 1
    if args.what == "service":
        say(service_line(known, args.service))
    else:
        for group in args.groups:
            say(group_line(known, group, args.desired_state))
    return 0


def service_line(known: StatusReport, name: str) -> str:
    """Such as ``vim is enabled-active-degraded``; a service that is not known is disabled."""
    for line in known.services:
        if line.name == name:
            return f"{name} is {line.state}{f'-{line.status}' if line.status else ''}"
    return f"{name} is disabled."


def group_line(known: StatusReport, name: str, desired: bool) -> str:
    """Such as ``vim-services is active``; a group that is not known is disabled."""
    for line in known.groups:
        if (line.name, line.node) == (name, known.node):
            if desired:
                return f"{name} is {line.desired}"
            return f"{name} is {line.state}{f'-{line.status}' if line.status else ''}"
    return f"{name} is disabled."
