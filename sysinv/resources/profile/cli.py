# SPDX-License-Identifier: Apache-2.0
"""``cpuprofile-*``, ``memprofile-*``, ``ifprofile-*``, ``storprofile-*``, ``roleprofile-*`` and ``host-apply-*``."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from cliff.command import Command

from flock.cli.columns import Column, Row, columns
from flock.cli.commands import ActionCommand, ListCommand, ShowCommand
from flock.cli.errors import CliError, UsageError
from flock.core.ranges import ranges
from sysinv.client.osc import as_plugin
from sysinv.client.profiles import Profiles

_NAMED = columns("uuid", "profilename=name")


def _cores(row: Row) -> str:
    """Return the logical cores of each function, such as ``Platform 0-1,8; Application 2-7``."""
    found: dict[str, list[int]] = {}
    for one in sorted(row.get("cpus") or (), key=lambda one: int(one["cpu"])):
        found.setdefault(str(one.get("allocated_function")), []).append(int(one["cpu"]))
    return "; ".join(f"{function} {ranges(numbers)}" for function, numbers in found.items())


def _memory(row: Row) -> str:
    """Return what each node has, such as ``0: platform 6000 MiB, 2M 50%, 1G 20%, vswitch 1 of 1024 MiB``."""
    return "; ".join(_node(one) for one in sorted(row.get("memory") or (), key=lambda one: int(one["numa_node"])))


def _node(one: Row) -> str:
    unit = "%" if one.get("vm_pending_as_percentage") else ""
    return (f"{one.get('numa_node')}: platform {one.get('platform_reserved_mib')} MiB, "
            f"2M {one.get('vm_hugepages_nr_2M_pending')}{unit}, 1G {one.get('vm_hugepages_nr_1G_pending')}{unit}, "
            f"vswitch {one.get('vswitch_hugepages_reqd')} of {one.get('vswitch_hugepages_size_mib')} MiB")


def _joined(field: str, name: str) -> Callable[[Row], str]:
    """Return the function that makes the cell with the names of all items of ``field``."""
    return lambda row: ",".join(str(one.get(name)) for one in row.get(field) or ())


def _stors(row: Row) -> str:
    """Return the disks that are OSDs and journals, such as ``journal /dev/nvme0n1,osd /dev/sdb``."""
    return ",".join(f"{one.get('function')} {one.get('device_node')}" for one in row.get("stors") or ())


_PROCESSORS = Column("nodes", "processors", lambda row: len(row.get("nodes") or ()))
_OF_CPUS = (*_NAMED, _PROCESSORS, Column("cpus", "cores", _cores))
_OF_MEMORY = (*_NAMED, _PROCESSORS, Column("memory", "memory", _memory))
_OF_INTERFACES = (*_NAMED, Column("ports", "ports", _joined("ports", "name")),
                  Column("interfaces", "interfaces", _joined("interfaces", "ifname")))
_OF_STORAGE = (*_NAMED, Column("disks", "disks", _joined("disks", "device_path")),
               Column("pvs", "volumes", _joined("pvs", "disk_or_part_device_node")), Column("stors", "OSDs", _stors))


class _List(ListCommand):
    api_name = "platform"
    profile_type: ClassVar[str] = ""
    columns = _NAMED
    sort_by = ("profilename",)

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Profiles(self.client, self.profile_type).all()


class _Show(ShowCommand):
    api_name = "platform"
    profile_type: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("profile", help="name or uuid")

    def item(self, args: argparse.Namespace) -> Row:
        return Profiles(self.client, self.profile_type).get(args.profile)


class _Add(ShowCommand):
    api_name = "platform"
    profile_type: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("profile", metavar="name", help="name of the profile")
        parser.add_argument("host", help="id, uuid or hostname of the host that it is taken from")

    def item(self, args: argparse.Namespace) -> Row:
        return Profiles(self.client, self.profile_type).create(args.profile, args.host)


class _Delete(ActionCommand):
    api_name = "platform"
    profile_type: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("profile", help="name or uuid")

    def act(self, args: argparse.Namespace) -> str:
        Profiles(self.client, self.profile_type).delete(args.profile)
        return f"Deleted {self.profile_type} profile: {args.profile}"


class CpuProfileList(_List):
    """List the CPU profiles, with the logical cores of each function."""

    profile_type, columns = "cpu", _OF_CPUS
    examples = ("system cpuprofile-list", "system cpuprofile-list -f json")


class CpuProfileShow(_Show):
    """Show one CPU profile."""

    profile_type, fields = "cpu", _OF_CPUS
    examples = ("system cpuprofile-show two-platform-cores",)


class CpuProfileAdd(_Add):
    """Make a CPU profile of the functions that the cores of a host have."""

    profile_type = "cpu"
    examples = ("system cpuprofile-add two-platform-cores worker-0",)


class CpuProfileDelete(_Delete):
    """Delete a CPU profile. Hosts keep what they have from it."""

    profile_type = "cpu"
    examples = ("system cpuprofile-delete two-platform-cores",)


class MemoryProfileList(_List):
    """List the memory profiles, with the platform's memory and the huge pages of each processor."""

    profile_type, columns = "memory", _OF_MEMORY
    examples = ("system memprofile-list",)


class MemoryProfileShow(_Show):
    """Show one memory profile."""

    profile_type, fields = "memory", _OF_MEMORY
    examples = ("system memprofile-show large-pages",)


class MemoryProfileAdd(_Add):
    """Make a memory profile of the platform reserve and the huge pages of a host."""

    profile_type = "memory"
    examples = ("system memprofile-add large-pages worker-0",)


class MemoryProfileDelete(_Delete):
    """Delete a memory profile. Hosts keep what they have from it."""

    profile_type = "memory"
    examples = ("system memprofile-delete large-pages",)


class InterfaceProfileList(_List):
    """List the interface profiles, with the names of their ports and interfaces."""

    profile_type, columns = "if", _OF_INTERFACES
    examples = ("system ifprofile-list",)


class InterfaceProfileShow(_Show):
    """Show one interface profile: ports, and interfaces with what they lie on and carry."""

    profile_type = "if"
    examples = ("system ifprofile-show bonded", "system ifprofile-show bonded -f yaml")


class InterfaceProfileAdd(_Add):
    """Make an interface profile of the interfaces of a host, and of the networks on them."""

    profile_type = "if"
    examples = ("system ifprofile-add bonded worker-0",)


class InterfaceProfileDelete(_Delete):
    """Delete an interface profile. Hosts keep what they have from it."""

    profile_type = "if"
    examples = ("system ifprofile-delete bonded",)


class StorageProfileList(_List):
    """List the storage profiles: disks in the volume group of instances of workers, OSDs of other hosts."""

    profile_type, columns = "stor", _OF_STORAGE
    examples = ("system storprofile-list",)


class StorageProfileShow(_Show):
    """Show one storage profile."""

    profile_type, fields = "stor", _OF_STORAGE
    examples = ("system storprofile-show two-disks",)


class StorageProfileAdd(_Add):
    """Make a profile of the volume group of instances of a worker, or of the OSDs and journals of another host."""

    profile_type = "stor"
    examples = ("system storprofile-add two-disks worker-0",)


class StorageProfileDelete(_Delete):
    """Delete a storage profile. Hosts keep what they have from it."""

    profile_type = "stor"
    examples = ("system storprofile-delete two-disks",)


class RoleProfileList(_List):
    """List the role profiles."""

    profile_type = "role"
    examples = ("system roleprofile-list",)


class RoleProfileShow(_Show):
    """Show one role profile."""

    profile_type = "role"
    examples = ("system roleprofile-show compute-large",)


class RoleProfileAdd(_Add):
    """Make a role profile of a host: its role, its installation, cores, memory, interfaces, local storage."""

    profile_type = "role"
    examples = ("system roleprofile-add compute-large worker-0",)


class RoleProfileDelete(_Delete):
    """Delete a role profile. Hosts keep what they have from it."""

    profile_type = "role"
    examples = ("system roleprofile-delete compute-large",)


class HostApplyProfile(ShowCommand):
    """Apply a profile to a locked host, completely or not at all; an unlock makes it true. Shows what changes."""

    api_name = "platform"
    profile_type: ClassVar[str] = ""
    fields = columns("hostname", "profile_plan=changes")
    examples: ClassVar[Sequence[str]] = (
        "system host-apply-profile worker-1 compute-large --dry-run",
        "system host-apply-profile worker-1 compute-large")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", help="id, uuid or hostname")
        parser.add_argument("profile", help="name or uuid")
        parser.add_argument("--dry-run", action="store_true", help="only show what would change")

    def item(self, args: argparse.Namespace) -> Row:
        return Profiles(self.client, self.profile_type).apply(args.host, args.profile, dry_run=args.dry_run)


class HostApplyCpuProfile(HostApplyProfile):
    """Apply a CPU profile to a locked host; an unlock makes it true. Shows what changes."""

    profile_type = "cpu"
    examples = ("system host-apply-cpuprofile worker-1 two-platform-cores",)


class HostApplyMemoryProfile(HostApplyProfile):
    """Apply a memory profile to a locked host; an unlock makes it true. Shows what changes."""

    profile_type = "memory"
    examples = ("system host-apply-memprofile worker-1 large-pages",)


class HostApplyInterfaceProfile(HostApplyProfile):
    """Give a locked host with the same ports the interfaces of a profile, in place of its own. Shows what changes."""

    profile_type = "if"
    examples = ("system host-apply-ifprofile worker-1 bonded --dry-run",)


class HostApplyStorageProfile(HostApplyProfile):
    """Give a locked host the volume group, or the OSDs and journals, of a profile. Shows what changes."""

    profile_type = "stor"
    examples = ("system host-apply-storprofile worker-1 two-disks --dry-run",)


class HostApplyRoleProfile(HostApplyProfile):
    """Apply all of a role profile but the role to a locked host of that role. Shows what changes."""

    profile_type = "role"
    examples = ("system host-apply-roleprofile worker-1 compute-large",)


class ProfileImport(ListCommand):
    """Import the profiles of a file (XML), each for itself; a profile whose name is used is left as it is."""

    api_name = "platform"
    columns = columns("result", "type", "name", "msg", "detail")
    examples: ClassVar[Sequence[str]] = ("system profile-import profiles.xml",)
    failed = False

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", help="file of profiles")

    def ordered(self, args: argparse.Namespace) -> bool:
        return True

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        try:
            data = Path(args.file).read_bytes()
        except OSError as problem:
            raise CliError(f"{args.file}: {problem.strerror}") from problem
        found = Profiles(self.client).import_file(Path(args.file).name, data)
        self.failed = any(one.get("result") != "Success" for one in found)
        return found

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Exit with 1 when a profile of the file was not imported."""
        if parsed_args.watch is not None:
            raise UsageError("profile-import adds profiles, so that it cannot be repeated with --watch.")
        return super().run(parsed_args) or int(self.failed)


COMMANDS: dict[str, type[Command]] = {
    "cpuprofile-list": CpuProfileList, "cpuprofile-show": CpuProfileShow, "cpuprofile-add": CpuProfileAdd,
    "cpuprofile-delete": CpuProfileDelete,
    "memprofile-list": MemoryProfileList, "memprofile-show": MemoryProfileShow, "memprofile-add": MemoryProfileAdd,
    "memprofile-delete": MemoryProfileDelete,
    "ifprofile-list": InterfaceProfileList, "ifprofile-show": InterfaceProfileShow,
    "ifprofile-add": InterfaceProfileAdd, "ifprofile-delete": InterfaceProfileDelete,
    "storprofile-list": StorageProfileList, "storprofile-show": StorageProfileShow,
    "storprofile-add": StorageProfileAdd, "storprofile-delete": StorageProfileDelete,
    "roleprofile-list": RoleProfileList, "roleprofile-show": RoleProfileShow, "roleprofile-add": RoleProfileAdd,
    "roleprofile-delete": RoleProfileDelete,
    "profile-import": ProfileImport, "host-apply-profile": HostApplyProfile,
    "host-apply-cpuprofile": HostApplyCpuProfile,
    "host-apply-memprofile": HostApplyMemoryProfile, "host-apply-ifprofile": HostApplyInterfaceProfile,
    "host-apply-storprofile": HostApplyStorageProfile, "host-apply-roleprofile": HostApplyRoleProfile}
OSC_COMMANDS = as_plugin(COMMANDS)
