# SPDX-License-Identifier: Apache-2.0
"""The client of sm-api: what its answers become."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from flock.core.errors import FlockError, Unavailable
from sm.client.rest import BadResponse, SmApi
from sm.contract.nodecommand import NodeAction


class Answering:
    def __init__(self, status: int, body: Any) -> None:
        self.status, self.content = status, body if isinstance(body, bytes) else json.dumps(body).encode()
        self.asked: list[tuple[str, str, Any, float]] = []

    def request(self, method: str, url: str, body: Mapping[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        self.asked.append((method, url, body, timeout_s))
        return self.status, self.content


def api(status: int, body: Any) -> tuple[SmApi, Answering]:
    http = Answering(status, body)
    return SmApi(http, "https://127.0.0.1:7777/", "sysinv"), http


def test_lists_and_elements() -> None:
    client, http = api(200, {"services": [{"id": 1}]})
    assert client.all("services") == [{"id": 1}]
    assert http.asked == [("GET", "https://127.0.0.1:7777/v1/services", None, 30.0)]
    client, http = api(200, None)
    assert client.one("services", "a/b") is None and http.asked[0][1].endswith("/v1/services/a%2Fb")
    assert client.one("services", "..") is None and len(http.asked) == 1
    assert api(200, {"id": 2})[0].one("nodes", "2") == {"id": 2}


@pytest.mark.parametrize(("status", "body", "kind"), [
    (503, {"error_message": json.dumps({"faultstring": "sm is not available"})}, Unavailable),
    (502, b"<html>", Unavailable), (403, {"error_message": "{}"}, BadResponse), (200, b"no JSON", BadResponse),
    (200, {"other": []}, BadResponse), (200, {"services": [1]}, BadResponse), (200, [], BadResponse)])
def test_answers_of_no_use(status: int, body: Any, kind: type[FlockError]) -> None:
    with pytest.raises(kind) as caught:
        api(status, body)[0].all("services")
    assert "sm is not available" in str(caught.value) or "SM API" in str(caught.value) or status == 502


def test_elements_of_no_use() -> None:
    with pytest.raises(BadResponse):
        api(200, [])[0].one("nodes", "1")
    with pytest.raises(BadResponse):
        api(200, {})[0].service_node("controller-0")
    assert api(200, {"active_services": "yes"})[0].service_node("controller-0") == {"active_services": "yes"}


@pytest.mark.parametrize(("status", "body", "refusal"), [
    (200, {"error_code": "0", "error_details": None}, None),
    (200, {"error_code": "-1001", "error_details": "no peer available"}, "no peer available"),
    (200, {"error_code": "-1003", "error_details": "sole", "impact_service_list": ["dns", "vim"]}, "sole (dns, vim)"),
    (400, {"error_code": "-1001"}, "action failed")])
def test_checks(status: int, body: Any, refusal: str | None) -> None:
    client, http = api(status, body)
    assert client.refusal("controller-0", NodeAction.SWACT_PRE_CHECK) == refusal
    assert http.asked[0][:3] == ("PATCH", "https://127.0.0.1:7777/v1/servicenode/controller-0", {
        "origin": "sysinv", "action": "swact-pre-check", "admin": "unknown", "oper": "unknown", "avail": ""})


def test_a_lock_that_would_end_services_names_them() -> None:
    reply = {"error_code": "-1003", "error_details": "sole", "impact_service_list": ["dns", "vim"]}
    assert api(200, reply)[0].refusal("controller-1", NodeAction.LOCK_PRE_CHECK) == (
        "Service(s) dns, vim is/are only running on controller-1, locking controller-1 will result service outage. "
        'If lock controller-1 is required, please use "force lock" command.')
    reply["impact_service_list"] = []
    assert api(200, reply)[0].refusal("controller-1", NodeAction.LOCK_PRE_CHECK) == "sole"


def test_a_check_without_a_result() -> None:
    with pytest.raises(BadResponse):
        api(500, {"error_message": "x"})[0].refusal("controller-0", NodeAction.SWACT_PRE_CHECK)
