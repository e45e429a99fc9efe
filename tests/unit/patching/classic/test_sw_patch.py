# SPDX-License-Identifier: Apache-2.0
"""``sw-patch``: what each command asks, what it prints, and how it ends."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, Script, run_cli
from patching.classic import text
from patching.cmd.sw_patch import PROGRAM

DONE = {"info": "done\n", "warning": "", "error": ""}
WRONG = {"info": "", "warning": "careful\n", "error": "Patch x does not exist\n"}
PATCH = {"status": "REL", "sw_version": "10.0", "repostate": "Applied", "patchstate": "Partial-Apply", "summary": "Fix",
         "description": "a\nb", "install_instructions": "", "warnings": "", "reboot_required": "N", "unremovable": "N",
         "requires": ["P0"], "apply_active_release_only": ""}
HOST = {"ip": "192.168.204.3", "hostname": "controller-1", "patch_current": False, "secs_since_ack": 12,
        "patch_failed": False, "sw_version": "10.0", "state": "idle", "requires_reboot": False, "interim_state": False}


def sw_patch(argv: str | list[str], path: str, answer: Any, method: str = "POST") -> tuple[Ran, Any]:
    """What a command prints, and the query that it sent."""
    api = FakeApi({path: {method: answer}})
    ran = run_cli(PROGRAM, argv, api)
    return ran, dict(api.calls[-1][3] or {}) if api.calls else None


@pytest.mark.parametrize(("argv", "path", "query"), [
    ("apply P1 P2", "apply/P1/P2", {}), ("apply --all", "apply/--all", {}),
    ("apply P1 --skip-semantic", "apply/P1", {"skip-semantic": "yes"}),
    ("remove P1", "remove/P1", {}),
    ("remove P1 --unremovable --skipappcheck", "remove/P1", {"removeunremovable": "yes", "skipappcheck": "yes"}),
    ("delete P1", "delete/P1", {}), ("commit P1 --dry-run", "commit_dry_run/P1", {}),
    ("host-install-async controller-1", "host_install_async/controller-1", {}),
    ("host-install-async --force controller-1", "host_install_async/controller-1/force", {}),
    ("drop-host compute-3", "drop_host/compute-3", {}), ("init-release 11.0", "init_release/11.0", {}),
    ("del-release 9.0", "del_release/9.0", {}), ("upload-dir /a", "upload_dir", {"dir0": "/a"}),
    ("report-app-dependencies --app openstack P1", "report_app_dependencies/P1", {"app": "openstack"}),
    ("report-app-dependencies --app openstack", "report_app_dependencies", {"app": "openstack"})])
def test_verbs(argv: str, path: str, query: dict[str, str]) -> None:
    ran, asked = sw_patch(argv, f"/patch/{path}", DONE)
    assert (ran.code, ran.out, asked) == (0, "done\n", query)
    ran, _ = sw_patch(argv, f"/patch/{path}", WRONG)
    assert (ran.code, ran.out) == (1, "Warning:\ncareful\nError:\nPatch x does not exist\n")


def test_upload_sends_the_files(tmp_path: Path) -> None:
    (tmp_path / "P1.patch").write_bytes(b"content of the patch")
    api = FakeApi({"/patch/upload": {"POST": DONE}})
    assert run_cli(PROGRAM, ["upload", str(tmp_path / "P1.patch")], api).out == "done\n"
    assert api.headers[-1]["Content-Type"].startswith("multipart/form-data; boundary=")
    ran = run_cli(PROGRAM, ["upload", str(tmp_path / "P2.patch")], api)
    assert ran.code == 2 and "P2.patch" in ran.err


@pytest.mark.parametrize("argv", ["apply", "apply P1 --all", "commit", "commit P1 --release 10.0", "query partial"])
def test_what_cannot_be_meant(argv: str) -> None:
    ran, asked = sw_patch(argv, "/patch/query", {})
    assert ran.code == 2 and asked is None


def test_query() -> None:
    ran, query = sw_patch("query applied --release 10.0", "/patch/query", {"pd": {"P1": PATCH}}, "GET")
    assert ran.out == "Patch ID  RR  Release   Patch State\n========  ==  =======  =============\n" \
                      "P1        N   10.0     Partial-Apply\n"
    assert query == {"show": "applied", "release": "10.0"}
    unknown = {"P1": PATCH, "P2": {**PATCH, "repostate": "Available", "patchstate": "n/a"}}
    ran, _ = sw_patch("query", "/patch/query", {"pd": unknown}, "GET")
    assert ran.out.splitlines()[0].split("  ")[-2].strip() == "Repo State"
    assert ran.out.splitlines()[-1].split() == ["P2", "N", "10.0", "Available", "n/a"]
    assert sw_patch("query -f json", "/patch/query", {"pd": {"P1": PATCH}}, "GET")[0].json() == {"P1": PATCH}


@pytest.mark.parametrize(("changes", "current", "reboot"), [
    ({}, "No", "No"), ({"patch_current": True, "requires_reboot": True}, "Yes", "Yes"),
    ({"interim_state": True}, "Pending", "No"), ({"patch_failed": True, "interim_state": True}, "Failed", "No")])
def test_query_hosts(changes: dict[str, bool], current: str, reboot: str) -> None:
    ran, _ = sw_patch("query-hosts", "/patch/query_hosts", {"data": [{**HOST, **changes}]}, "GET")
    titles, ruler, row = ran.out.splitlines()
    assert [title.strip() for title in titles.split("  ") if title.strip()] == [
        "Hostname", "IP Address", "Patch Current", "Reboot Required", "Release", "State"]
    assert set(ruler) == {"=", " "}
    assert row.split() == ["controller-1", "192.168.204.3", current, reboot, "10.0", "idle"]


def test_show() -> None:
    answer = {"metadata": {"P1": PATCH}, "contents": {"P1": ["fm-api_1.deb"]}, "error": "Patch x does not exist\n"}
    ran, _ = sw_patch("show P1 x", "/patch/show/P1/x", answer, "GET")
    assert ran.code == 1
    assert "P1:\n    Release:                    10.0\n" in ran.out
    assert "    Description:                a\n                                b\n" in ran.out
    assert ran.out.endswith("    Contents:                   fm-api_1.deb\nError: Patch x does not exist\n")


@pytest.mark.parametrize(("answer", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("state", ["applied", "available"])
def test_is(state: str, answer: bool, code: int) -> None:
    ran, _ = sw_patch(f"is-{state} P1", f"/patch/is_{state}/P1", answer, "GET")
    assert (ran.out, ran.code) == (f"{answer}\n", code)


def test_dependencies() -> None:
    ran, query = sw_patch("query-dependencies P2 --recursive", "/patch/query_dependencies/P2",
                          {"patches": ["P0", "P1"], "error": ""}, "GET")
    assert (ran.out, query) == ("P0\nP1\n", {"recursive": "yes"})
    ran, _ = sw_patch("what-requires P1", "/patch/what_requires/P1", DONE, "GET")
    assert (ran.code, ran.out) == (0, "done\n")
    ran, _ = sw_patch("query-app-dependencies", "/patch/query_app_dependencies", {"openstack": ["P1", "P2"]}, "GET")
    assert ran.out.splitlines()[-1] == "openstack    P1 P2"


def committing(typed: str) -> tuple[Ran, list[str]]:
    api = FakeApi({"/patch/commit_dry_run/P1": {"POST": DONE}, "/patch/commit/P1": {"POST": DONE},
                   "/patch/query": {"GET": {"pd": {"P1": PATCH}}}})
    ran = run_cli(PROGRAM, "commit --all", api, typed=typed)
    return ran, [path for _, path, _, _ in api.calls]


def test_commit_asks() -> None:
    ran, paths = committing("y\n")
    assert ran.code == 0 and paths == ["/patch/query", "/patch/commit_dry_run/P1", "/patch/commit/P1"]
    assert "Committed patches cannot be removed" in ran.out
    for typed in ("n\n", ""):
        ran, paths = committing(typed)
        assert ran.code == 1 and "/patch/commit/P1" not in paths


def installing(*seen: dict[str, Any]) -> Ran:
    api = FakeApi({"/patch/host_install_async/controller-1": {"POST": DONE},
                   "/patch/query_hosts": {"GET": Script(*({"data": [{**HOST, **one}]} for one in seen))}})
    return run_cli(PROGRAM, "host-install controller-1", api)


def test_host_install_waits_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flock.cli.wait.POLL_INTERVAL_S", 0.01)
    ran = installing({"state": "installing", "interim_state": True}, {"patch_current": True})
    assert (ran.code, ran.out) == (0, "done\nInstallation was successful.\n")
    ran = installing({"state": "installing"}, {"patch_failed": True})
    assert ran.code == 1 and "installation failed" in ran.err
    ran = installing({"state": "install-rejected"})
    assert ran.code == 1 and "must be locked" in ran.err


def test_control_characters_cannot_draw_rows() -> None:
    assert text.table(["A"], [["x\ny\x1b[2J"]]).count("\n") == 3
