# SPDX-License-Identifier: Apache-2.0
"""Views of controller-0, which has heard controller-1 (and a witness) a moment ago."""
import pytest

from flock.core.records import replace
from sm.core.domain.view import Beat, Config, Durable, Heard, Local, Record, View, Vote
from sm.core.timing import Timing
from tests.unit.sm.core.domain.names import BOTH, C0, C1, NOW, WITNESS


@pytest.fixture
def beat():
    """Makes a beat of controller-1."""
    def make(**changes):
        base = Beat(node=C1, boot="boot-1", sent_ms=5_000, echoes={C0: ("boot-0", NOW - 50)}, vote=Vote(7, C0),
                    record=Record(7, 3, BOTH))
        return replace(base, **changes)
    return make


@pytest.fixture
def view(beat):
    """Makes a view of controller-0. ``leads`` gives it the lease of term 7."""
    def make(*, leads=False, witness=False, heard=True, policy=None, **changes):
        config = Config((C0, C1), WITNESS if witness else "", **({} if policy is None else {"policy": policy}))
        known = {C1: Heard(beat(), NOW - 50, NOW - 50)} if heard else {}
        if witness and heard:
            known[WITNESS] = Heard(beat(node=WITNESS, boot="boot-w"), NOW - 50, NOW - 50)
        durable = Durable(Vote(7, C0 if leads else C1), Record(7, 3, BOTH))
        base = View(C0, "boot-0", "host-0", config, 0, durable=durable,
                    local=Local(eligible=True, active=leads, in_sync=frozenset({C1}), fenceable=frozenset({C1})),
                    heard=known)
        if leads:
            base = replace(base, leading=True, claim_ms=NOW - 9_000, leading_since_ms=NOW - 8_000,
                           lease_until_ms=NOW + Timing().lease_ms, required=frozenset({C1}))
        return replace(base, **changes)
    return make


@pytest.fixture
def hush():
    """Makes a voter of a view silent for ``ms``."""
    def quiet(view, name=C1, ms=60_000):
        known = view.heard[name]
        return replace(view, heard={**view.heard, name: replace(known, received_ms=NOW - ms, echo_ms=NOW - ms)})
    return quiet
