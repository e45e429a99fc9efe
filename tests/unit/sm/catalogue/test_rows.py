# SPDX-License-Identifier: Apache-2.0
"""Keys and tables of rows."""
from dataclasses import fields

from sm.catalogue.rows import ROW_TYPES, Configured, key_of, tables
from tests.unit.sm.catalogue.sites import rows


def test_every_table_has_its_type() -> None:
    assert [item.name for item in fields(Configured)] == list(ROW_TYPES)
    for table, found in tables(rows()).items():
        assert (found or table == "service_heartbeat") and all(type(row) is ROW_TYPES[table] for row in found), table


def test_keys_are_text() -> None:
    assert key_of(rows().service_actions[0])[1] == "enable"
    assert rows().setting("SYSTEM_MODE") == "duplex" and rows().setting("nothing", "default") == "default"
