# SPDX-License-Identifier: Apache-2.0
"""``host-list``, ``host-show``, ``host-add``, ``host-update``, ``host-resync``, ``host-delete``, the clock's limit.

The actions are in ``actions_cli``.
"""
from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, FlockCommand, ListCommand, ShowCommand, assignments
from flock.cli.errors import CliError, UsageError
from sysinv.client.hosts import Hosts
from sysinv.client.waiting import InstallJudge
from sysinv.resources.host import actions_cli
from sysinv.resources.host.display import SHOWN, shown_fields

PERSONALITIES = ("controller", "worker", "storage", "edgeworker", "network")

# short option, long option, wire field, help
_ATTRIBUTES = (
    ("-n", "--hostname", "hostname", "name of the host"),
    ("-p", "--personality", "personality", "role: controller, worker, storage"),
    ("-s", "--subfunctions", "subfunctions", "comma separated functions, for example controller,worker"),
    ("-m", "--mgmt-mac", "mgmt_mac", "MAC address of its management interface"),
    ("-I", "--bm-ip", "bm_ip", "address of its board management controller"),
    ("-T", "--bm-type", "bm_type", "board management protocol: none, dynamic, ipmi, redfish"),
    ("-U", "--bm-username", "bm_username", "user of the board management controller"),
    ("-P", "--bm-password", "bm_password", "password of that user"),
    ("-b", "--boot-device", "boot_device", "device of the boot partition"),
    ("-r", "--rootfs-device", "rootfs_device", "device of the root file system"),
    ("-R", "--hw-settle", "hw_settle", "seconds the hardware needs to settle"),
    ("-o", "--install-output", "install_output", "installer output: text or graphical"),
    ("-c", "--console", "console", "serial console, for example ttyS0,115200; empty for none"),
    ("-v", "--vsc-controllers", "vsc_controllers", "comma separated active,standby VSC addresses"),
    ("-l", "--location", "location", "location of the host"),
    ("-D", "--ttys-dcd", "ttys_dcd", "carrier detection on the serial line: true or false"),
    ("-C", "--clock-synchronization", "clock_synchronization", "ntp or ptp"),
)


class HostCommand(FlockCommand):
    """A command about hosts."""

    api_name = "platform"

    @property
    def hosts(self) -> Hosts:
        return Hosts(self.client)


class OneHost(HostCommand, ShowCommand):
    """Base of commands that show one host at the end."""

    fields = SHOWN

    def fields_for(self, args: argparse.Namespace, item: Row) -> Sequence[Column]:
        return shown_fields(item)


class HostList(HostCommand, ListCommand):
    """List hosts."""

    columns = columns("id", "hostname", "personality", "administrative", "operational", "availability")
    examples: ClassVar[Sequence[str]] = (
        "system host-list",
        "system host-list -f json",
        "system host-list -c hostname -c mgmt_ip -f value",
        "system host-list --watch 2",
    )

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return self.hosts.all()


class HostShow(OneHost):
    """Show one host."""

    examples: ClassVar[Sequence[str]] = ("system host-show controller-0", "system host-show 1 -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        host_argument(parser)

    def item(self, args: argparse.Namespace) -> Row:
        return self.hosts.get(args.host)


class HostAdd(OneHost):
    """Add a host that is known before it boots."""

    waits = True
    examples: ClassVar[Sequence[str]] = (
        "system host-add -n worker-0 -p worker -m 08:00:27:bf:29:39",
        "system host-add -n worker-0 -p worker -m 08:00:27:bf:29:39 -T redfish -I 10.10.20.103 -U root -P secret",
    )

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        attribute_arguments(parser)

    def item(self, args: argparse.Namespace) -> Row:
        host = self.hosts.create(attribute_values(args))
        if not args.wait:
            return host
        name, uuid = host.get("hostname") or args.mgmt_mac, str(host["uuid"])
        found: Row = self.wait_for(f"Installation of {name}", lambda: self.hosts.get(uuid), InstallJudge(host), args)
        return found


class HostResync(OneHost):
    """Repair the states of a host that differ between configuration and host maintenance."""

    examples: ClassVar[Sequence[str]] = ("system host-resync worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        host_argument(parser)

    def item(self, args: argparse.Namespace) -> Row:
        return self.hosts.resync(args.host)


class HostUpdate(OneHost):
    """Change attributes of a host, given as name=value."""

    examples: ClassVar[Sequence[str]] = (
        "system host-update 2 personality=controller",
        "system host-update 3 personality=worker hostname=worker-0",
        "system host-update worker-0 bm_type=redfish bm_ip=10.10.20.103 bm_username=root bm_password=secret",
    )

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        host_argument(parser)
        parser.add_argument("changes", metavar="name=value", nargs="+", help="attribute to change, may be repeated")

    def item(self, args: argparse.Namespace) -> Row:
        try:
            changes = assignments(args.changes)
        except argparse.ArgumentTypeError as problem:
            raise UsageError(str(problem)) from None
        return self.hosts.update(args.host, on_the_wire(changes))


class CpuMaxFrequencyModify(OneHost):
    """Limit the clock of a host's CPUs."""

    examples: ClassVar[Sequence[str]] = ("system host-cpu-max-frequency-modify worker-0 2500",
                                         "system host-cpu-max-frequency-modify worker-0 max_cpu_mhz_allowed")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        host_argument(parser)
        parser.add_argument("frequency", metavar="MHz", help="highest clock, or max_cpu_mhz_allowed for no limit")

    def item(self, args: argparse.Namespace) -> Row:
        return self.hosts.update(args.host, {"max_cpu_mhz_configured": args.frequency})


class HostSet(OneHost):
    """Change attributes of a host, given as options."""

    examples: ClassVar[Sequence[str]] = ("openstack platform host set 3 --personality worker --hostname worker-0",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        host_argument(parser)
        attribute_arguments(parser)

    def item(self, args: argparse.Namespace) -> Row:
        changes = attribute_values(args)
        if not changes:
            raise UsageError("Nothing to change: give at least one attribute option.")
        return self.hosts.update(args.host, changes)


class HostDelete(HostCommand, ActionCommand):
    """Delete one or more hosts."""

    examples: ClassVar[Sequence[str]] = ("system host-delete worker-0", "system host-delete worker-0 worker-1 --yes")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("hosts", metavar="host", nargs="+", help="id, uuid or hostname")

    def act(self, args: argparse.Namespace) -> Iterable[str]:
        failures = []
        for host in args.hosts:
            try:
                self.hosts.delete(host)
            except CliError as problem:
                failures.append(f"{host}: {problem}" if len(args.hosts) > 1 else str(problem))
            else:
                self.stdout.write(f"Deleted host {host}\n")
        if failures:
            raise CliError("\n".join(failures))
        return ()


def host_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("host", metavar="host", help="id, uuid or hostname")


def attribute_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one option per attribute; attributes without an option given stay unchanged."""
    for short, long, field, text in _ATTRIBUTES:
        spellings = dict.fromkeys((short, long, "--" + field))
        parser.add_argument(*spellings, dest=field, default=argparse.SUPPRESS, help=text)


def attribute_values(args: argparse.Namespace) -> dict[str, Any]:
    """Return the given options under their wire names and in wire format."""
    return on_the_wire({field: getattr(args, field) for *_, field, _ in _ATTRIBUTES if hasattr(args, field)})


def on_the_wire(values: Mapping[str, Any]) -> dict[str, Any]:
    """Convert values to wire format: a location to an object, everything else to text."""
    return {name: {"locn": value} if name == "location" else value for name, value in values.items()}


COMMANDS = {
    "host-list": HostList,
    "host-show": HostShow,
    "host-add": HostAdd,
    "host-update": HostUpdate,
    "host-delete": HostDelete,
    "host-resync": HostResync,
    "host-cpu-max-frequency-modify": CpuMaxFrequencyModify,
    **actions_cli.COMMANDS,
}

OSC_COMMANDS = {
    "platform host list": HostList,
    "platform host show": HostShow,
    "platform host create": HostAdd,
    "platform host set": HostSet,
    "platform host delete": HostDelete,
    "platform host resync": HostResync,
    "platform host cpu max frequency modify": CpuMaxFrequencyModify,
    **actions_cli.OSC_COMMANDS,
}
