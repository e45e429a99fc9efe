# SPDX-License-Identifier: Apache-2.0
"""The vote and the record of current data in the store: what the agreement of the nodes must never forget."""
from __future__ import annotations

from dataclasses import dataclass

from flock.core.codec import codec_for
from sm.core.domain.view import Durable, Record, Vote
from sm.store.documents import Documents

NAME = "agreement"


@dataclass(frozen=True, slots=True)
class _Document:
    term: int = 0
    holder: str = ""
    record_term: int = 0
    record_revision: int = 0
    record_members: tuple[str, ...] = ()
    led_in: str = ""
    forgot: bool = False


def put(kept: Documents, durable: Durable) -> None:
    """Store vote and record; when this returns, they survive a loss of power, and others may learn of them."""
    vote, record = durable.vote, durable.record
    kept.put(NAME, codec_for(_Document), _Document(vote.term, vote.holder, record.term, record.revision,
                                                   tuple(sorted(record.members)), durable.led_in, durable.forgot))


def get(kept: Documents) -> Durable | None:
    """What was stored last; None when nothing was, or a damaged file took it along: then this node knows nothing of
    votes that it has given. InvalidInput: what is stored is none."""
    found: _Document | None = kept.get(NAME, codec_for(_Document))
    if found is None:
        return None
    return Durable(Vote(found.term, found.holder), Record(found.record_term, found.record_revision,
                                                          frozenset(found.record_members)), found.led_in, found.forgot)
