# SPDX-License-Identifier: Apache-2.0
"""All that a node knows of its domain. Times are of the node's own monotonic clock."""
from __future__ import annotations

import enum
from collections.abc import Mapping

from msgspec import Struct, field

from sm.contract.states import Policy
from sm.core.timing import Timing


class Vote(Struct, frozen=True, order=True):
    """For whom a voter is, in which term. Nobody in term 0."""

    term: int = 0
    holder: str = ""


class Record(Struct, frozen=True):
    """The nodes whose data is current. A greater (term, revision) is newer. Written by the leader."""

    term: int = 0
    revision: int = 0
    members: frozenset[str] = frozenset()

    @property
    def age(self) -> tuple[int, int]:
        """Orders records; a greater one is newer."""
        return (self.term, self.revision)


class Durable(Struct, frozen=True):
    """What a voter stores before anybody may learn of it. ``led_in``: the boot of the host in which this node has led
    last; a restart of the daemon in the same boot continues. ``forgot``: the store is new, so that this voter may have
    known a newer record; until it has learned one that is certainly the newest, it gives no vote."""

    vote: Vote = Vote()
    record: Record = Record()
    led_in: str = ""
    forgot: bool = False


class Config(Struct, frozen=True):
    """Who belongs to the domain. ``nodes``: the controllers; ``witness``: a further voter, or empty."""

    nodes: tuple[str, ...]
    witness: str = ""
    policy: Policy = Policy.FREEZE
    timing: Timing = Timing()

    @property
    def voters(self) -> tuple[str, ...]:
        """All who vote."""
        return (*self.nodes, self.witness) if self.witness else self.nodes

    @property
    def majority(self) -> int:
        """How many votes a lease takes."""
        return len(self.voters) // 2 + 1

    @property
    def keeps_alone(self) -> bool:
        """Whether a leader without a majority goes on, because only a fence or an operator can make another one."""
        return len(self.voters) == 2 and self.policy is Policy.FREEZE


class Beat(Struct, frozen=True):
    """What a voter tells the others. ``echoes``: for each other voter its boot and the last ``sent_ms`` heard.

    ``claims``: the sender stands for election or leads, in the term of its vote. ``alone``: it leads without a majority
    that it hears. ``active``: groups are active on it. ``eligible``: it could lead. ``hears``: the voters that
    are not silent for it. ``follows``: the leader that it hears. ``fenced``: nodes that it has fenced and not heard
    since. ``pausing_ms``: how long it is going to be silent on purpose. ``departing_ms``: its last words: nothing that
    needs a right is active on it, this start of it does nothing more, and it should be back within that time.
    """

    node: str
    boot: str
    sent_ms: int
    echoes: Mapping[str, tuple[str, int]]
    vote: Vote
    record: Record
    claims: bool = False
    leading: bool = False
    alone: bool = False
    accepts_loss: bool = False
    active: bool = False
    eligible: bool = True
    hears: frozenset[str] = frozenset()
    follows: str = ""
    fenced: frozenset[str] = frozenset()
    pausing_ms: int = 0
    departing_ms: int = 0


class Heard(Struct, frozen=True):
    """The last beat of another voter. ``echo_ms``: the newest of our own beats that it has heard, -1 before the first.

    ``granted_ms``: when the newest of its beats arrived that we echoed while leading: no grant of ours to it lasts
    longer than ``grant_ms`` from then. ``vouched_ms``: the same for beats that said that its data is current.
    ``lent_ms``: until when its vote was counted because it was void. ``quiet_until_ms``: it is silent on purpose
    until then. ``ended``: this boot was switched off, and the node has been switched on since.
    """

    beat: Beat
    received_ms: int
    echo_ms: int = -1
    granted_ms: int = -1
    vouched_ms: int = -1
    lent_ms: int = -1
    quiet_until_ms: int = 0
    ended: bool = False


class Proof(enum.Enum):
    """Why it is certain that a silent node has no lease and nothing active."""

    FENCED = "it is switched off"
    DEPARTED = "it said that it ends, with nothing active"
    EXPIRED = "its lease has ended"
    WORD = "an operator says that it is off"


class Void(Struct, frozen=True):
    """A node that certainly has no lease and nothing active; its vote is ours. ``boot``: the start that this holds for.
    ``at_ms``: a moment before it was confirmed last; ``asked_ms``: when it was asked last; ``since_ms``: when this node
    learned of it."""

    proof: Proof
    boot: str
    at_ms: int
    asked_ms: int
    since_ms: int


class FenceAttempt(Struct, frozen=True):
    """One order to the BMC of a silent node that is not answered yet, or was answered without a confirmation. ``boot``:
    the start of the node that was heard last."""

    begun_ms: int
    count: int
    boot: str
    answered_ms: int | None = None
    detail: str = ""


class Local(Struct, frozen=True):
    """What this node knows of itself. ``eligible``: unlocked and ready. ``isolated``: why its own networks are at fault
    when it hears nobody, such as a lost carrier; empty when they work. ``in_sync``: nodes that have this node's data
    and get every change now. ``enforced``: the greatest order of ``Require`` that is proven to be in force; -1: none.
    ``fenceable``: nodes whose BMC this node can use. ``stalled_ms``: when the daemon was last late.
    ``heir``: the node to which the groups that need the lease shall move; empty when they stay. ``successor``: the same
    from the beginning of the move, while it waits until they have stopped here. ``doubtful``: nodes that have just lost
    synchronization, perhaps through the fault of this node's networks.
    """

    eligible: bool = False
    active: bool = False
    isolated: str = ""
    in_sync: frozenset[str] = frozenset()
    enforced: int = -1
    fenceable: frozenset[str] = frozenset()
    stalled_ms: int = -1_000_000
    heir: str = ""
    successor: str = ""
    doubtful: frozenset[str] = frozenset()


class View(Struct, frozen=True):
    """The domain as one voter sees it.

    ``promised_until_ms``: until then this voter votes for nobody but ``durable.vote.holder``. ``claim_ms``: since when
    this node claims; None while it does not. ``prior``: who held the lease before. ``stand_at_ms``: when this node is
    to stand for election. ``former_until_ms``: until when the lease lasted with which this node has
    led last. ``grace_until_ms``: until when the daemon that ran here before was permitted to keep groups active.
    ``required``: nodes that must have stored a write before it is acknowledged. ``order`` counts the changes of
    ``required``. ``required_since``: the order by which a node became required; 0 for those of the start. ``reason``:
    why this node leads or does not. ``departing_ms``: not 0 once this start of the node has ended its part.
    """

    me: str
    boot: str
    host_boot: str
    config: Config
    started_ms: int
    durable: Durable = Durable()
    local: Local = Local()
    heard: Mapping[str, Heard] = field(default_factory=dict)
    void: Mapping[str, Void] = field(default_factory=dict)
    fencing: Mapping[str, FenceAttempt] = field(default_factory=dict)
    promised_until_ms: int = 0
    claim_ms: int | None = None
    leading: bool = False
    leading_since_ms: int = 0
    prior: str = ""
    stand_at_ms: int | None = None
    lease_until_ms: int = -1
    former_until_ms: int = -1
    grant_until_ms: int = -1
    grace_until_ms: int = -1
    current_until_ms: int = -1
    required: frozenset[str] = frozenset()
    order: int = 0
    required_since: Mapping[str, int] = field(default_factory=dict)
    accepts_loss: bool = False
    paused_until_ms: int = 0
    departing_ms: int = 0
    reason: str = "just started"

    @property
    def others(self) -> tuple[str, ...]:
        """The voters but this one."""
        return tuple(name for name in self.config.voters if name != self.me)

    def silent(self, name: str, now_ms: int) -> bool:
        """Whether nothing was heard of a voter lately, and it did not say that it would be silent."""
        heard = self.heard.get(name)
        return heard is None or now_ms >= max(heard.received_ms + self.config.timing.silent_ms, heard.quiet_until_ms)

    def leader(self, now_ms: int) -> str:
        """The node that leads: this one, or the one heard to lead in the greatest term; empty when there is none."""
        if self.leading:
            return self.me
        found = [(heard.beat.vote.term, name) for name, heard in self.heard.items()
                 if heard.beat.leading and not self.silent(name, now_ms)]
        return max(found)[1] if found else ""
