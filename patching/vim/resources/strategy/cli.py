# SPDX-License-Identifier: Apache-2.0
"""``sw-deploy-strategy`` and ``patch-strategy``: ``create``, ``show``, ``apply``, ``abort``, ``pause``, ``resume``,
``delete``."""
from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from flock.cli.commands import ActionCommand, write_objects
from flock.cli.wait import Verdict
from patching.vim.client import strategies, text
from patching.vim.client.strategies import Strategies, Strategy

NONE = "No strategy available"


class StrategyCommand(ActionCommand):
    """A command about the strategy of the kind ``kind``."""

    api_name = "vim"
    kind: ClassVar[str] = "sw-upgrade"

    @property
    def strategies(self) -> Strategies:
        return Strategies(self.client, self.kind)

    def format_argument(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-f", "--format", choices=("text", "json", "yaml"), default="text",
                            help="how the strategy is printed (default: text)")

    def shown(self, strategy: Strategy | None, args: argparse.Namespace, **how: bool) -> Iterable[str]:
        """The lines to print; other formats are written at once."""
        if args.format != "text":
            write_objects(strategy, args.format, self.stdout)
            return ()
        return [NONE] if strategy is None else text.lines(strategy, **how)

    def awaited(self, args: argparse.Namespace, what: str, judge: Callable[[Strategy | None], Verdict]) -> Strategy:
        """The strategy when ``judge`` says that what is awaited has ended."""
        found: Strategy = self.wait_for(what, self.strategies.get, judge, args)
        return found


class Create(StrategyCommand):
    """Create a strategy and build its stages. Nothing is applied before 'apply'."""

    waits = True
    examples = ("sw-manager sw-deploy-strategy create starlingx-10.0.1 --worker-apply-type parallel",
                "sw-manager sw-deploy-strategy create starlingx-10.0.1 --dry-run",
                "sw-manager sw-deploy-strategy create --rollback --wait")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("release", nargs="*", help="id of the release to deploy")
        for name, words in (("controller", ("serial", "ignore")), ("storage", ("serial", "parallel", "ignore")),
                            ("worker", ("serial", "parallel", "ignore"))):
            parser.add_argument(f"--{name}-apply-type", choices=words, default="serial",
                                help=f"how {name} hosts are treated (default: serial)")
        parser.add_argument("--instance-action", choices=("stop-start", "migrate"), default="stop-start",
                            help="what becomes of the instances of a host that reboots (default: stop-start)")
        parser.add_argument("--alarm-restrictions", choices=("strict", "relaxed", "permissive"), default="strict",
                            help="which alarms stop the strategy: all, those that affect management, none")
        parser.add_argument("--max-parallel-worker-hosts", type=int, default=2, metavar="N",
                            help="how many workers are treated at once (default: 2)")
        for name, what in (("rollback", "take the deployment back"), ("delete", "also end the deployment"),
                           ("cleanup", "only end a deployment that is over"),
                           ("snapshot", "take snapshots of volumes (not supported)"),
                           ("pre-upgrade-deploy", "deploy what prepares the release (not supported)")):
            parser.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=None, help=what)
        parser.add_argument("--kube-upgrade", metavar="VERSION", help="also upgrade Kubernetes (not supported)")
        parser.add_argument("--not-before", type=_moment, metavar="TIME",
                            help="touch no host before this time: ISO 8601, UTC unless it names a zone")
        parser.add_argument("--continue-on-failure", type=int, metavar="N",
                            help="go on with the other hosts until more than N have failed (default: 0)")
        parser.add_argument("--dry-run", action="store_true", help="only show the stages; nothing is stored")
        self.format_argument(parser)

    def act(self, args: argparse.Namespace) -> Iterable[str]:
        if args.dry_run:
            return self.shown(self.strategies.create(body_of(args), dry_run=True), args, details=True)
        made = self.strategies.create(body_of(args))
        if args.wait:
            made = self.awaited(args, "Building the strategy", strategies.built)
        return self.shown(made, args)


class Show(StrategyCommand):
    """Show the strategy."""

    examples = ("sw-manager sw-deploy-strategy show --details", "sw-manager sw-deploy-strategy show -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--details", action="store_true", help="all stages and steps")
        parser.add_argument("--active", action="store_true", help="only the stage and step that run, in detail")
        parser.add_argument("--error-details", action="store_true", help="also which step has failed, and why")
        self.format_argument(parser)

    def act(self, args: argparse.Namespace) -> Iterable[str]:
        return self.shown(self.strategies.get(), args, details=args.details, active=args.active,
                          error_details=args.error_details)


class Act(StrategyCommand):
    """The base of commands that do something with the strategy."""

    verb: ClassVar[str] = ""
    with_stage: ClassVar[bool] = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        if self.with_stage:
            parser.add_argument("--stage-id", type=int, metavar="N", help=f"{self.verb} only this stage")
        self.format_argument(parser)

    def acted(self, args: argparse.Namespace) -> Strategy:
        return self.strategies.act(self.verb, None)

    def act(self, args: argparse.Namespace) -> Iterable[str]:
        return self.shown(self.acted(args), args)


class Apply(Act):
    """Apply the strategy, or its next stage."""

    verb, dangerous, waits = "apply", True, True
    examples = ("sw-manager sw-deploy-strategy apply --wait", "sw-manager sw-deploy-strategy apply --stage-id 0")

    def acted(self, args: argparse.Namespace) -> Strategy:
        action = "apply-all" if args.stage_id is None else "apply-stage"
        found = self.strategies.act(action, args.stage_id)
        return self.awaited(args, "Applying the strategy", strategies.applied) if args.wait else found


class Abort(Act):
    """Abort the strategy: hosts that were begun are given back."""

    verb, dangerous, waits = "abort", True, True
    examples = ("sw-manager sw-deploy-strategy abort --wait",)

    def acted(self, args: argparse.Namespace) -> Strategy:
        found = self.strategies.act("abort-stage", args.stage_id)
        return self.awaited(args, "Aborting the strategy", strategies.aborted) if args.wait else found


class Pause(Act):
    """Hold before the next stage."""

    verb, with_stage = "pause", False


class Resume(Act):
    """Go on after a pause."""

    verb, with_stage = "resume", False


class Delete(StrategyCommand):
    """Delete the strategy."""

    dangerous = True

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--force", action="store_true", help="also one that runs; look after its hosts then")

    def act(self, args: argparse.Namespace) -> str:
        return "Strategy deleted" if self.strategies.delete(args.force) else "Nothing to delete"


def body_of(args: argparse.Namespace) -> dict[str, Any]:
    """The body of the request that these options ask for."""
    body: dict[str, Any] = {
        "controller-apply-type": args.controller_apply_type, "storage-apply-type": args.storage_apply_type,
        "worker-apply-type": args.worker_apply_type, "swift-apply-type": "ignore",
        "default-instance-action": args.instance_action, "alarm-restrictions": args.alarm_restrictions,
        "max-parallel-worker-hosts": args.max_parallel_worker_hosts}
    optional = {"release": args.release or None, "not-before": args.not_before,
                "continue-on-failure": args.continue_on_failure, "kube-upgrade": args.kube_upgrade,
                **{name: getattr(args, name.replace("-", "_"))
                   for name in ("rollback", "delete", "cleanup", "snapshot", "pre-upgrade-deploy")}}
    return {**body, **{name: value for name, value in optional.items() if value is not None}}


def _moment(value: str) -> int:
    """argparse type: a time as milliseconds since 1970."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is no time such as 2026-05-01T22:00") from None
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)


_VERBS: dict[str, type[StrategyCommand]] = {
    "create": Create, "show": Show, "apply": Apply, "abort": Abort, "pause": Pause, "resume": Resume,
    "delete": Delete}


def _of_kind(command: type[StrategyCommand], kind: str) -> type[StrategyCommand]:
    return type(command.__name__, (command,), {"kind": kind, "__doc__": command.__doc__})


COMMANDS = {**{f"sw-deploy-strategy {verb}": command for verb, command in _VERBS.items()},
            **{f"patch-strategy {verb}": _of_kind(command, "sw-patch") for verb, command in _VERBS.items()}}
OSC_COMMANDS = {f"platform strategy {verb}": command for verb, command in _VERBS.items()}
