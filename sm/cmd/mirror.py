# SPDX-License-Identifier: Apache-2.0
"""sm-mirror: the mirrored platform directory, for operators, for writers, and as the plug-in of service management."""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from flock.core.codec import codec_for
from flock.core.errors import FlockError, Unavailable
from sm.client.mirror import ask, status, wait_stored
from sm.contract.mirror import ACTIVE_MARK, SOCKET, MirrorRequest, MirrorRole, MirrorStatus, MirrorVerb
from sm.mirror.holding import Holding
from sm.mirror.manifest import Limits
from sm.mirror.placing import NotStored

UNIT = "flock-sm-mirror.service"
CHANGE_S = 55.0
START_S = 15.0
STOP_S = 12.0
"""Both together are below the limit of the catalogue."""
RUNS, FAILED, UNCONFIGURED, STOPPED, ACTIVE = 0, 1, 6, 7, 8
OUTDATED, SYNCING, ACTIVE_INCONSISTENT, ACTIVE_SYNCING = 33, 35, 37, 40
EPILOG = """examples:
  sm-mirror status                    who has what, and what is wrong
  sm-mirror status --json             the same for programs
  sm-mirror wait --timeout 10         returns when the other controllers have all that was written until now
  sm-mirror wait /opt/platform/x      the same for one file
  sm-mirror init                      on the first controller of a new system: its directory is the one that counts

start, stop, promote, demote and monitor are for service management, which calls them with the codes of OCF agents.
Exit status of the others: 0 done, 1 refused or no daemon, with the reason on stderr.
"""


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line; see EPILOG."""
    args = _parser().parse_args(arguments)
    try:
        match args.what:
            case "status":
                known = status(args.socket)
                _say(json.dumps(codec_for(MirrorStatus).to_document(known), indent=2) if args.json else shown(known))
            case "wait":
                path = os.path.abspath(args.path) if args.path else ""
                _say(wait_stored(path, args.timeout, control=args.socket))
            case "init":
                Holding(args.directory, Limits()).initialise(args.node)
                _say(f"{args.directory} is the directory that counts.")
            case "promote" | "demote":
                _say(ask(MirrorRequest(MirrorVerb(args.what)), args.socket, CHANGE_S).text)
            case "monitor":
                return monitor(args.socket, _instance().get("directory", ""))
            case "stop":
                return _stop(args.socket)
            case _:
                return _systemctl(args.what)
    except (FlockError, NotStored, OSError) as error:
        sys.stderr.write(f"sm-mirror: {error}\n")
        return FAILED
    return RUNS


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sm-mirror", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--socket", default=SOCKET, help="control socket of sm-mirrord (default: %(default)s)")
    commands = parser.add_subparsers(dest="what", required=True)
    shows = commands.add_parser("status", help="show what the other nodes have")
    shows.add_argument("--json", action="store_true", help="as one JSON object")
    waits = commands.add_parser("wait", help="wait until the required nodes have stored everything")
    waits.add_argument("path", nargs="?", default="", help="a file that must be stored (default: everything)")
    waits.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="(default: %(default)s)")
    first = commands.add_parser("init", help="mark the directory of a new system's first controller")
    first.add_argument("--directory", type=Path, default=Path("/opt/platform"), help="(default: %(default)s)")
    first.add_argument("--node", default=socket.gethostname().partition(".")[0],
                       help="name of this controller (default: that of the host)")
    for name, text in (("start", "start the daemon"), ("stop", "stop the daemon"),
                       ("promote", "this node becomes active"), ("demote", "this node becomes standby"),
                       ("monitor", "tell the state by the exit status")):
        commands.add_parser(name, help=text)
    return parser


def monitor(control: str, directory: str) -> int:
    """The state as a code of OCF agents; the last line says more."""
    try:
        known = status(control)
    except Unavailable as error:
        _say(str(error))
        # No daemon listens, or one that does not answer.
        return FAILED if isinstance(error.__cause__, TimeoutError) else STOPPED
    if directory and directory != known.directory:
        _say(f"the daemon mirrors {known.directory}, not {directory}")
        return UNCONFIGURED
    reason = (*known.problems, *(f"{line.name}: {line.reason}" for line in known.peers if line.reason))
    _say("; ".join(reason) or f"{known.role}, generation {known.term}.{known.number}")
    if known.role is MirrorRole.ACTIVE:
        return ACTIVE_INCONSISTENT if known.problems else ACTIVE_SYNCING if known.syncing else ACTIVE
    return OUTDATED if known.outdated else SYNCING if known.syncing else RUNS


def shown(known: MirrorStatus) -> str:
    """The status as text."""
    head = [f"{known.node} is {known.role} with generation {known.term}.{known.number} of {known.directory}"]
    if known.role is MirrorRole.ACTIVE:
        head.append(f"{known.files} entries, {known.size} bytes; required: {', '.join(known.required) or 'nobody'}")
    rows = [("peer", "in sync", "generation", "behind", "age", "reason")]
    rows += [(line.name, "yes" if line.in_sync else "no", line.generation or "-",
              f"{line.behind_files} files, {line.behind_bytes} bytes", f"{line.age_s:g} s", line.reason)
             for line in known.peers]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    table = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    told = [f"{title}: {text}" for title, texts in (("problem", known.problems), ("not mirrored", known.left_out),
                                                   ("kept aside", known.lost)) for text in texts]
    return "\n".join((*head, *(table if known.peers else ()), *told))


def _stop(control: str) -> int:
    with contextlib.suppress(FlockError):
        ask(MirrorRequest(MirrorVerb.DEMOTE), control, STOP_S)
    # Also after a crash: the next daemon shall be standby.
    Path(control).with_name(ACTIVE_MARK).unlink(missing_ok=True)
    return _systemctl("stop")


def _systemctl(verb: str) -> int:
    done = subprocess.run(["/usr/bin/systemctl", verb, UNIT], capture_output=True, text=True, timeout=START_S,
                          check=False)
    if done.returncode:
        sys.stderr.write(f"sm-mirror: {UNIT}: {done.stderr.strip()}\n")
    return FAILED if done.returncode else RUNS


def _instance() -> dict[str, str]:
    """The parameters of the service, which the plug-in gives as variables."""
    return dict(os.environ)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
