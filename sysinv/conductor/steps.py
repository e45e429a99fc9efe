# SPDX-License-Identifier: Apache-2.0
"""The steps of stored operations: configure a host, carry out an action, delete a host. Each may run twice."""
from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from flock import tls
from flock.core.errors import NotFound, Unavailable
from flock.db import Database, utcnow
from flock.jobs.steps import OperationView, Step, Steps, Wait
from flock.jobs.store import active_of
from mtce.contract.rpc import MtceHosts
from sysinv.actions.progress import NO_ACTION, failed_with, resynced
from sysinv.conductor.dnsmasq import BootFiles, Dnsmasq
from sysinv.conductor.maintenance import check_action, check_add, freshly_sealed, mtce_host
from sysinv.conductor.pxe import BootFile
from sysinv.contract.enums import UNLOCK_ACTIONS, Operational, OperatorAction, VimProgress
from sysinv.contract.errors import ActionRejected
from sysinv.contract.operations import OperationKind
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.hosts import departed
from sysinv.hosts.discovery import HostDiscovery
from sysinv.hosts.installation import new_token
from sysinv.hosts.provision import host_addresses, release_addresses
from sysinv.model.host import host_view
from sysinv.resources.host import store as hosts
from sysinv.resources.operation.table import OPERATIONS

LOG = logging.getLogger(__name__)
FILES_TIMEOUT_S = 60.0
BOOT_FILE_WAIT_S = 1.0
# A host that does not fetch its configuration in time boots with what it has, and fetches it then.
FETCH_WAIT_S, FETCH_ASK_S = 20.0, 0.5


@dataclass(frozen=True, slots=True)
class StepSettings:
    """Settings of the steps. ``active_controller`` never installs itself; times in seconds.

    ``secret_key_file`` opens stored BMC passwords. Boot files carry the certificate in ``authority_file``; without it,
    installing hosts use plain HTTP.
    """

    active_controller: str
    install_token_ttl_s: float
    mtce_step_timeout_s: float
    api_port: int
    secret_key_file: Path
    authority_file: Path | None = None


class HostSteps:
    """Steps of operations, each for one host."""

    def __init__(self, db: Database, mtce: MtceHosts, boot_files: BootFiles, dnsmasq: Dnsmasq,
                 discovery: HostDiscovery, settings: StepSettings,
                 now: Callable[[], datetime.datetime] = utcnow,
                 waits_for_fetch: Callable[[str, float], bool] = lambda _uuid, _age_max_s: False) -> None:
        self._db = db
        self._mtce = mtce
        self._boot_files = boot_files
        self._dnsmasq = dnsmasq
        self._discovery = discovery
        self._settings = settings
        self._now = now
        self._waits_for_fetch = waits_for_fetch
        # The hash of a token is stored before its boot file is written, so two writers of one file must not interleave.
        self._writing = threading.Lock()

    def kinds(self) -> dict[str, Steps]:
        """Return the steps of each kind of operation."""
        mtce_s = self._settings.mtce_step_timeout_s
        plans = (
            Steps(OperationKind.CONFIGURE,
                  Step("files", self.files, timeout_s=FILES_TIMEOUT_S),
                  Step("maintenance", self.tell_host, timeout_s=mtce_s)),
            Steps(OperationKind.ACTION,
                  Step("configure", self.configure_for_action, undo=self.roll_back, timeout_s=mtce_s),
                  Step("maintenance", self.tell_action, timeout_s=mtce_s)),
            Steps(OperationKind.DELETE,
                  Step("maintenance", self.tell_delete, undo=self.keep_host, timeout_s=mtce_s),
                  Step("files", self.remove_files, timeout_s=FILES_TIMEOUT_S),
                  Step("record", self.remove_record, timeout_s=FILES_TIMEOUT_S)),
            Steps(OperationKind.RESYNC, Step("maintenance", self.resync, timeout_s=mtce_s)),
        )
        return {str(plan.kind): plan for plan in plans}

    def files(self, view: OperationView) -> None:
        """Write boot file and dnsmasq's host files, unless the host is being deleted.

        Removes the boot file of a host whose installation has ended.
        """
        if self._being_deleted(view.subject):
            return
        if view.params.get("boot_file"):
            self.renew_boot_file(view.subject)
        elif view.params.get("installed"):
            self._remove_used(view.subject)
        self._dnsmasq.refresh()

    def tell_host(self, view: OperationView) -> None:
        """Send the stored record to mtce, unless the host is being deleted."""
        if self._being_deleted(view.subject):
            LOG.info("host %s is being deleted; its record is not sent to mtce", view.subject)
            return
        self.put_host(view.subject)

    def configure_for_action(self, view: OperationView) -> Wait | None:
        """Prepare the host before mtce begins the action; a reinstall gets a new boot file.

        A host is powered on only when its boot file has been written; it would boot something else before. A host that
        is unlocked fetches its configuration first, which it applies while it boots.
        """
        if view.params["action"] in UNLOCK_ACTIONS and self._waits_for_fetch(view.subject, FETCH_WAIT_S):
            return Wait(FETCH_ASK_S)
        if view.params["action"] == OperatorAction.POWER_ON and self._gets_boot_file(view.subject):
            return Wait(BOOT_FILE_WAIT_S)
        if view.params["action"] == OperatorAction.REINSTALL:
            self.renew_boot_file(view.subject)
        self.put_host(view.subject)
        if view.params["tells_vim"]:
            # Without a virtual infrastructure manager, services count as disabled immediately.
            self._write(view.subject, {"vim_progress_status": VimProgress.SERVICES_DISABLED.value})
        return None

    def tell_action(self, view: OperationView) -> None:
        """Request the action from mtce, which recognises a repeated request by the operation's uuid."""
        reply = self._mtce.host_action(
            host_uuid=view.subject, action=view.params["mtce_action"], request_id=view.uuid)
        check_action(reply)
        LOG.info("mtce accepted %s of host %s", view.params["action"], view.subject)

    def roll_back(self, view: OperationView) -> None:
        """Clear the requested action and store the reason, unless a newer operation has begun.

        Leaves mtce's columns unchanged, because mtce would not send them again.
        """

        def undo(conn: Connection) -> None:
            row = host_row(conn, view.subject, lock=True)
            if row["ihost_action"] == view.params["action"]:
                reason = failed_with(view.error or "The action did not begin.", self._now())
                values = {**view.params["before"], **NO_ACTION, **reason}
                if view.params["tells_vim"] and row["operational"] == Operational.ENABLED:
                    values["vim_progress_status"] = VimProgress.SERVICES_ENABLED.value
                hosts.write(conn, row, values)

        self._db.transact(undo)
        LOG.warning("action %s of host %s did not begin: %s", view.params["action"], view.subject, view.error)

    def tell_delete(self, view: OperationView) -> None:
        """Have mtce delete the host first, so that it does not act on a deleted host."""
        check_action(self._mtce.delete_host(host_uuid=view.subject, revision=view.params.get("revision", 0)))

    def keep_host(self, view: OperationView) -> None:
        """Keep the host: send its record to mtce again, with a revision above that of the deletion."""

        def keep(conn: Connection) -> None:
            row = host_row(conn, view.subject, lock=True)
            reason = failed_with(view.error or "The host could not be deleted.", self._now())
            hosts.write(conn, row, {"action_text": None, **reason, **hosts.next_revision(row)})

        self._db.transact(keep)
        self._put(view.subject)

    def remove_files(self, view: OperationView) -> None:
        """Remove the boot file. The machine then waits for a personality when it boots."""
        self._boot_files.remove(view.params["mac"])

    def remove_record(self, view: OperationView) -> None:
        """Delete the record, its addresses and all rows that depend on them."""
        held = [lease.expires_s for lease in self._dnsmasq.leases() if lease.mac == view.params["mac"]]

        def remove(conn: Connection) -> None:
            try:
                row = host_row(conn, view.subject, lock=True)
            except NotFound:
                return
            departed.remember(conn, row, self._now())
            release_addresses(conn, row["id"], row["hostname"])
            self._discovery.forget(conn, row["mgmt_mac"], held)
            hosts.delete(conn, row["id"])

        self._db.transact(remove)
        self._dnsmasq.refresh()

    def resync(self, view: OperationView) -> None:
        """Take all states of the host from mtce, and with them the number above which later updates count."""
        self.put_host(view.subject)
        with self._db.reader() as conn:
            asked_with = host_row(conn, view.subject)["mtce_sequence"]
        status = self._mtce.resync_host(host_uuid=view.subject, sequence=asked_with)
        if status is None:
            raise ActionRejected(reason="Host maintenance does not have the host",
                                 action="Give the host a personality and then retry")

        def write(conn: Connection) -> None:
            row = host_row(conn, view.subject, lock=True)
            acting = any(one.kind == OperationKind.ACTION for one in active_of(conn, OPERATIONS, view.subject))
            hosts.write(conn, row, resynced(host_view(row), status, asked_with, acting=acting))

        self._db.transact(write)
        LOG.warning("host %s: an operator resynchronized its states; their number was %d, it is %d now",
                    status.hostname, asked_with, status.sequence)

    def put_host(self, host_uuid: str) -> bool:
        """Send one record to mtce. Returns False while the host has no personality or is being deleted.

        When a deletion begins at the same time, mtce refuses the record: its revision is not above the deletion's.
        Raises AddRejected, Unavailable.
        """
        return not self._being_deleted(host_uuid) and self._put(host_uuid)

    def _being_deleted(self, host_uuid: str) -> bool:
        with self._db.reader() as conn:
            return any(one.kind == OperationKind.DELETE for one in active_of(conn, OPERATIONS, host_uuid))

    def _gets_boot_file(self, host_uuid: str) -> bool:
        with self._db.reader() as conn:
            return any(one.kind == OperationKind.CONFIGURE and one.params.get("boot_file")
                       for one in active_of(conn, OPERATIONS, host_uuid))

    def _put(self, host_uuid: str) -> bool:
        with self._db.reader() as conn:
            row = host_row(conn, host_uuid)
            addresses = host_addresses(conn, the_system(conn), row["hostname"]) if row["hostname"] else {}
        host = mtce_host(row, addresses)
        if host is None:
            return False
        check_add(self._mtce.put_host(host=freshly_sealed(host, self._settings.secret_key_file)))
        return True

    def _remove_used(self, host_uuid: str) -> None:
        """Remove the boot file whose token has been used, unless a newer one was written since."""
        with self._writing:
            with self._db.reader() as conn:
                row = host_row(conn, host_uuid)
            if row["install_token_hash"] is None:
                self._boot_files.remove(row["mgmt_mac"])

    def renew_boot_file(self, host_uuid: str) -> None:
        """Write a boot file with a new one-time token; stores the token's hash first."""
        with self._writing:
            token, columns = new_token(self._settings.install_token_ttl_s, self._now())
            row = self._write(host_uuid, columns)
            if not row["hostname"] or not row["personality"] or row["hostname"] == self._settings.active_controller:
                return
            self._boot_files.write(BootFile(
                host_uuid=row["uuid"], mgmt_mac=row["mgmt_mac"], personality=row["personality"],
                subfunctions=row["subfunctions"] or "", boot_device=row["boot_device"],
                rootfs_device=row["rootfs_device"], hw_settle=row["hw_settle"], install_output=row["install_output"],
                console=row["console"], tboot=row["tboot"], token=token, software_version=row["sw_version"],
                api_port=self._settings.api_port, authority=self.authority()))

    def boot_file_outdated(self, mac: str) -> bool:
        """Whether a host's boot file names an authority that the controller's certificate is not of any more."""
        named = self._boot_files.authority(mac)
        try:
            return named is not None and named != self.authority()
        except Unavailable:
            # Then nothing better can be written either.
            return False

    def authority(self) -> str:
        """The authority by which an installing host verifies this controller, as one word; empty for plain HTTP.

        While the authority is replaced two are trusted, and only one has issued the front's certificate. A kernel
        command line has no room for both. Read each time. Unavailable.
        """
        file = self._settings.authority_file
        if file is None:
            return ""
        try:
            issuer = tls.issuer_of(file.with_name("front.crt").read_bytes(), file.read_bytes())
            if issuer is None:
                raise ValueError("it did not issue front.crt")
            return tls.as_word(issuer)
        except (OSError, ValueError) as error:
            raise Unavailable(service="installation", reason=f"{file} cannot be used: {error}") from error

    def _write(self, host_uuid: str, columns: Mapping[str, Any]) -> Row:
        def write(conn: Connection) -> Row:
            row = host_row(conn, host_uuid, lock=True)
            hosts.write(conn, row, dict(columns))
            return row

        return self._db.transact(write)
