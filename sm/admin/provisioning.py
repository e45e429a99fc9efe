# SPDX-License-Identifier: Apache-2.0
"""The command line of sm-provision and sm-deprovision, which differ in one word."""
from __future__ import annotations

import argparse
from collections.abc import Sequence

from sm.admin import edits
from sm.admin.edits import Edit
from sm.admin.notifier import Notifier, nobody
from sm.admin.program import common, edited, run
from sm.client.program import examples

_KINDS = {
    "service-domain": ("service_domains", ("domain",), False, "a service domain"),
    "service-domain-member": ("service_domain_members", ("domain", "group"), False, "a group of a service domain"),
    "service-domain-interface": ("service_domain_interfaces", ("domain", "interface"), True,
                                 "a path on which the controllers talk"),
    "service-group": ("service_groups", ("group",), False, "a service group"),
    "service-group-member": ("service_group_members", ("group", "service"), True, "a service of a group"),
    "service": ("services", ("service",), False, "a service alone; deprecated, use service-group-member"),
}
"""Table, names on the command line, whether the daemon can be told, and what it is."""
_USUAL = {"domain": "controller", "group": "cloud-services", "interface": "admin-interface", "service": "keystone"}


def main(name: str, provisioned: bool, arguments: Sequence[str], notify: Notifier = nobody) -> int:
    """Carry out a command line of ``name``; the exit status is that of ``sm.admin.program.run``."""
    return run(name, _parser(name, provisioned), lambda args: edited(_edit(args, provisioned)), arguments, notify)


def _parser(name: str, provisioned: bool) -> argparse.ArgumentParser:
    verb = "Lets take part" if provisioned else "Takes out of service"
    parser = argparse.ArgumentParser(
        prog=name, description=f"{verb}, on this controller. Make the change on both controllers.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=examples(*(f"{name} {kind} {' '.join(_USUAL[word] for word in names)}{' --apply' if apply else ''}"
                          for kind, (_, names, apply, _) in _KINDS.items())))
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    for kind, (_, names, apply, said) in _KINDS.items():
        usual = f"{name} {kind} {' '.join(_USUAL[word] for word in names)}"
        command = kinds.add_parser(
            kind, help=said, description=f"{verb}: {said}.", formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=examples(f"{usual} --dry-run", *([f"{usual} --apply"] if apply else [])))
        for word in names:
            command.add_argument(word, help=f"name of the {word}, such as {_USUAL[word]}")
        common(command, apply)
    return parser


def _edit(args: argparse.Namespace, provisioned: bool) -> Edit:
    table, names, _, _ = _KINDS[args.kind]
    if args.kind == "service-group-member":
        return edits.provision_member(args.group, args.service, provisioned)
    return edits.provision(table, tuple(getattr(args, word) for word in names), provisioned,
                           args.kind.replace("-", " "))
