# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from mtce.contract.records import MtceHost
from mtce.contract.states import HostAction
from mtce.core import events as ev
from mtce.core.fsm import step


def new(story, **kwargs):
    s = story(**kwargs)
    view = s.view
    record = MtceHost(uuid=view.uuid, hostname=view.hostname, personality=view.personality,
                      subfunctions=view.subfunctions, mgmt_mac="", mgmt_ip=view.mgmt_ip,
                      cluster_host_ip=view.cluster_host_ip, administrative=view.administrative,
                      operational=view.operational, availability=view.availability,
                      bm_type="redfish" if view.has_bmc else "none", bm_ip="1.2.3.4", bm_username="root")
    return s, record


def test_locked_host_waits_for_its_agent_then_rests_with_the_lock_alarm(story):
    s, record = new(story, states="locked-disabled-offline")
    s.add(record)
    assert s.view.action is HostAction.ADD
    s.run_s(21)
    assert s.view.action is HostAction.NONE
    assert s.view.states() == ("locked", "disabled", "online")
    assert s.view.alarms == (("200.001", "", "warning"),)
    assert s.logs[0] == "200.020 event=add"


def test_enabled_host_is_only_watched(story):
    s, record = new(story, states="unlocked-enabled-available")
    s.add(record).run_s(40)
    assert s.view.states() == ("unlocked", "enabled", "available")
    assert s.view.monitored
    assert s.machine.reboot_commands == 0


def test_enabled_host_that_is_dead_is_recovered(story):
    s, record = new(story, states="unlocked-enabled-available", bmc=True)
    s.power_off()
    s.add(record).until_states("unlocked-enabled-available", 1)
    s.until(lambda v: v.action is HostAction.RECOVERY, 120)
    s.run_s(30)
    assert s.machine.power_ons == 1


def test_unlocked_disabled_host_is_enabled(story):
    s, record = new(story, states="unlocked-disabled-online")
    s.add(record).until_states("unlocked-enabled-available", 400)


def test_impossible_states_are_repaired(story):
    s, record = new(story, states="unlocked-enabled-offline")
    s.add(record)
    assert s.view.states() == ("unlocked", "disabled", "online")


def test_action_during_add_runs_after_it(story):
    s, record = new(story, states="locked-disabled-online")
    s.add(record).command(HostAction.UNLOCK)
    assert s.view.action is HostAction.ADD
    s.until_states("unlocked-enabled-available", 400)


def test_renewed_record_changes_the_record_and_no_state(story):
    s, record = new(story, states="locked-disabled-online")
    s.run_s(6)
    put = ev.Put(replace(record, mgmt_ip="192.168.204.99", administrative="unlocked", operational="enabled"), False)
    after, actions = step(s.view, put, s.now_ms + 1, s.settings)
    assert after.mgmt_ip == "192.168.204.99"
    assert after.states() == s.view.states()
    assert actions == ()
