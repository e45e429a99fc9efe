# SPDX-License-Identifier: Apache-2.0
"""Hosts and what they have live through an upgrade and a downgrade, on both engines; ids are not used again."""
from __future__ import annotations

import sqlalchemy as sa

from flock.db import Database, migrate
from sysinv.bootstrap.answers import parse
from sysinv.hosts.discovery import new_host_values
from sysinv.hosts.seed import seed_system
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST
from sysinv.resources.node.table import I_NODE

FIRST_RELEASE = ("uuid, created_at, recordtype, subfunction_oper, subfunction_avail, administrative, operational,"
                 " availability, action, action_resent, task, mgmt_mac, boot_device, rootfs_device, hw_settle,"
                 " install_output, console, tboot, clock_synchronization, apparmor, location, uptime, reserved,"
                 " capabilities, reboot_needed, sw_version, mtce_sequence, forisystemid")


def _first_release(conn: sa.Connection) -> None:
    conn.execute(sa.text(
        "INSERT INTO i_system (uuid, created_at, name, timezone, region_name, service_project_name, software_version,"
        " capabilities) VALUES ('s', '2026-01-01 00:00:00', 'cloud', 'UTC', 'RegionOne', 'services', '1.0', '{}')"))
    system = conn.execute(sa.text("SELECT id FROM i_system")).scalar_one()
    for name in ("a", "b"):
        conn.execute(sa.text(
            f"INSERT INTO i_host ({FIRST_RELEASE}) VALUES (:name, '2026-01-01 00:00:00', 'standard', 'disabled',"
            " 'not-installed', 'locked', 'disabled', 'offline', 'none', :no, 'Unlocking', :mac, '/dev/sda', '/dev/sda',"
            " '0', 'text', '', '', 'ntp', 'disabled', '{}', 0, :no, '{}', :no, '1.0', 7, :system)"),
            {"name": name, "mac": f"08:00:27:00:00:0{name}", "no": False, "system": system})
        host = conn.execute(sa.text("SELECT id FROM i_host WHERE uuid = :name"), {"name": name}).scalar_one()
        conn.execute(sa.text(
            "INSERT INTO i_node (uuid, created_at, numa_node, capabilities, forihostid) VALUES (:name,"
            " '2026-01-01 00:00:00', 0, '{}', :host)"), {"name": f"n{name}", "host": host})


def _rows(database: Database) -> list[tuple[object, ...]]:
    with database.reader() as conn:
        return [tuple(row) for row in conn.execute(sa.text(
            "SELECT i_host.id, i_host.uuid, task, mtce_sequence, i_node.uuid FROM i_host"
            " JOIN i_node ON forihostid = i_host.id ORDER BY i_host.id"))]


def test_hosts_survive_in_both_directions(database: Database) -> None:
    url = database.url.render_as_string(hide_password=False)
    migrate.upgrade(url, "sysinv", "0001")
    with database.writer() as conn:
        _first_release(conn)
    before = _rows(database)
    assert [row[1:] for row in before] == [("a", "Unlocking", 7, "na"), ("b", "Unlocking", 7, "nb")]
    migrate.upgrade(url, "sysinv")
    assert _rows(database) == before
    with database.reader() as conn:
        host = conn.execute(sa.select(I_HOST).where(I_HOST.c.uuid == "a")).mappings().one()
    assert (host["maintenance_revision"], host["last_error"], host["mtce_action"]) == (1, None, None)
    migrate.downgrade(url, "sysinv", "0001")
    assert _rows(database) == before
    migrate.upgrade(url, "sysinv")
    with database.writer() as conn:
        hosts.delete(conn, before[0][0])  # type: ignore[arg-type]
        assert conn.execute(sa.select(sa.func.count()).select_from(I_NODE)).scalar() == 1, "references are looked after"


def test_an_id_is_not_used_again(database: Database) -> None:
    migrate.upgrade(database.url.render_as_string(hide_password=False), "sysinv")
    seed_system(database, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
    given: list[int] = []
    for _ in range(3):
        with database.writer() as conn:
            row = hosts.insert(conn, new_host_values(conn, "08:00:27:00:00:77"))
        given.append(row["id"])
        with database.writer() as conn:
            hosts.delete(conn, row["id"])
    assert len(set(given)) == 3
