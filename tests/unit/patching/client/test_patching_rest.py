# SPDX-License-Identifier: Apache-2.0
"""What other services ask patching-api, and answers that are of no use."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from flock.core.errors import Unavailable
from patching.client.rest import PatchingApi


class Http:
    """Answers as told, and remembers what was asked."""

    def __init__(self, status: int, body: Any) -> None:
        self.answer = status, body if isinstance(body, bytes) else json.dumps(body).encode()
        self.asked: list[str] = []

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        assert (method, body, timeout_s) == ("GET", None, 3.0)
        self.asked.append(url)
        return self.answer


def test_hosts_that_are_not_current_are_named() -> None:
    hosts = [{"hostname": "controller-0", "patch_current": True}, {"hostname": "compute-0", "patch_current": False}]
    http = Http(200, {"data": hosts})
    assert PatchingApi(http, "https://127.0.0.1:5497/", 3.0).outdated_hosts() == ("compute-0",)
    assert http.asked == ["https://127.0.0.1:5497/v1/query_hosts"]


def test_what_controllers_hold_is_asked() -> None:
    http = Http(200, {"in_sync": False})
    assert PatchingApi(http, "https://127.0.0.1:5497/", 3.0).in_sync() is False
    assert http.asked == ["https://127.0.0.1:5497/v1/software/in_sync_controller"]
    assert PatchingApi(Http(200, {"in_sync": True}), "https://127.0.0.1:5497/", 3.0).in_sync() is True


@pytest.mark.parametrize(("status", "body"), [
    (503, {"data": []}), (403, {}), (200, b"<html>"), (200, {}), (200, []), (200, {"data": [{"hostname": "a"}]}),
    (200, {"data": 7})])
def test_no_evidence_is_no_answer(status: int, body: Any) -> None:
    with pytest.raises(Unavailable, match="patching-api"):
        PatchingApi(Http(status, body), "https://127.0.0.1:5497", 3.0).outdated_hosts()
    with pytest.raises(Unavailable, match="patching-api"):
        PatchingApi(Http(status, body), "https://127.0.0.1:5497", 3.0).in_sync()


def test_an_answer_of_another_kind_says_nothing_of_controllers() -> None:
    with pytest.raises(Unavailable, match="does not say"):
        PatchingApi(Http(200, {"in_sync": "yes"}), "https://127.0.0.1:5497", 3.0).in_sync()
