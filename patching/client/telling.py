# SPDX-License-Identifier: Apache-2.0
"""What commands of software management have in common: they print the texts of an answer, and may wait for a state."""
from __future__ import annotations

import argparse
import sys
from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import Any, TextIO

from flock.cli import table
from flock.cli.commands import FlockCommand
from flock.cli.wait import Outcome, Verdict
from patching.client.software import Software

API_NAME = "software"
BAR = 30


class Order(FlockCommand):
    """A command that changes something: exit code 0 only when it was done."""

    api_name = API_NAME

    @property
    def software(self) -> Software:
        return Software(self.client)

    @abstractmethod
    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        """Give the order; the API's answer."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        told = self.order(parsed_args)
        say(told, self.stdout)
        if told.get("error"):
            return 1
        self.afterwards(parsed_args)
        return 0

    def afterwards(self, args: argparse.Namespace) -> None:
        """What follows an order that was accepted."""


def say(told: dict[str, Any], out: TextIO) -> None:
    """Print what an answer says; a newline at the end of a text shows as an empty line, as in StarlingX's client."""
    for name, title in (("info", ""), ("warning", "Warning: "), ("error", "Error: ")):
        text = str(told.get(name) or "")
        if text:
            out.write(f"{title}{table.printable(text)}\n")


class DeployStep(Order):
    """A step of the deployment; ``reaches``: states that end it, ``fails``: those in which it has failed."""

    waits = True
    reaches: Collection[str | None] = ()
    fails: Collection[str] = ()

    def afterwards(self, args: argparse.Namespace) -> None:
        if args.wait:
            self.wait_for("the deployment", self._state, self._judge, args)

    def _state(self) -> Any:
        found = self.software.deploys()
        return found[0] if found else None

    def _judge(self, deploy: Any) -> Verdict:
        state = None if deploy is None else str(deploy.get("state"))
        return verdict(state, self.reaches, self.fails, "" if deploy is None else str(deploy.get("error") or ""))


def verdict(state: str | None, reaches: Collection[str | None], fails: Collection[str], error: str) -> Verdict:
    """Whether a wait is over."""
    if state in fails:
        return Verdict(Outcome.FAILED, f"the state is {state}{f': {error}' if error else ''}")
    return Verdict(Outcome.DONE if state in reaches else Outcome.PENDING, state or "no deployment")


def progress(out: TextIO = sys.stderr) -> Callable[[int, int], None] | None:
    """A function that draws a bar on a terminal; None where there is none."""
    if not out.isatty():
        return None

    def told(sent: int, total: int) -> None:
        full = BAR * sent // max(total, 1)
        end = "\n" if sent >= total else ""
        out.write(f"\r[{'#' * full}{'.' * (BAR - full)}] {100 * sent // max(total, 1):3d} %{end}")
        out.flush()

    return told


