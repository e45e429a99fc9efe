# SPDX-License-Identifier: Apache-2.0
"""What a change would do to hosts: found by carrying it out in a transaction that is undone."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config import hiera, model
from sysinv.db.lookup import Row
from sysinv.resources.configuration import store

CHANGES_MAX = 200


@dataclass(frozen=True, slots=True)
class Effect:
    """What some hosts have in common.

    ``changes``: ``{"key", "applied", "wanted"}``, at most ``CHANGES_MAX`` of them; ``changed`` is their number.
    ``classes``: the Puppet classes that run. ``ordered`` False: the hosts change at their next unlock.
    """

    hosts: list[str]
    classes: list[str]
    ordered: bool
    reboot_required: bool
    changed: int
    changes: list[dict[str, Any]]

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


@dataclass(slots=True)
class Effects:
    """A ``flock.db.Rehearsal``: compares what hosts that were unlocked before should have, before and after a change.

    Passwords and keys are not compared.
    """

    _wanted: dict[int, dict[str, Any]] = field(default_factory=dict)
    _last_order: int = 0
    _found: list[Effect] | None = None

    def before(self, conn: Connection) -> None:
        """Note what hosts should have now."""
        self._last_order = store.last_id(conn)
        self._wanted = _wanted(conn, store.configured_hosts(conn, lock=False))

    def after(self, conn: Connection) -> None:
        """Note what has changed."""
        hosts = store.configured_hosts(conn, lock=False)
        changes = {host_id: model.differences(self._wanted.get(host_id, {}), wanted)
                   for host_id, wanted in _wanted(conn, hosts).items()}
        if self._found is not None:
            raise RuntimeError("two transactions in one rehearsal: the second one did not see the first one's changes")
        self._found = grouped(hosts, changes, store.orders_after(conn, self._last_order))

    def found(self) -> list[Effect]:
        """Return the effects; none without a transaction that ended."""
        return self._found or []


def _wanted(conn: Connection, hosts: Sequence[Row]) -> dict[int, dict[str, Any]]:
    common = hiera.shared(conn)
    made = {host["id"]: hiera.render(conn, host, common) for host in hosts}
    return {host_id: one.used(one.plain()) for host_id, one in made.items()}


def grouped(hosts: Sequence[Row], changes: Mapping[int, list[dict[str, Any]]],
            orders: Mapping[int, Sequence[model.Order]]) -> list[Effect]:
    """Return the effects on hosts that are ordered to change or whose data change; hosts with equal ones share one."""
    found: dict[str, Effect] = {}
    for host in hosts:
        mine, ordered = changes.get(host["id"], []), orders.get(host["id"], ())
        if not mine and not ordered:
            continue
        effect = Effect([], model.classes_of(ordered), bool(ordered), any(one.reboot_required for one in ordered),
                        len(mine), mine[:CHANGES_MAX])
        key = json.dumps([effect.plain(), mine[CHANGES_MAX:]], sort_keys=True)
        found.setdefault(key, effect).hosts.append(host["hostname"] or host["uuid"])
    return list(found.values())
