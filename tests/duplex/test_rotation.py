# SPDX-License-Identifier: Apache-2.0
"""All keys, passwords and the authority are replaced with two controllers; then the active one dies."""
import contextlib
import time

import pytest

from devstack.virtualcloud.cloudclient import NotInTime, wait_for
from devstack.virtualcloud.mainjob import PROGRAMS, STATE_DIR, lab
from flock import tls

CA = "/etc/flock/tls/ca.crt"
SHARED = "/opt/platform/flock"


def rotate(on, leader, *words):
    began = time.monotonic()
    print(on(leader, f"{PROGRAMS}/flock-rotate", *words, timeout_s=600))
    print(f"flock-rotate {' '.join(words)}: {time.monotonic() - began:.1f} s")


def content(on, host, path):
    return on(host, "cat", path)


def copy_authorities(on, host):
    text = content(on, host, CA)
    (STATE_DIR / "ca.crt").write_text(text)
    return text.encode()


@pytest.fixture
def clients_follow(on, both):
    """Whatever happens, this machine's clients can use the cloud afterwards."""
    yield
    with contextlib.suppress(AssertionError, NotInTime):
        copy_authorities(on, both.leader()[0])


@pytest.mark.timeout(3000)  # with the lab's start
def test_everything_is_replaced_then_the_active_controller_dies(on, both, clients_follow):
    leader, other = both.leader()
    wait_for("both controllers in service", lambda: both.redundant(leader), 180)
    shown = {role: content(on, other, f"/etc/flock/tls/{role}.crt") for role in ("front", "rabbitmq", "postgresql")}
    password = content(on, other, "/etc/flock/sysinv-conductor.conf")
    old = copy_authorities(on, leader)

    rotate(on, leader, "certificates")
    for role, before in shown.items():
        assert content(on, other, f"/etc/flock/tls/{role}.crt") != before, role
    assert both.redundant(leader)

    rotate(on, leader, "bus")
    conf = "/etc/flock/sysinv-conductor.conf"
    wait_for("the new passwords on the standby", lambda: content(on, other, conf) != password, 60)
    assert content(on, other, f"{SHARED}/secrets.json") == content(on, leader, f"{SHARED}/secrets.json")
    on(leader, f"{PROGRAMS}/sm-key", "rotate")
    wait_for("the new key of service management on both", lambda: all(
        "no rotation is under way" in on(host, f"{PROGRAMS}/sm-key", "status") for host in (leader, other)), 120)

    rotate(on, leader, "authority")
    two = copy_authorities(on, leader)
    assert len(tls.split(two)) == 2 and content(on, other, CA).encode() == two
    rotate(on, leader, "authority", "--finish")
    new = copy_authorities(on, leader)
    assert len(tls.split(new)) == 1 and new != old
    for role in shown:
        certificate = content(on, other, f"/etc/flock/tls/{role}.crt").encode()
        assert tls.issuer_of(certificate, new), f"{role} of {other} is of the new authority"
    wait_for("the standby trusts the new one only", lambda: content(on, other, CA).encode() == new, 60)
    wait_for("all data on both", lambda: both.redundant(leader), 120)

    lab("crash", leader)
    dead = time.monotonic()
    wait_for("all hosts by the API of the other one", both.hosts_answer, 180)
    print(f"the API answers after {time.monotonic() - dead:.1f} s")
    assert both.leads(other)
    wait_for("worker-0 heard by the bus", lambda: ":5671" in on("worker-0", "ss", "-Htn", "state", "established"), 120)
    wait_for(f"{leader} back on standby with all data", lambda: both.redundant(other), 420)
