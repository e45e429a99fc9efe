# SPDX-License-Identifier: Apache-2.0
"""``sysinv-filesystem``: brings a file system of this host to its size and place; Puppet's classes call it."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from flock.core.errors import FlockError
from flock.exec.process import run
from flock.exec.root import Root
from sysinv.agent.filesystems import Filesystem
from sysinv.agent.filesystemsteps import Ensure, Wanted

EXAMPLES = """examples:
  sysinv-filesystem present instances-lv 20 /var/lib/nova/instances   make, enlarge and mount it
  sysinv-filesystem --check grown scratch-lv 20 /scratch              tell whether there is something to do
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0, or 1 after an error and, with ``--check``, when something is to be done."""
    parser = argparse.ArgumentParser(
        prog="sysinv-filesystem", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make, enlarge, mount or remove a file system of this host: the logical volume of cgts-vg, or the "
                    "partition, with the name VOLUME.")
    parser.add_argument("--check", action="store_true", help="only print the next step and exit with 1 if there is one")
    parser.add_argument("ensure", type=Ensure, choices=list(Ensure),
                        help="present: make it if it is missing; grown: enlarge it if it is there; absent: remove it")
    parser.add_argument("volume", help="name of the logical volume or partition, such as scratch-lv")
    parser.add_argument("size", type=int, help="size in GiB")
    parser.add_argument("mountpoint", help="directory")
    args = parser.parse_args(sys.argv[1:] if argv is None else list(argv))
    try:
        one = Filesystem(Wanted(args.ensure, args.volume, args.size, args.mountpoint), run, Root())
        if args.check:
            step = one.next()
            sys.stdout.write("" if step is None else f"{step}\n")
            return 0 if step is None else 1
        for step in one.bring_about():
            sys.stdout.write(f"{args.volume}: {step}\n")
    except (FlockError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
