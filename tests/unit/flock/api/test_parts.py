# SPDX-License-Identifier: Apache-2.0
"""The parts of the API kernel that have a contract of their own."""
from __future__ import annotations

import json
import socket
import threading
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flock.api import build
from flock.api.audit import body_text, without_secrets
from flock.api.call import Dependencies
from flock.api.dialect import Dialect
from flock.api.exchange import WebError
from flock.api.intake import body_pieces, discard_body
from flock.api.reply import encode
from flock.api.routes import RouteTable, scan
from flock.auth.policy import READER, Rule


class Ctrl:
    def get(self, call: Any) -> None:
        return None


def table(*paths: str) -> RouteTable:
    made = RouteTable()
    made.add({path: Ctrl for path in paths}, [Rule("x", READER, "GET", path) for path in paths])
    made.bind_policy()
    return made


def test_a_parameter_of_several_segments_takes_what_nothing_else_does() -> None:
    made = table("/v1/a", "/v1/a/{id}", "/v1/a/{ids+}", "/v1/a/{ids+}/is_new", "/v1/a/{id}/{verb}/now")

    def found(path: str) -> tuple[str, dict[str, str]] | None:
        match = made.match(path)
        return None if match is None else (match[0].path, dict(match[1]))

    assert found("/v1/a/x") == ("/v1/a/{id}", {"id": "x"})
    assert found("/v1/a/x/y/z") == ("/v1/a/{ids+}", {"ids": "x/y/z"})
    assert found("/v1/a/x/is_new") == ("/v1/a/{ids+}/is_new", {"ids": "x"})
    assert found("/v1/a/x/y/is_new") == ("/v1/a/{ids+}/is_new", {"ids": "x/y"})
    assert found("/v1/a/x/go/now") == ("/v1/a/{id}/{verb}/now", {"id": "x", "verb": "go"})
    assert found("/v1/a//x") is None and found("/v1/b/x") is None


def test_matching_goes_back_when_the_literal_is_a_dead_end() -> None:
    routes = table("/v1/a/static/x", "/v1/a/{id}/y", "/v1/a/{id}")
    found = routes.match("/v1/a/static/y")
    assert found is not None
    assert (found[0].path, found[1]) == ("/v1/a/{id}/y", {"id": "static"})
    assert routes.match("/v1/a/static/x")[0].path == "/v1/a/static/x"  # type: ignore[index]
    assert routes.match("/v1/a") is None
    assert routes.match("/v1/a//y") is None


@given(st.lists(st.text(alphabet="ab/{}", max_size=8), max_size=3))
def test_matching_never_fails(parts: list[str]) -> None:
    found = table("/v1/a/{id}/b", "/v1/{x}", "/").match("/" + "/".join(parts))
    assert found is None or found[0].path


def test_published_list_is_sorted_and_complete() -> None:
    lines = [(r.method, r.path, r.policy, r.check) for r in table("/v1/b", "/v1/a/{id}").published()]
    assert lines == [("GET", "/v1/a/{id}", "x", READER), ("GET", "/v1/b", "x", READER)]


@pytest.mark.parametrize("path", ["v1", "/v1/"])
def test_paths_have_one_form(path: str) -> None:
    with pytest.raises(ValueError, match="slash"):
        table(path)


def test_a_controller_must_answer_something() -> None:
    with pytest.raises(ValueError, match="no method"):
        RouteTable().add({"/v1/x": SimpleNamespace()}, [])


def test_slices_are_found_by_scanning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for noun, files in {"cpu": ["api"], "memory": ["api", "store"], "quiet": ["store"]}.items():
        folder = tmp_path / "scannedsub" / "resources" / noun
        folder.mkdir(parents=True)
        for name in ["__init__", *files]:
            (folder / f"{name}.py").write_text(
                "class C:\n    def get(self, call):\n        return {}\n"
                f"ROUTES = {{'/v1/{noun}': C}}\nfrom flock.auth.policy import READER, Rule\n"
                f"POLICY = (Rule('s:{noun}', READER, 'GET', '/v1/{noun}'),)\n" if name == "api" else "")
    for folder in (tmp_path / "scannedsub", tmp_path / "scannedsub" / "resources"):
        (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [module.__name__ for module in scan("scannedsub")] == [
        "scannedsub.resources.cpu.api", "scannedsub.resources.memory.api"]
    assert build.dialect_of("scannedsub") == Dialect()
    assert [line.path for line in build.published_routes("scannedsub")] == [
        "/", "/v1/cpu", "/v1/memory", "/v1/openapi.json"]


def test_dependencies_by_type_subtype_and_pair() -> None:
    class Interface:
        pass

    class Implementation(Interface):
        pass

    thing, proxy = Implementation(), object()
    deps = Dependencies([thing, (str, proxy)])
    assert deps.get(Interface) is thing
    assert deps.get(Implementation) is thing
    assert deps.get(str) is proxy
    with pytest.raises(LookupError, match="offers no builtins.int"):
        deps.get(int)


def test_what_json_does_not_know_is_encoded_or_refused() -> None:
    assert json.loads(encode({"at": datetime(2026, 1, 1), "all": {"b", "a"}})) == {
        "at": "2026-01-01T00:00:00+00:00", "all": ["a", "b"]}
    assert encode('{"uuid": "u"}') == b'"{\\"uuid\\": \\"u\\"}"'
    with pytest.raises(TypeError, match="object is not JSON"):
        encode({"x": object()})


@pytest.mark.parametrize("key", ["password", "bm_password", "passwd_hash", "community", "client_secret", "X-Auth-Token",
                                 "registry_key", "passphrase"])
def test_secret_keys_are_hidden_at_any_depth(key: str) -> None:
    assert "geheim" not in json.dumps(without_secrets({"a": [{key: "geheim"}, {key: {"x": "geheim"}}]}))
    assert "geheim" not in json.dumps(without_secrets([{"op": "replace", "path": f"/{key}", "value": "geheim"}]))
    assert "geheim" not in json.dumps(without_secrets({"name": key, "value": "geheim"}))


def test_what_is_no_secret_stays() -> None:
    body = [{"op": "replace", "path": "/location", "value": "lab"}, {"hostname": "worker-0", "password": ""}]
    assert without_secrets(body) == body


def test_nesting_does_not_overwhelm_the_audit() -> None:
    deep: Any = "geheim"
    for _ in range(100):
        deep = {"a": deep}
    assert "geheim" not in json.dumps(without_secrets(deep))


@pytest.mark.parametrize(("content", "kind", "text"), [
    (b"", "", "-"), (None, "", "-"), (b"\xff\xfe", "", "<2 bytes, not JSON>"), (b'"geheim"', "", "<8 bytes>"),
    (b"--B", "multipart/form-data", "<3 bytes>"), (b"[" * 50000, "", "<50000 bytes, not JSON>")])
def test_body_text_of_odd_bodies(content: bytes | None, kind: str, text: str) -> None:
    assert body_text(content, kind) == text


def test_body_text_is_bounded_and_one_line() -> None:
    text = body_text(json.dumps({"a": "x\ny" * 5000}).encode(), "application/json")
    assert len(text) < 2100
    assert "\n" not in text


def connection_environ(length: str) -> tuple[dict[str, Any], socket.socket]:
    ours, theirs = socket.socketpair()
    return {"CONTENT_LENGTH": length, "gunicorn.socket": ours, "wsgi.input": ours.makefile("rb", buffering=0)}, theirs


def test_a_silent_client_is_408_and_the_timeout_is_restored() -> None:
    environ, client = connection_environ("100")
    with client, pytest.raises(WebError) as caught:
        client.sendall(b"x")
        list(body_pieces(environ, 1000, 0.05))
    assert caught.value.status == 408
    assert environ["gunicorn.socket"].gettimeout() is None
    environ["gunicorn.socket"].close()


def test_a_moderate_rest_is_swallowed_so_that_the_connection_lives() -> None:
    environ, client = connection_environ("100000")
    environ["wsgi.input"] = _Bounded(environ["wsgi.input"], 100000)
    sender = threading.Thread(target=client.sendall, args=(b"x" * 100000 + b"NEXT",))
    sender.start()
    discard_body(environ, 5)
    sender.join()
    assert environ["gunicorn.socket"].recv(10) == b"NEXT"
    client.close()


def test_an_endless_rest_is_cut_off() -> None:
    environ, client = connection_environ(str(10**12))
    outcome: list[str] = []

    def send() -> None:
        try:
            while True:
                client.sendall(b"x" * 65536)
        except OSError as error:
            outcome.append(type(error).__name__)

    sender = threading.Thread(target=send)
    sender.start()
    discard_body(environ, 5)
    environ["gunicorn.socket"].close()
    environ["wsgi.input"].close()
    sender.join(10)
    assert not sender.is_alive()
    assert outcome
    client.close()


class _Bounded:
    """Like a server's body reader: never reads past the announced length."""

    def __init__(self, raw: Any, length: int) -> None:
        self.raw, self.left = raw, length

    def read(self, size: int) -> bytes:
        part: bytes = self.raw.read(min(size, self.left)) if self.left else b""
        self.left -= len(part)
        return part
