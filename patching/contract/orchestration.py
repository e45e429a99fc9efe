# SPDX-License-Identifier: Apache-2.0
"""Bus interface of the orchestrator, the only writer of the strategy, and its refusals as clients know them."""
from __future__ import annotations

import enum

from flock.core.errors import Conflict, NotFound, Refused
from flock.rpc.interface import call, rpc_interface


class StrategyAction(enum.StrEnum):
    """What can be done with a strategy that was built. ``pause`` and ``resume`` take effect between two stages."""

    APPLY_ALL = "apply-all"
    APPLY_STAGE = "apply-stage"
    ABORT = "abort"
    ABORT_STAGE = "abort-stage"
    PAUSE = "pause"
    RESUME = "resume"


class NoStrategy(NotFound):
    """There is no strategy, or none of this name or uuid."""

    code, http = "patching.strategy.none", 404
    text = "There is no strategy of the kind {kind}."


class StrategyExists(Conflict):
    """A second strategy cannot be created."""

    code, http = "patching.strategy.exists", 409
    text = "A strategy exists already: it is of the kind {kind} and {state}. Delete it first."


class StrategyBusy(Conflict):
    """The strategy cannot be deleted now."""

    code, http, text = "patching.strategy.busy", 409, "{detail}"


class StrategyRefused(Refused):
    """The action is not possible in the state of the strategy, or names a wrong stage."""

    code, http, text = "patching.strategy.refused", 400, "{detail}"


@rpc_interface(topic="patching.orchestrator", version="1.0", namespace="orchestration", speaks_for="system",
               callers=("patching-vim-api",))
class Orchestration:
    """Interface for the orchestration API. A strategy is returned as its JSON object."""

    @call(timeout_s=30)
    def create(self, *, kind: str, body: dict[str, object]) -> dict[str, object]:
        """Create a strategy and begin to build it. InvalidInput, StrategyExists."""
        raise TypeError("interface")

    @call(timeout_s=60)
    def preview(self, *, kind: str, body: dict[str, object]) -> dict[str, object]:
        """The strategy that ``create`` would build from the system as it is now; nothing is stored or ordered."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def act(self, *, kind: str, action: StrategyAction, stage_id: int | None) -> dict[str, object]:
        """Apply, abort, pause or resume the strategy. ``stage_id`` None: all stages. NoStrategy, StrategyRefused."""
        raise TypeError("interface")

    @call(timeout_s=30)
    def delete(self, *, kind: str, force: bool) -> None:
        """Delete the strategy. NoStrategy; StrategyBusy while something runs, unless ``force``."""
        raise TypeError("interface")
