# SPDX-License-Identifier: Apache-2.0
"""Scenario 8: two clients start at the same time."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from patching.db.tables import DEPLOY
from tests.functional.patching.conftest import MakeCloud


@pytest.mark.parametrize("make_cloud", ["sqlite", "postgresql"], indirect=True)
def test_case_08_one_of_two_starts_wins(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    cloud.upload(cloud.patch("10.0.1"))
    with ThreadPoolExecutor() as pool:
        replies = list(pool.map(lambda _: cloud.http().post(
            f"{cloud.base}/v1/deploy/starlingx-10.0.1/start"), range(2)))
    assert sorted(reply.status_code for reply in replies) == [200, 406]
    refused = next(reply.json()["error"] for reply in replies if reply.status_code == 406)
    assert "A deployment from 10.0.0 to 10.0.1 exists" in refused
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(sa.func.count()).select_from(DEPLOY)).scalar() == 1
    cloud.reaches("start-done")


def test_case_08_a_repeated_request_is_carried_out_once(make_cloud: MakeCloud) -> None:
    cloud = make_cloud("SX")
    cloud.upload(cloud.patch("10.0.1"))
    cloud.start_release("10.0.1")
    replies = [cloud.as_admin.request(method, f"{cloud.base}{path}", headers={"Idempotency-Key": "once"})
               for method, path in [("DELETE", "/v1/deploy")] * 2]
    assert [(reply.status_code, reply.json()["info"]) for reply in replies] == [
        (200, "Deploy deleted with success\n")] * 2
