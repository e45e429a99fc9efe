# SPDX-License-Identifier: Apache-2.0
"""The rows of host maintenance on each database engine."""
from dataclasses import replace

import pytest
import sqlalchemy as sa

from flock.core.errors import StaleWrite
from flock.db import migrate
from flock.testing.migrations import assert_migrations_match_tables
from mtce.conductor.store import Answered, Message, Store
from mtce.contract.records import ActionReply, MtceHost
from mtce.core.view import Stage, first_view
from mtce.db.tables import HOST as TABLE
from mtce.db.tables import METADATA
from sysinv.contract.enums import Administrative, Availability, Operational
from tests.manualclock import ManualClock

HOST = MtceHost("2f1c1d7e-0000-4000-8000-000000000001", "worker-0", "worker", "worker", "", "192.168.204.10", None,
                "locked", "disabled", "online")


def test_migrations_make_the_declared_tables(database):
    assert_migrations_match_tables(database.url.render_as_string(hide_password=False), "mtce", METADATA)


def test_step_is_one_transaction_and_a_stale_writer_is_noticed(database):
    migrate.upgrade(database.url.render_as_string(hide_password=False), "mtce")
    store = Store(database, ManualClock())
    view = first_view(HOST)
    store.commit(None, view, HOST, cause="put", messages=[])
    stored = store.load("controller-0")[0]
    assert (stored.view, stored.record, stored.revision) == (view, HOST, 1)
    after = replace(view, stage=Stage.BOOT_WAIT, deadline_ms=1_700_000_000_000, task="Booting")
    told = [Message("inventory:x", "state", {"task": "Booting"})]
    answered = Answered("r-1", HOST.uuid, "unlock", ActionReply("pass"))
    assert store.commit(stored, after, HOST, cause="tick", messages=told, answered=answered) == 2
    with pytest.raises(StaleWrite):
        store.commit(stored, view, HOST, cause="tick", messages=told)
    assert store.answer_to("r-1", HOST.uuid, "unlock") == ActionReply("pass")
    assert store.answer_to("r-1", HOST.uuid, "lock") is None
    store.answer(Answered("r-1", "another", "unlock", ActionReply("fail")))
    assert store.answer_to("r-1", "another", "unlock") == ActionReply("fail")
    assert [line["task"] for line in store.history(HOST.uuid, 10)] == ["Booting", ""]
    one = store.load_one(HOST.uuid, "worker-0")
    assert one is not None
    assert one.view == replace(after, is_active=True)
    store.delete(HOST.uuid, [], 4)
    store.delete(HOST.uuid, [], 3)
    assert store.deleted_revision(HOST.uuid) == 4, "the newest deletion is remembered"
    store.delete("another", [], 0)
    assert store.deleted_revision("another") is None
    assert store.load("controller-0") == []
    store.prune()


def test_a_view_that_cannot_be_read_costs_no_other_host_its_maintenance(database, caplog):
    """Written by a later release: the states stay, what it was doing begins anew, and the log has what was stored."""
    migrate.upgrade(database.url.render_as_string(hide_password=False), "mtce")
    store = Store(database, ManualClock())
    other = replace(HOST, uuid="2f1c1d7e-0000-4000-8000-000000000002", hostname="worker-1")
    enabled = replace(first_view(HOST), administrative=Administrative.UNLOCKED, operational=Operational.ENABLED,
                      availability=Availability.AVAILABLE, task="Testing")
    store.commit(None, enabled, HOST, cause="put", messages=[])
    store.commit(None, first_view(other), other, cause="put", messages=[])
    with database.writer() as conn:
        document = conn.execute(sa.select(TABLE.c.view).where(TABLE.c.uuid == HOST.uuid)).scalar_one()
        later = {**document, "stage": "of-a-later-release"}
        conn.execute(sa.update(TABLE).where(TABLE.c.uuid == HOST.uuid).values(view=later))
        grown = {**document, "of_a_later_release": [1], "uuid": other.uuid, "hostname": "worker-1"}
        conn.execute(sa.update(TABLE).where(TABLE.c.uuid == other.uuid).values(view=grown))
    found = {stored.view.hostname: stored.view for stored in store.load("controller-0")}
    assert found["worker-0"] == replace(enabled, task="")
    assert found["worker-1"].task == "Testing"
    assert "worker-0" in caplog.text and "of-a-later-release" in caplog.text
