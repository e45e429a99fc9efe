# SPDX-License-Identifier: Apache-2.0
"""The first view of a daemon: from what is on the disk, and what an earlier daemon of the same boot has left."""
from __future__ import annotations

from collections.abc import Callable

from flock.core.records import replace
from sm.core.actions import Action
from sm.core.domain.view import Config, Durable, Record, View
from sm.core.local.adoption import adopt, begin, resume
from sm.core.model import Catalogue
from sm.core.node.view import NodeView
from sm.daemon.guard import DataGuard, Part
from sm.daemon.memory import Left
from sm.store import agreement
from sm.store.kept import Kept

UNKNOWN = -1
"""No daemon of this boot was permitted anything."""


def domain_view(me: str, boot: str, host_boot: str, config: Config, durable: Durable, ordered: frozenset[str],
                now_ms: int) -> View:
    """The part in the agreement of a voter that has just started. It may have made a promise just before, so it makes
    no new one for the length of a lease. Whom the daemon before required may still be promoted, so it stays required.
    """
    required = (durable.record.members | ordered) - {me}
    return View(me, boot, host_boot, config, now_ms, durable=durable, required=required,
                promised_until_ms=now_ms + config.timing.lease_ms)


def stored(kept: Kept, guard: DataGuard | Part) -> Durable:
    """Vote and record of the disk; where there is none, the record that the data itself proves. If it proves nothing,
    this node may have forgotten a newer one."""
    members = guard.first_members()
    return agreement.get(kept) or Durable(record=Record(0, 1, members), forgot=not members)


def first_view(domain: View, catalogue: Catalogue, left: Left | None, earlier: Callable[[int], Catalogue | None],
               now_ms: int) -> tuple[NodeView, tuple[Action, ...], bool]:
    """The view, what to do first, and whether an earlier daemon of this boot has left its own.

    ``earlier``: the catalogue of a version of the configuration, which may have changed while no daemon ran; what it
    defined and the present one does not is stopped as it was defined.
    """
    if left is None:
        local, actions = begin(catalogue, now_ms)
        return NodeView(domain, local), actions, False
    before = earlier(left.version) or catalogue
    local, actions = resume(left.local, before, now_ms)
    if before != catalogue:
        local, more = adopt(local, before, catalogue, now_ms)
        actions = (*actions, *more)
    return NodeView(replace(domain, grace_until_ms=left.permitted_until_ms), local), actions, True
