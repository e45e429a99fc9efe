# SPDX-License-Identifier: Apache-2.0
"""In which order hosts get other software: by what they are in the inventory, never by their names.

Patch: controllers, then storage hosts, then workers; within a kind in any order. Major release: the controllers one by
one, the one that was added last first; storage hosts one by one as they were added; then workers. The rollback of a
major release goes backwards; that of a patch has no order.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from patching.contract.states import HostState as H
from patching.core.model import Host, HostRow, View

KINDS = ("controller", "storage", "worker")


def groups(hosts: Mapping[str, Host], is_major: bool) -> list[tuple[str, ...]]:
    """Names of the hosts, group after group. Hosts of a kind that nobody knows come last."""
    found: list[tuple[str, ...]] = []
    kinds = [*KINDS, *sorted({host.personality for host in hosts.values()} - set(KINDS))]
    for kind in kinds:
        members = sorted((host for host in hosts.values() if host.personality == kind), key=lambda host: host.id)
        if not is_major or kind not in ("controller", "storage"):
            found.append(tuple(host.hostname for host in members))
        else:
            one_by_one = reversed(members) if kind == "controller" else members
            found += [(host.hostname,) for host in one_by_one]
    return [group for group in found if group]


def expected(view: View) -> tuple[str, ...]:
    """The hosts that may be deployed, or rolled back, next; () when none is left, or there is no deployment."""
    deploy = view.deploy
    if deploy is None:
        return ()
    order = groups({name: view.hosts[name] for name in view.rows if name in view.hosts}, deploy.is_major)
    if any(row.state in _ROLLING_BACK for row in view.rows.values()):
        if not deploy.is_major:
            return tuple(name for name, row in view.rows.items() if row.state in _TO_ROLL_BACK)
        return _first_unfinished(order[::-1], view.rows, _TO_ROLL_BACK, H.ROLLBACK_DEPLOYED)
    return _first_unfinished(order, view.rows, _TO_DEPLOY, H.DEPLOYED)


_TO_DEPLOY = frozenset({H.PENDING, H.FAILED})
_TO_ROLL_BACK = frozenset({H.ROLLBACK_PENDING, H.ROLLBACK_FAILED})
_ROLLING_BACK = frozenset({H.ROLLBACK_PENDING, H.ROLLBACK_DEPLOYING, H.ROLLBACK_FAILED, H.ROLLBACK_DEPLOYED})


def _first_unfinished(order: Sequence[tuple[str, ...]], rows: Mapping[str, HostRow], startable: frozenset[H],
                      finished: H) -> tuple[str, ...]:
    for group in order:
        if any(rows[name].state is not finished for name in group):
            return tuple(name for name in group if rows[name].state in startable)
    return ()
