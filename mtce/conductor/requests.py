# SPDX-License-Identifier: Apache-2.0
"""The conductor's bus interfaces: hosts and actions for sysinv and mtce-api, events for host agents."""
from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from flock.core.errors import FlockError, InvalidInput
from mtce.conductor import messages
from mtce.conductor.bmcsecret import Receive
from mtce.conductor.loop import Effects, Loop, MachineStopped
from mtce.conductor.roster import Entry
from mtce.conductor.store import Answered, StoredHost
from mtce.contract.records import ActionReply, ClaimReport, CommandResult, HostStatus, MtcAlive, MtceHost
from mtce.contract.states import HostAction
from mtce.core import arbiter, claims
from mtce.core.bounds import alive_refusal, claims_refusal, result_refusal
from mtce.core.events import AgentResult, Alive, Command, Put, RebootAnswer, Resync
from mtce.core.view import first_view

LOG = logging.getLogger(__name__)
ANSWER_S = 5.0
TOLD_AGAIN_MAX = 100
UNKNOWN_HOST = ActionReply("fail", "Unknown host", "Add the host and then retry")


class HostRequests:
    """Implements MtceHosts. The loop's thread answers every method after the commit."""

    def __init__(self, loop: Loop, effects: Effects, hostname: str, receive: Receive) -> None:
        self._loop = loop
        self._effects = effects
        self._hostname = hostname
        self._receive = receive

    def put_host(self, *, host: MtceHost) -> ActionReply:
        """Add a host or update its record; fails when its BMC password is not sealed for that, or too long ago."""
        try:
            stored = self._receive(host)
        except FlockError as error:
            LOG.error("the record of %s is refused: %s", host.hostname, error)  # noqa: TRY400
            return ActionReply("fail", str(error), "Set bm_password of the host again")
        return self._ask(lambda: self._put(stored))

    def host_action(self, *, host_uuid: str, action: str, request_id: str) -> ActionReply:
        """Start an action; returns the first reply again for a repeated request."""
        return self._ask(lambda: self._act(host_uuid, action, request_id))

    def delete_host(self, *, host_uuid: str, revision: int = 0) -> ActionReply:
        """Delete a locked host."""
        return self._ask(lambda: self._delete(host_uuid, revision))

    def get_host(self, *, host_uuid: str) -> HostStatus | None:
        """Return one host."""
        entry = self._loop.roster.get(host_uuid)
        return None if entry is None else _status(entry)

    def list_hosts(self) -> list[HostStatus]:
        """Return all hosts, sorted by name."""
        return sorted((_status(entry) for entry in self._loop.roster.all()), key=lambda status: status.hostname)

    def tell_again(self, *, host_uuids: list[str]) -> None:
        """Send the whole states of hosts to sysinv."""
        if len(host_uuids) > TOLD_AGAIN_MAX:
            raise InvalidInput(field="host_uuids", rule=f"at most {TOLD_AGAIN_MAX} hosts")
        self._loop.ask(lambda: self._tell_again(host_uuids), ANSWER_S)

    def resync_host(self, *, host_uuid: str, sequence: int) -> HostStatus | None:
        """Repair what is stored of one host, and return its states with a new number."""
        return self._loop.ask(lambda: self._resync(host_uuid, sequence), ANSWER_S)

    def _ask(self, work: Callable[[], ActionReply]) -> ActionReply:
        try:
            return self._loop.ask(work, ANSWER_S)
        except MachineStopped as error:
            return ActionReply("fail", str(error), "Read the log of mtce-conductor and then retry")

    def _put(self, host: MtceHost) -> ActionReply:
        known = self._loop.roster.get(host.uuid)
        if known is not None and arbiter.is_older(host.revision, known.record):
            LOG.info("%s: record %d is older than %d and changes nothing", host.hostname, host.revision,
                     known.record.revision)
            return arbiter.PASS
        if known is None:
            deleted = arbiter.deleted_refusal(host.revision, self._loop.store.deleted_revision(host.uuid))
            if deleted is not None:
                LOG.info("%s: record %d is refused: %s", host.hostname, host.revision, deleted.reason)
                return deleted
        others = [entry.view for entry in self._loop.roster.all()]
        refused = arbiter.put_refusal(others, host.uuid, host.hostname, host.personality, host.mgmt_ip)
        if refused is not None:
            return refused
        if known is None:
            self._add(host)
            return arbiter.PASS
        was, known.record = known.record, host
        try:
            self._loop.step_host(known, Put(host, is_new=False))
        except Exception:
            known.record = was
            raise
        return arbiter.PASS

    def _add(self, host: MtceHost) -> None:
        """Store the row of a new host before its first step."""
        blank = replace(first_view(host), is_active=host.hostname == self._hostname)
        view, actions = self._loop.decide(blank, Put(host, is_new=True, controller_boot=self._loop.controller_boot))
        told = messages.of_step(None, view, actions)
        revision = self._loop.store.commit(None, view, host, cause="put", messages=told)
        self._loop.roster.put(Entry(view, host, StoredHost(view, host, revision)))
        LOG.info("%s is added: %s", host.hostname, "-".join(view.states()))
        self._effects.watch(view)
        self._effects.perform(view, host, actions)
        self._effects.delivered_soon()

    def _act(self, host_uuid: str, word: str, request_id: str) -> ActionReply:
        earlier = self._loop.store.answer_to(request_id, host_uuid, word[:32])
        if earlier is not None:
            return earlier
        entry = self._loop.roster.get(host_uuid)
        action = arbiter.parse_action(word)
        refused = self._refusal(entry, action, word)
        if refused is not None or entry is None or action is None:
            reply = refused or UNKNOWN_HOST
            self._loop.store.answer(Answered(request_id, host_uuid, word[:32], reply))
            LOG.info("%s of %s is refused: %s", word, host_uuid, reply.reason)
            return reply
        entry.broken = ""
        self._loop.step_host(entry, Command(action, request_id),
                             Answered(request_id, host_uuid, str(action), arbiter.PASS))
        LOG.info("%s of %s is accepted (request %s)", action, entry.view.hostname, request_id)
        return arbiter.PASS

    def _refusal(self, entry: Entry | None, action: HostAction | None, word: str) -> ActionReply | None:
        if entry is None:
            return UNKNOWN_HOST
        if action is None:
            return ActionReply("fail", f"Unknown admin action '{word[:32]}'", "Use a supported action")
        return arbiter.refusal(entry.view, action, self._loop.settings)

    def _tell_again(self, host_uuids: list[str]) -> None:
        for entry in filter(None, map(self._loop.roster.get, host_uuids)):
            # A higher number, so that sysinv does not drop the state as outdated.
            view = replace(entry.view, revision=entry.view.revision + 1, sequence=entry.view.sequence + 1)
            revision = self._loop.store.commit(entry.stored, view, entry.record, cause="told again",
                                               messages=[messages.whole_state(view)])
            entry.view, entry.stored = view, StoredHost(view, entry.record, revision)
        self._effects.delivered_soon()

    def _resync(self, host_uuid: str, sequence: int) -> HostStatus | None:
        entry = self._loop.roster.get(host_uuid)
        if entry is None:
            return None
        was = entry.view.sequence
        self._loop.step_host(entry, Resync(sequence))
        entry.broken = ""
        self._loop.roster.reschedule(entry.view)
        LOG.warning("%s: an operator resynchronizes its states; their number was %d, sysinv had %d, it is %d now",
                    entry.view.hostname, was, sequence, entry.view.sequence)
        return _status(entry)

    def _delete(self, host_uuid: str, revision: int) -> ActionReply:
        entry = self._loop.roster.get(host_uuid)
        if entry is None:
            # sysinv may not have sent its record yet.
            self._loop.store.delete(host_uuid, [], revision)
            return arbiter.PASS
        refused = arbiter.delete_refusal(entry.view, entry.record, revision)
        if refused is not None:
            return refused
        self._loop.store.delete(host_uuid, messages.of_delete(entry.view), revision)
        self._loop.roster.remove(host_uuid)
        self._effects.forget(host_uuid)
        self._effects.delivered_soon()
        LOG.info("%s is forgotten", entry.view.hostname)
        return arbiter.PASS


def _status(entry: Entry) -> HostStatus:
    return replace(entry.view.status(), revision=entry.record.revision, sequence=entry.view.sequence)


class AgentRequests:
    """Implements AgentEvents: turns messages of agents into events of their hosts."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def mtc_alive(self, *, alive: MtcAlive) -> None:
        """Accept an mtcAlive; InvalidInput for numbers and texts out of range."""
        _refuse(alive_refusal(alive))
        self._loop.post(alive.host_uuid, Alive(alive))

    def command_result(self, *, result: CommandResult) -> None:
        """Accept the result of a command; that of a reboot is the agent's acknowledgement. InvalidInput likewise."""
        _refuse(result_refusal(result))
        if result.command == HostAction.REBOOT:
            self._loop.post(result.host_uuid, RebootAnswer(result.request_id, result.passed))
            return
        self._loop.post(result.host_uuid, AgentResult(result.boot_id, result.command, result.passed, result.detail))

    def addresses_claimed(self, *, report: ClaimReport) -> None:
        """Accept the wrong claims that a host sees; InvalidInput likewise."""
        _refuse(claims_refusal(report))
        reporter = self._loop.roster.get(report.host_uuid)
        if reporter is None:
            return
        views = [entry.view for entry in self._loop.roster.all()]
        for uuid, event in claims.concerned(reporter.view, report.claims, views):
            self._loop.post(uuid, event)


def _refuse(rule: str | None) -> None:
    if rule is not None:
        field, _, rest = rule.partition(" ")
        raise InvalidInput(field=field, rule=rest)
