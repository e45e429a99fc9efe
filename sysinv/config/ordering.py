# SPDX-License-Identifier: Apache-2.0
"""Orders a change of configuration, in the transaction that stores the change itself."""
from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import utcnow
from sysinv.config import model
from sysinv.config.model import Change
from sysinv.db.lookup import Row
from sysinv.model.host import split_subfunctions
from sysinv.resources.configuration import store

__all__ = ["Change", "at_unlock", "order", "order_after_boot", "release", "withdraw"]

# Until then nobody is told of a change that is being applied, or of a host that boots.
RUN_S = 120.0
BOOT_S = 1800.0
UNLOCK = "unlock"


def order(conn: Connection, change: Change, now: datetime.datetime | None = None) -> str | None:
    """Order ``change`` on every host that it concerns; returns its UUID, None when it concerns no host.

    Hosts that were never unlocked are left out: they take the whole configuration at their first unlock. Repeat it in
    the same transaction only for different changes. The conductor sees the orders after the commit.
    """
    hosts = [row for row in store.configured_hosts(conn) if change.concerns(
        row["uuid"], row["personality"], split_subfunctions(row["subfunctions"]))]
    patience_s = 0.0 if change.reboot_required or change.held else RUN_S
    return _store(conn, hosts, change, whole=False, now=now or utcnow(), patience_s=patience_s) if hosts else None


def release(conn: Connection, reasons: Sequence[str]) -> int:
    """Let hosts carry out the changes of these ``reasons`` that are held; returns the number of orders."""
    return store.release(conn, reasons)


def at_unlock(conn: Connection, host: Row, now: datetime.datetime | None = None) -> str:
    """Order the whole configuration of a host that boots because it is unlocked; returns its UUID."""
    change = Change(UNLOCK, host_uuids=(host["uuid"],), reboot_required=True)
    return _store(conn, [host], change, whole=True, now=now or utcnow(), patience_s=BOOT_S)


def order_after_boot(conn: Connection, host: Row, change: Change, now: datetime.datetime | None = None) -> str:
    """Order a change that is no part of the whole configuration on a host that is being unlocked; returns its UUID.

    The host carries it out when its agent has started.
    """
    return _store(conn, [host], change, whole=False, now=now or utcnow(), patience_s=BOOT_S)


def withdraw(conn: Connection, config_uuids: Sequence[str]) -> None:
    """Take back changes that hosts cannot make: they are as if nothing had been ordered, and not out of date.

    What a host has applied of them stays. A result that comes later changes nothing.
    """
    for host_id, target in store.remove_open(conn, config_uuids).items():
        if target is not None and not store.open_orders(conn, [host_id])[host_id]:
            store.set_applied(conn, host_id, target)


def _store(conn: Connection, hosts: Sequence[Row], change: Change, *, whole: bool, now: datetime.datetime,
           patience_s: float) -> str:
    fresh = uuid.uuid4()
    name = model.new_uuid(fresh, reboot_required=change.reboot_required)
    waiting = store.open_orders(conn, [host["id"] for host in hosts])
    values: dict[str, Any] = {
        "config_uuid": name, "reason": change.reason, "classes": list(change.classes), "whole": whole,
        "reboot_required": change.reboot_required, "held": change.held,
        "state": model.OrderState.PENDING.value, "created_at": now,
        "alarm_at": now + datetime.timedelta(seconds=patience_s)}
    store.insert(conn, [values | {"forihostid": host["id"]} for host in hosts])
    store.set_targets(conn, {host["id"]: model.target_after(fresh, change.reboot_required, waiting[host["id"]])
                             for host in hosts})
    return name
