# SPDX-License-Identifier: Apache-2.0
"""Host maintenance from request to alarm, with real processes, a real bus and real pulses."""
import signal
import time

import pytest

pytestmark = pytest.mark.slow
ENABLED = "unlocked-enabled-available"


def serve(cloud, hostname="worker-0"):
    host = cloud.add(hostname)
    cloud.wait_states(host, "locked-disabled-online", 30)
    cloud.wait(host, lambda status: status.action == "none", "rest", 30)
    cloud.act(host, "unlock")
    cloud.wait_states(host, ENABLED, 60)
    return host


def eventually(condition, limit_s=20):
    limit = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < limit, "never"
        time.sleep(0.1)


def test_unlock_crash_recovery_lock(cloud):
    host = serve(cloud)
    assert host.boots == 2
    eventually(lambda: any(update.operational == "enabled" for update in cloud.inventory.of(host.uuid)))
    sequences = [update.sequence for update in cloud.inventory.of(host.uuid)]
    assert sequences == sorted(set(sequences))
    eventually(lambda: cloud.faults.active == {})
    eventually(lambda: any(event.startswith("msg 200.022 host=worker-0.state=enabled")
                           for event in cloud.faults.events))

    crashed = time.monotonic()
    host.crash()
    cloud.wait_states(host, "unlocked-disabled-failed", 10)
    assert time.monotonic() - crashed < 4
    mgmt = ("200.005", "host=worker-0.network=Management")
    eventually(lambda: cloud.faults.active.get(mgmt) == "critical")
    eventually(lambda: cloud.faults.active.get(("200.004", "host=worker-0")) == "critical")
    cloud.wait_states(host, "unlocked-disabled-offline", 30)
    host.power_on()
    cloud.wait_states(host, ENABLED, 60)
    assert host.boots == 3
    eventually(lambda: cloud.faults.active == {})

    cloud.act(host, "lock")
    cloud.wait_states(host, "locked-disabled-online", 20)
    eventually(lambda: (host.root / "run/.node_locked").exists())
    eventually(lambda: cloud.faults.active == {("200.001", "host=worker-0"): "warning"})


def test_host_whose_responder_is_late_and_held_up_is_enabled(cloud):
    """It answers no pulse for longer than a loss takes, then never ten in a row, but it does answer."""
    host = cloud.add("worker-0")
    cloud.wait_states(host, "locked-disabled-online", 30)
    cloud.wait(host, lambda status: status.action == "none", "rest", 30)
    cloud.act(host, "unlock")
    limit = time.monotonic() + 60
    while cloud.status(host).stage not in ("heartbeat-wait", "heartbeat-soak"):
        host.signal_heartbeat(signal.SIGSTOP)
        assert time.monotonic() < limit, cloud.status(host)
        time.sleep(0.05)
    assert cloud.status(host).stage == "heartbeat-wait"
    time.sleep(1.5)  # the late start itself: ten pulses and more
    late = time.monotonic()
    while cloud.status(host).operational != "enabled":
        assert time.monotonic() < late + 30, cloud.status(host)
        host.signal_heartbeat(signal.SIGCONT)
        time.sleep(0.06)
        host.signal_heartbeat(signal.SIGSTOP)
        time.sleep(0.12)
    host.signal_heartbeat(signal.SIGCONT)
    cloud.wait_states(host, ENABLED, 30)


def test_killed_conductor_and_heartbeat_fail_nobody_and_come_back(cloud):
    host = serve(cloud)
    cloud.conductor.kill()
    cloud.heartbeat.kill()
    time.sleep(3)  # the outage itself: longer than the loss of a heartbeat takes
    cloud.start_heartbeat()
    cloud.start_conductor()
    limit = time.monotonic() + 15
    while time.monotonic() < limit:
        try:
            assert cloud.status(host).operational == "enabled"
        except AssertionError:
            raise
        except Exception as error:  # the conductor is not back yet
            assert "flock" in type(error).__module__, error
        time.sleep(0.3)
    assert cloud.status(host).operational == "enabled"
    host.crash()
    cloud.wait_states(host, "unlocked-disabled-failed", 10)


def test_a_heartbeat_daemon_that_stands_still_doubts_itself(cloud):
    hosts = [serve(cloud, f"worker-{number}") for number in range(2)]
    told = {host.uuid: len(cloud.inventory.of(host.uuid)) for host in hosts}
    for _ in range(3):
        cloud.heartbeat.send_signal(signal.SIGSTOP)
        time.sleep(2)
        cloud.heartbeat.send_signal(signal.SIGCONT)
        time.sleep(2)
    for host in hosts:
        assert cloud.status(host).operational == "enabled"
        since = cloud.inventory.of(host.uuid)[told[host.uuid]:]
        assert all(update.availability in (None, "available") for update in since)
    hosts[0].crash()
    cloud.wait_states(hosts[0], "unlocked-disabled-failed", 10)
    assert cloud.status(hosts[1]).operational == "enabled"


def test_unlock_survives_a_conductor_killed_in_the_middle(cloud):
    host = cloud.add("worker-0")
    cloud.wait_states(host, "locked-disabled-online", 30)
    cloud.wait(host, lambda status: status.action == "none", "rest", 30)
    cloud.act(host, "unlock")
    for _ in range(3):
        time.sleep(0.7)
        cloud.conductor.kill()
        cloud.start_conductor()
        time.sleep(2)
    cloud.wait_states(host, ENABLED, 120)
    assert host.boots == 2


def test_dead_bus_fails_nobody(fragile_cloud):
    cloud, rabbit = fragile_cloud
    host = serve(cloud)
    rabbit.kill()
    time.sleep(20)  # the outage itself: longer than any silence that counts
    rabbit.start()
    eventually(lambda: _answers(cloud, host), 60)
    assert cloud.status(host).operational == "enabled"
    assert not any(update.operational == "disabled" for update in cloud.inventory.of(host.uuid)[-1:])
    host.crash()
    cloud.wait_states(host, "unlocked-disabled-failed", 15)
    host.power_on()
    cloud.wait_states(host, ENABLED, 90)


def _answers(cloud, host):
    try:
        return cloud.status(host) is not None
    except Exception:
        return False
