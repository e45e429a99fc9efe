# SPDX-License-Identifier: Apache-2.0
"""The command line ``software``: columns, exit codes, and what it sends."""
from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from flock.cli.shell import FlockShell
from patching.cmd.shell import PROGRAM

RELEASE = {"release_id": "starlingx-10.0.1", "state": "available", "sw_version": "10.0.1", "reboot_required": True}
HOST = {"hostname": "controller-0", "software_release": "10.0.0", "target_release": "10.0.1", "reboot_required": False,
        "host_state": "pending", "error": ""}
DEPLOY = {"from_release": "10.0.0", "to_release": "10.0.1", "reboot_required": True, "state": "host", "error": ""}


class Api:
    """Answers by method and path; ``asked`` has what was sent."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {"GET /v1/release": [RELEASE], "GET /v1/deploy": [DEPLOY],
                                        "GET /v1/deploy_host": [HOST]}
        self.asked: list[tuple[str, Any]] = []

    def get(self, path: str, query: Any = None) -> Any:
        self.asked.append((f"GET {path}", query))
        return self.answers[f"GET {path}"]

    def answer(self, method: str, path: str, body: Any = None, *, passed: Any = (), data: Any = None,
               headers: Any = None) -> tuple[int, Any]:
        self.asked.append((f"{method} {path}", body if data is None else data))
        found = self.answers.get(f"{method} {path}", {"info": "done\n", "warning": "", "error": ""})
        return (406 if found.get("error") else 200), found


def run(api: Api, *words: str) -> tuple[int, str]:
    out = io.StringIO()
    shell = FlockShell(PROGRAM, {}, lambda *_: api, stdout=out, stderr=out, stdin=io.StringIO())  # type: ignore[arg-type]
    return shell.run(list(words)), out.getvalue()


def test_the_table_of_releases() -> None:
    code, text = run(Api(), "list")
    assert code == 0 and text.splitlines() == [
        "+------------------+------+-----------+",
        "| Release          | RR   |   State   |",
        "+------------------+------+-----------+",
        "| starlingx-10.0.1 | True | available |",
        "+------------------+------+-----------+"]


def test_states_of_the_deployment_have_their_prefix() -> None:
    assert run(Api(), "deploy", "show")[1].splitlines()[3] == "| 10.0.0       | 10.0.1     | True | deploy-host |"
    text = run(Api(), "deploy", "host-list")[1]
    assert "deploy-host-pending" in text and "From Release" in text
    assert json.loads(run(Api(), "deploy", "host-list", "-f", "json")[1]) == [HOST]


@pytest.mark.parametrize(("words", "path", "text"), [
    (("list",), "GET /v1/release", "No data\n"), (("deploy", "show"), "GET /v1/deploy", "No deploy in progress\n"),
    (("deploy", "host-list"), "GET /v1/deploy_host", "No deploy in progress\n")])
def test_what_is_empty_is_said(words: tuple[str, ...], path: str, text: str) -> None:
    api = Api()
    api.answers[path] = []
    assert run(api, *words) == (0, text)


@pytest.mark.parametrize(("words", "sent"), [
    (("deploy", "start", "starlingx-10.0.1", "-f", "-o", "a=b"),
     ("POST /v1/deploy/start", {"releases": ["starlingx-10.0.1"], "force": "true", "options": ["a=b"]})),
    (("deploy", "precheck", "starlingx-10.0.1"), ("POST /v1/deploy/precheck", {"releases": ["starlingx-10.0.1"]})),
    (("deploy", "host", "controller-0"), ("POST /v1/deploy_host/controller-0", None)),
    (("deploy", "host-rollback", "controller-0", "-f"), ("POST /v1/deploy_host/controller-0/rollback/force", None)),
    (("deploy", "activate"), ("POST /v1/deploy/activate", {})),
    (("deploy", "activate-rollback"), ("POST /v1/deploy/activate_rollback", {})),
    (("deploy", "activate", "--force"), ("POST /v1/deploy/activate", {"force": True})),
    (("deploy", "activate-rollback", "-f"), ("POST /v1/deploy/activate_rollback", {"force": True})),
    (("deploy", "complete"), ("POST /v1/deploy/complete", {})), (("deploy", "abort"), ("POST /v1/deploy/abort", {})),
    (("deploy", "delete"), ("DELETE /v1/deploy", None)), (("delete", "a-1.0.1", "b-1.0.1"),
                                                         ("DELETE /v1/release/a-1.0.1/b-1.0.1", None)),
    (("commit", "a-1.0.1", "--dry-run"), ("POST /v1/release/a-1.0.1/commit_dry_run", {}))])
def test_orders_print_the_texts_of_the_answer(words: tuple[str, ...], sent: tuple[str, Any]) -> None:
    api = Api()
    assert run(api, *words) == (0, "done\n\n")
    assert api.asked == [sent]
    api.answers[sent[0]] = {"info": "", "warning": "careful", "error": "one\ntwo\n"}
    assert run(api, *words) == (1, "Warning: careful\nError: one\ntwo\n\n")


def test_questions_about_states_have_exit_codes() -> None:
    api = Api()
    for known, code in ((True, 0), (False, 1)):
        api.answers["GET /v1/release/a-1.0.1/is_deployed"] = known
        assert run(api, "is-deployed", "a-1.0.1") == (code, f"{known}\n")


def test_all_patches_of_a_major_release_are_deleted() -> None:
    api = Api()
    api.answers["GET /v1/release"] = [{**RELEASE, "release_id": f"starlingx-24.09.{number}", "state": state}
                                      for number, state in enumerate(("deployed", "available", "unavailable"))]
    assert run(api, "delete", "--all", "starlingx-24.09")[0] == 0
    assert api.asked == [("GET /v1/release", {"show": "patch", "release": "24.09"}),
                         ("DELETE /v1/release/starlingx-24.09.1/starlingx-24.09.2", None)]
    assert run(api, "delete", "--all", "starlingx-24.9")[0] == 2


def test_an_upload_shows_what_it_has_brought(tmp_path: Path) -> None:
    api = Api()
    api.answers["POST /v1/release"] = {"info": "x is now uploaded\n", "warning": "", "error": "", "upload_info": [
        {"a-1.0.1.patch": {"id": "a-1.0.1", "sw_release": "1.0.1"}}, {"b.sig": {"id": "b"}}]}
    path = tmp_path / "a-1.0.1.patch"
    path.write_bytes(b"x")
    for words in (("upload", str(path)), ("upload-dir", str(tmp_path)), ("upload", "--local", str(path))):
        code, text = run(api, *words)
        assert code == 0 and "| Uploaded File | Release |" in text and "| a-1.0.1.patch | a-1.0.1 |" in text
        assert "b.sig" not in text
    assert api.asked[-1] == ("POST /v1/release", f'["{path}"]')
    assert run(api, "upload", str(tmp_path / "nothing.patch"))[0] == 1


def test_a_wait_ends_with_the_state() -> None:
    api = Api()
    api.answers["GET /v1/deploy_host"] = [{**HOST, "host_state": "deployed"}]
    assert run(api, "deploy", "host", "controller-0", "--wait")[0] == 0
    api.answers["GET /v1/deploy_host"] = [{**HOST, "host_state": "failed", "error": "no space"}]
    code, text = run(api, "deploy", "host", "controller-0", "--wait")
    assert code == 1 and "no space" in text
    api.answers["GET /v1/deploy"] = [{**DEPLOY, "state": "start-done"}]
    assert run(api, "deploy", "start", "starlingx-10.0.1", "--wait")[0] == 0
