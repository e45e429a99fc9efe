# SPDX-License-Identifier: Apache-2.0
"""sm: explains, simulates, moves and shows what service management decides."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from flock.core.codec import codec_for
from sm.client.program import command, parser_of, say, status
from sm.contract.control import Request, StatusReport, Verb
from sm.contract.states import Administrative, Availability, Operational
from sm.core.simulate import USAGE


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line. 0: done; 1: refused, or no daemon runs, with the reason on stderr."""
    args = _parser().parse_args(arguments)
    if args.what == "status":
        known = status("sm", args.socket)
        if known is not None:
            say(codec_for(StatusReport).encode(known, "status").decode() if args.json else shown(known))
        return 0 if known is not None else 1
    return command("sm", args.socket, _request(args))


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("sm", "Shows and changes what service management does with this controller.", "sm status",
                       "sm explain controller-services", "sm simulate 'silent controller-1' 'lock controller-0'",
                       "sm swact controller-0", "sm maintenance on", "sm force-active --accept-loss",
                       "sm node unlocked enabled available")
    what = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    what.add_parser("status", help="nodes, groups, services, and the latest decisions").add_argument(
        "--json", action="store_true", help="all of it as one JSON object, for programs")
    what.add_parser("explain", help="why a group is where it is, what would move it and what stops that").add_argument(
        "group")
    one = what.add_parser("simulate", help="what would happen if; nothing is changed",
                          formatter_class=argparse.RawDescriptionHelpFormatter,
                          epilog="\n".join(("changes:", *(f"  {words}" for words in USAGE))))
    one.add_argument("changes", nargs="+", help="made at the same moment, such as 'fence controller-1'")
    one = what.add_parser("swact", help="move all groups away from a controller")
    one.add_argument("node", nargs="?", default="", help="default: this one")
    one.add_argument("--force", action="store_true", help="even if the other one is not ready")
    one = what.add_parser("force-active", help="say that the controllers that are silent are switched off",
                          description="Makes this controller active on your word. Only when you have seen that the "
                          "other one is off: if it is not, both are active.")
    one.add_argument("--accept-loss", action="store_true",
                     help="also if data may be missing here that was stored on the other one")
    one = what.add_parser("maintenance", help="keep all groups where they are",
                          description="While it is on, nothing is moved and no failed group is recovered, unless it is "
                          "asked for. Services are repaired in place, and a silent controller is fenced, as ever.")
    one.add_argument("switch", choices=("on", "off"))
    one = what.add_parser("node", help="tell the states of this controller, as host maintenance does")
    one.add_argument("administrative", type=Administrative, choices=[Administrative.LOCKED, Administrative.UNLOCKED])
    one.add_argument("operational", type=Operational, choices=[Operational.ENABLED, Operational.DISABLED])
    one.add_argument("availability", type=Availability, choices=[Availability.AVAILABLE, Availability.DEGRADED,
                                                                 Availability.FAILED])
    return parser


def _request(args: argparse.Namespace) -> Request:
    if args.what == "explain":
        return Request("", Verb.EXPLAIN, group=args.group)
    if args.what == "simulate":
        return Request("", Verb.SIMULATE, changes=tuple(args.changes))
    if args.what == "swact":
        return Request("", Verb.SWACT, node=args.node, force=args.force)
    if args.what == "maintenance":
        return Request("", Verb.MAINTENANCE, maintenance=args.switch == "on")
    if args.what == "force-active":
        return Request("", Verb.FORCE_ACTIVE, accept_loss=args.accept_loss)
    return Request("", Verb.NODE, administrative=args.administrative, operational=args.operational,
                   availability=args.availability)


def shown(known: StatusReport) -> str:
    """The report for a terminal."""
    lines = [f"{known.leader or 'nobody'} leads in term {known.term}; {known.node}: {known.reason}"]
    lines.append(f"data is current on {', '.join(known.current) or 'no node'}")
    if known.maintenance:
        lines.append("MAINTENANCE: nothing is moved by itself; 'sm maintenance off' ends it")
    lines += [f"PROBLEM: {problem}" for problem in known.problems]
    lines += ["", f"{'node':<20} {'administrative':<14} {'operational':<12} {'availability':<12} {'ready':<9} heard"]
    for node in known.nodes:
        heard = node.out or ("yes" if node.heard else "no")
        lines.append(f"{node.name:<20} {node.administrative:<14} {node.operational:<12} {node.availability:<12} "
                     f"{node.ready:<9} {heard}{', leads' if node.leads else ''}")
    lines += ["", f"{'group':<32} {'node':<20} {'desired':<10} {'state':<11} status"]
    for group in known.groups:
        lines.append(f"{group.name:<32} {group.node:<20} {group.desired:<10} {group.state:<11} {group.status} "
                     f"{group.condition} {group.reason}".rstrip())
    lines += ["", f"{'service on ' + known.node:<32} {'desired':<20} {'state':<20} status"]
    for one in known.services:
        lines.append(f"{one.name:<32} {one.desired:<20} {one.state:<20} {one.status} {one.condition}"
                     f"{'' if one.managed else ' unmanaged'}".rstrip())
    if known.paths:
        lines += ["", *(f"path {name} is {state}" for name, state in known.paths.items())]
    return "\n".join([*lines, "", "latest decisions:", *known.journal])
