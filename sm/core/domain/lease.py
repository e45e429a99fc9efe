# SPDX-License-Identifier: Apache-2.0
"""Who may be voted for, how long a lease lasts, and until when a node may keep groups active."""
from __future__ import annotations

from sm.core.domain.view import Beat, Proof, View, Void


def backing(view: View, now_ms: int) -> dict[str, int]:
    """For each voter that backs this node's claim: until when, on our clock, its vote is known to have been ours."""
    found = {view.me: now_ms}
    if view.claim_ms is None:
        return {}
    for name in view.others:
        void, heard = view.void.get(name), view.heard.get(name)
        since = -1
        if void is not None:
            since = now_ms if stays_void(view, void) else void.at_ms
        elif heard is not None:
            since = heard.lent_ms
            if heard.beat.vote == view.durable.vote:
                since = max(since, heard.echo_ms)
        if since >= view.claim_ms:
            found[name] = since
    return found


def stays_void(view: View, void: Void) -> bool:
    """Whether a void node cannot become a voter for somebody else without being heard here.

    Of two voters it needs our vote for everything. Among three a node that is off, or has ended, could start again and
    meet the third.
    """
    return len(view.config.voters) == 2 or void.proof not in (Proof.FENCED, Proof.DEPARTED)


def lease_end(view: View, now_ms: int) -> int:
    """Until when this node's lease lasts by the votes known now; -1 without a majority.

    The vote of a node that is off belongs to nobody, and another survivor could count it too. So it counts only when
    every other node is off or votes for this one, and for as long as that is known of each.
    """
    found, majority = backing(view, now_ms), view.config.majority
    own = sorted([since for name, since in found.items() if _votes_itself(view, name)], reverse=True)
    since = own[majority - 1] if len(own) >= majority else -1
    if len(found) >= majority and all(name in found for name in view.config.nodes):
        known = min(found[name] for name in view.config.nodes)
        since = max(since, min(known, sorted(found.values(), reverse=True)[majority - 1]))
    return since + view.config.timing.lease_ms if since >= 0 else -1


def _votes_itself(view: View, name: str) -> bool:
    """Whether a voter that backs this node's claim has said so, since nothing else was proven of it."""
    heard = view.heard.get(name)
    return name == view.me or (name not in view.void and heard is not None and heard.beat.vote == view.durable.vote
                               and heard.echo_ms >= max(heard.lent_ms, view.claim_ms or 0))


def has_live_majority(view: View, now_ms: int) -> bool:
    """Whether a majority of voters that speak for themselves backs this node's claim."""
    return sum(name not in view.void for name in backing(view, now_ms)) >= view.config.majority


def steps_down_at(view: View) -> int | None:
    """When this node must begin to stop what is active, as the leader; None when it leads without an end."""
    if view.config.keeps_alone:
        return None
    return view.lease_until_ms - view.config.timing.step_down_ms - view.config.timing.drift_ms


def resumes(view: View) -> bool:
    """Whether this node led without an end in the same boot of its host, so that nobody else can lead."""
    return (view.config.keeps_alone and view.durable.vote.holder == view.me
            and view.durable.led_in == view.host_boot)


def permitted_until(view: View, *, leased: bool) -> int | None:
    """Until when groups may be active on this node; None without an end. A watchdog resets the node at that moment when
    something is still active; the node begins to stop it ``step_down_ms`` earlier.

    ``leased``: groups that only the leader may have active; for the others a grant is enough.
    """
    if (view.leading and view.config.keeps_alone) or resumes(view):
        return None
    ends = [view.grace_until_ms]
    if view.durable.vote.holder == view.me:
        # A candidate has the votes perhaps, but no right yet: an earlier leader's grants may last.
        ends.append(view.lease_until_ms if view.leading else view.former_until_ms)
    if not leased:
        ends.append(view.grant_until_ms)
    return max(ends) - view.config.timing.drift_ms


def must_stop(view: View, now_ms: int, *, leased: bool) -> bool:
    """Whether what is active on this node must stop now. What is leased stops as soon as the node does not lead, unless
    it only has not claimed again what nobody else can have."""
    if leased and not view.leading and not resumes(view):
        return now_ms >= view.grace_until_ms - view.config.timing.step_down_ms
    until = permitted_until(view, leased=leased)
    return until is not None and now_ms >= until - view.config.timing.step_down_ms


def vote_refusal(view: View, beat: Beat, now_ms: int) -> str:
    """Why this voter does not vote for the sender of ``beat``, which claims; empty when it does."""
    own = view.durable
    if beat.vote.term <= own.vote.term:
        return f"it stands in term {beat.vote.term}; this voter is in term {own.vote.term}"
    if view.leading:
        return "this node leads"
    if not beat.accepts_loss:
        if own.forgot:
            return "this voter's store is new, and it has not heard yet whose data is current"
        if beat.record.age < own.record.age:
            return f"its record of current data {beat.record.age} is older than {own.record.age}"
        if own.record.members and beat.node not in own.record.members:
            return "its data is not current"
    holder = own.vote.holder
    if now_ms < view.promised_until_ms and holder != beat.node and not released(view, beat):
        return f"promised to {holder or 'nobody'} for {view.promised_until_ms - now_ms} ms"
    return ""


def released(view: View, beat: Beat | None = None) -> bool:
    """Whether the holder of this voter's vote gave up its lease: it said so, or it is off.

    A node that votes for itself, does not lead and claims nothing, gives its own up to one that leads in a later term:
    that one has its right already and needs this vote to keep it, perhaps before the promise of this node's last start
    has ended.
    """
    holder = view.durable.vote.holder
    if holder == view.me:
        return beat is not None and beat.leading and not view.leading and view.claim_ms is None
    if holder in view.void or (beat is not None and holder in beat.fenced):
        return True
    heard = view.heard.get(holder)
    if heard is None or heard.beat.active or heard.beat.leading:
        return False
    return heard.beat.vote.term > view.durable.vote.term or (heard.beat.vote == view.durable.vote
                                                             and not heard.beat.claims)


def fitness_refusal(view: View, now_ms: int) -> str:
    """Why this node's data forbids it to lead; empty when nothing does."""
    if view.accepts_loss:
        return ""
    if view.me not in view.durable.record.members:
        return "its data is not current"
    if view.claim_ms is not None and has_live_majority(view, now_ms):
        return ""
    if len(view.config.voters) == 1 or now_ms < view.current_until_ms:
        return ""
    return "nobody confirms that its data is still current"


def expired(view: View, name: str, now_ms: int) -> bool:
    """Whether ``promote`` lets this voter treat the silent leader's lease as ended: it was voted for, it needed this
    vote, and the promise has ended."""
    config, heard = view.config, view.heard.get(name)
    return (view.durable.vote.holder == name and heard is not None and not heard.beat.alone
            and len(config.voters) == 2 and not config.keeps_alone
            and now_ms >= view.promised_until_ms + config.timing.drift_ms and view.silent(name, now_ms))


def gone(view: View, name: str, now_ms: int) -> bool:
    """Whether nothing can be active on a silent node any more: it is off, or what permitted it has ended."""
    if name in view.void:
        return True
    if not view.leading or not view.silent(name, now_ms):
        return False
    heard = view.heard.get(name)
    since = max(view.leading_since_ms, -1 if heard is None else heard.granted_ms)
    return now_ms >= since + view.config.timing.grant_ms + view.config.timing.drift_ms
