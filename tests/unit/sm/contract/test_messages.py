# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import pytest

from flock.core.codec import codec_for
from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.contract.messages import AssignmentReport, Beat, Echo, GroupOrder, NodeReport, Snapshot, Vote
from sm.contract.states import GroupState

BEATS = codec_for(Beat)
BEAT = Beat("controller-0", "b0", 7, 700, echoes={"controller-1": Echo("b1", 650)}, term=3,
            vote=Vote(3, "controller-0"), leading=True, carriers={"mgmt": True},
            heard={"mgmt": ("controller-1",)}, revision=2, acknowledged={"controller-1": 9})
SNAPSHOT = Snapshot(2, nodes={"controller-0": NodeReport(state_uuid="u")},
                    assignments=(AssignmentReport("cloud-services", GroupState.ACTIVE, failed=1, age_ms=5),),
                    orders={"controller-1": (GroupOrder("cloud-services", GroupState.STANDBY, 8, recover=True),)})


@pytest.mark.parametrize("beat", [BEAT, replace(BEAT, snapshot=SNAPSHOT)])
def test_a_beat_survives_the_wire(beat: Beat) -> None:
    assert BEATS.decode(BEATS.encode(beat, "beat"), "beat") == beat


def test_a_beat_of_another_release_is_understood() -> None:
    sent = {"node": "controller-1", "boot": "b1", "sequence": 1, "sent_ms": 5, "later": {}}
    beat = BEATS.decode(json.dumps(sent), "beat")
    assert (beat.term, beat.vote, beat.echoes, beat.snapshot) == (0, Vote(), {}, None)


def test_a_beat_without_a_sender_is_refused() -> None:
    with pytest.raises(InvalidInput, match="node"):
        BEATS.decode(b'{"boot": "b1", "sequence": 1, "sent_ms": 5}', "beat")
