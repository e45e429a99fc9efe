# SPDX-License-Identifier: Apache-2.0
import logging
from dataclasses import replace

from flock.core.errors import InvalidInput, Unavailable
from mtce.core.view import Stage

UUIDS = [f"2f1c1d7e-0000-4000-8000-00000000000{digit}" for digit in range(1, 6)]


def five_hosts_due(bench, monkeypatch, error_of):
    """Let the ticks of five hosts be due; ``error_of(uuid)`` is what their commit raises. Return the attempts."""
    for number, uuid in enumerate(UUIDS):
        host = replace(bench.host(), uuid=uuid, hostname=f"worker-{number}", mgmt_mac=f"08:00:27:00:01:0{number}",
                       mgmt_ip=f"192.168.204.2{number}", cluster_host_ip=f"192.168.206.2{number}")
        assert bench.hosts.put_host(host=host).status == "pass"
    bench.settle()
    attempts = []
    commit = bench.loop.store.commit

    def watched(stored, view, *args, **kwargs):
        attempts.append(view.uuid)
        error = error_of(view.uuid)
        if error is not None:
            raise error
        return commit(stored, view, *args, **kwargs)

    monkeypatch.setattr(bench.loop.store, "commit", watched)
    return attempts


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("mtce.conductor")
            and record.levelno >= logging.WARNING]


def test_outage_ends_the_round_and_is_logged_once(bench, monkeypatch, caplog):
    away = [Unavailable(service="database", reason="no connection")]
    attempts = five_hosts_due(bench, monkeypatch, lambda uuid: away[0] if away else None)
    bench.advance(60)
    assert 0 < len(attempts) <= 60, "one attempt per second, not one per host and second"
    assert len(set(attempts)) > 1, "the next round begins with another host"
    assert len(lines(caplog)) == 1, lines(caplog)
    failed = len(attempts)
    away.clear()
    bench.advance(10)
    assert set(attempts[failed:]) == set(UUIDS), "every host stayed due"
    assert lines(caplog)[1:] == [f"steps of hosts are stored again, after {failed} attempts that failed"]


def test_another_error_of_one_host_does_not_end_the_round(bench, monkeypatch):
    attempts = five_hosts_due(bench, monkeypatch, lambda uuid: InvalidInput(field="x", rule="y"))
    bench.advance(60)
    bench.settle()
    assert set(attempts) == set(UUIDS)


def test_host_whose_row_is_damaged_starves_nobody(bench, monkeypatch):
    damaged = Unavailable(service="database", reason="its file is damaged")
    attempts = five_hosts_due(bench, monkeypatch, lambda uuid: damaged if uuid == UUIDS[0] else None)
    bench.advance(60)
    assert set(attempts) == set(UUIDS)
    assert all(bench.loop.roster.get(uuid).stored.view.stage is Stage.IDLE for uuid in UUIDS[1:])
