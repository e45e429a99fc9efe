# SPDX-License-Identifier: Apache-2.0
"""Routes of ``deploy``: precheck, start and the steps of the one deployment."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flock.api.call import Call
from flock.api.describe import AnyOf, Argument, Description, described, describes
from flock.api.reply import RawJson
from flock.api.reply import Reply as Answer
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.db import Database
from flock.wire.types import Text
from patching.api.ordering import RESULT, Commands, answer, refuse, result
from patching.contract.limits import REPLY_MAX_S
from patching.contract.records import OrderKind, Reply
from patching.core.model import Deploy
from patching.db.views import read
from patching.resources.deploy.fields import CHECKED, DEPLOY, FORCE, ORDER, asked, checked, is_forced, shown

NULL = RawJson(b"null")
_UPGRADE = {"type": "object", "required": ["from_release", "to_release", "state"], "properties": {
    name: {"type": "string"} for name in ("from_release", "to_release", "state")}}


class DeployController:
    """``/v1/deploy``."""

    @describes(query=(Argument("from_release", Text(32), "Only a deployment from this version."),
                      Argument("to_release", Text(32), "Only a deployment to this version.")),
               answers={200: AnyOf(({"type": "array", "items": DEPLOY}, DEPLOY))})
    def get(self, call: Call) -> Any:
        """The deployment as a list, which is empty when there is none; one object when both versions are given."""
        stored = read(call.deps(Database))
        wanted = {name: call.query.text(name) for name in ("from_release", "to_release")}
        found = [] if stored.view.deploy is None else [shown(stored)]
        found = [one for one in found if all(text in (None, "", one[name]) for name, text in wanted.items())]
        return found[0] if found and all(wanted.values()) else found

    @describes(answers={200: RESULT, 406: RESULT}, errors=(503, 504))
    def delete(self, call: Call) -> Answer:
        """End the deployment."""
        return answer(call, call.deps(Commands).give(call, OrderKind.DELETE_DEPLOY))


class OrderController:
    """A step of the deployment that needs no more words."""

    def __init__(self, kind: OrderKind, text: str) -> None:
        self._kind = kind
        self.descriptions: dict[str, Description] = {"post": described(
            body={"type": "object"}, body_required=False, answers={200: RESULT, 406: RESULT}, errors=(503, 504))}
        self.__doc__ = text

    def post(self, call: Call) -> Answer:
        """Take this step of the deployment."""
        return answer(call, call.deps(Commands).give(call, self._kind))


class ScriptsController(OrderController):
    """A step that runs scripts."""

    def __init__(self, kind: OrderKind, text: str) -> None:
        super().__init__(kind, text)
        self.descriptions = {"post": described(body=FORCE, body_required=False, answers={200: RESULT, 406: RESULT},
                                               errors=(503, 504))}

    def post(self, call: Call) -> Answer:
        """Run the scripts, or go on although they have failed."""
        return answer(call, call.deps(Commands).give(call, self._kind, force=is_forced(call.json(default=None))))


def _ordered(call: Call, kind: OrderKind, more: Callable[[Reply], Mapping[str, Any]] = lambda _reply: {}) -> Answer:
    """Give the order that the body and the path name; ``more``: what its answer has beside the texts."""
    wanted = asked(call.json(default=None), call.args.get("release"))
    if wanted.unsupported:
        return refuse(call, wanted.unsupported)
    reply = call.deps(Commands).give(call, kind, releases=wanted.releases, force=wanted.force, options=wanted.options)
    return answer(call, reply, more(reply))


class PrecheckController:
    """``/v1/deploy/<release>/precheck`` of older clients, ``/v1/deploy/precheck`` of newer ones."""

    reply_max_s = REPLY_MAX_S

    @describes(body=ORDER, body_required=False, answers={200: result(**CHECKED), 406: result(**CHECKED)},
               errors=(503, 504))
    def post(self, call: Call) -> Answer:
        """Check whether the system is fit for a release."""
        return _ordered(call, OrderKind.PRECHECK,
                        lambda reply: checked(reply.precheck, reply.info, reply.error))


class StartController:
    """``/v1/deploy/<release>/start`` of older clients, ``/v1/deploy/start`` of newer ones."""

    reply_max_s = REPLY_MAX_S

    @describes(body=ORDER, body_required=False, answers={200: result(**CHECKED), 406: result(**CHECKED)},
               errors=(503, 504))
    def post(self, call: Call) -> Answer:
        """Begin the deployment of a release, after a precheck if there is none that still counts."""
        return _ordered(call, OrderKind.START)


class UpgradeController:
    """``/v1/deploy/software_upgrade``."""

    @describes(answers={200: AnyOf((_UPGRADE, {"type": "null"}))})
    def get(self, call: Call) -> Any:
        """Major releases and state of the deployment; null when there is none."""
        deploy: Deploy | None = read(call.deps(Database)).view.deploy
        if deploy is None:
            return NULL
        return {"from_release": deploy.from_release.major, "to_release": deploy.to_release.major,
                "state": deploy.state}


_STEPS = {
    "/v1/deploy/activate": ScriptsController(OrderKind.ACTIVATE, "Run the activation scripts."),
    "/v1/deploy/activate_rollback": ScriptsController(OrderKind.ACTIVATE_ROLLBACK, "Take the activation back."),
    "/v1/deploy/complete": OrderController(OrderKind.COMPLETE, "Accept the deployment."),
    "/v1/deploy/abort": OrderController(OrderKind.ABORT, "Head back."),
}
_PRECHECK = ("/v1/deploy/{release}/precheck", "/v1/deploy/precheck")
_START = ("/v1/deploy/{release}/start", "/v1/deploy/start")
ROUTES: dict[str, Any] = {
    "/v1/deploy": DeployController, "/v1/deploy/software_upgrade": UpgradeController, **_STEPS,
    **dict.fromkeys(_PRECHECK, PrecheckController), **dict.fromkeys(_START, StartController)}
POLICY = (
    Rule("software:deploy:get", READER, "GET", "/v1/deploy"),
    Rule("software:deploy:get", READER, "GET", "/v1/deploy/software_upgrade"),
    Rule("software:deploy:delete", CONFIGURATOR, "DELETE", "/v1/deploy"),
    *(Rule("software:deploy:precheck", CONFIGURATOR, "POST", path) for path in _PRECHECK),
    *(Rule("software:deploy:start", CONFIGURATOR, "POST", path) for path in _START),
    *(Rule(f"software:deploy:{path.rpartition('/')[2]}", CONFIGURATOR, "POST", path) for path in _STEPS),
)
