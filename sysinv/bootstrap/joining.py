# SPDX-License-Identifier: Apache-2.0
"""Two controllers: the second one makes its files at its first boot, and the first one accepts it."""
from __future__ import annotations

import datetime
import shutil
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from flock.conf import shared
from flock.core.errors import Refused
from flock.exec.process import run
from sm.client.running import wait_active
from sysinv.bootstrap import following, management, render, rotation
from sysinv.bootstrap.answers import Answers, load
from sysinv.bootstrap.secrets import load_or_create
from sysinv.bootstrap.steps import (
    COMMAND_TIMEOUT_S,
    CONF_DIR,
    POSTGRESQL_VERSION,
    START_TIMEOUT_S,
    UNIT_OF_MANAGEMENT,
    UNITS_ENABLED,
    UNITS_FOLLOWING,
    Bootstrap,
    Step,
    bus_files,
    certificates,
    front_files,
    management_files,
    own_addresses,
    own_users,
    postgresql_files,
    service_files,
    systemctl,
    unit_files,
)
from sysinv.hosts import expected
from sysinv.model.hostfiles import RenderedFile
from sysinv.model.hostname import CONTROLLER_0, CONTROLLER_1

FENCE = "/opt/flock/venv/bin/mtce-fence"
CLUSTER = Path(f"/etc/postgresql/{POSTGRESQL_VERSION}/main")
DATA = Path(f"/var/lib/postgresql/{POSTGRESQL_VERSION}/main")
LISTENS_TIMEOUT_S = 2.0
MIRRORED = shared.DIRECTORY / ".sm-mirror/current"
# The agents keep the account of the bus that the installation gave this host.
KEPT = (CONF_DIR / "flock.conf", shared.BUS_DEFINITIONS)


def fencing(answers: Answers) -> management.Fencing:
    """How each controller is switched off: by the boards in ``shared.BOARDS``; empty without that file.

    InvalidInput, Refused when the file cannot be used.
    """
    if not shared.BOARDS.exists():
        return {}
    boards: dict[str, dict[str, str]] = yaml.safe_load(shared.BOARDS.read_text()) or {}
    transport: dict[str, Any] = dict(answers.overrides.get("mtce", {}).get("bmc", {}))
    common = {name: str(transport[option]) for name, option in (("scheme", "redfish_scheme"), ("port", "redfish_port"),
                                                                ("verify", "redfish_verify")) if option in transport}
    return {name: {"program": FENCE, "restart": True, "parameters": {
        "type": board["type"], "ip": board["address"], "username": board["username"], "password": board["password"],
        **(common if board["type"] == "redfish" else {})}} for name, board in boards.items()}


def _configure(boot: Bootstrap) -> None:
    if boot.answers.database == "postgresql" and not DATA.exists() and not CLUSTER.exists():
        postgresql_files(boot)
        # A cluster that was made here has another origin; the data is copied when service management starts the server.
        shutil.rmtree(DATA)
    bus_files(boot, keep=KEPT)
    service_files(boot, keep=KEPT)
    front_files(boot)


def _manage(boot: Bootstrap) -> None:
    management_files(boot, pair=True, fencing=fencing(boot.answers))
    Path(management.CONFIGURED).touch()
    systemctl("enable", *UNITS_ENABLED)
    systemctl("start", "--no-block", *UNITS_FOLLOWING)


JOIN_STEPS: tuple[Step, ...] = (
    ("host name, addresses", own_addresses),
    ("service units", unit_files),
    ("certificates", certificates),
    ("message bus, identity service, subsystems", _configure),
    ("users of the services", own_users),
    ("service management of two controllers", _manage),
)


def join(bin_dir: Path, share_dir: Path, say: Callable[[str], None]) -> None:
    """Make this host, which has the files that both controllers share, the second controller. Starts nothing.

    Refused on a host that has no such files, or that is not the second controller.
    """
    hostname = socket.gethostname().partition(".")[0]
    if hostname != CONTROLLER_1:
        raise Refused(detail=f"This host is {hostname}; only {CONTROLLER_1} joins a system.")
    boot = _boot(bin_dir, share_dir, hostname)
    for title, step in JOIN_STEPS:
        begun = time.monotonic()
        step(boot)
        say(f"{title} ({time.monotonic() - begun:.1f} s)")


def pair(bin_dir: Path, share_dir: Path, say: Callable[[str], None]) -> None:
    """Have service management of the first controller count with the second one. The services go on running.

    May be repeated; what has not changed is left alone. Refused on another host, and on a system that cannot have two
    controllers. DeadlineExceeded: not everything is active here afterwards.
    """
    hostname = socket.gethostname().partition(".")[0]
    if hostname != CONTROLLER_0:
        raise Refused(detail=f"This host is {hostname}; run this on {CONTROLLER_0}.")
    boot = _boot(bin_dir, share_dir, hostname)
    if boot.answers.lacks_for_two:
        raise Refused(detail=boot.answers.lacks_for_two)
    if not MIRRORED.exists():
        run([str(bin_dir / "sm-mirror"), "init"], timeout_s=COMMAND_TIMEOUT_S)
    boards = fencing(boot.answers)
    if _differ(management.management_files(boot.answers, hostname, pair=True, fencing=boards)):
        management_files(boot, pair=True, fencing=boards)
        if _listens(boot.answers.network("mgmt").own_address(hostname)):
            systemctl("restart", UNIT_OF_MANAGEMENT)
        else:
            # Its settings are those of an earlier release, and it reads only at its start where it listens.
            say("the database restarts, and what uses it")
            systemctl("stop", UNIT_OF_MANAGEMENT)
            systemctl("stop", f"postgresql@{POSTGRESQL_VERSION}-main")
            systemctl("start", UNIT_OF_MANAGEMENT)
    wait_active(START_TIMEOUT_S)
    expected.end()
    say("service management counts with two controllers")


def follow(bin_dir: Path, share_dir: Path, say: Callable[[str], None]) -> None:
    """On the standby controller: make its own files anew from what both share, where that has changed.

    Elsewhere nothing is done. Refused while ``flock-rotate`` runs here, and on a host without the shared files.
    """
    hostname = socket.gethostname().partition(".")[0]
    if following.ACTIVE.exists() or not management.is_paired(Path(management.SETTINGS)):
        say("this is no standby controller, so nothing is done")
        return

    def files() -> list[RenderedFile]:
        boot = _boot(bin_dir, share_dir, hostname)
        made = [*render.service_files(boot.answers, boot.secrets, hostname),
                *render.keystone_files(boot.answers, boot.secrets)]
        return [file for file in made if Path(file.path) not in KEPT]

    def tell(verb: str, unit: str) -> None:
        # A unit that does not run reads its files when it starts.
        run(["systemctl", "--no-ask-password", verb, unit], timeout_s=COMMAND_TIMEOUT_S, check=False)

    with rotation.alone(CONF_DIR):
        done = following.follow(following.Standby(
            CONF_DIR, shared.AUTHORITY, shared.SECRETS, files, partial(tell, "try-restart"), partial(tell, "reload"),
            f"postgresql@{POSTGRESQL_VERSION}-main", say), lambda: datetime.datetime.now(datetime.UTC))
    say("this controller has what both share" if done else "this controller has become active; nothing more is done")


def _differ(files: Iterable[RenderedFile]) -> bool:
    """Whether one of the files has another content now, or does not exist."""
    for file in files:
        try:
            if Path(file.path).read_text() != file.content:
                return True
        except OSError:
            return True
    return False


def _listens(address: str | None) -> bool:
    """Whether the database accepts connections at an address of this host."""
    try:
        with socket.create_connection((address or "", management.DATABASE_PORT), timeout=LISTENS_TIMEOUT_S):
            return True
    except OSError:
        return False


def _boot(bin_dir: Path, share_dir: Path, hostname: str) -> Bootstrap:
    for path in (shared.ANSWERS, shared.SECRETS, shared.AUTHORITY / "ca.key"):
        if not path.exists():
            raise Refused(detail=f"{path} is missing. It comes with the installation of a controller, or by its "
                          "bootstrap.")
    return Bootstrap(load(shared.ANSWERS), shared.ANSWERS, load_or_create(shared.SECRETS), bin_dir, share_dir, hostname)
