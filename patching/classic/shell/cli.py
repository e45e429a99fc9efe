# SPDX-License-Identifier: Apache-2.0
"""The commands of sw-patch about patches; every one ends with 1 when the answer has an error."""
from __future__ import annotations

import argparse
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from flock.cli import table
from flock.cli.commands import FlockCommand, write_objects
from flock.cli.completion import BashCompletion
from flock.cli.errors import UsageError
from patching.classic import text
from patching.classic.client import Patches

API_NAME = "patching"
Told = dict[str, Any]


class ClassicCommand(FlockCommand):
    """A command of sw-patch."""

    api_name = API_NAME

    @property
    def patches(self) -> Patches:
        return Patches(self.client)


class Verb(ClassicCommand):
    """A command that changes something, and prints the three texts of the answer."""

    @abstractmethod
    def told(self, args: argparse.Namespace) -> Told:
        """Carry it out; the API's answer."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        return self.say(self.told(parsed_args))

    def say(self, told: Told) -> int:
        """Print the texts; the exit code."""
        for name, title in (("info", ""), ("warning", "Warning:\n"), ("error", "Error:\n")):
            lines = str(told.get(name) or "").splitlines()
            if lines:
                self.stdout.write(title + "".join(f"{table.printable(line)}\n" for line in lines))
        return 1 if told.get("error") else 0


class _OfPatches(Verb):
    """A verb about patches. ``switches``: options, and what each adds to the query."""

    verb: ClassVar[str] = ""
    switches: ClassVar[dict[str, tuple[str, str]]] = {}
    number: ClassVar[str] = "+"

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("ids", nargs=self.number, metavar="PATCH", help="id of a patch")
        for option, (_, meaning) in self.switches.items():
            parser.add_argument(f"--{option}", action="store_true", help=meaning)

    def query(self, args: argparse.Namespace) -> dict[str, str]:
        """The arguments of the query."""
        return {name: "yes" for option, (name, _) in self.switches.items() if getattr(args, option.replace("-", "_"))}

    def told(self, args: argparse.Namespace) -> Told:
        return self.patches.act(self.verb, args.ids, self.query(args))


_SKIP = {"skip-semantic": ("skip-semantic", "do not run the programs of patches that may refuse this")}


class Upload(Verb):
    """Upload patches."""

    examples = ("sw-patch upload starlingx-10.0.1.patch",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file *.patch")

    def told(self, args: argparse.Namespace) -> Told:
        missing = [str(path) for path in args.files if not path.is_file()]
        if missing:
            raise UsageError(f"There is no file {', '.join(missing)}.")
        return self.patches.upload(args.files)


class UploadDir(Verb):
    """Upload all patches in directories of the controller."""

    examples = ("sw-patch upload-dir /home/sysadmin/patches",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("directories", nargs="+", metavar="DIRECTORY", help="a directory on the controller")

    def told(self, args: argparse.Namespace) -> Told:
        return self.patches.upload_directories([str(Path(name).absolute()) for name in args.directories])


class Apply(_OfPatches):
    """Apply patches: hosts lack them until host-install."""

    verb, switches, number = "apply", _SKIP, "*"
    examples = ("sw-patch apply starlingx-10.0.1", "sw-patch apply --all")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--all", action="store_true", help="all patches that are available")

    def told(self, args: argparse.Namespace) -> Told:
        if bool(args.ids) is args.all:
            raise UsageError("Give ids of patches, or --all.")
        return self.patches.act("apply", args.ids or ["--all"], self.query(args))


class Remove(_OfPatches):
    """Remove patches: hosts have them until host-install."""

    verb = "remove"
    switches: ClassVar[dict[str, tuple[str, str]]] = {
        "unremovable": ("removeunremovable", "also patches that are marked as unremovable"),
        "skipappcheck": ("skipappcheck", "also patches that an application depends on"), **_SKIP}
    examples = ("sw-patch remove starlingx-10.0.1",)

    def is_dangerous(self) -> bool:
        # sw-patch has never asked here: hosts keep the patch until host-install.
        return False


class Delete(_OfPatches):
    """Delete patches that no host has."""

    verb = "delete"
    examples = ("sw-patch delete starlingx-10.0.1",)


class Commit(_OfPatches):
    """Make patches permanent."""

    verb, number = "commit", "*"
    examples = ("sw-patch commit starlingx-10.0.1", "sw-patch commit --all --release 10.0 --dry-run")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--all", action="store_true", help="all patches that are applied")
        parser.add_argument("--release", metavar="RELEASE", help="with --all: only patches of this release")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def told(self, args: argparse.Namespace) -> Told:
        if bool(args.ids) is args.all or (args.release and not args.all):
            raise UsageError("Give ids of patches, or --all, with --release if it shall be those of one release.")
        ids = args.ids or sorted(self.patches.query("applied", args.release))
        if not ids:
            return {"info": "There are no applied patches to commit.\n"}
        preview = self.patches.act("commit_dry_run", ids)
        if args.dry_run or preview.get("error"):
            return preview
        self.say(preview)
        self.stdout.write("WARNING: Committed patches cannot be removed.\nWould you like to continue? [y/N]: ")
        self.stdout.flush()
        if self.app.stdin.readline().strip().lower() not in ("y", "yes"):
            return {"error": "The commit was cancelled.\n"}
        return self.patches.act("commit", ids)


class Formatted(ClassicCommand):
    """A command that prints a text for people, or objects for programs."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("-f", "--format", choices=("table", "json", "yaml"), default="table",
                            help="output format, defaults to %(default)s")

    def write(self, args: argparse.Namespace, people: str, programs: Any) -> None:
        """Write one of both."""
        if args.format == "table":
            self.stdout.write(people)
        else:
            write_objects(programs, args.format, self.stdout)


class Query(Formatted):
    """List patches and their states."""

    examples = ("sw-patch query", "sw-patch query applied --release 10.0")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("show", nargs="?", choices=("all", "available", "applied", "committed"), default="all")
        parser.add_argument("--release", metavar="RELEASE", help="only patches of this release")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.patches.query(parsed_args.show, parsed_args.release)
        self.write(parsed_args, text.patches(found), found)
        return 0


class Show(Formatted):
    """Show patches in detail."""

    examples = ("sw-patch show starlingx-10.0.1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("ids", nargs="+", metavar="PATCH", help="id of a patch")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.patches.show(parsed_args.ids)
        contents = found.get("contents") or {}
        people = "\n".join(text.description(name, patch, contents.get(name))
                           for name, patch in (found.get("metadata") or {}).items())
        error = str(found.get("error") or "")
        self.write(parsed_args, people + "".join(f"Error: {table.printable(line)}\n" for line in error.splitlines()),
                   found)
        return 1 if error else 0


class WhatRequires(_OfPatches):
    """Say which patches require these."""

    examples = ("sw-patch what-requires starlingx-10.0.1",)

    def told(self, args: argparse.Namespace) -> Told:
        return self.patches.what_requires(args.ids)


class QueryDependencies(_OfPatches):
    """Say which patches these require."""

    examples = ("sw-patch query-dependencies starlingx-10.0.2 --recursive",)
    switches: ClassVar[dict[str, tuple[str, str]]] = {"recursive": ("recursive", "also what those require")}

    def told(self, args: argparse.Namespace) -> Told:
        found = self.patches.dependencies(args.ids, args.recursive)
        return {"info": "".join(f"{name}\n" for name in found.get("patches") or ()), "error": found.get("error")}


class _IsIn(ClassicCommand):
    """Prints True or False; exit code 0 only for True."""

    state: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("ids", nargs="+", metavar="PATCH", help="id of a patch")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.patches.is_in(self.state, parsed_args.ids)
        self.stdout.write(f"{found}\n")
        return 0 if found else 1


class IsApplied(_IsIn):
    """Say whether patches are applied."""

    state = "applied"
    examples = ("sw-patch is-applied starlingx-10.0.1",)


class IsAvailable(_IsIn):
    """Say whether patches are available."""

    state = "available"
    examples = ("sw-patch is-available starlingx-10.0.1",)


class ReportAppDependencies(_OfPatches):
    """Say on which patches an application depends; without patches: on none any more."""

    verb, number = "report_app_dependencies", "*"
    examples = ("sw-patch report-app-dependencies --app openstack starlingx-10.0.1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--app", required=True, metavar="NAME", help="name of the application")

    def query(self, args: argparse.Namespace) -> dict[str, str]:
        return {"app": args.app}


class QueryAppDependencies(Formatted):
    """List on which patches applications depend."""

    examples = ("sw-patch query-app-dependencies",)

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.patches.application_uses()
        rows = [[name, " ".join(found[name])] for name in sorted(found)]
        people = text.table(["Application", "Required Patches"], rows) if rows else "There are no dependencies.\n"
        self.write(parsed_args, people, found)
        return 0


class _OfRelease(Verb):
    verb: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("release", metavar="RELEASE", help="a release, such as 11.0")

    def told(self, args: argparse.Namespace) -> Told:
        return self.patches.act(self.verb, [args.release])


class InitRelease(_OfRelease):
    """Prepare the repository of another release."""

    verb = "init_release"
    examples = ("sw-patch init-release 11.0",)


class DelRelease(_OfRelease):
    """Delete the repository of another release."""

    verb = "del_release"
    examples = ("sw-patch del-release 9.0",)


COMMANDS = {
    "upload": Upload, "upload-dir": UploadDir, "apply": Apply, "remove": Remove, "delete": Delete, "query": Query,
    "show": Show, "what-requires": WhatRequires, "query-dependencies": QueryDependencies, "is-applied": IsApplied,
    "is-available": IsAvailable, "report-app-dependencies": ReportAppDependencies,
    "query-app-dependencies": QueryAppDependencies, "commit": Commit, "init-release": InitRelease,
    "del-release": DelRelease, "completion": BashCompletion,
}
