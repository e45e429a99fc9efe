# SPDX-License-Identifier: Apache-2.0
"""``show`` and ``modify``: the system itself."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ShowCommand
from flock.cli.errors import UsageError
from sysinv.client.systems import Systems

_FIELDS = columns(
    "name", "system_type", "system_mode", "description", "location", "latitude", "longitude", "contact", "timezone",
    "software_version", "uuid", "created_at", "updated_at", "region_name", "service_project_name", "security_feature")
_ROLE = columns("distributed_cloud_role")

# option in StarlingX's spelling, permitted values (None for any text)
_CHANGES: tuple[tuple[str, Sequence[str] | None], ...] = (
    ("name", None),
    ("system_mode", ("simplex", "duplex", "duplex-direct")),
    ("description", None),
    ("contact", None),
    ("location", None),
    ("latitude", None),
    ("longitude", None),
    ("timezone", None),
    ("sdn_enabled", ("true", "false")),
    ("https_enabled", ("true", "false")),
    ("vswitch_type", None),
    ("security_feature", ("spectre_meltdown_v1", "spectre_meltdown_all")),
)


def _capability(name: str) -> Callable[[Row], object]:
    return lambda system: (system.get("capabilities") or {}).get(name)


class SystemShow(ShowCommand):
    """Show the system."""

    api_name = "platform"
    fields = _FIELDS
    examples = ("system show", "system show -c name -f value")

    def fields_for(self, args: argparse.Namespace, item: Row) -> Sequence[Column]:
        known = item.get("capabilities") or {}
        names = [name for name in ("sdn_enabled", "https_enabled", "vswitch_type") if name in known]
        if known.get("region_config"):
            names.append("shared_services")
        role = _ROLE if item.get("distributed_cloud_role") else ()
        return (*_FIELDS, *(Column(name, show=_capability(name)) for name in names), *role)

    def item(self, args: argparse.Namespace) -> Row:
        return Systems(self.client).get()


class SystemModify(SystemShow):
    """Change attributes of the system."""

    examples = ("system modify --name edge-7 --location 'Hall 3'", "system modify --timezone Europe/Paris")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        shorts = {"name": "-n", "system_mode": "-m", "description": "-d", "contact": "-c", "location": "-l",
                  "timezone": "-t", "sdn_enabled": "-s", "https_enabled": "-p", "vswitch_type": "-v",
                  "security_feature": "-S"}
        for field, choices in _CHANGES:
            spellings = dict.fromkeys((f"--{field}", f"--{field.replace('_', '-')}"))
            short = [shorts[field]] if field in shorts else []
            parser.add_argument(*short, *spellings, dest=field, choices=choices, default=argparse.SUPPRESS,
                                help=f"new {field.replace('_', ' ')}")

    def item(self, args: argparse.Namespace) -> Row:
        changes = {field: getattr(args, field) for field, _ in _CHANGES if hasattr(args, field)}
        if not changes:
            raise UsageError("Nothing to change: give at least one option.")
        return Systems(self.client).update(changes)


COMMANDS = {"show": SystemShow, "modify": SystemModify}
OSC_COMMANDS = {"platform system show": SystemShow, "platform system set": SystemModify}
