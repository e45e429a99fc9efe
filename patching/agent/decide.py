# SPDX-License-Identifier: Apache-2.0
"""What the agent does with an order, after its start, and at a boot without a conductor. Pure."""
from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flock.core.records import replace
from patching.agent.memory import Memory
from patching.content.manifest import Current
from patching.contract.records import Content, InstallOrder, InstallResult
from patching.contract.states import AgentState
from patching.contract.version import Version

INTERRUPTED = "The agent or the host was ended in the middle of the installation."
LOCAL = "local"


class Verdict(enum.StrEnum):
    """What to do with an order."""

    INSTALL = "install"
    REPEAT = "repeat"
    IGNORE = "ignore"
    REJECT = "reject"


def verdict(memory: Memory, order: InstallOrder, is_locked: bool) -> Verdict:
    """REPEAT: tell its result again. IGNORE: it is being carried out, or a newer attempt is known. REJECT: the host is
    not fit for it."""
    begun = memory.order
    if begun is not None and begun.deploy_id == order.deploy_id and order.attempt <= begun.attempt:
        return Verdict.IGNORE
    last = memory.result
    if last is not None and last.deploy_id == order.deploy_id and begun is None:
        if order.attempt == last.attempt:
            return Verdict.REPEAT
        if order.attempt < last.attempt:
            return Verdict.IGNORE
    if order.reboot_required and not is_locked:
        return Verdict.REJECT
    return Verdict.INSTALL


def result(order: InstallOrder, error: str = "", needs_reboot: bool = False) -> InstallResult:
    """The result of an order. ``error``: why it failed; empty: it did not."""
    return InstallResult(order.deploy_id, order.hostname, order.attempt, error, "" if error else order.version,
                         needs_reboot, None if error else digests(order.contents))


def digests(contents: Iterable[Content]) -> dict[str, str]:
    """The digests of installed content by release id."""
    return {content.release_id: content.digest for content in contents}


def after_start(memory: Memory, boot_id: str, runs_newest: bool) -> Memory:
    """The memory of an agent that has just started. ``runs_newest``: the host has booted what was installed last.

    An order that was being carried out has failed. What waited for a boot is there if there was one.
    """
    if memory.order is not None:
        memory = replace(memory, order=None, result=result(memory.order, INTERRUPTED))
    if memory.needs_reboot and memory.boot_id != boot_id and runs_newest:
        memory = replace(memory, needs_reboot=False, running=memory.version)
    return memory


def state(memory: Memory, is_locked: bool, rejected_for_s: float, rejected_max_s: float) -> AgentState:
    """The agent's state. A rejected order is forgotten after a time, and when the host is locked."""
    if memory.order is not None:
        return AgentState.INSTALLING
    if memory.result is None or not memory.result.error:
        return AgentState.IDLE
    if memory.rejected:
        return AgentState.IDLE if is_locked or rejected_for_s >= rejected_max_s else AgentState.INSTALL_REJECTED
    return AgentState.INSTALL_FAILED


@dataclass(frozen=True, slots=True)
class Moves:
    """Which releases an order brings to the host, and which it takes away; both in the order in which their hooks
    run."""

    added: tuple[Content, ...]
    removed: tuple[Content, ...]


def moves(installed: Sequence[Content], wanted: Sequence[Content]) -> Moves:
    """Compared by digest: a release whose content has changed is brought again."""
    def key(content: Content) -> tuple[str, str]:
        return content.release_id, content.digest

    has, shall = {key(one) for one in installed}, {key(one) for one in wanted}
    ids = {one.release_id for one in wanted}
    return Moves(tuple(one for one in wanted if key(one) not in has),
                 tuple(one for one in reversed(installed) if key(one) not in shall and one.release_id not in ids))


def catch_up(memory: Memory, current: Current | None, base: str, hostname: str, timeout_s: int) -> InstallOrder | None:
    """What a host installs at its boot, without a conductor: the order in whose middle it was ended, or what the feed
    names when that is newer than what the host has. ``base``: the version that the host was installed with."""
    if memory.order is not None:
        return memory.order
    if current is None or not _is_newer(current.version, memory.version or base):
        return None
    return InstallOrder(f"{LOCAL}-{current.version}", hostname, 1, current.version, current.contents,
                        timeout_s=timeout_s)


def _is_newer(offered: str, installed: str) -> bool:
    return not installed or Version.parse(installed) < Version.parse(offered)
