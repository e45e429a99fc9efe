# SPDX-License-Identifier: Apache-2.0
"""Hold-off and flapping over SIGKILL, silences that end, on the running service. Costs 25 s per engine."""
from __future__ import annotations

import datetime
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from flock.db import utcnow
from flock.testing.services.process import wait_for
from fm.db.tables import SILENCE
from fm.raiser.compat import Fault
from tests.functional.fm.cases import Seen, fault

FAR_S = 3600
OPTIONS = {"raise_hold_off_s": f"100.101:2,100.105:{FAR_S}", "clear_hold_off_s": "100.102:2",
           "flap_changes_max": "100.104:2", "flap_window_s": 6}
NO_OPTIONS = {"raise_hold_off_s": "", "clear_hold_off_s": "", "flap_changes_max": "", "flap_window_s": 300}


@pytest.fixture
def holding(seen: Seen) -> Iterator[Seen]:
    seen.fm.write_conf(**OPTIONS)
    seen.fm.kill_manager()
    seen.fm.start_manager()
    yield seen
    seen.v2.clear_all("host=h")
    seen.fm.write_conf(**NO_OPTIONS)
    seen.fm.restart_manager()


def states(seen: Seen, alarm_id: str) -> list[str]:
    """States of the events of one id, oldest first."""
    return [event["state"] for event in reversed(seen.events()) if event["event_log_id"] == alarm_id]


def there(seen: Seen) -> set[str]:
    return {alarm["alarm_id"] for alarm in seen.alarms()}


def stored_silences(seen: Seen) -> int:
    with seen.fm.db.reader() as conn:
        return int(conn.execute(sa.select(sa.func.count()).select_from(SILENCE)).scalar_one())


def test_what_waits_survives_sigkill(holding: Seen) -> None:
    seen = holding
    held: dict[str, Fault] = {name: fault(name, "host=h") for name in ("100.101", "100.105", "100.102", "100.104")}
    uuid = seen.v2.set_fault(held["100.101"])
    seen.v2.set_fault(held["100.105"])
    seen.v2.set_fault(held["100.102"])
    seen.v2.clear_fault("100.102", "host=h")
    for _ in range(2):
        seen.v2.set_fault(held["100.104"])
        seen.v2.clear_fault("100.104", "host=h")
    assert there(seen) <= {"100.102", "100.104", "100.101"}
    seen.fm.kill_manager()
    seen.fm.start_manager()
    wait_for(lambda: there(seen) == {"100.101"}, 30, "the held changes to take effect")
    assert [alarm["uuid"] for alarm in seen.alarms()] == [uuid]
    assert states(seen, "100.101") == ["set"] and states(seen, "100.102") == ["set", "clear"]
    # Set, clear, set again: that is more than two changes, so the flapping is told and one clear ends it.
    assert states(seen, "100.104") == ["set", "clear", "set", "set", "clear"]
    assert seen.v2.get_faults("host=h") is not None and seen.v2.get_fault("100.105", "host=h") is None
    assert seen.v2.clear_fault("100.105", "host=h") and not seen.v2.clear_fault("100.105", "host=h")
    assert states(seen, "100.105") == []


def test_a_silence_ends_by_itself_and_tells_of_it(seen: Seen) -> None:
    seen.traps.clear()
    end = (utcnow() + datetime.timedelta(seconds=4)).replace(tzinfo=None).isoformat()
    reply = seen.http.post(f"{seen.fm.base}/v1/silences",
                           json={"entity_instance_id": "host=quiet", "expires_at": end, "comment": "replaced"})
    assert reply.status_code == 200, reply.text
    uuid = reply.json()["uuid"]
    seen.v2.set_fault(fault("100.101", "host=quiet.process=x"))
    seen.v2.set_fault(fault("100.101", "host=loud"))
    assert [alarm["entity_instance_id"] for alarm in seen.alarms()] == ["host=loud"]
    (hidden,) = [alarm for alarm in seen.alarms(full=True, include_suppress=True) if alarm["silenced_by"]]
    assert (hidden["silenced_by"], hidden["suppression_status"]) == (uuid, "suppressed")
    wait_for(lambda: len(seen.alarms()) == 2, 20, "the silence to end")
    wait_for(lambda: not stored_silences(seen), 20, "the manager to remove it")
    # One or two: what changes within the hold time is told together.
    seen.traps.wait(lambda: seen.traps.messages("warmStart"))
    assert seen.http.get(f"{seen.fm.base}/v1/silences/{uuid}").status_code == 404
    entities = [trap["alarm"]["wrsAlarmActiveEntityInstanceId"] for trap in seen.traps.messages("wrsAlarmMajor")]
    assert [entity.rpartition("host=")[2] for entity in entities] == ["loud"]
