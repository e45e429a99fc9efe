# SPDX-License-Identifier: Apache-2.0
"""``/api/orchestration/{name}/strategy``: create, show, apply, abort and delete the strategy."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, describes
from flock.api.reply import Reply
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core.errors import InvalidInput, NotFound
from flock.wire.errors import BadBody
from flock.wire.types import Boolean
from patching.contract.orchestration import NoStrategy, Orchestration, StrategyAction
from patching.core.strategy.document import document, summary
from patching.core.strategy.model import Strategy
from patching.core.strategy.parameters import Kind
from patching.orchestrator.store import Store

STRATEGY = {"type": "object", "required": ["strategy"], "properties": {"strategy": {"type": ["object", "null"]}}}
_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_NUMBER = {"type": ["integer", "string", "null"]}
CREATE = {"type": "object", "properties": {
    **{name: _TEXT for name in ("controller-apply-type", "storage-apply-type", "worker-apply-type", "swift-apply-type",
                                "default-instance-action", "alarm-restrictions", "kube-upgrade")},
    **{name: _FLAG for name in ("rollback", "delete", "cleanup", "snapshot", "pre-upgrade-deploy")},
    **{name: _NUMBER for name in ("max-parallel-worker-hosts", "not-before", "continue-on-failure")},
    "release": {"type": ["string", "array", "null"], "items": {"type": "string"}}}}
ACT = {"type": "object", "required": ["action"], "properties": {
    "action": {"enum": list(StrategyAction)}, "stage-id": _NUMBER}}
DELETE = {"type": "object", "properties": {"force": _FLAG}}
DRY_RUN = Argument("dry_run", Boolean(), "Only show what would be built; nothing is stored.")
STAGES_MAX = 100_000


class UnknownKind(NotFound):
    """Strategies of this kind are not served."""

    code, http = "patching.strategy.unknown_kind", 404
    text = "Strategies of the kind {kind} are not supported by this system; it supports sw-upgrade and sw-patch."


class StrategyController:
    """The one strategy of a kind."""

    @describes(answers={200: STRATEGY})
    def get(self, call: Call) -> dict[str, Any]:
        """The strategy with all stages and steps; null when there is none of this kind."""
        found = _stored(call)
        return {"strategy": None if found is None else document(found)}

    @describes(query=(DRY_RUN,), body=CREATE, answers={200: STRATEGY}, errors=(409, 504))
    def post(self, call: Call) -> dict[str, Any]:
        """Create a strategy and begin to build it; nothing is applied before that is asked for."""
        kind, body, orchestrator = _kind(call), _object(call.json()), call.deps(Orchestration)
        make = orchestrator.preview if call.query.bool("dry_run") else orchestrator.create
        return {"strategy": make(kind=kind.value, body=body)}

    @describes(body=DELETE, body_required=False, answers={204: None}, errors=(409, 504))
    def delete(self, call: Call) -> Reply:
        """Delete the strategy; one that runs only by force."""
        kind, body = _kind(call), _object(call.json(default={}))
        if body.get("force") not in (None, True, False):
            raise InvalidInput(field="force", rule="must be true or false")
        call.deps(Orchestration).delete(kind=kind.value, force=bool(body.get("force")))
        return Reply(status=204)


class ActionsController:
    """What is done with the strategy."""

    @describes(body=ACT, answers={202: STRATEGY}, errors=(504,))
    def post(self, call: Call) -> Reply:
        """Apply, abort, pause or resume the strategy, or one stage of it."""
        kind, body = _kind(call), _object(call.json())
        try:
            action = StrategyAction(str(body.get("action")))
        except ValueError:
            raise InvalidInput(field="action", rule=f"must be one of {', '.join(StrategyAction)}") from None
        shown = call.deps(Orchestration).act(kind=kind.value, action=action, stage_id=_stage_id(body.get("stage-id")))
        return Reply({"strategy": shown}, status=202)


class OneStrategyController:
    """A strategy by its uuid."""

    @describes(answers={200: STRATEGY})
    def get(self, call: Call) -> dict[str, Any]:
        """The strategy, 404 when it is another one."""
        found = _stored(call)
        if found is None or found.uuid != call.args["uuid"]:
            raise NoStrategy(kind=f"{_kind(call)} with the uuid {call.args['uuid']}")
        return {"strategy": document(found)}


class CurrentController:
    """The strategy of any kind."""

    @describes(answers={200: STRATEGY})
    def get(self, call: Call) -> dict[str, Any]:
        """Name and state of the strategy; null when there is none."""
        stored = call.deps(Store).load()
        return {"strategy": None if stored is None else summary(stored.strategy)}


def _kind(call: Call) -> Kind:
    try:
        return Kind(call.args["name"])
    except ValueError:
        raise UnknownKind(kind=call.args["name"][:80]) from None


def _stored(call: Call) -> Strategy | None:
    kind, stored = _kind(call), call.deps(Store).load()
    return stored.strategy if stored is not None and stored.strategy.parameters.kind is kind else None


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadBody(detail="The body must be a JSON object.")
    return body


def _stage_id(value: Any) -> int | None:
    """Clients send what was typed: a number, or a text."""
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < STAGES_MAX:
        raise InvalidInput(field="stage-id", rule="must be the number of a stage")
    return value


_ALL, _CURRENT = "/api/orchestration/{name}/strategy", "/api/orchestration/current-strategy/strategy"
ROUTES = {_ALL: StrategyController, f"{_ALL}/actions": ActionsController, f"{_ALL}/{{uuid}}": OneStrategyController,
          _CURRENT: CurrentController}
POLICY = (
    Rule("patching_vim:strategy:get", READER, "GET", _ALL),
    Rule("patching_vim:strategy:get", READER, "GET", f"{_ALL}/{{uuid}}"),
    Rule("patching_vim:strategy:get", READER, "GET", _CURRENT),
    Rule("patching_vim:strategy:create", CONFIGURATOR, "POST", _ALL),
    Rule("patching_vim:strategy:delete", CONFIGURATOR, "DELETE", _ALL),
    Rule("patching_vim:strategy:act", CONFIGURATOR, "POST", f"{_ALL}/actions"),
)
