# SPDX-License-Identifier: Apache-2.0
"""``service-parameter-list``, ``-show``, ``-add``, ``-modify``, ``-delete`` and ``-apply``."""
from __future__ import annotations

import argparse
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from flock.cli.client import segment
from flock.cli.columns import Row, columns, wire_value
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand, is_hyperlinks, json_patch, write_objects
from flock.cli.errors import ApiError, CliError, UsageError
from sysinv.client import hosts
from sysinv.client.osc import as_plugin

_PATH = "/v1/service_parameter"
_SHOWN = columns("uuid", "service", "section", "name", "value", "personality", "resource")


def _listed(api: Any, wanted: Mapping[str, str | None]) -> list[Row]:
    query: list[tuple[str, str]] = []
    for name, value in wanted.items():
        if value is not None:
            query += [("q.field", name), ("q.op", "eq"), ("q.type", ""), ("q.value", value)]
    return list(hosts.listed(api.get(_PATH, query or None), "parameters"))


@contextmanager
def _naming(uuid: str) -> Iterator[None]:
    """Turn the API's 404 into a sentence that names the parameter."""
    try:
        yield
    except ApiError as problem:
        if problem.status == 404:
            raise CliError(f"service parameter not found: {uuid}") from problem
        raise


class ServiceParameterList(ListCommand):
    """List the parameters of services: all, or those that fit every option."""

    api_name = "platform"
    columns = _SHOWN
    sort_by = ("service", "section", "name")
    examples = ("system service-parameter-list",
                "system service-parameter-list --service platform --section maintenance")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        for name in ("service", "section", "name"):
            parser.add_argument(f"--{name}", help=f"only this {name}")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return _listed(self.client, {name: getattr(args, name) for name in ("service", "section", "name")})


class ServiceParameterShow(ShowCommand):
    """Show one parameter of a service."""

    api_name = "platform"
    fields = _SHOWN
    examples = ("system service-parameter-show 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid of the parameter")

    def item(self, args: argparse.Namespace) -> Row:
        with _naming(args.uuid):
            return hosts.item(self.client.get(f"{_PATH}/{segment(args.uuid)}"))


class Changing(ShowCommand):
    """Adds or changes parameters of one section, and shows each of them."""

    api_name = "platform"
    fields = _SHOWN
    changed: ClassVar[Sequence[Row]] = ()

    @abstractmethod
    def change(self, args: argparse.Namespace, values: Mapping[str, str]) -> Sequence[Row]:
        """Carry out the change; returns the parameters."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("service", help="name of the service, such as platform")
        parser.add_argument("section", help="name of the section, such as maintenance")
        parser.add_argument("attributes", metavar="name=value", nargs="+", help="parameters with their values")
        parser.add_argument("--personality", help="only hosts of this personality: controller, worker or storage")
        parser.add_argument("--resource", help="a hiera key of your own that gets the value, such as a::b::c")

    def item(self, args: argparse.Namespace) -> Row:
        values = {}
        for text in args.attributes:
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise UsageError(f"{text} is not of the form name=value.")
            values[name] = value
        if len(values) > 1 and (args.personality or args.resource):
            raise UsageError("Cannot specify multiple parameters with custom resource.")
        self.__dict__["changed"] = self.change(args, values)
        return self.changed[0]

    def produce_output(self, parsed_args: argparse.Namespace, column_names: Sequence[Any], data: Any) -> int:
        if len(self.changed) > 1 and parsed_args.formatter in ("json", "yaml"):
            write_objects([_object(row) for row in self.changed], parsed_args.formatter, self.stdout)
            return 0
        for row in self.changed:
            super().produce_output(parsed_args, column_names, row)
        return 0


def _object(row: Row) -> dict[str, Any]:
    return {name: wire_value(value) for name, value in row.items() if not is_hyperlinks(value)}


class ServiceParameterAdd(Changing):
    """Add parameters to a section of a service. service-parameter-apply has hosts use them."""

    examples = ("system service-parameter-add platform sysctl net.ipv4.tcp_syncookies=1",
                "system service-parameter-add platform config --personality worker --resource a::b::c x=1")

    def change(self, args: argparse.Namespace, values: Mapping[str, str]) -> Sequence[Row]:
        body = {"service": args.service, "section": args.section, "personality": args.personality,
                "resource": args.resource, "parameters": dict(values)}
        return hosts.listed(self.client.post(_PATH, body), "parameters")


class ServiceParameterModify(Changing):
    """Give parameters of a section other values. service-parameter-apply has hosts use them."""

    examples = ("system service-parameter-modify platform maintenance heartbeat_period=500",)

    def change(self, args: argparse.Namespace, values: Mapping[str, str]) -> Sequence[Row]:
        known = _listed(self.client, {"service": args.service, "section": args.section})
        # All of them exist before the first one changes.
        found = {name: self._found(args, name, [row for row in known if row.get("name") == name]) for name in values}
        more = {name: getattr(args, name) for name in ("personality", "resource") if getattr(args, name)}
        return [hosts.item(self.client.patch(f"{_PATH}/{segment(str(found[name]['uuid']))}",
                                             json_patch({"name": name, "value": value, **more})))
                for name, value in values.items()]

    def _found(self, args: argparse.Namespace, name: str, rows: Sequence[Row]) -> Row:
        """Return the parameter with the given personality and resource, else the first one of that name."""
        if not rows:
            raise CliError(f"Service Parameter not found: service {args.service}, section {args.section}, name {name}")
        wanted = (args.personality, args.resource)
        return next((row for row in rows if (row.get("personality"), row.get("resource")) == wanted), rows[0])


class ServiceParameterDelete(ActionCommand):
    """Delete a parameter of a service."""

    api_name = "platform"
    examples = ("system service-parameter-delete 5b1e51ea-0c0a-4f2e-8f31-6a2e30c0a4b7",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("uuid", help="uuid of the parameter")

    def act(self, args: argparse.Namespace) -> str:
        with _naming(args.uuid):
            self.client.delete(f"{_PATH}/{segment(args.uuid)}")
        return f"Deleted service parameter: {args.uuid}"


class ServiceParameterApply(ActionCommand):
    """Have hosts use the parameters of a service. host-config-history of a host shows what came of it."""

    api_name = "platform"
    examples = ("system service-parameter-apply platform",
                "system service-parameter-apply platform --section maintenance")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("service", help="name of the service, such as platform")
        parser.add_argument("--section", help="only this section; without it, all that wait to be applied")

    def act(self, args: argparse.Namespace) -> str:
        body = {"service": args.service} | ({"section": args.section} if args.section else {})
        self.client.post(f"{_PATH}/apply", body)
        return f"Applying {args.service} service parameters"


COMMANDS = {
    "service-parameter-list": ServiceParameterList, "service-parameter-show": ServiceParameterShow,
    "service-parameter-add": ServiceParameterAdd, "service-parameter-modify": ServiceParameterModify,
    "service-parameter-delete": ServiceParameterDelete, "service-parameter-apply": ServiceParameterApply}
OSC_COMMANDS = as_plugin(COMMANDS)
