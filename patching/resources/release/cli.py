# SPDX-License-Identifier: Apache-2.0
"""``list``, ``show``, ``upload``, ``upload-dir``, ``delete``, ``is-available``, ``is-deployed``, ``is-committed``,
``commit``."""
from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from flock.cli.columns import Row, columns
from flock.cli.commands import ActionCommand, FlockCommand, ListCommand, ShowCommand
from flock.cli.errors import CliError, UsageError
from flock.cli.table import render
from patching.client.software import Software
from patching.client.telling import API_NAME, Order, progress, say

EXTENSIONS = (".patch", ".iso", ".sig")
_FAMILY = re.compile(r"[A-Za-z][A-Za-z0-9_]*-(\d{2}\.\d{2})\Z", re.ASCII)


class ReleaseList(ListCommand):
    """List the releases of the system."""

    api_name = API_NAME
    centred_from = 2
    when_empty = "No data"
    columns = columns("release_id=Release", "reboot_required=RR", "state=State")
    examples = ("software list", "software list --state available", "software list --release 10.0 -f json")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--release", metavar="RELEASE", help="only releases of this major release, such as 10.0")
        parser.add_argument("--state", metavar="STATE", help="only releases in this state, such as available")

    def rows(self, args: argparse.Namespace) -> Iterable[Row]:
        return Software(self.client).releases(args.state, args.release)

    def ordered(self, args: argparse.Namespace) -> bool:
        return True


class ReleaseShow(ShowCommand):
    """Show one release."""

    api_name = API_NAME
    examples = ("software show starlingx-10.0.1", "software show starlingx-10.0.1 --packages")
    fields = columns("release_id=Release", "state=State", "sw_version=Version", "component=Component", "status=Status",
                     "reboot_required=RR", "unremovable=Unremovable", "summary=Summary", "description=Description",
                     "install_instructions=Install Instructions", "warnings=Warnings", "requires=Requires",
                     "activation_scripts=Activation Scripts", "prepatched_iso=Prepatched ISO",
                     "preinstalled_patches=Preinstalled Patches")
    more: ClassVar = {"packages": columns("packages=Packages"), "metapackages": columns("metapackages=Metapackages"),
                      "pre_upgrade_deploy": columns("pre_upgrade_deploy=Pre-Upgrade Deploy")}

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("release", metavar="release", help="id of a release")
        for name in self.more:
            parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", dest=name,
                                help=f"also show its {name.replace('_', ' ')}")

    def item(self, args: argparse.Namespace) -> Row:
        return Software(self.client).release(args.release)

    def fields_for(self, args: argparse.Namespace, item: Row) -> Any:
        return [*self.fields, *(column for name, added in self.more.items() if getattr(args, name) for column in added)]


class Upload(FlockCommand):
    """Upload releases: patches, or an .iso with its .sig."""

    api_name = API_NAME
    examples = ("software upload starlingx-10.0.1.patch", "software upload --local /root/starlingx-10.0.1.patch")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("files", metavar="file", nargs="+", help="a file *.patch, *.iso or *.sig")
        self.local(parser)

    @staticmethod
    def local(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--local", action="store_true", help="the files are on the active controller itself")

    def paths(self, args: argparse.Namespace) -> list[Path]:
        return [Path(name) for name in args.files]

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        paths = self.paths(parsed_args)
        software = Software(self.client)
        if parsed_args.local:
            told = software.upload_local([str(path.absolute()) for path in paths])
        else:
            missing = [str(path) for path in paths if not path.is_file()]
            if missing:
                raise CliError(f"These files cannot be read: {', '.join(missing)}")
            told = software.upload(paths, progress(self.stderr))
        say(told, self.stdout)
        cells = [(name, str(found.get("id", ""))) for one in told.get("upload_info") or ()
                 for name, found in one.items() if not name.endswith(".sig")]
        if cells:
            self.stdout.write(render(("Uploaded File", "Release"), cells) + "\n")
        return 1 if told.get("error") else 0


class UploadDir(Upload):
    """Upload all releases of directories."""

    examples = ("software upload-dir /root/patches", "software upload-dir --local /root/patches")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("directories", metavar="directory", nargs="+", help="a directory with files of releases")
        self.local(parser)

    def paths(self, args: argparse.Namespace) -> list[Path]:
        found = [path for name in args.directories for path in sorted(Path(name).iterdir())
                 if path.suffix in EXTENSIONS]
        if not found:
            raise CliError(f"No files {', '.join(EXTENSIONS)} in {', '.join(args.directories)}")
        return found


class ReleaseDelete(Order):
    """Remove releases from the system."""

    examples = ("software delete starlingx-10.0.1", "software delete --all starlingx-24.09")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("releases", metavar="release", nargs="+", help="id of a release")
        parser.add_argument("--all", action="store_true", help="all patches of the major release component-MM.mm")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        names = list(args.releases)
        if args.all:
            families = [_FAMILY.match(name) for name in names]
            if len(names) != 1 or families[0] is None:
                raise UsageError("--all needs one component-MM.mm, such as starlingx-24.09.")
            names = [row["release_id"] for row in self.software.releases("patch", families[0][1])
                     if row["state"] in ("available", "unavailable")]
            if not names:
                raise CliError(f"{args.releases[0]} has no release that can be deleted.")
        return self.software.delete(names)


class _IsIn(ActionCommand):
    """Print whether all releases are in a state; exit code 0 only when they are."""

    api_name = API_NAME
    state: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("releases", metavar="release", nargs="+", help="id of a release")

    def act(self, args: argparse.Namespace) -> str:
        return str(Software(self.client).is_in(self.state, args.releases))

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.act(parsed_args)
        self.stdout.write(f"{found}\n")
        return 0 if found == "True" else 1


class IsAvailable(_IsIn):
    """Print whether all releases are available; exit code 0 only when they are."""

    state = "available"


class IsDeployed(_IsIn):
    """Print whether all releases are deployed; exit code 0 only when they are."""

    state = "deployed"


class IsCommitted(_IsIn):
    """Print whether all releases are committed; exit code 0 only when they are."""

    state = "committed"


class Commit(Order):
    """Make releases permanent, with all that they require."""

    dangerous = True
    examples = ("software commit starlingx-10.0.1 --dry-run", "software commit starlingx-10.0.1")

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("releases", metavar="release", nargs="+", help="id of a release")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become permanent")

    def order(self, args: argparse.Namespace) -> dict[str, Any]:
        return self.software.commit(args.releases, args.dry_run)


COMMANDS = {"list": ReleaseList, "show": ReleaseShow, "upload": Upload, "upload-dir": UploadDir,
            "delete": ReleaseDelete, "is-available": IsAvailable, "is-deployed": IsDeployed,
            "is-committed": IsCommitted, "commit": Commit}
OSC_COMMANDS = {f"platform release {name}": COMMANDS[name] for name in ("list", "show", "upload", "delete", "commit")}
