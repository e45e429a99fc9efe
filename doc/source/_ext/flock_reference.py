# SPDX-License-Identifier: Apache-2.0
"""Reference pages made from the code itself: commands, REST operations, configuration options, alarms.

``.. flock-commands:: sysinv.cmd.shell`` · ``.. flock-openstack:: platform`` · ``.. flock-routes:: sysinv`` ·
``.. flock-options:: fm.conf.options`` · ``.. flock-alarms::`` · ``.. flock-service-parameters::``
"""
from __future__ import annotations

import argparse
import importlib
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from docutils.statemachine import StringList
from oslo_config import cfg
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from flock.api.build import openapi_document
from flock.cli.scan import commands
from flock.cli.shell import FlockShell
from sysinv.resources.serviceparameter.catalogue import schema
from sysinv.resources.serviceparameter.rules import Definition, Section

ROOT = Path(__file__).resolve().parents[3]


class Generated(SphinxDirective):
    """Parses the lines that ``lines(argument)`` yields as if they stood in the page."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        text = StringList(list(self.lines(self.arguments[0] if self.arguments else "")), source="generated")
        container = nodes.section()
        container.document = self.state.document
        self.state.nested_parse(text, self.content_offset, container, match_titles=True)
        return container.children

    def lines(self, argument: str) -> Iterator[str]:
        raise NotImplementedError


def heading(text: str, mark: str = "-") -> list[str]:
    return [text, mark * len(text), ""]


def table(titles: Iterable[str], rows: Iterable[Iterable[str]], widths: str = "auto") -> Iterator[str]:
    """A list-table."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in [list(titles), *rows]:
        for at, cell in enumerate(row):
            yield f"   {'*' if at == 0 else ' '} - {cell}"
    yield ""


def literal(text: str) -> str:
    return f"``{text}``" if text else "\\ "


class Commands(Generated):
    """Commands of one of our programs; the argument is its ``cmd`` module, which holds PROGRAM."""

    required_arguments = 1

    def lines(self, argument: str) -> Iterator[str]:
        program = importlib.import_module(argument).PROGRAM
        shell = FlockShell(program, {}, stdin=io.StringIO(), stdout=io.StringIO(), stderr=io.StringIO())
        yield from heading("Global options")
        yield "They stand before the command."
        yield ""
        yield from _options(shell.parser)
        for name, factory in sorted(command for package in program.resources for command in commands(package).items()):
            yield from _command(f"{program.name} {name}", factory(shell, None, name), program.name)


class OpenStack(Generated):
    """Commands of the OpenStack client; the argument is the package of the resources."""

    required_arguments = 1

    def lines(self, argument: str) -> Iterator[str]:
        native = {factory: name for name, factory in commands(argument).items()}
        published = commands(argument, "OSC_COMMANDS")
        program = {"fm.resources": "fm", "patching.resources": "software",
                   "patching.vim.resources": "sw-manager"}.get(argument, "system")
        yield from table(
            ("Command", "Same as", ""),
            ((literal(f"openstack {name}"), literal(f"{program} {native[factory]}") if factory in native else "\\ ",
              _first_line(factory)) for name, factory in sorted(published.items())))


def _command(title: str, command: Any, program: str) -> Iterator[str]:
    parser = command.get_parser(title)
    yield from heading(title)
    yield _first_line(type(command))
    yield ""
    usage = re.sub(r"\s+", " ", parser.format_usage()).removeprefix("usage: ").strip()
    yield from (".. code-block:: none", "", f"   {usage}", "")
    yield from _options(parser, skip={"help"})
    examples = [line for line in command.examples if line.startswith(program)] or list(command.examples)
    if examples:
        yield from ("Examples:", "", ".. code-block:: console", "")
        yield from (f"   $ {line}" for line in examples)
        yield ""


def _options(parser: argparse.ArgumentParser, skip: Iterable[str] = ()) -> Iterator[str]:
    rows = []
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or action.dest in skip or action.container.title in _FORMATTERS:
            continue
        names = ", ".join(literal(name) for name in action.option_strings or [str(action.metavar or action.dest)])
        text = re.sub(r"\s+", " ", (action.help or "") % {"default": action.default, "prog": parser.prog})
        rows.append((names, _plain(text)))
    if rows:
        yield from table(("Argument", "Meaning"), rows, "30 70")


# The output formats are the same everywhere; the page explains them once.
_FORMATTERS = {"output formatters", "json formatter", "table formatter", "shell formatter", "CSV Formatter"}


def _first_line(factory: Any) -> str:
    return (factory.__doc__ or "").strip().partition("\n")[0]


class Routes(Generated):
    """Operations of a REST API with the role each needs, from its OpenAPI document."""

    required_arguments = 1

    def lines(self, argument: str) -> Iterator[str]:
        yield from table(
            ("Operation", "Meaning", "Role, policy rule"),
            (self._row(f"{method.upper()} {path}", operation)
             for path, item in openapi_document(argument)["paths"].items()
             for method, operation in item.items() if method != "parameters"), "35 40 25")

    @staticmethod
    def _row(title: str, operation: dict[str, Any]) -> tuple[str, str, str]:
        names = [argument["name"] for argument in operation.get("parameters", ()) if argument["in"] == "query"]
        arguments = f" Arguments: {', '.join(literal(name) for name in names)}." if names else ""
        role = operation["security"][0]["token"][0] if operation["security"] else "anyone"
        policy = literal(operation["x-policy-rule"])
        return literal(title), operation["summary"] + arguments, f"{role}, {policy}"


class Options(Generated):
    """Options of one ``list_opts`` function, by group; the argument is its module."""

    required_arguments = 1

    def lines(self, argument: str) -> Iterator[str]:
        for group, options in importlib.import_module(argument).list_opts():
            yield from heading(f"[{group}]", "~")
            yield from table(("Option", "Default", "Meaning"), (self._row(option) for option in options), "25 20 55")

    @staticmethod
    def _row(option: cfg.Opt) -> tuple[str, str, str]:
        default = option.sample_default if option.sample_default is not None else option.default
        shown = "" if default is None or option.secret else str(default)
        return literal(option.name), literal(shown), _plain(option.help or "")


class Alarms(Generated):
    """The catalogue of alarms."""

    def lines(self, argument: str) -> Iterator[str]:
        catalogue = yaml.safe_load((ROOT / "fm/contract/events.yaml").read_text())
        yield from table(("Id", "Kind", "Severities", "Meaning and what to do"), (
            (literal(str(ident)), str(entry["type"]), ", ".join(map(str, entry.get("severities") or [])),
             _plain(f"{entry['description']} {entry.get('proposed_repair') or ''}"))
            for ident, entry in sorted(catalogue.items())), "10 10 15 65")


class ServiceParameters(Generated):
    """The services, sections and parameters of the schema, and who reads them."""

    def lines(self, argument: str) -> Iterator[str]:
        for service, sections in sorted(schema().items()):
            yield from heading(service)
            yield from table(("Section", "Parameter", "Rule", "Default", "Read by"), (
                row for section in sections.values() for row in _parameters(section)), "18 25 32 10 15")


def _parameters(section: Section) -> Iterator[tuple[str, ...]]:
    known = [(literal(one.name), one.rule, one) for one in section.parameters.values()]
    if section.any_name is not None:
        known.append(("any name", section.any_name[1], Definition("", section.any_name[1])))
    for name, rule, one in known:
        notes = [_plain(rule.text) + (f" ({one.unit})" if one.unit else "")]
        notes += [text for text, holds in (("mandatory", one.mandatory), ("read only", one.readonly),
                                           ("secret", one.secret)) if holds]
        read = section.used_by if one.key or section.collect else "nobody yet"
        effect = {"apply": "at ``apply``", "immediate": "at once"}.get(section.effect, "")
        yield (literal(section.name), name, "; ".join(notes), literal(one.default or ""),
               read if read == "nobody yet" else f"{read}, {effect}")


def _plain(text: str) -> str:
    """Text that reStructuredText does not read as mark-up."""
    return re.sub(r"([\\*`|_])", r"\\\1", re.sub(r"\s+", " ", text).strip()) or "\\ "


def setup(app: Sphinx) -> dict[str, Any]:
    for name, directive in (("commands", Commands), ("openstack", OpenStack), ("routes", Routes), ("options", Options),
                            ("alarms", Alarms), ("service-parameters", ServiceParameters)):
        app.add_directive(f"flock-{name}", directive)
    return {"parallel_read_safe": True}
