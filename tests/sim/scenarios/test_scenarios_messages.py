# SPDX-License-Identifier: Apache-2.0
"""Acceptance scenario 28: datagrams with a wrong digest, judged by the transport's own code, between controllers."""
from collections import Counter

import pytest

from flock.core.records import replace
from sm.contract.messages import Vote
from sm.contract.states import PathState
from sm.core.admission import Admission, Verdict
from sm.core.rotation import Key, Ring
from sm.transport import codec
from sm.transport.codec import Refusal
from sm.transport.keyring import KeyFile, Keyring
from tests.sim.scenariohosts import Host
from tests.sim.scenarioworld import Site

pytestmark = pytest.mark.soak

ATTACK_MS = 50


class SignedHost(Host):
    """Speaks in datagrams, as ``sm.transport.exchange`` does: opened, decoded, admitted, in this order."""

    key_file = None

    def begin(self):
        self.keyring, self.refused = Keyring(KeyFile(self.key_file), self.name), Counter()
        self.admission = Admission(self.name, f"{self.name}-{self.boots + 1}")
        super().begin()

    def send(self, beat):
        self.sequence += 1
        beat = replace(beat, sequence=self.sequence, greetings=self.admission.greetings(self.local_ms()))
        self.last = beat
        body, flags = codec.encode(beat)
        for path, network in self.paths.items():
            for other in self.config.nodes:
                data = codec.seal(body, flags, self.sequence, *self.keyring.signing(path, other))
                network.send(self.name, other, (path, data))

    def on_message(self, source, payload):
        path, data = payload
        if source == self.name or not self.daemon:
            return
        opened = codec.opened(data, self.keyring.verifying(path, source, self.name))
        if isinstance(opened, Refusal):
            self.refused[path, opened] += 1
            return
        body, flags, sequence = opened
        beat = codec.decode(body, flags)
        if isinstance(beat, Refusal) or beat.node != source:
            self.refused[path, beat if isinstance(beat, Refusal) else Refusal.SENDER] += 1
        elif self.admission.admit(path, beat, sequence, self.local_ms()) is Verdict.ACCEPTED:
            super().on_message(source, (path, beat))


def forgeries(host, target):
    """What somebody sends who knows everything but the key: that ``host`` leads in a greater term."""
    term = host.view.durable.vote.term + 5
    beat = replace(host.last, sequence=host.last.sequence + 1_000, leading=True, claims=True, term=term,
                   vote=Vote(term, host.name))
    body, flags = codec.encode(beat)
    genuine = codec.seal(body, flags, beat.sequence, *host.keyring.signing("oam", target.name))
    return {
        Refusal.DIGEST: codec.seal(body, flags, beat.sequence, 1, b"another system's key"),
        # An empty digest, as a sender that claims to need none.
        "none": genuine[:-codec.DIGEST_BYTES] + bytes(codec.DIGEST_BYTES),
        # Genuine on one path, and told on another; and meant for somebody else.
        "path": codec.seal(body, flags, beat.sequence, *host.keyring.signing("mgmt", target.name)),
        "receiver": codec.seal(body, flags, beat.sequence, *host.keyring.signing("oam", host.name)),
        Refusal.KEY: codec.seal(body, flags, beat.sequence, 7, b"another system's key"),
        Refusal.LENGTH: genuine[:-1],
    }


def test_scenario_28_messages_with_a_wrong_digest_change_nothing(seed, tmp_path):
    key = tmp_path / "sm.key"
    KeyFile(key).create(Ring((Key(1, "aa" * 8, b"s" * 32),), "aa" * 8))
    site = Site(seed=seed, host=type("Host", (SignedHost,), {"key_file": key})).begin()
    first, second = site.first, site.second

    def oam():
        return first.self.view.lines["oam"].state

    def attack():
        for data in forgeries(second, first).values():
            first.deliver(second.name, ("oam", data))
        site.world.after(ATTACK_MS, attack)
    attack()
    before = first.view.durable
    site.holds(lambda: site.redundant(first) and first.view.durable == before, 5_000)
    refused = {reason: count for (path, reason), count in first.refused.items() if path == "oam"}
    assert set(refused) == {Refusal.DIGEST, Refusal.KEY, Refusal.LENGTH}
    assert refused[Refusal.DIGEST] == 4 * refused[Refusal.KEY] >= 4 * 5_000 / ATTACK_MS
    assert oam() is PathState.OK
    # What is forged is no life of the sender: its own port is cut, and the path is missed although the flood goes on.
    site.cut((second, "oam"))
    site.until(lambda: oam() is PathState.MISSING_HEARTBEAT, 1_500)
    site.holds(lambda: oam() is PathState.MISSING_HEARTBEAT and site.active_is(first), 5_000)
    site.mend()
    site.until(lambda: oam() is PathState.OK and site.redundant(first), 2_000)
    assert site.promotions == ["controller-0"] and site.alarms == {}
