# SPDX-License-Identifier: Apache-2.0
"""The commands of sw-patch about hosts."""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, ClassVar

from flock.cli.wait import Outcome, Verdict, wait_for
from flock.exec import run
from patching.classic import text
from patching.classic.shell.cli import ClassicCommand, Formatted, Told, Verb

INSTALL_MAX_S = 4 * 3600.0


class QueryHosts(Formatted):
    """List hosts, and whether they run what they should."""

    examples = ("sw-patch query-hosts", "sw-patch query-hosts -f json")

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        found = self.patches.hosts()
        self.write(parsed_args, text.hosts(found), found)
        return 0


class _OfHost(Verb):
    verb: ClassVar[str] = ""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("hostname", metavar="HOST", help="name of a host")

    def told(self, args: argparse.Namespace) -> Told:
        return self.patches.act(self.verb, [args.hostname, *(["force"] if getattr(args, "force", False) else [])])


class HostInstallAsync(_OfHost):
    """Begin to install on a host what it lacks, or to take away what it has too many."""

    verb = "host_install_async"
    examples = ("sw-patch host-install-async controller-1",)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        super().arguments(parser)
        parser.add_argument("--force", action="store_true", help="accepted for existing scripts; has no effect")


class HostInstall(HostInstallAsync):
    """Install on a host what it lacks, and wait for the end."""

    examples = ("sw-patch host-install controller-1",)

    def told(self, args: argparse.Namespace) -> Told:
        begun = super().told(args)
        if begun.get("error"):
            return begun
        self.say(begun)
        self.stdout.flush()
        # The service may be away for a while, because it is patched itself.
        wait_for(f"the installation on {args.hostname}", lambda: self._host(args.hostname), _judged, self.stderr,
                      INSTALL_MAX_S)
        return {"info": "Installation was successful.\n"}

    def _host(self, hostname: str) -> dict[str, Any] | None:
        return next((one for one in self.patches.hosts() if one.get("hostname") == hostname), None)


def _judged(host: dict[str, Any] | None) -> Verdict:
    if host is None:
        return Verdict(Outcome.FAILED, "the host has gone")
    if host.get("patch_failed"):
        return Verdict(Outcome.FAILED, "installation failed; see the logs of the host")
    if host.get("state") == "install-rejected":
        return Verdict(Outcome.FAILED, "installation rejected: the host must be locked")
    return Verdict(Outcome.DONE if host.get("patch_current") else Outcome.PENDING, str(host.get("state")))


class DropHost(_OfHost):
    """Forget a host that is gone."""

    verb = "drop_host"
    examples = ("sw-patch drop-host compute-3",)


class InstallLocal(ClassicCommand):
    """Install on this host what the system runs, without the controller's order."""

    examples = ("sw-patch install-local",)
    auth_required = False

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        agent = Path(sys.prefix) / "bin" / "patching-agent"
        done = run([str(agent), "--once", "--local"], timeout_s=INSTALL_MAX_S, check=False)
        self.stdout.write(done.out)
        self.stderr.write(done.err)
        return _code(done.rc)


def _code(status: Any) -> int:
    """0: nothing to do, or done and a reboot is needed (1); anything else is a failure."""
    return 0 if status in (0, 1) else 1


COMMANDS = {"query-hosts": QueryHosts, "host-install": HostInstall, "host-install-async": HostInstallAsync,
            "install-local": InstallLocal, "drop-host": DropHost}
