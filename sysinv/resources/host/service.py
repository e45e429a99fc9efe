# SPDX-License-Identifier: Apache-2.0
"""Use cases of hosts: read, add, change attributes, start an action, delete."""
from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, TypeVar

from sqlalchemy.engine import Connection

from flock.auth.secrets import SecretBox
from flock.core import slices
from flock.core.errors import Conflict, Refused
from flock.db import Database, DuplicateEntry, utcnow
from flock.wire.paging import Page
from flock.wire.patch import PatchOp
from flock.wire.resource import coerce, given
from mtce.contract.bmcsecret import sealed_for
from sysinv.actions.facts import ActionFacts
from sysinv.actions.gate import parse_action, plan_action
from sysinv.config import ordering
from sysinv.config.model import OUT_OF_DATE, is_current
from sysinv.config.ordering import Change
from sysinv.contract.enums import UNLOCK_ACTIONS, BmType, InvProvision, OperatorAction, Personality
from sysinv.contract.reports import RESOURCES
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.hosts.discovery import new_host_values
from sysinv.hosts.inventory import ReportingHost
from sysinv.hosts.provision import assign_addresses
from sysinv.hosts.servicemanagement import CHECKS, ServiceManagement
from sysinv.hosts.work import Work
from sysinv.model.host import HostRefused, host_view, normal_mac
from sysinv.model.hostname import CONTROLLER_0
from sysinv.resources.host import boards, rules, store
from sysinv.resources.host.fields import HostChange, NewHost
from sysinv.resources.host.intake import platform_values
from sysinv.resources.host.report import PlatformReport
from sysinv.resources.host.table import I_HOST
from sysinv.resources.label import store as labels
from sysinv.resources.profile.service import await_profile
from sysinv.resources.ptpinstance.service import PUPPET_CLASS

T = TypeVar("T")
COLLISIONS_MAX = 10
_STATE_FIELDS = frozenset({"administrative", "operational", "availability", "invprovision"})
_ROLE_OR_BOOT = rules.ROLE | rules.INSTALL_PARAMETERS


def take_report(conn: Connection, host: ReportingHost, reported: Sequence[PlatformReport]) -> None:
    """Store the identity of the boot and the attributes of the host as a whole."""
    for report in reported:
        store.write(conn, host.row, platform_values(host.row, report))


class DeleteRefused(Refused):
    """The host may not be deleted now."""

    code: ClassVar[str] = "sysinv.host.delete_refused"


@dataclass(frozen=True, slots=True)
class HostSettings:
    """``active_controller`` is the controller that runs this process; ``action_wait_s`` limits the wait for mtce's
    first reply to an action; ``virtual`` hosts need less memory."""

    active_controller: str
    action_wait_s: float = 8.0
    delete_wait_s: float = 10.0
    virtual: bool = False


class HostService:
    """Refuses requests or records operations, which the conductor carries out."""

    def __init__(self, db: Database, work: Work, box: SecretBox, settings: HostSettings,
                 manager: ServiceManagement | None = None, now: Callable[[], datetime.datetime] = utcnow) -> None:
        self._db = db
        self._work = work
        self._box = box
        self._settings = settings
        self._manager = manager
        self._now = now

    def page(self, personality: str | None, wanted: Page) -> list[Mapping[str, Any]]:
        """One page of hosts."""
        with self._db.reader() as conn:
            return [self._shown(row) for row in store.page(conn, personality, wanted)]

    def get(self, ident: str) -> Mapping[str, Any]:
        """One host by id, uuid or hostname; HostNotFound."""
        with self._db.reader() as conn:
            return self._shown(store.shown(conn, ident))

    def add(self, body: NewHost) -> Mapping[str, Any]:
        """Add a host, or assign a discovered one its personality, and record the operation; HostRefused."""
        uuid, operation = self.create(given(body))
        self._work.begin(operation)
        return self.get(uuid)

    def create(self, values: Mapping[str, Any], *, power_on: bool = False,
               profile: str | None = None) -> tuple[str, str]:
        """Add a host like ``add``; returns its uuid and that of the operation, of which the conductor is not told yet.

        ``power_on``: also record that its BMC powers it on, if it has one. ``profile``: uuid of the profile that the
        host gets when it is inventoried. HostRefused, ItemNotFound.
        """
        columns = {name: value for name, value in values.items() if name not in _STATE_FIELDS}
        return self._transact(lambda conn: self._add(conn, columns, power_on, profile))

    def change(self, ident: str, operations: Sequence[PatchOp]) -> Mapping[str, Any]:
        """Carry out a PATCH: attributes, an action, or both; HostRefused, HostNotFound, OperationActive."""
        names = [operation.name for operation in operations]
        rules.check_names(names)
        rules.check_duplicates(("/".join(operation.path), operation.value) for operation in operations)
        wanted = {one.name: coerce(HostChange, one.name, one.value) for one in operations if len(one.path) == 1}
        unknown = [one for one in operations if len(one.path) != 1]
        if unknown:
            raise HostRefused(detail=f"'/{'/'.join(unknown[0].path)}' is not an attribute that can be updated")
        action = parse_action(wanted.pop("action", None) or OperatorAction.NONE)
        self._ask_manager(ident, action)
        uuid, operation = self._transact(lambda conn: self._change(conn, ident, wanted, action))
        if operation is not None:
            self._work.begin(operation)
            if action is not OperatorAction.NONE:
                refusal = self._work.first_refusal(operation, self._settings.action_wait_s)
                if refusal is not None:
                    raise refusal
        return self.get(uuid)

    def resync(self, ident: str) -> Mapping[str, Any]:
        """Take the states of a host from mtce; returns after that, or after a bounded wait for it. OperationActive."""
        operation = self._db.transact(lambda conn: self._resync(conn, ident))
        self._work.begin(operation)
        refusal = self._work.first_refusal(operation, self._settings.action_wait_s)
        if refusal is not None:
            raise refusal
        return self.get(ident)

    def delete(self, ident: str) -> None:
        """Delete a locked host; returns after the deletion, or after a bounded wait for it. DeleteRefused."""
        operation = self._db.transact(lambda conn: self._delete(conn, ident))
        self._work.begin(operation)
        refusal = self._work.first_refusal(operation, self._settings.delete_wait_s)
        if refusal is not None:
            raise refusal

    def _transact(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction; retries after a conflict with a concurrent request that passed the rules."""
        for _ in range(COLLISIONS_MAX):
            try:
                return self._db.transact(work)
            except DuplicateEntry:
                continue
        raise Conflict(detail="The host conflicts with other hosts that are being changed at the same time. Retry.")

    def _add(self, conn: Connection, values: dict[str, Any], power_on: bool, profile: str | None) -> tuple[str, str]:
        system = the_system(conn)
        mac = normal_mac(values.get("mgmt_mac") or "")
        known = store.by_mac(conn, mac, lock=True) if mac else None
        view = host_view(known) if known is not None else None
        others = store.others(conn, known["id"] if known is not None else None)
        role, mac = rules.check_add(system, values, view, others)
        board = boards.board_values(None, values, others) or {"bm_type": BmType.NONE.value}
        columns = {name: value for name, value in values.items()
                   if name not in rules.ROLE | boards.BOARD | {"mgmt_mac"} and value is not None}
        columns |= asdict(role) | self._board_columns(board)
        if known is None:
            known = store.insert(conn, new_host_values(conn, mac))
        store.write(conn, known, columns | self._sealed(known["uuid"], board) | _unprovisioned(known))
        assign_addresses(conn, system, known["id"], role.hostname)
        if profile is not None:
            await_profile(conn, known["id"], profile)
        operation = self._work.configure(conn, known["uuid"], boot_file=True, name=role.hostname)
        if power_on and board["bm_type"] != BmType.NONE:
            self._act(conn, host_row(conn, known["uuid"], lock=True), {}, OperatorAction.POWER_ON)
        return str(known["uuid"]), operation

    def _change(self, conn: Connection, ident: str, wanted: dict[str, Any],
                action: OperatorAction) -> tuple[str, str | None]:
        row = host_row(conn, ident, lock=True)
        system, view = the_system(conn), host_view(row)
        rules.check_fixed(view, wanted)
        changes = {name: value for name, value in wanted.items() if name in boards.BOARD or row[name] != value}
        _check_nulls(changes)
        keys = labels.of_host(conn, row["id"]) if "max_cpu_mhz_configured" in changes else ()
        rules.check_attributes(view, changes, row, keys)
        others = store.others(conn, row["id"])
        board = boards.board_values(view, changes, others)
        columns = {name: value for name, value in changes.items() if name not in boards.BOARD | rules.ROLE}
        if rules.ROLE & changes.keys():
            role = rules.check_role(system, view, changes, others)
            columns |= asdict(role) | _unprovisioned(row)
            assign_addresses(conn, system, row["id"], role.hostname)
        if "capabilities" in columns:
            columns["capabilities"] = {**(row["capabilities"] or {}), **columns["capabilities"]}
        columns |= self._board_columns(board) | self._sealed(row["uuid"], board)
        if "clock_synchronization" in columns and not view.is_locked:
            ordering.order(conn, Change("clock synchronization", (PUPPET_CLASS,), host_uuids=(row["uuid"],)))
        if action is not OperatorAction.NONE:
            return str(row["uuid"]), self._act(conn, row, columns, action)
        store.write(conn, row, columns)
        if not boards.BOARD & board.keys() and not _ROLE_OR_BOOT & columns.keys():
            return str(row["uuid"]), None
        if not (columns.get("personality") or row["personality"]):
            return str(row["uuid"]), None
        boot_file = bool(_ROLE_OR_BOOT & columns.keys())
        return str(row["uuid"]), self._work.configure(conn, row["uuid"], boot_file=boot_file, name=view.name)

    def _ask_manager(self, ident: str, action: OperatorAction) -> None:
        """Have service management check an action on a controller that sysinv's own rules permit; HostRefused.

        Not inside the transaction of the action, which would hold its locks while another service is awaited.
        """
        if self._manager is None or action not in CHECKS:
            return
        with self._db.reader() as conn:
            facts = self._facts(conn, host_row(conn, ident))
        plan_action(facts, action)
        if facts.host.is_controller and not facts.system.is_simplex:
            refusal = self._manager.refusal(facts.host.name, action, facts.peer)
            if refusal is not None:
                raise HostRefused(detail=refusal)

    def _act(self, conn: Connection, row: Row, columns: Mapping[str, Any], action: OperatorAction) -> str:
        plan = plan_action(self._facts(conn, row), action)
        before = {name: row[name] for name in plan.extra}
        if action in UNLOCK_ACTIONS:
            for module in slices.modules(RESOURCES, "service"):
                if hasattr(module, "at_unlock"):
                    module.at_unlock(conn, row, self._work)
        store.write(conn, row, {
            **columns, **plan.extra, "ihost_action": action.value, "ihost_action_at": self._now(),
            "action_resent": False, "action_text": plan.task})
        return self._work.action(conn, row["uuid"], {
            "action": action.value, "mtce_action": plan.mtce_action, "tells_vim": plan.tells_vim, "before": before},
            name=host_view(row).name)

    def _facts(self, conn: Connection, row: Mapping[str, Any]) -> ActionFacts:
        peer = store.peer_of(conn, row)
        found = [module.action_facts(conn, row) for module in slices.modules(RESOURCES, "service")
                 if hasattr(module, "action_facts")]
        return ActionFacts(
            host=host_view(row), system=the_system(conn), active_controller=self._settings.active_controller,
            peer=host_view(peer) if peer is not None else None, virtual=self._settings.virtual,
            resources={type(facts): facts for facts in found})

    def _resync(self, conn: Connection, ident: str) -> str:
        row = host_row(conn, ident, lock=True)
        return self._work.resync(conn, row["uuid"], name=host_view(row).name)

    def _delete(self, conn: Connection, ident: str) -> str:
        row = host_row(conn, ident, lock=True)
        view, system = host_view(row), the_system(conn)
        if not view.is_locked:
            raise DeleteRefused(detail=(
                f"Unable to complete the action delete because Host {view.name} is in administrative state = "
                "unlocked."))
        if system.is_simplex and view.hostname == CONTROLLER_0:
            raise DeleteRefused(detail="Deleting host controller-0 on a simplex system is not permitted.")
        if view.hostname is not None and view.hostname == self._settings.active_controller:
            raise DeleteRefused(detail=f"Deleting the active controller {view.name} is not permitted.")
        deletion = store.next_revision(row)
        store.write(conn, row, {"action_text": "Deleting", **deletion})
        return self._work.delete(conn, row["uuid"], {"mac": row["mgmt_mac"],
                                                     "revision": deletion["maintenance_revision"]}, name=view.name)

    def _board_columns(self, board: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in board.items() if name != "bm_password"}

    def _sealed(self, host_uuid: str, board: Mapping[str, Any]) -> dict[str, Any]:
        """Return the column of the BMC password, sealed for this host, address and user; None without a BMC."""
        if "bm_password" not in board:
            return {}
        password = board["bm_password"]
        if password is None:
            return {"bm_secret": None}
        return {"bm_secret": self._box.seal(password, sealed_for(host_uuid, board["bm_ip"], board["bm_username"]))}

    def _shown(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the row with what nobody stores: the status of its configuration, and a controller's current role."""
        if row["config_status"] is None and not is_current(row["config_applied"], row["config_target"]):
            row = {**row, "config_status": OUT_OF_DATE}
        if row["personality"] != Personality.CONTROLLER:
            return row
        part = "Controller-Active" if row["hostname"] == self._settings.active_controller else "Controller-Standby"
        return {**row, "capabilities": {**(row["capabilities"] or {}), "Personality": part}}


def _check_nulls(changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if value is None and name in I_HOST.c and not I_HOST.c[name].nullable:
            raise HostRefused(detail=f"'/{name}' is a mandatory attribute and can not be removed")


def _unprovisioned(row: Mapping[str, Any]) -> dict[str, Any]:
    return {} if row["invprovision"] else {"invprovision": InvProvision.UNPROVISIONED.value}

