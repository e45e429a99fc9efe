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
from sm.client.program import examples, say
from sm.contract.states import OnFailure
from sm.store.store import Store

NAME = "sm-configure"
APPLIED_INTERFACES = ("admin-interface",)
APPLIED_SERVICES = ("admin-ipv4", "admin-ipv6", "cluster-host-ipv4", "cluster-host-ipv6")
_ADDRESSES = ("multicast", "address", "peer_address")
_PORTS = ("port", "heartbeat_port", "peer_port", "peer_heartbeat_port")
_SETTINGS = ("sm_server_port", "sm_client_port", "sm_process_priority")
_SERVICE_LIMITS = {
    "max_failures": "failures that are too many; one is forgiven after 90 s",
    "max_action_failures": "failed actions in a row that are too many",
    "max_transition_failures": "failed transitions after which the service is given up",
}
_EXAMPLES = {
    "interface": ('sm-configure interface controller oam-interface "" 10.10.10.2 2222 2223 10.10.10.3 2222 2223',),
    "service_instance": ("sm-configure service_instance oam-ipv4 oam-ipv4 ip=10.10.10.1,cidr_netmask=24,nic=eth0",),
    "service": ("sm-configure service fm-mgr --on_failure degrade --apply",
                "sm-configure service postgres --max_failures 3 --dry-run"),
    "service_group": ('sm-configure service_group yes controller vim-services "N + M" 1 1 controller-aggregate',
                      'sm-configure service_group yes controller cloud-services "N + M" 1 1 controller-aggregate '
                      '--preferred controller-1,controller-0'),
    "system": ("sm-configure system --cpe_mode duplex-direct", "sm-configure system --set ENABLING_THROTTLE=4"),
    "catalogue": ("sm-configure catalogue --dry-run",),
    "roll_back": ("sm-configure roll_back 3 --dry-run",),
}
_NO_GROUP = ("", "-", "none")
_KNOWN = tuple(sorted(SETTINGS.keys() - set(_SETTINGS)))


def main(arguments: Sequence[str], notify: Notifier = nobody) -> int:
    """Carry out a command line of sm-configure; the exit status is that of ``sm.admin.program.run``."""
    return run(NAME, _parser(), _work, arguments, notify)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=NAME, description="Configures service management of this controller. Each change is checked as a whole "
        "and stored as a version. Make it on both controllers.", formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog='An empty text, "", stands for no address and for no aggregate.\n\n' + examples(
            *(line for lines in _EXAMPLES.values() for line in lines[:1])))
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    for kind, said, arguments, apply in (
            ("interface", "addresses and ports of a path between the controllers", _interface_arguments, True),
            ("service_instance", "name and parameters of the instance of a service", _instance_arguments, True),
            ("service", "when a service has failed too often, and what follows then", _service_arguments, True),
            ("service_group", "how many controllers run a group, and which are best", _group_arguments, False),
            ("system", "values that concern the whole daemon", _system_arguments, False),
            ("catalogue", "bring in the catalogue after an update of the software, or after a change of the "
             "description of this controller; other changes stay", None, True),
            ("roll_back", "make an earlier version of the configuration the present one", _version_arguments, True)):
        command = what.add_parser(kind, help=said, description=f"{said[0].upper()}{said[1:]}.",
                                  formatter_class=argparse.RawDescriptionHelpFormatter,
                                  epilog=examples(*_EXAMPLES[kind]))
        if arguments is not None:
            arguments(command)
        common(command, apply)
    places(what.add_parser("versions", help="show the versions that are kept, the newest first"))
    return parser


def _interface_arguments(command: argparse.ArgumentParser) -> None:
    for word, said in (
            ("domain", "service domain: controller"), ("interface", "such as oam-interface"),
            ("multicast", "group by which the controllers reach each other; empty: by their addresses"),
            ("address", "of this controller"), ("port", "UDP port of this controller, usually 2222"),
            ("heartbeat_port", "is kept for old scripts, and not used"), ("peer_address", "of the other controller"),
            ("peer_port", "UDP port of the other controller"), ("peer_heartbeat_port", "as heartbeat_port")):
        command.add_argument(word, help=said)


def _instance_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("service", help="name of the service")
    command.add_argument("instance", help="name of the instance, which OCF agents are given")
    command.add_argument("parameters", help="such as ip=192.168.204.1,cidr_netmask=24,nic=eth0")


def _service_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("service", help="name of the service")
    command.add_argument("--on_failure", choices=[policy.value for policy in OnFailure],
                         help="restart: its impact on the group decides; degrade: the group stays here; swact: the "
                         "first failure is one too many; reboot: this controller is rebooted; ignore: the group takes "
                         "no notice")
    for word, said in _SERVICE_LIMITS.items():
        command.add_argument(f"--{word}", metavar="NUMBER", help=said)


def _group_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("provisioned", choices=("yes", "no"), help="whether the group takes part")
    for word, said in (("domain", "service domain: controller"), ("group", "service group"),
                       ("model", '"N" or "N + M"'), ("n_active", "controllers on which it is active"),
                       ("m_standby", "controllers that stand by"), ("aggregate", "groups that move together")):
        command.add_argument(word, help=said)
    command.add_argument("active_only", nargs="?", default="", help="has no effect, and is accepted for old scripts")
    command.add_argument("--preferred", metavar="NODES", help="controllers from best to worst, with commas between "
                         "them: the group goes back to a better one that has been well for a minute; empty: it stays")


def _system_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--cpe_mode", choices=tuple(edits.CPE_MODES), help="how two controllers are connected")
    for word in _SETTINGS:
        command.add_argument(f"--{word}", metavar="NUMBER", help="is kept for old scripts, and not used")
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                         help="any other value; may be repeated. Known keys: " + ", ".join(_KNOWN))


def _version_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("number", type=int, help="as sm-configure versions shows it")


def _work(args: argparse.Namespace) -> Work:
    if args.what == "catalogue":
        return lambda store, note: store.renew(catalogue_of(args.site), note.comment, note.made, dry_run=note.dry_run)
    if args.what == "roll_back":
        return lambda store, note: store.roll_back(args.number, note.made, dry_run=note.dry_run)
    if args.what == "versions":
        return _list_versions
    edit: Edit = {"interface": _interface, "service_instance": _service_instance, "service": _service,
                  "service_group": _service_group, "system": _system}[args.what](args)
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
                               args.m_standby, "" if args.aggregate in _NO_GROUP else args.aggregate,
                               args.preferred)


def _service(args: argparse.Namespace) -> Edit:
    return edits.service(args.service, args.on_failure, {word: getattr(args, word) for word in _SERVICE_LIMITS})


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
