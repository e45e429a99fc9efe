# SPDX-License-Identifier: Apache-2.0
"""An upload that breaks off goes on with what has arrived; the conductor takes in what is complete."""
from __future__ import annotations

import hashlib
import http.client
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flock.cli.errors import ApiUnreachable
from patching.client import software as client
from patching.client.software import Software
from tests.functional.patching.running import Cloud


class Api:
    """``ApiClient`` of the test; ``breaks``: bytes after which the next bodies break off."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.breaks: list[int] = []

    def get(self, path: str, query: Any = None) -> Any:
        return self._cloud.as_admin.get(f"{self._cloud.base}{path}", params=query).json()

    def answer(self, method: str, path: str, body: Any = None, *, passed: Any = (), data: Any = None,
               headers: Any = None) -> tuple[int, Any]:
        if data is not None and self.breaks:
            self._break(method, path, data, headers, self.breaks.pop(0))
        reply = self._cloud.as_admin.request(method, f"{self._cloud.base}{path}", json=body, data=data, headers=headers)
        return reply.status_code, reply.json()

    def _break(self, method: str, path: str, data: Any, headers: Any, most: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._cloud.port, timeout=30)
        connection.request(method, path, body=_first(data, most), headers={
            **self._cloud.as_admin.headers, **headers, "Content-Length": str(len(data))})
        connection.close()
        raise ApiUnreachable("the connection broke")


def _first(data: Any, most: int) -> Iterator[bytes]:
    sent = 0
    for piece in data:
        yield piece[:most - sent]
        sent += len(piece)
        if sent >= most:
            return


@pytest.fixture
def large(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A patch that is sent in parts."""
    monkeypatch.setattr(client, "LARGE_BYTES", 1)
    return cloud.patch("10.0.1", software={"tool_10.0.1.fake": b'{"name": "tool", "version": "10.0.1"}',
                                           "data_10.0.1.fake": b'{"name": "data", "version": "' + os.urandom(
                                               1_500_000).hex().encode() + b'"}'})


def test_an_upload_goes_on_after_its_connection_broke_twice(cloud: Cloud, large: Path) -> None:
    api = Api(cloud)
    api.breaks = [700_000, 300_000]
    staging = cloud.folder / "state/patching/staging"
    sha256 = hashlib.sha256(large.read_bytes()).hexdigest()
    told = Software(api).upload([large])
    assert told["error"] == "" and told["upload_info"] == [
        {large.name: {"id": "starlingx-10.0.1", "sw_release": "10.0.1"}}]
    assert api.breaks == [] and list(staging.iterdir()) == []
    assert cloud.releases()["starlingx-10.0.1"] == "available"
    assert cloud.get(f"/v1/upload/{sha256}") == {"sha256": sha256, "have": 0, "complete": False}


def test_the_api_counts_what_has_arrived_and_refuses_a_gap(cloud: Cloud, large: Path) -> None:
    data, url = large.read_bytes(), f"{cloud.base}/v1/upload/"
    sha256 = hashlib.sha256(data).hexdigest()
    api = Api(cloud)
    with pytest.raises(ApiUnreachable):
        api._break("PUT", f"/v1/upload/{sha256}", [data], {  # noqa: SLF001
            "Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}, 500_000)
    have = 0

    def is_there() -> bool:
        nonlocal have
        have = cloud.get(f"/v1/upload/{sha256}")["have"]
        return have > 0

    cloud.wait(is_there, "the part to be there")
    assert 0 < have <= 500_000

    def put(first: int) -> Any:
        return cloud.as_admin.put(f"{url}{sha256}", data=data[first:], headers={
            "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})

    refused = put(have + 1)
    assert refused.status_code == 409 and f"has {have} bytes" in refused.json()["error"]
    assert put(have).json() == {"sha256": sha256, "have": len(data), "complete": True}
    assert cloud.as_admin.get(f"{url}{sha256}", params={"size": 40 << 30}).status_code == 406
    assert cloud.as_admin.delete(f"{url}{sha256}").status_code == 204
    assert cloud.get(f"/v1/upload/{sha256}")["have"] == 0
    assert cloud.as_admin.get(f"{url}xyz").status_code == 400
    reply = cloud.call("POST", "/v1/release", {"files": [{"name": large.name, "sha256": sha256}]})
    assert reply.status_code == 406 and "not complete on the controller" in reply.json()["error"]
