# SPDX-License-Identifier: Apache-2.0
"""I/O of dnsmasq and the boot files: collects facts, writes files that changed, signals dnsmasq."""
from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path

from flock.core.errors import FlockError, Unavailable
from flock.db import Database
from flock.exec.atomic import replace_text
from flock.exec.process import run
from flock.exec.root import Root
from sm.client.running import restart
from sysinv.conductor.dhcp import (
    DnsmasqPaths,
    Lease,
    parse_hosts,
    parse_leases,
    render_addn_hosts,
    render_conf,
    render_hosts,
    render_rules,
)
from sysinv.conductor.pxe import BootFile, authority_in, boot_file_name, render_default, render_host
from sysinv.contract.enums import NetworkType, Personality
from sysinv.hosts.sharedfiles import Stored, stored
from sysinv.model.addressing import PoolView
from sysinv.model.hostname import FLOATING_HOST
from sysinv.resources.address import store as addresses
from sysinv.resources.host import store as hosts
from sysinv.resources.network import store as networks

LOG = logging.getLogger(__name__)
SYSTEMCTL_TIMEOUT_S = 30.0
SERVICE = "dnsmasq"
"""Its name in service management."""
HOST_FILE_MODE = 0o400
FILE_MAX_BYTES = 4 * 1024 * 1024


class BootFiles:
    """Boot files in ``pxelinux.cfg`` below the TFTP root. Only ``reader`` (a user id) can read those of hosts."""

    def __init__(self, tftp_root: Path, reader: int | None = None, wait: Stored = stored) -> None:
        self._directory = tftp_root / "pxelinux.cfg"
        self._reader, self._wait = reader, wait

    def write_default(self) -> None:
        """Write the boot file of hosts without a personality."""
        replace_text(self._directory / "default", render_default())

    def write(self, boot: BootFile) -> None:
        """Write the boot file of one host. InvalidInput: it cannot be rendered; Unavailable: not both controllers have
        it in time."""
        path = self._directory / boot_file_name(boot.mgmt_mac)
        replace_text(path, render_host(boot), HOST_FILE_MODE, self._reader)
        self._wait(path)

    def authority(self, mac: str) -> str | None:
        """The authority in a host's boot file, as one word; None without a boot file."""
        try:
            return authority_in((self._directory / boot_file_name(mac)).read_text())
        except FileNotFoundError:
            return None

    def remove(self, mac: str) -> None:
        """Remove a host's boot file, if it exists."""
        (self._directory / boot_file_name(mac)).unlink(missing_ok=True)


class Dnsmasq:
    """dnsmasq's configuration; ``unit`` is empty when sysinv does not manage the process."""

    def __init__(self, db: Database, paths: DnsmasqPaths, interfaces: Mapping[str, str], unit: str) -> None:
        self._db = db
        self._paths = paths
        self._interfaces = interfaces
        self._unit = unit
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Write the files from the database, and make dnsmasq read those that changed."""
        with self._lock:
            self._refresh()

    def leases(self) -> list[Lease]:
        """Return dnsmasq's leases; empty when the lease file cannot be read."""
        return parse_leases(self._written(self._paths.leases))

    @staticmethod
    def _written(path: str) -> str:
        """The text of a file; empty when it cannot be read."""
        try:
            with open(path, encoding="utf-8", errors="replace") as stream:
                return stream.read(FILE_MAX_BYTES)
        except OSError:
            return ""

    def _refresh(self) -> None:
        with self._db.reader() as conn:
            pools = networks.pools_by_network(conn)
            rows = hosts.all_rows(conn)
            mgmt = addresses.ending(conn, NetworkType.MGMT)
        pxeboot = pools.get(NetworkType.PXEBOOT)
        if pxeboot is None:
            return
        controllers = [(row["mgmt_mac"], row["hostname"]) for row in rows
                       if row["personality"] == Personality.CONTROLLER and row["hostname"]]
        # Fixed addresses only for hosts that an operator confirmed: a flood of strangers would keep the pool for ever.
        confirmed = {row["mgmt_mac"] for row in rows if row["personality"]}
        names = [(name, address) for name, address in mgmt.items() if name != FLOATING_HOST]
        floating = pools[NetworkType.MGMT].floating_address if NetworkType.MGMT in pools else None
        changed = replace_text(Path(self._paths.hosts), render_hosts(
            pxeboot, controllers, self.leases(), confirmed, parse_hosts(self._written(self._paths.hosts))))
        changed |= replace_text(Path(self._paths.addn_hosts),
                                render_addn_hosts(pxeboot.floating_address, floating, names))
        if self._write_conf(pxeboot):
            self._restart()
        elif changed:
            self._hang_up()

    def _write_conf(self, pxeboot: PoolView) -> bool:
        """Write what dnsmasq's unit reads when it starts; return whether it changed."""
        text = render_conf(self._paths, pxeboot, self._interfaces[NetworkType.PXEBOOT],
                           self._interfaces[NetworkType.MGMT])
        changed = replace_text(Path(self._paths.rules), render_rules(self._interfaces[NetworkType.PXEBOOT]))
        return replace_text(Path(self._paths.conf), text) or changed

    def _restart(self) -> None:
        """Restart dnsmasq, which reads its configuration only at its start. Leaves a stopped one stopped."""
        if not self._unit:
            self._hang_up()
            return
        try:
            restart(SERVICE)
            return
        except Unavailable as error:
            LOG.info("service management does not run here, so systemd restarts %s: %s", self._unit, error)
        except FlockError as error:
            LOG.warning("%s could not be restarted: %s", SERVICE, error)
            return
        try:
            run(["systemctl", "--no-ask-password", "--no-block", "try-restart", self._unit],
                timeout_s=SYSTEMCTL_TIMEOUT_S)
        except FlockError as error:
            LOG.warning("%s could not be restarted: %s", self._unit, error)

    def _hang_up(self) -> None:
        """Send SIGHUP: dnsmasq reads its host files again."""
        root = Root("/")
        pid = root.int(self._paths.pid.lstrip("/"))
        if pid is None or root.text(f"proc/{pid}/comm") != "dnsmasq":
            LOG.info("dnsmasq is not running; it will read its files when it starts")
            return
        try:
            os.kill(pid, signal.SIGHUP)
        except ProcessLookupError:
            LOG.info("dnsmasq has ended; it will read its files when it starts")
