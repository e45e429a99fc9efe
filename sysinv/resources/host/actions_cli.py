# SPDX-License-Identifier: Apache-2.0
"""``host-lock`` and the other actions on a host, each with ``--wait``."""
from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import ClassVar

from flock.cli.columns import Column, Row
from flock.cli.commands import ShowCommand
from flock.cli.errors import ApiError, UsageError
from sysinv.client.hosts import Hosts
from sysinv.client.osc import as_plugin
from sysinv.client.waiting import (
    SWACT_LIMIT_S,
    BootJudge,
    HostJudge,
    InstallJudge,
    LockJudge,
    PowerOffJudge,
    SwactJudge,
    UnlockJudge,
)
from sysinv.resources.host.display import SHOWN, shown_fields


class HostActionCommand(ShowCommand):
    """Requests an action on a host; shows the host from the API's reply, or with --wait at the end of the action.

    ``judge`` makes, from the host before the action, what decides when the action has ended.
    """

    api_name = "platform"
    fields = SHOWN
    waits = True
    action: ClassVar[str] = ""
    forced_action: ClassVar[str] = ""
    verb: ClassVar[str] = ""
    judge: ClassVar[type[HostJudge]]

    @property
    def hosts(self) -> Hosts:
        return Hosts(self.client)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("host", metavar="host", help="id, uuid or hostname")
        if self.forced_action:
            parser.add_argument("-f", "--force", action="store_true", help="proceed although checks advise against it")

    def fields_for(self, args: argparse.Namespace, item: Row) -> Sequence[Column]:
        return shown_fields(item)

    def action_for(self, args: argparse.Namespace) -> str:
        """Return the action's wire name for these arguments."""
        return self.forced_action if self.forced_action and args.force else self.action

    def item(self, args: argparse.Namespace) -> Row:
        before = self.hosts.get(args.host) if args.wait else {}
        answer = self.hosts.update(args.host, {"action": self.action_for(args)})
        return self.watched(args, before) if args.wait else answer

    def watched(self, args: argparse.Namespace, before: Row) -> Row:
        """Wait until the action ends; returns the host at that time."""
        uuid = str(before["uuid"])
        what = f"{self.verb.capitalize()} {before.get('hostname') or args.host}"
        self.wait_for(what, lambda: self.hosts.watched(uuid), self.judge(before), args)
        return self.hosts.get(uuid)

    def explain(self, problem: ApiError, args: argparse.Namespace) -> str:
        said = super().explain(problem, args)
        return said if self.native else f"Cannot {self.verb} {args.host}: {said}"


class HostLock(HostActionCommand):
    """Take a host out of service."""

    action, forced_action, verb, dangerous = "lock", "force-lock", "lock", True
    examples = ("system host-lock worker-0 --wait", "system host-lock worker-0 -f")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("-u", "--unsafe", action="store_true",
                            help="with --force: also skip the checks that protect stored data")

    def action_for(self, args: argparse.Namespace) -> str:
        if args.unsafe and not args.force:
            raise UsageError("--unsafe needs --force.")
        return "force-unsafe-lock" if args.unsafe else super().action_for(args)
    judge = LockJudge


class HostUnlock(HostActionCommand):
    """Put a host into service."""

    action, forced_action, verb = "unlock", "force-unlock", "unlock"
    examples = ("system host-unlock worker-0 --wait --timeout 900",)
    judge = UnlockJudge


class HostSwact(HostActionCommand):
    """Move the services of the active controller to the other one."""

    action, forced_action, verb, dangerous = "swact", "force-swact", "swact", True
    examples = ("system host-swact controller-0 --wait",)

    def watched(self, args: argparse.Namespace, before: Row) -> Row:
        args.timeout = min(args.timeout, SWACT_LIMIT_S)
        judge = SwactJudge(before)
        self.wait_for(f"Swact of {before.get('hostname') or args.host}", self.hosts.all, judge, args)
        return self.hosts.get(str(before["uuid"]))


class HostReboot(HostActionCommand):
    """Reboot a locked host through its operating system."""

    action, verb, dangerous = "reboot", "reboot", True
    examples = ("system host-reboot worker-0 --wait",)
    judge = BootJudge


class HostReset(HostActionCommand):
    """Reset a locked host through its board management controller."""

    action, verb, dangerous = "reset", "reset", True
    examples = ("system host-reset worker-0 --wait",)
    judge = BootJudge


class HostReinstall(HostActionCommand):
    """Reinstall a locked host over the network; erases its system disk."""

    action, verb, dangerous = "reinstall", "reinstall", True
    examples = ("system host-reinstall worker-0 --wait",)
    judge = InstallJudge


class HostPowerOn(HostActionCommand):
    """Switch a locked host on through its board management controller."""

    action, verb = "power-on", "power on"
    examples = ("system host-power-on worker-0 --wait",)
    judge = BootJudge


class HostPowerOff(HostActionCommand):
    """Switch a locked host off through its board management controller."""

    action, verb, dangerous = "power-off", "power off", True
    examples = ("system host-power-off worker-0 --wait",)
    judge = PowerOffJudge


COMMANDS = {
    "host-lock": HostLock,
    "host-unlock": HostUnlock,
    "host-swact": HostSwact,
    "host-reboot": HostReboot,
    "host-reset": HostReset,
    "host-reinstall": HostReinstall,
    "host-power-on": HostPowerOn,
    "host-power-off": HostPowerOff,
}

OSC_COMMANDS = as_plugin(COMMANDS)
