# SPDX-License-Identifier: Apache-2.0
"""Base classes of commands (lists, single objects, actions) with common formats, errors, confirmation and waiting.

Commands run in this project's programs (FlockShell) and, unchanged, as plug-ins of the OpenStack client.
"""
from __future__ import annotations

import argparse
import json
import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, TextIO

import yaml
from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from flock.cli import confirm, paging, table, wait
from flock.cli.client import ApiClient
from flock.cli.columns import Column, Row, cell_text, pick, sorted_rows, wire_value
from flock.cli.errors import ApiError, ApiUnreachable, CliError

SHOW_VALUE_WIDTH = 72
WATCH_DEFAULT_S = 5.0
WATCH_LEAST_S = 0.5


class FlockCommand(Command):
    """Base class of all commands. ``api_name`` selects the client; ``--help`` shows ``examples``."""

    api_name: ClassVar[str] = ""
    examples: ClassVar[Sequence[str]] = ()
    dangerous: ClassVar[bool] = False
    waits: ClassVar[bool] = False
    auth_required: ClassVar[bool] = True
    conflict_handler = "resolve"  # a command's own -f or -c replaces that of the formatters

    @property
    def client(self) -> ApiClient:
        # Both FlockShell and the OpenStack client set ``client_manager`` on the application.
        manager = getattr(self.app, "client_manager")  # noqa: B009
        found: ApiClient = getattr(manager, self.api_name)
        return found

    @property
    def stdout(self) -> TextIO:
        return self.app.stdout

    @property
    def stderr(self) -> TextIO:
        return self.app.stderr

    @property
    def native(self) -> bool:
        """True in this project's programs, False in the OpenStack client."""
        return bool(getattr(self.app, "flock_native", False))

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's own arguments; subclasses override it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self.arguments(parser)
        if self.is_dangerous():
            parser.add_argument("--yes", action="store_true", help="do not ask, where the platform asks before this")
        if self.waits:
            parser.add_argument("--wait", action="store_true", help="return when the operation has ended")
            parser.add_argument(
                "--timeout", type=positive_seconds, default=float(wait.WAIT_DEFAULT_S), metavar="SECONDS",
                help="how long --wait waits, defaults to %(default)g")
        if self.examples:
            parser.formatter_class = argparse.RawDescriptionHelpFormatter
            parser.epilog = "examples:\n" + "\n".join(f"  {line}" for line in self.examples)
        return parser

    def is_dangerous(self) -> bool:
        words = (self.cmd_name or "").replace("-", " ").split()
        return self.dangerous or "delete" in words or "remove" in words

    def confirm_first(self, args: argparse.Namespace) -> None:
        """Ask for confirmation before a dangerous command if the platform enables it; override for another question."""
        if self.is_dangerous() and not args.yes and confirm.enabled(os.environ):
            confirm.confirm(self.app.stdin, self.stderr)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Confirm if necessary and run the command; CliError with one sentence for an API error."""
        self.confirm_first(parsed_args)
        try:
            return int(super().run(parsed_args) or 0)
        except ApiError as problem:
            raise CliError(self.explain(problem, parsed_args)) from problem

    def explain(self, problem: ApiError, args: argparse.Namespace) -> str:
        """The server's sentence; with status and request id for errors that the operator should report."""
        if not self.native:
            return problem.detailed()
        sentence: Callable[[ApiError], str] = getattr(self.app, "program").sentence  # noqa: B009  # FlockShell's
        return sentence(problem)

    def wait_for(self, what: str, observe: Callable[[], Any], judge: Callable[[Any], wait.Verdict],
                 args: argparse.Namespace) -> Any:
        """Call ``flock.cli.wait.wait_for`` with this command's stderr and ``--timeout``."""
        return wait.wait_for(what, observe, judge, self.stderr, args.timeout)


class ActionCommand(FlockCommand):
    """A command that prints the lines that ``act`` returns."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        lines = self.act(parsed_args)
        for line in [lines] if isinstance(lines, str) else lines or ():
            self.stdout.write(table.printable(line) + "\n")
        return 0

    @abstractmethod
    def act(self, args: argparse.Namespace) -> str | Iterable[str] | None:
        """Execute the command; returns the lines to print."""


class ListCommand(FlockCommand, Lister):
    """A command that prints a table of resources: its ``columns``, sorted by the wire fields ``sort_by``."""

    columns: ClassVar[Sequence[Column]] = ()
    sort_by: ClassVar[Sequence[str]] = ()
    sort_reverse: ClassVar[bool] = False
    pages: ClassVar[bool] = False  # stop after each screenful on a terminal
    centred_from: ClassVar[int | None] = None  # columns from this number on are centred
    when_empty: ClassVar[str] = ""  # printed in place of a table without rows

    @abstractmethod
    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        """The API objects, in any order."""

    def ordered(self, args: argparse.Namespace) -> bool:
        """True when ``rows`` returns the requested order; override if the API sorts."""
        return False

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        """The columns of this call; override if options add columns."""
        return self.columns

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--nowrap", action="store_true", help="do not wrap cells to the terminal")
        if self.pages:
            parser.add_argument("--nopaging", action="store_true", help="do not stop after each screenful")
        parser.add_argument(
            "--watch", type=watch_seconds, nargs="?", const=WATCH_DEFAULT_S, metavar="SECONDS",
            help=f"show the list again every SECONDS (default {WATCH_DEFAULT_S:g}) until interrupted")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[Any], list[Row]]:
        known = self.columns_for(parsed_args)
        rows = list(self.rows(parsed_args))
        shown = pick(known, parsed_args.columns, rows) if parsed_args.columns else tuple(known)
        if self.ordered(parsed_args) and not parsed_args.sort_columns:
            return shown, rows
        wanted = parsed_args.sort_columns or list(self.sort_by) or [known[0].field]
        reverse = parsed_args.sort_direction == "desc" if parsed_args.sort_columns else self.sort_reverse
        keys = pick(known, wanted, rows) if rows else ()
        return shown, sorted_rows(rows, keys, reverse)

    def run(self, parsed_args: argparse.Namespace) -> int:
        if parsed_args.watch is None:
            return super().run(parsed_args)
        shown = False
        while True:
            if self.stdout.isatty():
                self.stdout.write("\x1b[H\x1b[2J")
            try:
                super().run(parsed_args)
                shown = True
            except CliError as problem:
                # Transient after a success, for example during a swact or the restart of a service: continue.
                if not shown or not is_passing(problem):
                    raise
                self.stderr.write(f"{problem}\n")
            self.stdout.flush()
            time.sleep(parsed_args.watch)

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[Any], data: Iterable[Any]) -> int:
        rows = list(data)
        if parsed_args.formatter == "table":
            self._write_table(parsed_args, column_names, rows)
        elif parsed_args.formatter in ("json", "yaml"):
            write_objects([_object(row, column_names if parsed_args.columns else None) for row in rows],
                          parsed_args.formatter, self.stdout)
        else:
            cells = [[_flat(column.value(row)) for column in column_names] for row in rows]
            self.formatter.emit_list([column.field for column in column_names], cells, self.stdout, parsed_args)
        return 0

    def _write_table(self, args: argparse.Namespace, shown: Sequence[Column], rows: Sequence[Row]) -> None:
        if not rows and not args.print_empty:
            self.stdout.write(f"{self.when_empty}\n")
            return
        cells = [[cell_text(column.value(row)) for column in shown] for row in rows]
        width = None if args.nowrap else args.max_width or paging.columns_of(self.stdout)
        layout = table.lay_out([column.title for column in shown], cells, width, self.centred_from)
        lines = None if not self.pages or args.nopaging or args.watch else paging.screen_lines(
            self.app.stdin, self.stdout)
        if lines is not None and rows:
            paging.show(layout, lines, self.app.stdin, self.stdout)
        else:
            self.stdout.write(layout.text() + "\n")


class ShowCommand(FlockCommand, ShowOne):
    """A command that prints one resource as Property and Value. ``fields`` selects and labels fields; empty means all.
    """

    fields: ClassVar[Sequence[Column]] = ()

    @abstractmethod
    def item(self, args: argparse.Namespace) -> Row:
        """The API object."""

    def fields_for(self, args: argparse.Namespace, item: Row) -> Sequence[Column]:
        """The fields of this call; override if they depend on the object."""
        return self.fields or [Column(name) for name, value in item.items() if not is_hyperlinks(value)]

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--nowrap", action="store_true", help="do not wrap values")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[Any], Any]:
        item = self.item(parsed_args)
        known = sorted(self.fields_for(parsed_args, item), key=lambda column: column.title)
        return (pick(known, parsed_args.columns, [item]) if parsed_args.columns else tuple(known)), item

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[Any], data: Any) -> int:
        if parsed_args.formatter == "table":
            screen = None if parsed_args.nowrap else parsed_args.max_width or paging.columns_of(self.stdout)
            cells = [
                (column.title, value if parsed_args.nowrap else "\n".join(table.wrap(value, SHOW_VALUE_WIDTH)))
                for column in column_names for value in [cell_text(column.value(data))]
            ]
            self.stdout.write(table.render(("Property", "Value"), cells, screen) + "\n")
        elif parsed_args.formatter in ("json", "yaml"):
            write_objects(_object(data, column_names if parsed_args.columns else None), parsed_args.formatter,
                          self.stdout)
        else:
            self.formatter.emit_one([column.field for column in column_names],
                                    [_flat(column.value(data)) for column in column_names], self.stdout, parsed_args)
        return 0


def _object(row: Row, shown: Sequence[Column] | None) -> dict[str, Any]:
    """The API object for JSON and YAML: all fields, or only those of ``shown``."""
    if shown is None:
        return {name: wire_value(value) for name, value in row.items() if not is_hyperlinks(value)}
    return {column.field: wire_value(row[column.field] if column.field in row else column.value(row))
            for column in shown}


def is_passing(problem: CliError) -> bool:
    """True for transient errors: no connection, or a status of 500 or more."""
    cause = problem.__cause__ if isinstance(problem.__cause__, ApiError) else problem
    return isinstance(cause, ApiUnreachable) or (isinstance(cause, ApiError) and cause.status >= 500)


def is_hyperlinks(value: Any) -> bool:
    """True for the API's link lists (``links``, child collections), which the output omits."""
    return isinstance(value, list) and bool(value) and all(
        isinstance(entry, dict) and {"href", "rel"} <= entry.keys() for entry in value)


def _flat(value: Any) -> Any:
    """A value for formats with one cell per field; structures become JSON text."""
    value = wire_value(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, (dict, list)) else value


def write_objects(value: Any, formatter: str, out: TextIO) -> None:
    """Write ``value`` to ``out`` as JSON or YAML."""
    if formatter == "json":
        out.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    else:
        out.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False))


def positive_seconds(text: str) -> float:
    """argparse type: seconds above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 10**7:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def watch_seconds(text: str) -> float:
    """argparse type: a refresh interval of at least ``WATCH_LEAST_S`` seconds."""
    value = positive_seconds(text)
    if value < WATCH_LEAST_S:
        raise argparse.ArgumentTypeError(f"the shortest interval is {WATCH_LEAST_S:g} seconds")
    return value


def each(names: Iterable[str], act: Callable[[str], object]) -> None:
    """Call ``act`` on every name, also after a failure; then raise a CliError with one line per failure.

    Raises at once an error that would also affect the other names: 401, 403, 5xx, or no connection.
    """
    failed: list[str] = []
    for name in names:
        try:
            act(name)
        except ApiUnreachable:
            raise
        except CliError as problem:
            if isinstance(problem, ApiError) and (problem.status in (401, 403) or problem.status >= 500):
                raise
            failed.append(str(problem))
    if failed:
        raise CliError("\n".join(failed))


def assignments(pairs: Sequence[str]) -> dict[str, str]:
    """``["location=rack 3", ...]`` as a dict. Checks only the names; the server checks the values."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.replace("_", "").replace("-", "").replace("/", "").isalnum():
            raise argparse.ArgumentTypeError(f"{pair!r} is not of the form name=value")
        found[name] = value
    return found


def json_patch(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON-patch list of ``changes`` in the form that StarlingX's APIs accept."""
    return [{"op": "replace", "path": f"/{name}", "value": value} for name, value in changes.items()]
