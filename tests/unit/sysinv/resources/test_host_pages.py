# SPDX-License-Identifier: Apache-2.0
"""Two hundred hosts: pages, filters, and the number of statements a list costs."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from sysinv.db.lookup import the_system
from sysinv.hosts.discovery import new_host_values
from sysinv.hosts.provision import assign_addresses
from sysinv.resources.host import store as hosts

WORKERS = 200


@contextmanager
def counted(cloud: Any) -> Iterator[list[str]]:
    """Statements executed meanwhile in this thread, transaction control apart; the conductor's runner looks too."""
    seen: list[str] = []
    here = threading.get_ident()

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if threading.get_ident() == here and statement.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            seen.append(statement)

    event.listen(cloud.db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(cloud.db.engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def crowd(lasting_cloud: Any) -> Any:
    """A cloud of 200 workers and three hosts without a name beside its controller; no test changes it."""
    cloud = lasting_cloud
    with cloud.db.writer() as conn:
        system = the_system(conn)
        for number in range(WORKERS):
            row = hosts.insert(conn, {
                **new_host_values(conn, f"08:00:27:00:{number // 256 + 1:02x}:{number % 256:02x}"),
                "hostname": f"worker-{number}", "personality": "worker", "subfunctions": "worker"})
            assign_addresses(conn, system, row["id"], row["hostname"])
    for number in range(3):
        cloud.discover(f"08:00:27:ff:00:0{number}")
    return cloud


def test_a_list_costs_a_fixed_number_of_statements(crowd: Any) -> None:
    with counted(crowd) as seen:
        body = crowd.get("/v1/ihosts").body
    assert len(body["ihosts"]) == WORKERS + 4 and "next" not in body
    assert len(seen) <= 3, seen
    named = [host for host in body["ihosts"] if host["hostname"]]
    assert all(host["mgmt_ip"] for host in named)
    assert len({host["mgmt_ip"] for host in named}) == WORKERS + 1


@pytest.mark.parametrize(("sort_key", "sort_dir"), [
    ("id", "asc"), ("id", "desc"), ("hostname", "desc"),
    ("hostname", "asc"), ("personality", "asc"), ("task", "desc")])
def test_following_the_next_links_sees_every_host_once(crowd: Any, sort_key: str, sort_dir: str) -> None:
    path = f"/v1/ihosts?limit=50&sort_key={sort_key}&sort_dir={sort_dir}"
    seen: list[str] = []
    for _ in range(10):
        body = crowd.get(path).body
        seen += [host["uuid"] for host in body["ihosts"]]
        if "next" not in body:
            break
        path = body["next"].split(":80", 1)[1]
    assert len(seen) == len(set(seen)) == WORKERS + 4


def test_one_personality_only(crowd: Any) -> None:
    body = crowd.get("/v1/ihosts?personality=controller").body
    assert [host["hostname"] for host in body["ihosts"]] == ["controller-0"]
    assert body["ihosts"][0]["capabilities"] == {"Personality": "Controller-Active"}
    assert crowd.get("/v1/ihosts?personality=worker&limit=1").body["next"].count("personality=worker") == 1
