# SPDX-License-Identifier: Apache-2.0
"""The real neighbours that the test support starts are usable."""
from __future__ import annotations

import pytest
import sqlalchemy as sa

from flock.db import Database
from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.rabbitmq import RabbitNode


def test_database_of_each_engine(database: Database) -> None:
    with database.reader() as conn:
        assert conn.execute(sa.text("SELECT 1")).scalar() == 1
        assert sa.inspect(conn).get_table_names() == []


def test_rabbit_answers_its_control_program(rabbit: RabbitNode) -> None:
    assert "guest" not in rabbit.control("list_users")
    assert rabbit.account in rabbit.control("list_users")


@pytest.mark.parametrize(("role", "project"), [
    ("reader", "admin"), ("operator", "services"), ("configurator", "other"), ("admin", "admin"), ("member", "other")])
def test_keystone_users_have_one_role_in_one_project(keystone: KeystoneServer, role: str, project: str) -> None:
    session = keystone.session(role, project)
    token = session.get(f"{keystone.auth_url}/auth/tokens", headers={
        "X-Subject-Token": keystone.token(role, project)}).json()["token"]
    assert token["project"]["name"] == project
    # Keystone adds the roles a role implies: admin is also manager, member and reader.
    names = {item["name"] for item in token["roles"]}
    assert role in names
    assert role == "admin" or "admin" not in names


def test_catalogue_lists_added_services(keystone: KeystoneServer) -> None:
    keystone.add_service("testing-kind", "testing-name", "http://127.0.0.1:9/v1")
    session = keystone.session("reader", "admin")
    assert session.get_endpoint(service_type="testing-kind", interface="internal") == "http://127.0.0.1:9/v1"
