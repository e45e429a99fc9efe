# SPDX-License-Identifier: Apache-2.0
"""Which changes lead from what a host has to what it shall have. Pure."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from patching.backends.interface import Backend, BackendFailed, Item, Kind, Op, Target

Compare = Callable[[str, str], int]


def changes(backend: Backend, target: Target) -> tuple[Op, ...]:
    """The changes that lead the host of ``backend`` to the target; see ``plan``."""
    return plan(backend.current(), target, backend.compare, backend.capabilities.keeps_versions)


def plan(current: Mapping[str, str], target: Target, compare: Compare, keeps_versions: bool = False) -> tuple[Op, ...]:
    """The changes in order of the names; () when the host has what it shall have.

    BackendFailed: a package must return to a version whose file is not at hand, and the tool has not kept it.
    """
    ops = []
    for name in sorted(target.wanted.keys() | target.origins.keys()):
        before = current.get(name, "")
        item = target.wanted.get(name)
        after = target.origins[name] if item is None else item.version
        if before == after:
            continue
        if not after:
            ops.append(Op(Kind.REMOVE, name, before, ""))
            continue
        path = None if item is None and keeps_versions else (item or _at_hand(target, name, after)).path
        if not before:
            ops.append(Op(Kind.INSTALL, name, "", after, path))
            continue
        kind = Kind.DOWNGRADE if compare(before, after) > 0 else Kind.UPGRADE
        ops.append(Op(kind, name, before, after, path))
    return tuple(ops)


def back(ops: Iterable[Op], at_hand: tuple[Item, ...]) -> Target:
    """The target that takes ``ops`` back."""
    return Target({}, {op.name: op.before for op in ops}, at_hand)


def origins(known: Mapping[str, str], ops: Iterable[Op], wanted: Iterable[str]) -> dict[str, str]:
    """What packages were before releases touched them, once ``ops`` are done: only of packages still ``wanted``."""
    names = frozenset(wanted)
    return {name: version for name, version in {**{op.name: op.before for op in ops}, **known}.items() if name in names}


def difference(current: Mapping[str, str], target: Target) -> str:
    """How ``current`` differs from the target, for people; empty when it does not."""
    shall = {**target.origins, **{name: item.version for name, item in target.wanted.items()}}
    wrong = [f"{name} is {current.get(name) or 'absent'} instead of {version or 'absent'}"
             for name, version in sorted(shall.items()) if current.get(name, "") != version]
    return "; ".join(wrong)


def _at_hand(target: Target, name: str, version: str) -> Item:
    found = next((item for item in target.at_hand if (item.name, item.version) == (name, version)), None)
    if found is None:
        raise BackendFailed(detail=f"{name} must return to {version}, but no release holds that version. Upload a "
                                   "release that does, such as the base release.")
    return found
