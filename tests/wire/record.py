# SPDX-License-Identifier: Apache-2.0
"""Writes the schema of each interface whose version is not recorded yet: ``python -m tests.wire.record``.

A recorded version is not changed: give the interface a new version first. ``--again`` writes it all the same, for
versions that no release has had. Stored records have no version; theirs is written when the change breaks nothing.
"""
from __future__ import annotations

import json
import sys

from flock.rpc.signature import schema
from tests.wire.interfaces import breaks, interfaces, path_of, records


def main(again: bool) -> int:
    """Write what is missing; 1 when a recorded version has changed."""
    changed = 0
    for interface in interfaces().values():
        said = schema(interface)
        path = path_of(said)
        text = json.dumps(said, indent=1) + "\n"
        if path.exists() and path.read_text() != text and not again:
            print(f"{path.name} is recorded and the interface has changed: raise its version")
            changed = 1
        elif not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.name} is written")
    for said in records().values():
        path = path_of(said)
        wrong = breaks(json.loads(path.read_text()), said) if path.exists() and not again else []
        if wrong:
            print(f"{path.name} stays, other releases could not read what is written now: {'; '.join(wrong)}")
            changed = 1
        else:
            path.write_text(json.dumps(said, indent=1) + "\n")
    return changed


if __name__ == "__main__":
    sys.exit(main("--again" in sys.argv[1:]))
