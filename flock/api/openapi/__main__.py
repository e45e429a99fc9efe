# SPDX-License-Identifier: Apache-2.0
"""``python -m flock.api.openapi fm``: the document without a server, on standard output."""
from __future__ import annotations

import argparse
import json
import sys

from flock.api.build import openapi_document


def main(argv: list[str] | None = None) -> None:
    """Write the document of one subsystem."""
    parser = argparse.ArgumentParser(prog="python -m flock.api.openapi", description=__doc__)
    parser.add_argument("subsystem", choices=("fm", "mtce", "sysinv"))
    chosen = parser.parse_args(argv)
    json.dump(openapi_document(chosen.subsystem), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
