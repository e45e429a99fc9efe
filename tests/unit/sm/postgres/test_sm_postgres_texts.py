# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sm.catalogue.problems import CatalogueRefused
from sm.postgres import texts
from sm.postgres.settings import Settings, read

TWO = Settings(node="controller-0", peers={"controller-1": "192.168.204.3"}, listen=("192.168.204.2",),
               ports={"controller-1": 6000})


def test_a_peer_must_prove_its_name_and_this_node_proves_its_own() -> None:
    words = dict(part.split("=", 1) for part in texts.conninfo(TWO, "controller-1", "postgres").split())
    assert (words["host"], words["hostaddr"], words["port"]) == ("controller-1", "192.168.204.3", "6000")
    assert (words["sslmode"], words["application_name"], words["dbname"]) == ("verify-full", "sm-postgres", "postgres")
    assert (words["sslcert"], words["sslkey"]) == (
        "/var/lib/postgresql/15/main.crt", "/var/lib/postgresql/15/main.key")
    assert "dbname" not in texts.conninfo(TWO, "controller-1")
    assert "application_name=controller-0" in texts.conninfo(TWO, "controller-1")


def test_a_commit_waits_for_all_and_new_names_come_first() -> None:
    one = texts.standby_names({"b"})
    assert one == 'FIRST 1 ("b")'
    two = texts.standby_names({"b", "c"}, one)
    assert two == 'FIRST 2 ("c", "b")'
    assert texts.standby_names({"a", "b", "c"}, two) == 'FIRST 3 ("a", "c", "b")'
    assert texts.standby_names({"b"}, two) == one
    assert texts.standby_names(set(), two) == ""
    assert texts.priorities(two) == {"c": 1, "b": 2}


def test_every_sender_of_wal_shows_that_it_has_read_a_list_with_another_node() -> None:
    """The priority of whoever stays in the list changes when a node joins it."""
    names = ""
    for nodes in ({"b"}, {"b", "a"}, {"a", "b", "c"}, {"c", "b"}, {"d", "c", "b"}):
        later = texts.standby_names(nodes, names)
        before, after = texts.priorities(names), texts.priorities(later)
        if set(after) - set(before):
            assert all(before.get(name, 0) != after[name] for name in after)
        names = later


def test_the_configuration_names_the_list_that_is_read_back() -> None:
    names = texts.standby_names({"controller-1"})
    text = texts.configuration(TWO, "controller-1", names)
    assert texts.listed(text) == names
    assert "listen_addresses = '127.0.0.1,192.168.204.2'" in text
    assert "primary_slot_name = 'sm_controller_0'" in text
    assert all(line.count("'") == 2 for line in text.splitlines()[1:])
    alone = texts.configuration(TWO, "", "")
    assert "primary_conninfo = ''" in alone and texts.listed(alone) == ""


def test_the_lines_for_access_stand_once_and_first() -> None:
    rules, names = texts.access(TWO)
    assert rules.splitlines()[0] == "hostssl replication sm_replication 192.168.204.3/32 cert map=sm"
    assert names == "sm controller-1 sm_replication"
    once = texts.with_block("local all postgres peer\n", rules)
    assert texts.with_block(once, rules) == once
    assert once.endswith("local all postgres peer\n") and once.startswith(texts.BEGIN)
    assert texts.with_block(once, "other") == f"{texts.BEGIN}\nother\n{texts.END}\nlocal all postgres peer\n"


def test_the_role_of_the_peers_may_not_write() -> None:
    statements = " ".join(texts.role_statements())
    assert "LOGIN REPLICATION" in statements and "SUPERUSER" not in statements
    assert texts.control_values("Database cluster state:   in production\nrubbish\n") == {
        "Database cluster state": "in production"}


def test_settings_are_checked_together(tmp_path: Path) -> None:
    path = tmp_path / "postgres.conf"
    assert read(path).port == 5432
    path.write_text(yaml.safe_dump({
        "node": "controller-0", "peers": {"controller-0": "here"}, "data": "relative", "key": "/a'b", "port": 0,
        "user": "Root", "wal_kept": "much", "listen": ["nowhere"]}))
    with pytest.raises(CatalogueRefused) as caught:
        read(path)
    for part in ("data: must be an absolute path", "key: must be", "peers: must be at most", "peers.controller-0: must",
                 "listen: must be an IP", "port: must be a port", "user: must be", "wal_kept: must be a size"):
        assert part in str(caught.value), part
    path.write_text(yaml.safe_dump({"node": "controller-0", "peers": {"controller-1": "10.0.0.3"}}))
    assert read(path).peers == {"controller-1": "10.0.0.3"}
