# SPDX-License-Identifier: Apache-2.0
"""``python -m flock.api.openapi fm`` prints the OpenAPI document without a server."""
from __future__ import annotations

import argparse
import importlib.util
import json
import sys

from flock.api.build import openapi_document
from flock.core.slices import subsystems


def main(argv: list[str] | None = None) -> None:
    """Write the document of one subsystem."""
    parser = argparse.ArgumentParser(prog="python -m flock.api.openapi", description=__doc__)
    parser.add_argument("subsystem", help=f"one of {', '.join(subsystems())}")
    chosen = parser.parse_args(argv)
    if importlib.util.find_spec(chosen.subsystem) is None:
        parser.error(f"there is no subsystem {chosen.subsystem}; installed are {', '.join(subsystems())}")
    json.dump(openapi_document(chosen.subsystem), sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
