# SPDX-License-Identifier: Apache-2.0
"""A notice that an output refuses raises one alarm, whose own notice the output may refuse too without end of it."""
from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from flock.db import Database, deadletters
from flock.db.outbox import REFUSALS_MAX
from fm.contract.fault import Fault
from fm.db.tables import NOTIFICATION
from fm.manager.outputs.output import Undeliverable
from fm.raiser import Raiser
from fm.raiser.deadletters import ALARM_ID, DeadLetterAlarm
from tests.unit.fm.manager.test_fm_outputs import FAULT, put, told, wired


def test_an_output_that_refuses_everything_raises_one_alarm(database: Database) -> None:
    def refuse(_payload: dict[str, Any]) -> None:
        raise Undeliverable(output="picky", reason="HTTP 400")

    manager, outputs = wired(database, {"picky": refuse})
    alarm = DeadLetterAlarm("fm", Raiser(None, None, manager=manager),
                            lambda: deadletters.trouble(database, NOTIFICATION, str))

    def active() -> list[Fault]:
        return manager.get_faults(alarm_id=ALARM_ID, entity_instance_id="subsystem=fm", below=False)

    def refused(number: int) -> None:
        with database.writer() as conn:
            conn.execute(sa.update(NOTIFICATION).values(attempts=REFUSALS_MAX - 1))
        told(outputs, lambda: len(deadletters.found(database, NOTIFICATION)) >= number)

    alarm.audit()
    assert active() == []
    put(manager, {"fault": FAULT})
    refused(1)
    alarm.audit()
    (first,) = active()
    assert "picky" in first.reason_text and "HTTP 400" in first.reason_text
    assert "fm-dead-letters list" in first.proposed_repair_action
    refused(2)
    for _ in range(3):
        alarm.audit()
        told(outputs, lambda: True)
    assert len(deadletters.found(database, NOTIFICATION)) == 2, "the alarm's own notice does not change the alarm"
    assert active() == [first]
    deadletters.drop(database, NOTIFICATION, [letter.id for letter in deadletters.found(database, NOTIFICATION)])
    alarm.audit()
    assert active() == []
