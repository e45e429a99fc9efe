# SPDX-License-Identifier: Apache-2.0
"""Routes of ``deploy_host``: the hosts of the deployment."""
from __future__ import annotations

from typing import Any

from flock.api.call import Call
from flock.api.describe import Argument, Description, described, describes
from flock.api.reply import Reply as Answer
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.core.errors import InvalidInput
from flock.db import Database
from flock.wire.types import Text
from patching.api.ordering import RESULT, Commands, answer, refuse
from patching.contract.records import OrderKind
from patching.core import hostorder
from patching.db.views import read
from patching.resources.deploy_host.fields import DEPLOY_HOST, shown


class DeployHostsController:
    """``/v1/deploy_host``."""

    @describes(answers={200: {"type": "array", "items": DEPLOY_HOST}})
    def get(self, call: Call) -> list[dict[str, Any]]:
        """The hosts of the deployment; none when there is no deployment."""
        return shown(read(call.deps(Database)))


class HostOrderController:
    """``/v1/deploy_host/<hostname>[/force]`` and ``…/rollback[/force]``."""

    def __init__(self, kind: OrderKind, force: bool) -> None:
        self._kind, self._force = kind, force
        self.descriptions: dict[str, Description] = {"post": described(
            body={}, body_required=False, answers={200: RESULT, 406: RESULT}, errors=(503, 504))}

    def post(self, call: Call) -> Answer:
        """Install the deployment on a host, or take it back there."""
        return answer(call, call.deps(Commands).give(call, self._kind, hostname=call.args["hostname"],
                                                     force=self._force))


class NextController:
    """``/v1/deploy_host/next``."""

    @describes(query=(Argument("hostname", Text(255), "Name of a host."),), answers={200: {"type": "boolean"}})
    def get(self, call: Call) -> Answer:
        """Whether it is the turn of a host; false when there is no deployment."""
        hostname = call.query.text("hostname")
        if not hostname:
            raise InvalidInput(field="hostname", rule="must name a host")
        return Answer(hostname in hostorder.expected(read(call.deps(Database)).view))


class InstallLocalController:
    """``/v1/deploy_host/install_local``."""

    @describes(body={"type": "object"}, body_required=False, answers={406: RESULT})
    def post(self, call: Call) -> Answer:
        """Refused: a host installs at its boot what the system runs, without an order."""
        return refuse(call, "Local installations are not ordered over the network: the agent of a host installs at "
                            "boot what the system runs (patching-agent --once --local).")


_HOST = "/v1/deploy_host/{hostname}"
_ORDERS = {
    f"{_HOST}{path}{force}": HostOrderController(kind, bool(force))
    for path, kind in (("", OrderKind.DEPLOY_HOST), ("/rollback", OrderKind.ROLL_BACK_HOST))
    for force in ("", "/force")}
ROUTES: dict[str, Any] = {
    "/v1/deploy_host": DeployHostsController, "/v1/deploy_host/next": NextController,
    "/v1/deploy_host/install_local": InstallLocalController, **_ORDERS}
POLICY = (
    Rule("software:deploy_host:get", READER, "GET", "/v1/deploy_host"),
    Rule("software:deploy_host:get", READER, "GET", "/v1/deploy_host/next"),
    Rule("software:deploy_host:install_local", CONFIGURATOR, "POST", "/v1/deploy_host/install_local"),
    *(Rule("software:deploy_host:order", CONFIGURATOR, "POST", path) for path in _ORDERS),
)
