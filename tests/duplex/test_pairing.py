# SPDX-License-Identifier: Apache-2.0
"""The conductor has paired the controllers: no service was stopped, and only the other controller gets in."""
import re

import pytest

from devstack.virtualcloud.cloudclient import wait_for
from tests.duplex.test_failover import active, redundant

UNITS = ("postgresql@15-main", "rabbitmq-server", "flock-front", "flock-keystone", "flock-fm-manager", "flock-fm-api",
         "flock-sysinv-conductor", "flock-sysinv-api", "flock-dnsmasq", "flock-mtce-conductor", "flock-mtce-api")
FIRST, MGMT = "controller-0", {"controller-0": "192.168.204.2", "controller-1": "192.168.204.3"}
TRY = "/opt/flock/venv/bin/python -c 'import psycopg2; psycopg2.connect(\"{0}\", connect_timeout=5)' 2>&1; true"
LOGIN = ("host={name} hostaddr={address} user={user} dbname=postgres sslmode=verify-full "
         "sslrootcert=/etc/flock/tls/ca.crt sslcert=/etc/flock/tls/host.crt sslkey=/etc/flock/tls/host.key")


def when(on, unit, name):
    """A moment of a unit on controller-0, in seconds since its boot; 0: never in this boot."""
    return int(on(FIRST, "systemctl", "show", "-P", f"{name}Monotonic", unit).strip() or 0) / 1e6


def paired_at(on):
    """When the pairing began, in seconds since the boot of controller-0, from its journal; 0: not in this boot."""
    lines = on(FIRST, "journalctl", "-u", "flock-pair", "-o", "short-monotonic", "-b", "-q").splitlines()
    found = [re.match(r"\[ *(\d+\.\d+)\]", line) for line in lines]
    return next((float(one[1]) for one in found if one), 0.0)


def attempt(on, host, user, to=FIRST):
    """What PostgreSQL of ``to`` says to a login from another host with that host's certificate."""
    return on(host, "sh", "-c", TRY.format(LOGIN.format(name=to, address=MGMT[to], user=user)))


@pytest.mark.timeout(2400)  # with the lab's start
def test_no_service_was_stopped_by_the_pairing(cloud, on):
    paired = paired_at(on)
    if not paired:
        pytest.skip("controller-0 has been started again since it was paired")
    assert on(FIRST, "systemctl", "show", "-P", "Result", "flock-pair").strip() == "success"
    started = {unit: when(on, unit, "ActiveEnterTimestamp") for unit in UNITS}
    print(f"paired after {paired:.1f} s; services since", started)
    assert {unit for unit, since in started.items() if not 0 < since < paired} == set()
    down = on(FIRST, "journalctl", "-u", "flock-pair", "-o", "cat", "-b")
    assert "the database restarts" not in down
    leader, other = active(on)
    wait_for("both controllers in service", lambda: redundant(on, leader, other), 120)
    assert not [alarm for alarm in cloud.alarms() if alarm["alarm_id"] == "250.001"]


def test_the_database_admits_only_the_other_controller(cloud, on):
    leader, other = active(on)
    listening = on(leader, "ss", "-Hltn", "sport", "=", ":5432")
    assert set(re.findall(r"(\S+):5432", listening)) == {"127.0.0.1", MGMT[leader]}
    # The packet filter lets no other host come as far as PostgreSQL.
    refused = attempt(on, "worker-0", "sm_replication", leader)
    assert "timeout expired" in refused, refused
    for user in ("postgres", "flock"):
        refused = attempt(on, other, user, leader)
        assert "no pg_hba.conf entry" in refused, (user, refused)
    assert attempt(on, other, "sm_replication", leader).strip() == ""
