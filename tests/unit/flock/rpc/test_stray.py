# SPDX-License-Identifier: Apache-2.0
"""What stands under a host's names in the message bus, and none of its programs makes."""
import pytest

from flock.rpc.accounts import StoredQueue, stray, strays
from sysinv.model import busaccounts


def test_what_no_agent_makes_is_stray():
    access = busaccounts.of_host("w-1", "flock")
    usual = [StoredQueue("mtce.agent.w-1"), StoredQueue("mtce.agent.w-1.w-1"), StoredQueue("reply_host.w-1_0a")]
    others = [StoredQueue("fm.manager"), StoredQueue("mtce.agent.w-2"), StoredQueue("reply_host.w-10_0a", "stream")]
    exchanges = ["flock", "flock.host.w-1", "mtce.agent.w-1_fanout", "reply_host.w-2_0a"]
    assert stray(access, [*usual, *others], exchanges, {}) == ([], [])
    more = [*usual, StoredQueue("reply_host.w-1_0b", "stream")]
    assert stray(access, more, [*exchanges, "reply_host.w-1_d0"], {}) == (["reply_host.w-1_0b"], ["reply_host.w-1_d0"])
    many = [StoredQueue(f"reply_host.w-1_{n:x}") for n in range(access.queues_max + 1)]
    assert len(stray(access, [*many, *others], [], {})[0]) == len(many)
    assert stray(access, many[:-1], [], {}) == ([], [])


def test_queues_and_exchanges_with_too_many_bindings_are_stray():
    access = busaccounts.of_host("w-1", "flock")
    usual, fanout = [StoredQueue("mtce.agent.w-1"), StoredQueue("reply_host.w-1_0a")], "mtce.agent.w-1_fanout"
    most = {"mtce.agent.w-1": access.bindings_max - 1, fanout: 1, "fm.manager": 10**6, "mtce.agent.w-2": 10**6}
    assert stray(access, usual, [fanout, "flock"], most) == ([], [])
    more = {**most, fanout: 2}
    assert stray(access, usual, [fanout, "flock"], more) == (["mtce.agent.w-1", "reply_host.w-1_0a"], [fanout])


def test_what_is_stray_is_found_among_the_queues_of_many_hosts():
    accesses = [busaccounts.of_host(f"w-{number}", "flock") for number in range(1, 31)]
    queues = [StoredQueue(name) for access in accesses for name in access.queues] + [StoredQueue("fm.manager")]
    exchanges = ["flock", *(access.requests for access in accesses)]
    assert strays(accesses, queues, exchanges, {}) == {}
    odd = [StoredQueue("reply_host.w-3_0", "stream"), StoredQueue("mtce.agent.w-30.w-30", "quorum")]
    counts = {"mtce.agent.w-4": accesses[3].bindings_max + 1, "fm.manager": 10**6}
    found = strays(accesses, [*queues, *odd], [*exchanges, "reply_host.w-1_d0", "mtce.agent.w-31_fanout"], counts)
    assert found == {
        access.account: names for access in accesses
        if any(names := stray(access, {queue.name: queue for queue in [*queues, *odd]}.values(),
                              [*exchanges, "reply_host.w-1_d0"], counts))}
    assert sorted(found) == ["host.w-1", "host.w-3", "host.w-30", "host.w-4"]


@pytest.mark.parametrize("argument", [
    "x-overflow", "x-max-length", "x-max-length-bytes", "x-message-ttl", "x-dead-letter-exchange", "x-max-priority",
    "x-dead-letter-routing-key", "x-single-active-consumer", "x-anything"])
def test_queues_with_arguments_that_no_program_gives_are_stray(argument):
    access = busaccounts.of_host("w-1", "flock")
    usual = StoredQueue("reply_host.w-1_0a", "classic", frozenset(["x-expires"]))
    odd = StoredQueue("mtce.agent.w-1", "classic", frozenset(["x-expires", argument]))
    assert stray(access, [usual, odd, StoredQueue("fm.manager", "classic", frozenset([argument]))], [], {}) == (
        ["mtce.agent.w-1"], [])
