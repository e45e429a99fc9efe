# SPDX-License-Identifier: Apache-2.0
"""Periodic audits of the conductor: installations and actions without progress, leases, boot files."""
from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.core.errors import DeadlineExceeded, Unavailable
from flock.db import Database, utcnow
from mtce.contract.rpc import MtceHosts
from sysinv.actions.progress import (
    NO_ACTION,
    ActionLimits,
    InstallLimits,
    action_audit,
    failed_with,
    install_audit,
)
from sysinv.conductor.dnsmasq import Dnsmasq
from sysinv.conductor.maintenance import PASS
from sysinv.conductor.steps import HostSteps
from sysinv.contract.enums import InstallState
from sysinv.db.lookup import Row, host_row
from sysinv.hosts.discovery import HostDiscovery
from sysinv.model.addressing import in_pool
from sysinv.resources.host import store as hosts
from sysinv.resources.network import store as networks

LOG = logging.getLogger(__name__)
# The audit renews the token of a boot file when less than this part of the token's lifetime remains.
RENEW_PART = 4


class Audits:
    """Periodic tasks, one per method: each reads the stored rows, decides, and writes the changes."""

    def __init__(self, db: Database, mtce: MtceHosts, steps: HostSteps, dnsmasq: Dnsmasq, discovery: HostDiscovery,
                 *, install: InstallLimits, action: ActionLimits, token_ttl_s: float,
                 now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._mtce = mtce
        self._steps = steps
        self._dnsmasq = dnsmasq
        self._discovery = discovery
        self._install_limits = install
        self._action_limits = action
        self._token_ttl_s = token_ttl_s
        self._now = now

    def install_states(self) -> None:
        """Fail installations without progress, complete those whose host is online."""
        now = self._now()
        for row in self._rows():
            silent_s = _age_s(row["install_state_at"], now)
            state = install_audit(row["install_state"], row["availability"], silent_s, self._install_limits)
            if state is not None:
                LOG.warning("host %s: installation changed from %s to %s after %d s", row["hostname"],
                            row["install_state"], state, silent_s)
                self._update(row, {"install_state": str(state), "install_state_at": now})

    def host_actions(self) -> None:
        """Send a lock to mtce again, or give it up, when mtce has not reported on it in time."""
        now = self._now()
        for row in self._rows():
            age_s = _age_s(row["ihost_action_at"], now)
            verdict = action_audit(row["ihost_action"], age_s, row["action_resent"], self._action_limits)
            if verdict.clear:
                LOG.warning("host %s: giving up %s, mtce did not report on it in %d s", row["hostname"],
                            row["ihost_action"], age_s)
                self._give_up(row, f"{row['ihost_action']} was not answered in {age_s} s")
            elif verdict.resend:
                self._resend(row)

    def leases(self) -> None:
        """Discover unknown machines that hold a lease; update dnsmasq's host files."""
        with self._db.reader() as conn:
            pool = networks.pools_by_network(conn).get("pxeboot")
        if pool is None:
            return
        self._discovery.sweep([(lease.mac, lease.ip_address, lease.expires_s) for lease in self._dnsmasq.leases()
                               if in_pool(pool, lease.ip_address)])
        self._dnsmasq.refresh()

    def boot_files(self) -> None:
        """Renew unused boot files before their tokens expire, and when they name another authority than is used."""
        limit = self._now() + datetime.timedelta(seconds=self._token_ttl_s / RENEW_PART)
        busy = (InstallState.PREINSTALL, InstallState.INSTALLING, InstallState.POSTINSTALL)
        for row in self._rows():
            expires = row["install_token_expires_at"]
            if expires is None or row["install_state"] in busy:
                continue
            if expires < limit or self._steps.boot_file_outdated(row["mgmt_mac"]):
                self._steps.renew_boot_file(row["uuid"])

    def _resend(self, row: Row) -> None:
        request_id = f"{row['uuid']}-{int(row['ihost_action_at'].timestamp())}"
        try:
            reply = self._mtce.host_action(host_uuid=row["uuid"], action="force-lock", request_id=request_id)
        except (Unavailable, DeadlineExceeded) as error:
            LOG.warning("host %s: force-lock could not be sent to mtce again: %s", row["hostname"], error)
            return
        LOG.warning("host %s: force-lock sent to mtce again: %s %s", row["hostname"], reply.status, reply.reason)
        if reply.status == PASS:
            self._update(row, {"action_resent": True})
        else:
            self._give_up(row, f"{row['ihost_action']} was refused: {reply.reason}")

    def _give_up(self, row: Row, reason: str) -> None:
        self._update(row, {**NO_ACTION, **failed_with(reason, self._now())})

    def _rows(self) -> list[Row]:
        with self._db.reader() as conn:
            return hosts.all_rows(conn)

    def _update(self, seen: Row, values: Mapping[str, Any]) -> None:
        """Write ``values`` unless the host changed since ``seen`` was read; the next round reads it again."""

        def write(conn: Connection) -> None:
            row = host_row(conn, seen["uuid"], lock=True)
            if row["revision"] == seen["revision"]:
                hosts.write(conn, row, dict(values))

        self._db.transact(write)


def _age_s(since: datetime.datetime | None, now: datetime.datetime) -> int:
    return 0 if since is None else max(0, int((now - since).total_seconds()))
