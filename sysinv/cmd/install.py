# SPDX-License-Identifier: Apache-2.0
"""``flock-install``: a host that booted from the network runs it with the kernel command line that sysinv rendered."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

from flock.core.errors import FlockError
from sysinv.installer.call import Controller
from sysinv.installer.cmdline import parse_cmdline
from sysinv.installer.install import install


def main() -> int:
    """Return the exit status: 0 disk bootable, 1 failed, 2 bad arguments, 3 no personality yet (boot again later)."""
    parser = argparse.ArgumentParser(prog="flock-install", description=__doc__)
    parser.add_argument("--cmdline", help="kernel command line (default: that of the running kernel)")
    parser.add_argument("--pxecontroller", help="address to use for the controller in URLs of the command line")
    parser.add_argument("--target", type=Path, default=Path("/"), help="root of the new system (default: /)")
    parser.add_argument("--share", type=Path, default=Path(sys.prefix) / "share" / "flock",
                        help="directory with systemd/ and goenabled.d/ of the release")
    args = parser.parse_args()
    text = args.cmdline if args.cmdline is not None else Path("/proc/cmdline").read_text()
    try:
        parameters = parse_cmdline(text, args.pxecontroller)
    except FlockError as error:
        print(f"flock-install: {error}", file=sys.stderr)
        return 2
    if parameters.wait:
        print("flock-install: this host has no role yet")
        return 3
    done = install(parameters, Controller(parameters), args.target, args.share, lambda line: print(line, flush=True))
    return 0 if done else 1
