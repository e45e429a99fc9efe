# SPDX-License-Identifier: Apache-2.0
"""One installation: fetch, plan, write, enable. Reports every failure to the controller and ends."""
from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from flock import tls
from flock.core.errors import FlockError
from flock.core.product import major_version
from flock.core.records import replace
from sysinv.installer.cmdline import InstallParameters
from sysinv.installer.files import Target
from sysinv.installer.plan import Step, WriteFile, install_plan, open_bundle
from sysinv.model.hostfiles import HOST_KEY_FILE, PLATFORM_CONF, PRIVATE

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
    steps = [_with_version(step, major_version()) for step in steps]
    steps.append(WriteFile(HOST_KEY_FILE, PRIVATE, key.decode("ascii")))
    root = Target(target)
    controller.progress("installing", f"0/{len(steps)}")
    for number, step in enumerate(steps, start=1):
        root.apply(step)
        if number % REPORT_EVERY == 0 or number == len(steps):
            controller.progress("installing", f"{number}/{len(steps)}")
    controller.progress("postinstall", f"{len(steps)}/{len(steps)}")
    say(f"{bundle.hostname}: {len(steps)} steps done")


def _with_version(step: Step, version: str) -> Step:
    """The host runs the release that installs it, whatever release the controller runs meanwhile."""
    if not isinstance(step, WriteFile) or step.path != PLATFORM_CONF:
        return step
    return replace(step, content=re.sub(r"(?m)^sw_version=.*$", f"sw_version={version}", step.content))


def _texts(directory: Path) -> dict[str, str]:
    if not directory.is_dir():
        return {}
    return {entry.name: entry.read_text() for entry in sorted(directory.iterdir()) if entry.is_file()}
