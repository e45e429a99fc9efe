# SPDX-License-Identifier: Apache-2.0
"""Uploads in parts through the API: its answers, and what the conductor is then told."""
from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import webob
from oslo_config import cfg

from flock import conf as flock_conf
from flock.api import build_app
from flock.db import Database
from flock.testing.identity import trusting
from patching.api.ordering import Commands
from patching.api.staging import Staging
from patching.contract.records import Order, Reply, ReplyStatus
from patching.db.tables import METADATA

DATA = b"a patch" * 1000
SHA256, SIZE = hashlib.sha256(DATA).hexdigest(), len(DATA)
PATH = f"/v1/upload/{SHA256}"


class Conductor:
    def __init__(self) -> None:
        self.orders: list[Order] = []

    def order(self, *, order: Order) -> Reply:
        self.orders.append(order)
        return Reply(ReplyStatus.OK, "taken\n")


class Api:
    def __init__(self, database: Database, folder: Path) -> None:
        METADATA.create_all(database.engine)
        conf = cfg.ConfigOpts()
        flock_conf.register(conf)
        conf([], default_config_files=[], default_config_dirs=[])
        self.conductor = Conductor()
        self.app = build_app(conf, "patching", authenticate=trusting, deps=[
            database, Staging(folder / "staging", 1 << 20),
            Commands(self.conductor, database, 1.0)])  # type: ignore[arg-type]

    def call(self, method: str, path: str, data: bytes = b"", **headers: str) -> tuple[int, Any]:
        request = webob.Request.blank(path, method=method, headers={
            "X-Roles": "configurator", "X-Project-Name": "admin", "X-User-Id": "u", "X-Project-Id": "p",
            **{name.replace("_", "-"): value for name, value in headers.items()}})
        request.body = data
        found = request.get_response(self.app)
        return found.status_int, json.loads(found.body) if found.body else None

    def put(self, first: int, data: bytes, size: int = SIZE) -> tuple[int, Any]:
        return self.call("PUT", PATH, data, Content_Range=f"bytes {first}-{size - 1}/{size}",
                         Content_Type="application/octet-stream")


@pytest.fixture
def api(database: Database, tmp_path: Path) -> Api:
    return Api(database, tmp_path)


def have(number: int, complete: bool = False) -> tuple[int, Any]:
    return 200, {"sha256": SHA256, "have": number, "complete": complete}


def test_a_file_in_two_parts_is_taken_in_by_its_digest(api: Api, tmp_path: Path) -> None:
    assert api.call("GET", f"{PATH}?size={SIZE}") == have(0)
    assert api.put(0, DATA[:3000]) == have(3000)
    status, told = api.put(2999, DATA[2999:])
    assert (status, told["code"]) == (409, "patching.upload_gap") and "has 3000 bytes" in told["error"]
    assert api.put(3000, DATA[3000:]) == have(SIZE, True) == api.call("GET", PATH)
    body = json.dumps({"files": [{"name": "/root/a-1.0.1.patch", "sha256": SHA256}]}).encode()
    status, told = api.call("POST", "/v1/release", body, Content_Type="application/json")
    assert (status, told["info"]) == (200, "taken\n")
    (staged,) = api.conductor.orders[0].files
    assert (staged.name, staged.size, staged.sha256) == ("a-1.0.1.patch", SIZE, SHA256)
    assert [path.name for path in (tmp_path / "staging").iterdir()] == [staged.path]
    assert api.call("GET", PATH) == have(0)


def test_what_cannot_be_is_refused_with_the_reason(api: Api) -> None:
    body = json.dumps({"files": [{"name": "a.patch", "sha256": SHA256}]}).encode()
    status, told = api.call("POST", "/v1/release", body, Content_Type="application/json")
    assert status == 406 and "not complete on the controller" in told["error"]
    assert api.call("POST", "/v1/release", b"{}", Content_Type="application/json")[0] == 400
    assert api.call("POST", "/v1/release", b"[", Content_Type="application/json")[0] == 400
    assert api.call("GET", f"{PATH}?size={1 << 30}")[0] == api.call("GET", f"{PATH}?size={40 << 30}")[0] == 406
    assert api.call("GET", f"{PATH}?size=0")[0] == 400
    assert api.call("GET", "/v1/upload/ABC")[0] == 400
    assert api.call("PUT", PATH, b"x", Content_Range="bytes 0-0/2")[0] == 400
    status, told = api.put(0, b"x" * SIZE)
    assert (status, told["code"]) == (406, "patching.upload_digest")
    assert api.conductor.orders == []


def test_what_was_begun_can_be_removed(api: Api) -> None:
    api.put(0, DATA[:10])
    assert api.call("DELETE", PATH) == (204, None)
    assert api.call("GET", PATH) == have(0)
