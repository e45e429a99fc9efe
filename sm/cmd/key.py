# SPDX-License-Identifier: Apache-2.0
"""sm-key: the key that signs the messages of service management."""
from __future__ import annotations

import argparse
import json
import os
import re
import sys
from pathlib import Path

from flock.core.errors import FlockError, InvalidInput, Refused
from sm.core import rotation
from sm.core.rotation import Key, Ring
from sm.transport.keyring import KeyFile, fresh_secret, witness_secret

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
EPILOG = """examples:
  sm-key create                       the first key of a new system; the installation does it and copies the file
  sm-key rotate                       replace the key on all nodes and witnesses; run it on any one node
  sm-key status                       which key is used, and what a rotation waits for
  sm-key witness arbiter > arbiter.key    the key file for the witness 'arbiter'

Run it as root. Only this host's file is read and written; running daemons carry a new key to the others and replace
the key step by step, without a message lost. After the key was stolen, create a new file and copy it to every node: a
rotation seals the new key with the old one.
"""


def main() -> int:
    """Return the exit status: 0 done, 1 refused (reason on stderr), 2 bad arguments."""
    args = _parser().parse_args()
    file = KeyFile(Path(args.file))
    try:
        if args.what == "create":
            file.create(_first_ring())
        elif args.what == "rotate":
            file.change(lambda ring: rotation.begin(ring, *fresh_secret()))
        elif args.what == "witness":
            print(_for_witness(*file.load(), args.name))
            return 0
        print("\n".join(_status(*file.load())))
    except (FlockError, OSError) as error:
        print(f"sm-key: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sm-key", description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(os.environ.get("FLOCK_CONF_DIR", "/etc/flock"), "sm.key")
    parser.add_argument("--file", default=default, metavar="PATH", help=f"the key file (default: {default})")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("create", help="write the first key of a system")
    commands.add_parser("rotate", help="begin to replace the key")
    commands.add_parser("status", help="show the keys, without their secrets")
    witness = commands.add_parser("witness", help="print the key file for a witness")
    witness.add_argument("name", help="the name of the witness in the configuration of the nodes")
    return parser


def _first_ring() -> Ring:
    tag, secret = fresh_secret()
    return Ring((Key(1, tag, secret),), tag)


def _for_witness(ring: Ring, holder: str, name: str) -> str:
    if holder:
        raise Refused(detail=f"this file is that of the witness {holder}; the file of a witness is made on a node")
    if not _NAME.match(name):
        # A file without a name is one for a node, and this key is another one than the nodes'.
        raise InvalidInput(field="name", rule="must be the host name of the witness in the settings of the nodes")
    keys = [{"number": key.number, "tag": key.tag, "secret": witness_secret(key.secret, name).hex()}
            for key in ring.keys]
    return json.dumps({"keys": keys, "used": ring.used, "witness": name})


def _status(ring: Ring, witness: str) -> list[str]:
    lines = [f"for witness {witness}"] if witness else []
    lines += [f"key {key.number} {key.tag}{' used' if key.tag == ring.used else ' accepted'}" for key in ring.keys]
    if ring.new is None:
        lines.append("no rotation is under way")
    elif ring.used != ring.new.tag:
        lines.append("rotation: waits until every other node accepts the new key")
    else:
        lines.append("rotation: waits until every other node uses the new key")
    return lines


if __name__ == "__main__":
    sys.exit(main())
