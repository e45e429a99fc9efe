# SPDX-License-Identifier: Apache-2.0
"""``host-label-list``, ``host-label-assign`` and ``host-label-remove``."""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from flock.cli.client import segment
from flock.cli.columns import Column, Row
from flock.cli.commands import ActionCommand, each
from flock.cli.errors import UsageError
from flock.wire.resource import labels
from sysinv.client.hostchild import HostChildList
from sysinv.client.hosts import Hosts, listed, one_of
from sysinv.client.osc import as_plugin
from sysinv.resources.label.fields import Label


class LabelList(HostChildList):
    """List the Kubernetes labels of a host."""

    resource = Label
    sort_by = ("label_key",)
    examples = ("system host-label-list worker-0", "system host-label-list worker-0 -f json")

    def columns_for(self, args: argparse.Namespace) -> Sequence[Column]:
        titles = labels(Label)
        return (Column("hostname"), *(Column(name, titles[name]) for name in ("label_key", "label_value")))

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        host = Hosts(self.client).get(args.host)
        return with_hostname(host, super().rows(args))


class LabelAssign(LabelList):
    """Assign Kubernetes labels to a host, all or none."""

    examples = ("system host-label-assign worker-0 sriovdp=enabled kube-cpu-mgr-policy=static",
                "system host-label-assign worker-0 kube-topology-mgr-policy=restricted --overwrite")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("labels", metavar="key=value", nargs="+", help="label, may be repeated")
        parser.add_argument("--overwrite", action="store_true", help="give labels that the host has new values")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        wanted = parsed(args.labels)
        host = Hosts(self.client).get(args.host)
        answer = self.client.post(f"/v1/labels/{segment(str(host['uuid']))}", wanted, {"overwrite": args.overwrite})
        return with_hostname(host, listed(answer, "labels"))


class LabelRemove(ActionCommand):
    """Remove Kubernetes labels of a host."""

    api_name = "platform"
    examples = ("system host-label-remove worker-0 sriovdp kube-cpu-mgr-policy",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("keys", metavar="key", nargs="+", help="key of the label, may be repeated")

    def act(self, args: argparse.Namespace) -> str | None:
        known = Hosts(self.client).children(args.host, Label.envelope)

        def remove(key: str) -> None:
            found = one_of(known, key, "label_key", what="label")
            self.client.delete(f"/v1/labels/{segment(str(found['uuid']))}")
            self.stdout.write(f"Deleted host label {key} for host {args.host}\n")

        each(dict.fromkeys(args.keys), remove)
        return None


def with_hostname(host: Row, found: Iterable[Row]) -> list[Row]:
    """Return the labels of ``host`` with its name."""
    return [{"hostname": host.get("hostname"), **label} for label in found]


def parsed(pairs: Sequence[str]) -> dict[str, str]:
    """Return ``["a=b", …]`` as labels; UsageError for another form, and for a key that is given twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"{pair!r} is not of the form key=value")
        if key in found:
            raise UsageError(f"label {key} is given twice")
        found[key] = value
    return found


COMMANDS = {"host-label-list": LabelList, "host-label-assign": LabelAssign, "host-label-remove": LabelRemove}
OSC_COMMANDS = as_plugin(COMMANDS)
