# SPDX-License-Identifier: Apache-2.0
"""Alarms live through an upgrade from the first revision and a downgrade, on both engines. Costs two seconds."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Database, migrate

COLUMNS = ("uuid, created_at, updated_at, alarm_id, entity_type_id, entity_instance_id, timestamp, severity, "
           "reason_text, alarm_type, probable_cause, proposed_repair_action, service_affecting, suppression, "
           "inhibit_alarms, ack_user, ack_comment")


def test_alarms_survive_in_both_directions(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    migrate.upgrade(url, "fm", "0001")
    with database.writer() as conn:
        conn.execute(sa.text(
            "INSERT INTO event_suppression (uuid, created_at, alarm_id, description, suppression_status,"
            " set_for_deletion, mgmt_affecting, degrade_affecting) VALUES ('s', '2026-01-01 00:00:00', '100.101', 'd',"
            " 'unsuppressed', :no, 'none', 'none')"), {"no": False})
        for name, updated in (("a", None), ("b", "2026-02-02 00:00:00")):
            conn.execute(sa.text(
                f"INSERT INTO alarm ({COLUMNS}) VALUES (:name, '2026-01-01 00:00:00', :updated, '100.101', 'host',"
                " :entity, '2026-01-01 00:00:00', 'major', 'r', 'other', 'unknown', 'p', :no, :no, :no, 'u', 'c')"),
                {"name": name, "entity": f"host={name}", "updated": updated, "no": False})

    def rows(columns: str) -> list[tuple[object, ...]]:
        with database.reader() as conn:
            return [tuple(row) for row in conn.execute(sa.text(f"SELECT {columns} FROM alarm ORDER BY uuid"))]

    before = rows(COLUMNS)
    migrate.upgrade(url, "fm")
    assert rows(COLUMNS) == before
    refreshed = rows("last_refreshed, time_to_live_s, flapping")
    assert [str(row[0])[:10] for row in refreshed] == ["2026-01-01", "2026-02-02"]
    assert [(row[1], bool(row[2])) for row in refreshed] == [(0, False)] * 2
    migrate.downgrade(url, "fm", "0001")
    assert rows(COLUMNS) == before
    migrate.upgrade(url, "fm")
    assert rows(COLUMNS) == before
