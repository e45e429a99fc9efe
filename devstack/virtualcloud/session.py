# SPDX-License-Identifier: Apache-2.0
"""One run of the command `lab`: its site, its daemon, and its output."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from devstack.virtualcloud.client import Client
from devstack.virtualcloud.site import Site

Json = dict[str, Any]


class Session:
    """One run of the command: its site, options and output."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.site = Site(
            options.state_dir, options.prefix, options.image_dir or options.state_dir / "image", options.code_dir
        ).checked()
        self.client = Client(self.site, self.progress)

    def progress(self, text: str) -> None:
        """Print progress on standard error, so that the output of --json stays valid."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def show(self, data: Json, text: str) -> None:
        """Print the result, as JSON or text."""
        sys.stdout.write((json.dumps(data, indent=1) if self.options.json else text) + "\n")

    def ask(self, op: str, **arguments: Any) -> Json:
        """Send a request; first restarts the daemon of an existing lab if it is not running."""
        if (self.site.state_dir / "lab.json").exists() and self.client.ensure_daemon():
            self.progress("the lab's daemon was down; started again")
        return self.client.ask(op, **arguments)

    def wait(self, host: str, stages: list[str] | None = None) -> str:
        """Wait for a host when --wait was given; returns its stage then, '' otherwise."""
        if not self.options.wait:
            return ""
        result = self.ask("wait", host=host, stages=stages or [], timeout_s=self.options.timeout)
        return str(result["stage"])
