# SPDX-License-Identifier: Apache-2.0
"""Arguments and columns shared by the commands for alarms and events."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TextIO

from flock.cli.columns import Column, Row
from fm.client.query import ListPart, query_arguments
from fm.contract.enums import Severity

SUPPRESSED = "suppressed"
QUERY_HELP = "conditions field<op>value joined by ; with <op> one of = != < <= > >="
LIMIT_MAX = 10**9
SEVERITY_NAMES = tuple(str(severity) for severity in Severity)


def marked(field: str, title: str) -> Column:
    """A column of ids that shows ``S(<id>)`` while the id is suppressed or silenced."""
    def show(row: Row) -> object:
        ident = row.get(field, "")
        return f"S({ident})" if row.get("suppression_status") == SUPPRESSED else ident
    return Column(field, title, show)


def add_conditions(parser: argparse.ArgumentParser, severities: Sequence[str]) -> None:
    """Add ``--query`` and its short forms ``--filter`` and ``--severity``."""
    parser.add_argument("-q", "--query", metavar="QUERY", help=QUERY_HELP)
    parser.add_argument("--filter", action="append", default=[], type=_pair, metavar="FIELD=VALUE",
                        help="only where FIELD contains VALUE; repeatable")
    parser.add_argument("--severity", choices=severities, help="only this severity")


def conditions(args: argparse.Namespace, stderr: TextIO) -> list[tuple[str, str]]:
    """The API's query arguments for the options of ``add_conditions``.

    Writes a warning where no alarm can fulfil a condition. The API compares parts of texts, so it cannot refuse it.
    """
    pairs = [*args.filter, *([("severity", args.severity)] if args.severity else [])]
    more = [argument for field, value in pairs
            for argument in (("q.field", field), ("q.op", "eq"), ("q.type", ""), ("q.value", value))]
    found = [*query_arguments(args.query), *more]
    for value in impossible_severities(found):
        stderr.write(f"No severity contains {value!r}; there are {', '.join(SEVERITY_NAMES)}.\n")
    return found


def impossible_severities(arguments: Sequence[tuple[str, str]]) -> list[str]:
    """The values for which ``arguments`` ask that are part of no severity."""
    groups = [dict(arguments[start:start + 4]) for start in range(0, len(arguments), 4)]
    return [group["q.value"] for group in groups
            if (group.get("q.field"), group.get("q.op")) == ("severity", "eq")
            and not any(group["q.value"] in name for name in SEVERITY_NAMES)]


def add_page(parser: argparse.ArgumentParser, plural: str) -> None:
    """Add ``--limit``, ``--marker`` and ``--sort``."""
    parser.add_argument("-l", "--limit", type=limit, metavar="NUMBER", help=f"at most this many {plural}")
    parser.add_argument("--marker", metavar="UUID", help=f"only {plural} after this one")
    parser.add_argument("--sort", type=_sort, metavar="FIELD[:asc|:desc]",
                        help="order by this field instead of newest first")


def page(args: argparse.Namespace) -> ListPart:
    """The list part for the options of ``add_page``; newest first by default."""
    field, descending = args.sort or (("timestamp", True) if args.limit or args.marker else (None, False))
    return ListPart(args.limit, args.marker, field, descending)


def limit(text: str) -> int:
    """argparse type: a number above zero."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def _sort(text: str) -> tuple[str, bool]:
    field, _, direction = text.partition(":")
    if not field or direction not in ("", "asc", "desc"):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field, field:asc or field:desc")
    return field, direction == "desc"


def _pair(text: str) -> tuple[str, str]:
    field, equals, value = text.partition("=")
    if not equals or not field:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form field=value")
    return field, value
