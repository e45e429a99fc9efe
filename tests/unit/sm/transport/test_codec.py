# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flock.core.errors import InvalidInput
from flock.core.records import replace
from sm.contract.messages import AssignmentReport, Beat, Echo, Snapshot
from sm.transport import codec
from sm.transport.codec import Refusal

KEY, OTHER = b"k" * 64, b"x" * 64
KEYS = {1: OTHER, 2: KEY}
BEAT = Beat("controller-0", "b0", 7, 700, echoes={"controller-1": Echo("b1", 650)})
LARGE = replace(BEAT, snapshot=Snapshot(1, assignments=tuple(AssignmentReport(f"group-{n}") for n in range(40))))


def datagram(beat: Beat = BEAT) -> bytes:
    return codec.seal(*codec.encode(beat), 9, 2, KEY)


@pytest.mark.parametrize("beat", [BEAT, LARGE])
def test_a_beat_comes_out_as_it_went_in(beat: Beat) -> None:
    opened = codec.opened(datagram(beat), KEYS)
    assert not isinstance(opened, Refusal)
    body, flags, sequence = opened
    assert codec.decode(body, flags) == beat and sequence == 9
    assert flags == (codec.COMPRESSED if beat is LARGE else 0)


def test_a_large_snapshot_is_compressed_to_one_unfragmented_datagram() -> None:
    assert len(datagram(LARGE)) < 1_000


def test_every_flipped_bit_is_refused() -> None:
    good = datagram()
    for place in range(len(good) * 8):
        bad = bytearray(good)
        bad[place // 8] ^= 1 << place % 8
        assert isinstance(codec.opened(bytes(bad), KEYS), Refusal), place


def test_every_shorter_or_longer_datagram_is_refused() -> None:
    good = datagram()
    for length in range(len(good)):
        assert isinstance(codec.opened(good[:length], KEYS), Refusal)
    assert codec.opened(good + b"x", KEYS) is Refusal.LENGTH
    assert codec.opened(b"x" * 9_000, KEYS) is Refusal.LENGTH


@pytest.mark.parametrize(("place", "refusal"), [(0, Refusal.MAGIC), (2, Refusal.VERSION), (3, Refusal.KEY),
                                                (5, Refusal.VERSION), (7, Refusal.LENGTH), (20, Refusal.DIGEST)])
def test_refusals_are_told_apart(place: int, refusal: Refusal) -> None:
    bad = bytearray(datagram())
    bad[place] ^= 0x40
    assert codec.opened(bytes(bad), KEYS) is refusal


def test_no_digest_and_a_digest_of_another_key_are_refused() -> None:
    """Nothing in a datagram makes the receiver do without the digest."""
    signed = datagram()[:-codec.DIGEST_BYTES]
    for number in range(256):
        for flags in range(256):
            bare = signed[:3] + bytes([number, flags, 0]) + len(signed).to_bytes(2) + signed[8:]
            assert isinstance(codec.opened(bare, KEYS), Refusal)
            padded = bare[:6] + (len(bare) + 64).to_bytes(2) + bare[8:] + bytes(64)
            assert isinstance(codec.opened(padded, KEYS), Refusal)
    assert codec.opened(codec.seal(*codec.encode(BEAT), 9, 2, OTHER), KEYS) is Refusal.DIGEST
    assert codec.opened(datagram(), {1: OTHER}) is codec.opened(datagram(), {}) is Refusal.KEY


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=2_000))
def test_random_datagrams_do_not_raise(data: bytes) -> None:
    assert isinstance(codec.opened(data, KEYS), Refusal)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=500), st.integers(0, 255))
def test_random_bodies_do_not_raise(body: bytes, flags: int) -> None:
    assert isinstance(codec.decode(body, flags), Refusal)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_bodies_do_not_raise(data: st.DataObject) -> None:
    body, flags = codec.encode(data.draw(st.sampled_from([BEAT, LARGE])))
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 20)))
    mutated = body[:start] + data.draw(st.binary(max_size=20)) + body[end:]
    assert isinstance(codec.decode(mutated, flags), (Beat, Refusal))


@pytest.mark.parametrize("packed", [
    zlib.compress(b"{" * 10_000_000, 9), zlib.compress(codec.encode(BEAT)[0]) + b"more",
    zlib.compress(codec.encode(BEAT)[0])[:-1]])
def test_a_body_that_swells_or_goes_on_is_refused(packed: bytes) -> None:
    assert codec.decode(packed, codec.COMPRESSED) is Refusal.BODY


def test_a_beat_beyond_all_measure_is_an_error_of_the_sender() -> None:
    rows = tuple(AssignmentReport(f"group-{number}", reason="x" * 250) for number in range(1_000))
    with pytest.raises(InvalidInput, match="beat: at most 262144 bytes"):
        codec.encode(replace(BEAT, snapshot=Snapshot(1, assignments=rows)))
