# SPDX-License-Identifier: Apache-2.0
"""When a node stands for election, when it leads, and when it gives up."""
from __future__ import annotations

from flock.core.records import replace
from sm.core.domain import record
from sm.core.domain.lease import (
    expired,
    fitness_refusal,
    has_live_majority,
    lease_end,
    released,
    resumes,
    steps_down_at,
)
from sm.core.domain.view import Proof, View, Void, Vote


def decided(view: View, now_ms: int) -> View:
    """The view after all that follows from it at ``now_ms``."""
    view = _expire(view, now_ms)
    view = _recall(view, now_ms)
    view = _give_way(view, now_ms)
    if view.claim_ms is not None:
        view = _keep(view, now_ms)
    else:
        view = _stand(view, now_ms)
    return record.renewed(view, now_ms) if view.leading else view


def departed(view: View, away_ms: int) -> View:
    """The view of a node whose host goes down in order. Nothing is decided after it. Without effect while something
    that needs the lease is active here."""
    if view.local.active or view.departing_ms:
        return view
    return replace(_resigned(view, "its host goes down"), departing_ms=max(away_ms, 1))


def standing_refusal(view: View, now_ms: int) -> str:
    """Why this node does not stand for election; empty when nothing forbids it."""
    config, holder = view.config, view.durable.vote.holder
    if view.me not in config.nodes:
        return "a witness does not lead"
    if not view.local.eligible:
        return "this node is locked or not ready"
    leader = view.leader(now_ms)
    if leader:
        return f"{leader} leads"
    if view.local.isolated and len(config.voters) > 1:
        return f"this node's own networks are at fault: {view.local.isolated}"
    if not view.accepts_loss and view.durable.forgot:
        return "its store is new, and it has not heard yet whose data is current"
    if not view.accepts_loss and view.me not in view.durable.record.members:
        return "its data is not current"
    return _wait_refusal(view, holder, now_ms) or _votes_refusal(view, now_ms)


def _wait_refusal(view: View, holder: str, now_ms: int) -> str:
    timing = view.config.timing
    followed = _followed(view, now_ms)
    if followed:
        return followed
    missing = [name for name in view.others if name not in view.heard and name not in view.void]
    if missing and now_ms < view.started_ms + timing.wait_ms and not resumes(view):
        return f"waits for {', '.join(missing)} since its start"
    if now_ms < view.promised_until_ms and holder not in (view.me, "") and not (released(view) or _offered(view)):
        return f"its vote is promised to {holder} for {view.promised_until_ms - now_ms} ms"
    return ""


def _followed(view: View, now_ms: int) -> str:
    """A voter that hears a leader which is not heard here; without this, a node that is deaf to the leader would stand
    again and again."""
    for name, heard in view.heard.items():
        leader = heard.beat.follows
        if leader not in ("", name, view.me) and leader not in view.void and not view.silent(name, now_ms):
            return f"{name} hears that {leader} leads"
    return ""


def _votes_refusal(view: View, now_ms: int) -> str:
    silent = [name for name in view.others if name not in view.void and view.silent(name, now_ms)]
    heard = 1 + sum(name not in view.void and name not in silent for name in view.others)
    # The votes of those that are off count only when no other node may be alone too.
    counted = heard if any(name in view.config.nodes for name in silent) else 1 + len(view.others) - len(silent)
    if counted < view.config.majority and not resumes(view):
        return f"no majority: {', '.join(silent)} is neither heard nor proven to be off"
    return ""


def _offered(view: View) -> int:
    """The term in which another voter votes for this node, which does not stand in it yet; 0 without one."""
    return max((heard.beat.vote.term for heard in view.heard.values()
                if heard.beat.vote.holder == view.me and heard.beat.vote.term > view.durable.vote.term
                and not heard.beat.leading), default=0)


def _expire(view: View, now_ms: int) -> View:
    for name in view.others:
        if name not in view.void and expired(view, name, now_ms):
            void = Void(Proof.EXPIRED, view.heard[name].beat.boot, now_ms, now_ms, now_ms)
            view = replace(view, void={**view.void, name: void})
    return view


def _recall(view: View, now_ms: int) -> View:
    """A voter with a new store knows the newest record once it hears a leader, or every other voter."""
    if view.durable.forgot and (view.leader(now_ms) or all(
            name in view.heard and not view.silent(name, now_ms) for name in view.others)):
        return replace(view, durable=replace(view.durable, forgot=False))
    return view


def _give_way(view: View, now_ms: int) -> View:
    """Stop claiming when somebody leads in a greater term, or leads at all while this node only stands."""
    if view.claim_ms is None:
        return view
    own = view.durable.vote
    for name, heard in view.heard.items():
        if heard.beat.leading and not view.silent(name, now_ms) and (
                heard.beat.vote.term > own.term or not view.leading):
            return _resigned(view, f"{name} leads in term {heard.beat.vote.term}")
    return view


def _resigned(view: View, reason: str) -> View:
    """The view of a node that neither leads nor stands any more. What is active here ends with the lease; until then
    it may acknowledge nothing that the required nodes lack."""
    former_until_ms = view.lease_until_ms if view.leading else view.former_until_ms
    return replace(view, claim_ms=None, leading=False, former_until_ms=former_until_ms, stand_at_ms=None, reason=reason,
                   durable=replace(view.durable, led_in=""))


def _stand(view: View, now_ms: int) -> View:
    refusal = standing_refusal(view, now_ms)
    if refusal:
        return replace(view, stand_at_ms=None, reason=refusal)
    offered = _offered(view)
    if resumes(view) and not offered:
        return replace(view, claim_ms=now_ms, prior=view.me, reason="claims the lease that it had before its restart")
    before = _before(view, now_ms)
    if view.stand_at_ms is None:
        view = replace(view, stand_at_ms=now_ms + len(before) * view.config.timing.stagger_ms)
    if not offered and _defers(view, before, now_ms):
        return replace(view, reason=f"lets {', '.join(before)} stand first")
    return _candidate(view, offered or _greatest_term(view) + 1, now_ms)


def _candidate(view: View, term: int, now_ms: int) -> View:
    return _keep(replace(
        view, durable=replace(view.durable, vote=Vote(term, view.me), led_in=""), claim_ms=now_ms, stand_at_ms=None,
        prior=view.durable.vote.holder, lease_until_ms=-1, reason=f"stands for election in term {term}"), now_ms)


def _greatest_term(view: View) -> int:
    return max([view.durable.vote.term, *(heard.beat.vote.term for heard in view.heard.values())])


def _defers(view: View, before: list[str], now_ms: int) -> bool:
    """Whether this node waits for better candidates: for a moment, and for the length of a lease while one stands."""
    since_ms = now_ms if view.stand_at_ms is None else view.stand_at_ms
    standing = any(view.heard[name].beat.claims for name in before)
    return now_ms < since_ms + (view.config.timing.lease_ms if standing else 0)


def _before(view: View, now_ms: int) -> list[str]:
    """The nodes that should stand before this one: those with newer data, then the last leader, then by name."""
    def key(name: str, age: tuple[int, int]) -> tuple[int, int, bool, str]:
        return (-age[0], -age[1], name != view.durable.vote.holder, name)

    own = key(view.me, view.durable.record.age)
    return [name for name, heard in sorted(view.heard.items())
            if name in view.config.nodes and name not in view.void and heard.beat.eligible
            and not view.silent(name, now_ms) and key(name, heard.beat.record.age) < own]


def _keep(view: View, now_ms: int) -> View:
    """The claim of this node, one moment later."""
    if not view.leading and not view.local.eligible:
        return _resigned(view, "this node is locked or not ready")
    view = replace(view, lease_until_ms=max(view.lease_until_ms, lease_end(view, now_ms)))
    if view.leading:
        return _lead_on(view, now_ms)
    return _lead(view, now_ms)


def _lead(view: View, now_ms: int) -> View:
    timing = view.config.timing
    goes_on = resumes(view) and now_ms >= view.started_ms + timing.silent_ms
    enough = now_ms < view.lease_until_ms - timing.step_down_ms - timing.drift_ms
    if not (enough or goes_on):
        return _contest(view, now_ms)
    unfit = "" if goes_on else fitness_refusal(view, now_ms)
    if unfit:
        return replace(view, reason=unfit)
    term = view.durable.vote.term
    view = record.taken_over(view, now_ms, view.prior)
    return replace(view, leading=True, leading_since_ms=now_ms, grant_until_ms=-1, accepts_loss=False,
                   reason=_why(view, now_ms),
                   durable=replace(view.durable, vote=Vote(term, view.me), led_in=view.host_boot))


def _why(view: View, now_ms: int) -> str:
    proofs = [f"{name}: {void.proof.value}" for name, void in view.void.items()]
    if has_live_majority(view, now_ms):
        return f"has the votes of a majority in term {view.durable.vote.term}"
    return "; ".join(proofs) or "led before its restart, and nobody else could take the lease"


def _contest(view: View, now_ms: int) -> View:
    """Stand again, in a greater term, when somebody else is voted for in this one."""
    mine, timing = view.durable.vote, view.config.timing
    rival = any(heard.beat.vote.term >= mine.term and heard.beat.vote.holder != view.me
                for name, heard in view.heard.items() if not view.silent(name, now_ms))
    claim_ms = now_ms if view.claim_ms is None else view.claim_ms
    refusal = standing_refusal(view, now_ms)
    if refusal:
        return _resigned(view, refusal)
    if rival and now_ms >= claim_ms + timing.stagger_ms * (2 + 2 * len(_before(view, now_ms))):
        return _resigned(view, "another candidate has votes in this term")
    return view


def _lead_on(view: View, now_ms: int) -> View:
    ends_ms = steps_down_at(view)
    if ends_ms is not None and now_ms >= ends_ms:
        return _resigned(view, "no majority has confirmed the lease in time")
    heir = _heir(view, now_ms)
    if heir:
        term, grant_ms = _greatest_term(view) + 1, view.config.timing.grant_ms
        # The heir can lead only from now on, and counts on what is granted here for grant_ms from then.
        granted_ms = min(view.lease_until_ms, now_ms + grant_ms)
        view = replace(_resigned(view, f"hands the lease over to {heir}"), grant_until_ms=granted_ms)
        return replace(view, durable=replace(view.durable, vote=Vote(term, heir)),
                       promised_until_ms=now_ms + view.config.timing.lease_ms)
    greatest = _greatest_term(view)
    if greatest > view.durable.vote.term:
        # A voter has seen a greater term, in which nobody leads. It can follow only into a greater one.
        return replace(view, claim_ms=now_ms,
                       durable=replace(view.durable, vote=Vote(greatest + 1, view.me)))
    return view


def _heir(view: View, now_ms: int) -> str:
    """The node that shall lead in place of this one, once nothing is active here: the one that the scheduler wants, or
    any other when this node cannot."""
    if view.local.active or not (view.local.heir or not view.local.eligible):
        return ""
    able = [name for name, heard in view.heard.items()
            if name in view.config.nodes and name not in view.void and heard.beat.eligible
            and not view.silent(name, now_ms)
            and name in view.durable.record.members and heard.beat.record == view.durable.record]
    return view.local.heir if view.local.heir in able else "" if view.local.heir else min(able, default="")
