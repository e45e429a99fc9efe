# SPDX-License-Identifier: Apache-2.0
"""flock-bootstrap: turn a freshly installed host into the first controller of a system."""
from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

from flock.core.errors import FlockError, InvalidInput
from sysinv.bootstrap.joining import follow, join, pair
from sysinv.bootstrap.steps import bootstrap
from sysinv.hosts import expected

EPILOG = """examples:
  flock-bootstrap --answers /etc/flock/bootstrap.yaml
  flock-bootstrap --expect 08:00:27:0a:0b:0c    before the second controller is installed
  flock-bootstrap --pair                        sysinv-conductor does this when it is unlocked and enabled

The answers file is YAML; only admin_password is required:
  admin_password: correct-horse
  system_type: Standard        # or All-in-one
  system_mode: duplex          # or simplex
"""


def main() -> int:
    """Return the exit status: 0 done, 1 a step failed (reason on stderr), 2 bad arguments or bad answers."""
    parser = argparse.ArgumentParser(prog="flock-bootstrap", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=Path, default=Path("/etc/flock/bootstrap.yaml"), help="YAML file of answers")
    second = parser.add_mutually_exclusive_group()
    second.add_argument("--join", action="store_true", help="make this installed host the second controller")
    second.add_argument("--expect", metavar="MAC",
                        help="on controller-0: for --minutes, the machine with this address on the pxeboot network may "
                             "be installed as a controller, and gets all keys of the system")
    second.add_argument("--pair", action="store_true", help="on controller-0: accept the second controller")
    second.add_argument("--follow", action="store_true",
                        help="on the standby controller: make its files anew from what both controllers share")
    parser.add_argument("--minutes", type=int, default=expected.MINUTES, help="with --expect; default %(default)s")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("flock-bootstrap must run as root.", file=sys.stderr)
        return 2
    places = Path(sys.prefix) / "bin", Path(sys.prefix) / "share" / "flock"
    try:
        if args.expect:
            expected.expect(args.expect, args.minutes)
            _say(f"{args.expect} may become a controller for {args.minutes} minutes")
            return 0
        chosen = next((carry_out for wanted, carry_out in ((args.join, join), (args.pair, pair), (args.follow, follow))
                       if wanted), partial(bootstrap, args.answers))
        chosen(*places, _say)
    except (InvalidInput, FileNotFoundError) as error:
        print(error if args.expect else f"Cannot use {args.answers}: {error}", file=sys.stderr)
        return 2
    except FlockError as error:
        print(f"Bootstrap stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(f"  {line}", flush=True)
