# SPDX-License-Identifier: Apache-2.0
"""``software-build``: builds, signs, inspects and changes patches, and builds major releases, also of this product."""
from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flock.core.errors import FlockError, InvalidInput
from patching.artifact import product, trust, workshop
from patching.artifact.metadata import HOOKS, Metadata
from patching.contract.states import ReleaseStatus
from patching.contract.version import Version, split_release_id

PROG = "software-build"
TRUSTED = Path("/etc/flock/software/trusted")
TEXTS = ("summary", "description", "install_instructions", "warnings")


def main() -> None:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command line. 0: done; 1: refused, with the reason on stderr; 2: the command line is wrong."""
    args = _parser().parse_args(arguments)
    done: Callable[[argparse.Namespace], None] = args.done
    try:
        done(args)
    except (FlockError, OSError) as error:
        print(f"{PROG}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROG, description="Builds, signs, inspects and changes patches of the software.", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter, epilog="\n".join((
            "examples:", f"  {PROG} key developer",
            f"  {PROG} patch --id starlingx-10.0.1 --key developer.key --no-reboot --previous fm_1.0.deb fm_1.1.deb",
            f"  {PROG} inspect --trusted certificates/ starlingx-10.0.1.patch")))
    what = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
    _patch(what.add_parser("patch", help="build a patch from packages, hooks and scripts"))
    _release(what.add_parser("release", help="build a major release (.iso and .sig) from packages, hooks and scripts"))
    _flock(what.add_parser("flock", help="build a release of this product (.iso and .sig) from a checkout"))
    one = what.add_parser("delta", help="make the package file of an OSTree commit")
    one.set_defaults(done=_make_delta)
    one.add_argument("--repo", type=Path, required=True, help="the repository with both commits")
    one.add_argument("--base", default="", help="commit that hosts have; without it the file holds everything")
    one.add_argument("--target", type=Path, default=Path(), help="directory for the file")
    one.add_argument("commit")
    one = what.add_parser("inspect", help="show what a file says of itself, who signed it, and what is in it")
    one.set_defaults(done=_inspect)
    _reading(one)
    one.add_argument("--json", action="store_true", help="as one JSON object, for programs")
    one = what.add_parser("modify", help="change what a patch says of itself, and sign it anew")
    one.set_defaults(done=_modify)
    _reading(one)
    _writing(one)
    _description(one)
    one = what.add_parser("key", help="make a key and its certificate for development")
    one.set_defaults(done=_make_key)
    one.add_argument("name", help="of the files, and in the certificate")
    one.add_argument("--days", type=int, default=365, choices=range(1, 3651), metavar="1-3650",
                     help="for which the certificate is valid (default: 365)")
    one.add_argument("--target", type=Path, default=Path(), help="directory for both files")
    return parser


def _patch(one: argparse.ArgumentParser) -> None:
    one.set_defaults(done=_build)
    _made_of(one)
    one.add_argument("--previous", type=Path, action="append", default=[], metavar="FILE",
                     help="package to which hosts return without the patch; one for each that no earlier patch holds")
    one.add_argument("--restart-script", type=Path, action="append", default=[], metavar="FILE",
                     help="script that restarts services on each host, in service")


def _release(one: argparse.ArgumentParser) -> None:
    one.set_defaults(done=_build_release)
    _made_of(one)
    one.add_argument("--from", dest="supported_from", action="append", required=True, metavar="MM.mm",
                     help="version of which a system can come to this release")
    one.add_argument("--previous", type=Path, action="append", default=[], metavar="FILE",
                     help="package to which hosts return when the release is taken back; OSTree needs none")


def _flock(one: argparse.ArgumentParser) -> None:
    one.set_defaults(done=_build_flock)
    one.add_argument("--source", type=Path, default=Path(), help="the checkout (default: the present directory)")
    one.add_argument("--component", default="starlingx", help="first part of the release's id (default: starlingx)")
    one.add_argument("--package-only", action="store_true", help="only the package, which a release has as --previous")
    one.add_argument("--from", dest="supported_from", action="append", default=[], metavar="MM.mm",
                     help="version of which a system can come to this release")
    one.add_argument("--previous", type=Path, action="append", default=[], metavar="FILE",
                     help="package of the release before, to which hosts return when this one is taken back")
    _writing(one, key_needed=False)
    _description(one)
    one.add_argument("version", help="such as 1.1.0")


def _made_of(one: argparse.ArgumentParser) -> None:
    one.add_argument("--id", required=True, help="of the release, such as starlingx-10.0.1")
    _writing(one)
    _description(one)
    for hook in HOOKS:
        one.add_argument(f"--{hook.replace('_', '-')}", type=Path, metavar="FILE", help=f"hook {hook}")
    one.add_argument("--activation-script", type=Path, action="append", default=[], metavar="FILE",
                     help="script NN-name that runs on the active controller")
    one.add_argument("packages", type=Path, nargs="+", help="files of one kind: .deb, .rpm or .delta")


def _writing(one: argparse.ArgumentParser, *, key_needed: bool = True) -> None:
    one.add_argument("--key", type=Path, required=key_needed, help="private RSA key (PEM) that signs")
    one.add_argument("--target", type=Path, default=Path(), help="directory for what is made")


def _reading(one: argparse.ArgumentParser) -> None:
    one.add_argument("--trusted", type=Path, default=TRUSTED,
                     help=f"directory of the certificates whose signatures count (default: {TRUSTED})")
    one.add_argument("file", type=Path)


def _description(one: argparse.ArgumentParser) -> None:
    for name in TEXTS:
        one.add_argument(f"--{name.replace('_', '-')}", default=None, metavar="TEXT", help="text for people")
    one.add_argument("--status", default=None, choices=[status.value for status in ReleaseStatus])
    one.add_argument("--requires", action="append", default=None, metavar="ID", help="release that must be there")
    one.add_argument("--reboot", dest="reboot_required", action="store_true", default=None,
                     help="hosts must boot to run it; so it is unless --no-reboot says otherwise")
    one.add_argument("--no-reboot", dest="reboot_required", action="store_false")
    one.add_argument("--unremovable", action="store_true", default=None, help="it cannot be taken back")
    one.add_argument("--removable", dest="unremovable", action="store_false")


def _changes(args: argparse.Namespace) -> dict[str, Any]:
    found = {name: getattr(args, name) for name in (*TEXTS, "status", "requires", "reboot_required", "unremovable")}
    found = {name: value for name, value in found.items() if value is not None}
    if "status" in found:
        found["status"] = ReleaseStatus(found["status"])
    if "requires" in found:
        found["requires"] = tuple(found["requires"])
    return found


def _build(args: argparse.Namespace) -> None:
    parts = workshop.Parts(args.packages, args.previous, _hooks(args), args.activation_script, args.restart_script)
    print(workshop.make(_described(args), parts, workshop.private_key(args.key), args.target))


def _build_release(args: argparse.Namespace) -> None:
    parts = workshop.Parts(args.packages, args.previous, _hooks(args), args.activation_script)
    for path in workshop.make_release(_described(args), parts, args.supported_from, workshop.private_key(args.key),
                                      args.target):
        print(path)


def _build_flock(args: argparse.Namespace) -> None:
    version = Version.parse(args.version, "version")
    checkout = product.Checkout(args.source.resolve())
    if args.package_only:
        print(product.make_package(checkout, version, args.target))
        return
    missing = [f"--{name}" for name, value in (("key", args.key), ("from", args.supported_from),
                                               ("previous", args.previous)) if not value]
    if missing:
        raise InvalidInput(field="release", rule=f"of the product needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory(dir=args.target, prefix=".flock-") as folder:
        package = product.make_package(checkout, version, Path(folder))
        hooks, activation = product.release_parts(checkout)
        parts = workshop.Parts([package], args.previous, hooks, activation)
        described = Metadata(f"{args.component}-{version}", version, args.component, **_changes(args))
        for path in workshop.make_release(described, parts, args.supported_from, workshop.private_key(args.key),
                                          args.target):
            print(path)


def _described(args: argparse.Namespace) -> Metadata:
    component, version = split_release_id(args.id)
    return Metadata(args.id, version, component, **_changes(args))


def _hooks(args: argparse.Namespace) -> dict[str, Path]:
    return {hook: path for hook in HOOKS if (path := getattr(args, hook)) is not None}


def _make_delta(args: argparse.Namespace) -> None:
    print(workshop.make_delta(args.repo, args.commit, args.base, args.target))


def _inspect(args: argparse.Namespace) -> None:
    found = workshop.inspect(args.file, trust.load(args.trusted))
    if args.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            value = [f"{digest}  {member}" for member, digest in value.items()]
        lines = [_line(one) for one in value] if isinstance(value, list) else [_line(value)]
        print(f"{name:21}{lines[0] if lines else '-'}")
        for line in lines[1:]:
            print(f"{'':21}{line}")


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(str(part) for part in value.values())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or "-"


def _modify(args: argparse.Namespace) -> None:
    print(workshop.modify(args.file, trust.load(args.trusted), workshop.private_key(args.key), args.target,
                          _changes(args)))


def _make_key(args: argparse.Namespace) -> None:
    for path in workshop.make_signer(args.name, args.days, args.target):
        print(path)
