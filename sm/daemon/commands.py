# SPDX-License-Identifier: Apache-2.0
"""Carries out what operators ask on the control socket; all checks are those of the decisions."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from flock.core.errors import InvalidInput, Refused
from flock.core.records import replace
from sm.contract.control import CHANGES_MAX, Reply, Request, StatusReport, Verb
from sm.contract.messages import NodeReport
from sm.contract.nodecommand import NodeAction
from sm.contract.states import Administrative, Availability, Operational
from sm.core.domain.events import ForceActive
from sm.core.events import Restart, SetManaged
from sm.core.explain import explain
from sm.core.local.explain import explain as explain_service
from sm.core.node import ledger
from sm.core.node.view import SetMaintenance
from sm.core.simulate import BadChange, simulate
from sm.daemon import nodecommands


class Node(nodecommands.Node, Protocol):
    """What the commands need of the daemon."""

    def status(self) -> StatusReport:
        """All that is known."""

    def reload(self) -> str:
        """Take over the configuration of the store; what that means, in a sentence. FlockError: it cannot be used."""


class Commands:
    """Answers requests."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._verbs: Mapping[Verb, Callable[[Request], Reply]] = {
            Verb.STATUS: self._status, Verb.EXPLAIN: self._explain, Verb.SIMULATE: self._simulate,
            Verb.SWACT: self._swact, Verb.FORCE_ACTIVE: self._force_active, Verb.RESTART: self._restart,
            Verb.MANAGE: self._manage, Verb.UNMANAGE: self._manage, Verb.CONFIGURATION: self._configuration,
            Verb.MAINTENANCE: self._maintenance, Verb.NODE: self._set_node,
            Verb.COMMAND: lambda request: nodecommands.commanded(node, request),
            Verb.SERVICE_NODE: lambda request: nodecommands.shown(node, request)}

    def __call__(self, request: Request) -> Reply:
        """Carry out the request. FlockError: nothing was done, and why."""
        return self._verbs[request.verb](request)

    def _status(self, request: Request) -> Reply:
        return Reply(request.id, status=self._node.status())

    def _explain(self, request: Request) -> Reply:
        node, now_ms = self._node, self._node.now_ms()
        group = node.catalogue.groups.get(request.group)
        if group is None:
            raise _unknown("group", request.group, node.catalogue.groups)
        if node.view.domain.leading:
            parts = [explain(ledger.cluster(node.view, node.catalogue, now_ms), group.name, now_ms).text()]
        else:
            leader = node.view.domain.leader(now_ms)
            parts = [f"{node.view.me} does not lead: {node.view.domain.reason}.",
                     f"{leader} leads and decides; ask there why {group.name} is where it is." if leader else
                     f"Nobody leads, so nothing is decided about {group.name}."]
        parts.append(f"Services of {group.name} on {node.view.me}:")
        parts += [f"  {explain_service(node.view.local, node.catalogue, member.service, now_ms)}"
                  for member in group.members]
        return Reply(request.id, text="\n".join(parts))

    def _simulate(self, request: Request) -> Reply:
        nodecommands.leads(self._node, "simulate")
        if len(request.changes) > CHANGES_MAX:
            raise InvalidInput(field="changes", rule=f"at most {CHANGES_MAX}")
        node, now_ms = self._node, self._node.now_ms()
        try:
            told = simulate(ledger.cluster(node.view, node.catalogue, now_ms), request.changes, now_ms)
        except BadChange as error:
            raise InvalidInput(field="changes", rule=str(error)) from error
        return Reply(request.id, text=told.text())

    def _swact(self, request: Request) -> Reply:
        name = request.node or self._node.view.me
        action = NodeAction.SWACT_FORCE if request.force else NodeAction.SWACT
        verdict = nodecommands.commanded(self._node, replace(request, node=name, action=action)).verdict
        if verdict is not None and not verdict.allowed:
            raise Refused(detail=f"swact of {name} is refused: {verdict.details}")
        return Reply(request.id, text=f"The groups leave {name}.")

    def _force_active(self, request: Request) -> Reply:
        node = self._node
        silent = [name for name in node.view.domain.others if node.view.domain.silent(name, node.now_ms())]
        heard = [name for name in node.view.domain.config.nodes
                 if name not in silent and name != node.view.me]
        leader = node.view.domain.leader(node.now_ms())
        if leader:
            raise Refused(detail=f"{leader} leads already")
        if heard and not request.accept_loss:
            raise Refused(detail=f"{', '.join(heard)} is heard, so it is not off")
        said = [f"says that {', '.join(silent)} is off"] if silent else []
        said += ["accepts that data may be lost"] if request.accept_loss else []
        node.note(f"{_who(request)} {' and '.join(said) or 'has this node stand for election'}")
        node.feed(ForceActive(request.accept_loss))
        return Reply(request.id, text=f"{node.view.me} stands for election: {node.view.domain.reason}.")

    def _maintenance(self, request: Request) -> Reply:
        nodecommands.leads(self._node, "maintenance")
        word = "begins" if request.maintenance else "ends"
        self._node.note(f"{_who(request)} {word} the maintenance of the domain")
        self._node.feed(SetMaintenance(request.maintenance))
        return Reply(request.id, text=f"The maintenance of the domain {word}.")

    def _restart(self, request: Request) -> Reply:
        name = self._service(request)
        self._node.note(f"{_who(request)} restarts {name}{' alone' if request.alone else ''}")
        self._node.feed(Restart(name, request.alone))
        return Reply(request.id, text=f"{name} is restarted{'' if request.alone else ', with what uses it'}.")

    def _manage(self, request: Request) -> Reply:
        name, managed = self._service(request), request.verb is Verb.MANAGE
        word = "managed" if managed else "unmanaged"
        self._node.note(f"{_who(request)} says that {name} is {word}")
        self._node.feed(SetManaged(name, managed))
        return Reply(request.id, text=f"{name} is {word}.")

    def _configuration(self, request: Request) -> Reply:
        return Reply(request.id, text=self._node.reload())

    def _set_node(self, request: Request) -> Reply:
        if request.node not in ("", self._node.view.me):
            raise InvalidInput(field="node", rule=f"must be this node, {self._node.view.me}")
        for field, value, unknown in (("administrative", request.administrative, Administrative.UNKNOWN),
                                      ("operational", request.operational, Operational.UNKNOWN),
                                      ("availability", request.availability, Availability.UNKNOWN)):
            if value is unknown:
                raise InvalidInput(field=field, rule="must be known")
        self._node.set_report(NodeReport(request.administrative, request.operational, request.availability))
        self._node.note(f"{self._node.view.me} is {request.administrative}, {request.operational}, "
                        f"{request.availability}")
        return Reply(request.id, text=f"{self._node.view.me} is {request.administrative}.")

    def _service(self, request: Request) -> str:
        if request.service not in self._node.view.local.services:
            raise _unknown("service", request.service, self._node.view.local.services)
        return request.service


def _unknown(noun: str, name: str, known: Iterable[str]) -> Refused:
    return Refused(detail=f"there is no {noun} {name!r}; known are {', '.join(sorted(known))}")


def _who(request: Request) -> str:
    """Who asks, for the journal."""
    return f"an operator, by {request.origin}," if request.origin else "an operator"
