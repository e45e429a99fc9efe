# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from mtce.contract.records import MtceHost
from mtce.contract.states import HostAction
from mtce.core import arbiter
from mtce.core.settings import Settings
from sysinv.contract.enums import Administrative

RECORD = MtceHost("u", "worker-0", "worker", "worker", "", "192.168.204.10", None, "locked", "disabled", "online",
                  revision=5)
UNLOCKED = "unlocked-enabled-available"
LOCKED = "locked-disabled-online"
DUPLEX = Settings()


@pytest.mark.parametrize(("states", "action", "bmc", "reason"), [
    (UNLOCKED, HostAction.REBOOT, True, "Host is Unlocked"),
    (UNLOCKED, HostAction.RESET, True, "Host is Unlocked"),
    (UNLOCKED, HostAction.REINSTALL, True, "Host is Unlocked"),
    (UNLOCKED, HostAction.UNLOCK, True, "Host is already in service"),
    (LOCKED, HostAction.LOCK, True, "Host is already locked"),
    (LOCKED, HostAction.FORCE_LOCK, True, "Host is already locked"),
    (LOCKED, HostAction.RESET, False, "BMC not configured"),
    (LOCKED, HostAction.POWER_ON, False, "BMC not configured"),
    (LOCKED, HostAction.REINSTALL, False, "BMC not configured"),
    ("locked-disabled-power-off", HostAction.RESET, True, "Cannot reset a powered off host"),
    (UNLOCKED, HostAction.SWACT, True, "Swact not supported for this Host"),
])
def test_refused(story, states, action, bmc, reason):
    reply = arbiter.refusal(story(states=states, bmc=bmc).view, action, DUPLEX)
    assert reply is not None
    assert (reply.status, reply.reason) == ("fail", reason)
    assert reply.action


@pytest.mark.parametrize(("states", "action", "bmc"), [
    (LOCKED, HostAction.UNLOCK, False), (LOCKED, HostAction.REBOOT, False), (UNLOCKED, HostAction.LOCK, False),
    (LOCKED, HostAction.RESET, True), ("locked-disabled-power-off", HostAction.POWER_ON, True)])
def test_allowed(story, states, action, bmc):
    assert arbiter.refusal(story(states=states, bmc=bmc).view, action, DUPLEX) is None


def test_active_controller_is_not_locked_except_on_simplex(story):
    view = story("controller-0", personality="controller", states=UNLOCKED, is_active=True).view
    assert arbiter.refusal(view, HostAction.LOCK, DUPLEX).reason == "Controller is Active"
    assert arbiter.refusal(view, HostAction.LOCK, Settings(simplex=True)) is None


def test_swact_without_standby_is_refused_with_the_reason(story):
    view = story("controller-0", personality="controller", states=UNLOCKED, is_active=True).view
    assert arbiter.refusal(view, HostAction.SWACT, DUPLEX).reason == "No unlocked-enabled controller available"


def test_running_action_is_not_started_twice(story):
    s = story().run_s(6).command(HostAction.UNLOCK)
    assert arbiter.refusal(s.view, HostAction.UNLOCK, DUPLEX).reason.startswith("User operation 'unlock'")
    assert arbiter.refusal(s.view, HostAction.LOCK, DUPLEX) is None


def test_words_that_are_no_action():
    assert arbiter.parse_action("recovery") is None
    assert arbiter.parse_action("explode") is None
    assert arbiter.parse_action("force-lock") is HostAction.FORCE_LOCK


@pytest.mark.parametrize(("hostname", "address", "personality", "reason"), [
    ("worker-0", "192.168.204.77", "worker", "duplicate hostname worker-0"),
    ("worker-1", "192.168.204.10", "worker", "duplicate address 192.168.204.10"),
    ("controller-1", "192.168.204.3", "worker", "controller-1 is a reserved name for another personality")])
def test_colliding_records(story, hostname, address, personality, reason):
    known = [story().view]
    assert arbiter.put_refusal(known, "another", hostname, personality, address).reason == reason
    assert arbiter.put_refusal(known, known[0].uuid, "worker-0", "worker", "192.168.204.10") is None


def test_only_locked_hosts_are_forgotten(story):
    view = story().view
    assert arbiter.delete_refusal(view, RECORD, 0) is None
    unlocked = replace(view, administrative=Administrative.UNLOCKED)
    assert arbiter.delete_refusal(unlocked, RECORD, 9).reason == "Host is Unlocked"


@pytest.mark.parametrize(("revision", "older"), [(0, False), (4, True), (5, False), (6, False)])
def test_what_is_counted_is_overtaken_by_what_is_newer(story, revision, older):
    assert arbiter.is_older(revision, RECORD) is older
    assert (arbiter.delete_refusal(story().view, RECORD, revision) is not None) is older


@pytest.mark.parametrize(("revision", "deleted", "refused"), [
    (0, None, False), (7, None, False), (0, 7, True), (6, 7, True), (7, 7, True), (8, 7, False)])
def test_only_a_newer_record_brings_a_deleted_host_back(revision, deleted, refused):
    assert (arbiter.deleted_refusal(revision, deleted) is not None) is refused


def test_third_action_behind_one_that_cannot_be_interrupted_is_refused(story):
    s = story(bmc=True).run_s(6).command(HostAction.FORCE_LOCK)
    for action in (HostAction.UNLOCK, HostAction.REBOOT):
        assert arbiter.refusal(s.view, action, DUPLEX) is None
        s.command(action)
    reply = arbiter.refusal(s.view, HostAction.RESET, DUPLEX)
    assert reply.status == "fail"
    assert reply.reason == "Action queue is full: 2 actions wait for the end of 'force-lock'"
    assert arbiter.refusal(s.view, HostAction.UNLOCK, DUPLEX).reason == "User operation 'unlock' already in-progress"
