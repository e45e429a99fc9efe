# SPDX-License-Identifier: Apache-2.0
"""One installation: fetch, plan, write, enable. Reports every failure to the controller and ends."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flock import tls
from flock.core.errors import FlockError
from sysinv.installer.cmdline import InstallParameters
from sysinv.installer.files import Target
from sysinv.installer.plan import WriteFile, install_plan, open_bundle
from sysinv.model.hostfiles import HOST_KEY_FILE, PRIVATE

CONFIGURATION_DEADLINE_S = 300.0
REPORT_EVERY = 5


class Reporter(Protocol):
    """The part of ``Controller`` that an installation uses."""

    def progress(self, state: str, info: str | None = None) -> bool:
        """Report a state."""

    def configuration(self, request_pem: str, deadline_s: float) -> object:
        """Fetch the sealed bundle."""


def install(parameters: InstallParameters, controller: Reporter, target: Path, share: Path,
            say: Callable[[str], None]) -> bool:
    """Install the host; True when ``target`` is bootable.

    ``share`` is the directory with the release's ``systemd/`` and ``goenabled.d/``.
    """
    try:
        _install(parameters, controller, target, share, say)
    except (FlockError, OSError) as error:
        say(f"installation failed: {error}")
        controller.progress("failed", str(error)[:255])
        return False
    if not controller.progress("installed"):
        say("installed; the controller did not accept the last report")
    return True


def _install(parameters: InstallParameters, controller: Reporter, target: Path, share: Path,
             say: Callable[[str], None]) -> None:
    say(f"installing {parameters.host_uuid} as {parameters.role} on {parameters.rootfs_device}")
    controller.progress("preinstall")
    # A new key for each installation: it is written to this host's disk and goes nowhere else.
    key = tls.new_key()
    reply = controller.configuration(tls.new_request(key, parameters.host_uuid).decode("ascii"),
                                     CONFIGURATION_DEADLINE_S)
    bundle = open_bundle(reply, key, parameters.host_uuid)
    steps = install_plan(bundle, _texts(share / "systemd"), _texts(share / "goenabled.d"))
    steps.append(WriteFile(HOST_KEY_FILE, PRIVATE, key.decode("ascii")))
    root = Target(target)
    controller.progress("installing", f"0/{len(steps)}")
    for number, step in enumerate(steps, start=1):
        root.apply(step)
        if number % REPORT_EVERY == 0 or number == len(steps):
            controller.progress("installing", f"{number}/{len(steps)}")
    controller.progress("postinstall", f"{len(steps)}/{len(steps)}")
    say(f"{bundle.hostname}: {len(steps)} steps done")


def _texts(directory: Path) -> dict[str, str]:
    if not directory.is_dir():
        return {}
    return {entry.name: entry.read_text() for entry in sorted(directory.iterdir()) if entry.is_file()}
