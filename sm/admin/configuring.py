# SPDX-License-Identifier: Apache-2.0
"""The command line of sm-configure."""
from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from flock.core.errors import InvalidInput
from sm.admin import edits
from sm.admin.edits import Edit
from sm.admin.notifier import Notifier, nobody
from sm.admin.program import Note, Work, catalogue_of, common, edited, places, run
from sm.catalogue.fields import ELSEWHERE, ELSEWHERE_RULE, SETTINGS
from sm.client.program import say
from sm.store.store import Store

NAME = "sm-configure"
APPLIED_INTERFACES = ("admin-interface",)
APPLIED_SERVICES = ("admin-ipv4", "admin-ipv6", "cluster-host-ipv4", "cluster-host-ipv6")
_ADDRESSES = ("multicast", "address", "peer_address")
_PORTS = ("port", "heartbeat_port", "peer_port", "peer_heartbeat_port")
_SETTINGS = ("sm_server_port", "sm_client_port", "sm_process_priority")
_NO_GROUP = ("", "-", "none")
_KNOWN = tuple(sorted(SETTINGS.keys() - set(_SETTINGS)))


def main(arguments: Sequence[str], notify: Notifier = nobody) -> int:
    """Carry out a command line of sm-configure; the exit status is that of ``sm.admin.program.run``."""
    return run(NAME, _parser(), _work, arguments, notify)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME, description="Configures service management of this controller.",
        epilog='An empty text, "", stands for no address and for no aggregate.')
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    command = what.add_parser("interface", help="addresses and ports of a path between the controllers")
    for word in ("domain", "interface", "multicast", "address", "port", "heartbeat_port", "peer_address", "peer_port",
                 "peer_heartbeat_port"):
        command.add_argument(word)
    common(command, apply=True)
    command = what.add_parser("service_instance", help="name and parameters of the instance of a service")
    command.add_argument("service")
    command.add_argument("instance")
    command.add_argument("parameters", help="such as ip=192.168.204.1,cidr_netmask=24,nic=eth0")
    common(command, apply=True)
    command = what.add_parser("service_group", help="how many controllers run a group")
    command.add_argument("provisioned", choices=("yes", "no"))
    for word, said in (("domain", "service domain"), ("group", "service group"), ("model", '"N" or "N + M"'),
                       ("n_active", "controllers on which it is active"),
                       ("m_standby", "controllers that stand by"), ("aggregate", "groups that move together")):
        command.add_argument(word, help=said)
    command.add_argument("active_only", nargs="?", default="", help="has no effect, and is accepted for old scripts")
    common(command)
    command = what.add_parser("system", help="values that concern the whole daemon")
    command.add_argument("--cpe_mode", choices=tuple(edits.CPE_MODES), help="how two controllers are connected")
    for word in _SETTINGS:
        command.add_argument(f"--{word}", metavar="NUMBER")
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                         help="any other value; may be repeated. Known keys: " + ", ".join(_KNOWN))
    common(command)
    command = what.add_parser("catalogue", help="bring in the catalogue after an update of the software, or after a "
                              "change of the description of this controller; other changes stay")
    common(command, apply=True)
    command = what.add_parser("roll_back", help="make an earlier version of the configuration the present one")
    command.add_argument("number", type=int, help="as sm-configure versions shows it")
    common(command, apply=True)
    places(what.add_parser("versions", help="show the versions that are kept, the newest first"))
    return parser


def _work(args: argparse.Namespace) -> Work:
    if args.what == "catalogue":
        return lambda store, note: store.renew(catalogue_of(args.site), note.comment, note.made, dry_run=note.dry_run)
    if args.what == "roll_back":
        return lambda store, note: store.roll_back(args.number, note.made, dry_run=note.dry_run)
    if args.what == "versions":
        return _list_versions
    edit: Edit = {"interface": _interface, "service_instance": _service_instance, "service_group": _service_group,
                  "system": _system}[args.what](args)
    return edited(edit)


def _list_versions(store: Store, note: Note) -> None:
    del note
    for version in store.versions():
        say(f"{version.number:>6}  {version.made:<25}  {version.comment}")


def _interface(args: argparse.Namespace) -> Edit:
    _may_apply(args, args.interface, APPLIED_INTERFACES)
    return edits.interface(args.domain, args.interface, {name: getattr(args, name) for name in _ADDRESSES},
                           {name: getattr(args, name) for name in _PORTS})


def _service_instance(args: argparse.Namespace) -> Edit:
    _may_apply(args, args.service, APPLIED_SERVICES)
    return edits.service_instance(args.service, args.instance, args.parameters)


def _may_apply(args: argparse.Namespace, name: str, allowed: Sequence[str]) -> None:
    if args.apply and name not in allowed:
        raise InvalidInput(field="--apply", rule=f"is possible for {', '.join(allowed)}; without it, {name} changes "
                           "when sm starts again")


def _service_group(args: argparse.Namespace) -> Edit:
    if args.active_only not in _NO_GROUP:
        sys.stderr.write(f"{NAME}: active_only {args.active_only!r} has no effect; a group waits for others by the "
                         "dependencies of its services.\n")
    return edits.service_group(args.provisioned == "yes", args.domain, args.group, args.model, args.n_active,
                               args.m_standby, "" if args.aggregate in _NO_GROUP else args.aggregate)


def _system(args: argparse.Namespace) -> Edit:
    settings = {name: value for name in _SETTINGS if (value := getattr(args, name)) is not None}
    for text in args.set:
        key, equals, value = text.partition("=")
        if key in ELSEWHERE:
            raise InvalidInput(field=f"--set {key}", rule=ELSEWHERE_RULE)
        if not equals or key not in _KNOWN:
            raise InvalidInput(field="--set", rule=f"must be KEY=VALUE, with a key of {', '.join(_KNOWN)}")
        settings[key] = value
    if not settings and args.cpe_mode is None:
        raise InvalidInput(field="system", rule="needs one of --cpe_mode, --set, --" + ", --".join(_SETTINGS))
    return edits.system(args.cpe_mode, settings)
