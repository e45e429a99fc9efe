# SPDX-License-Identifier: Apache-2.0
"""``system host-bulk-add`` and ``host-bulk-export``: golden outputs, what is sent, exit codes."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flock.testing.cli import FakeApi, Ran, refusal, run_cli
from sysinv.cmd.shell import PROGRAM
from sysinv.resources.bulk.form import uploaded

ADDED = {"index": 0, "hostname": "worker-0", "uuid": "22222222-2222-2222-2222-222222222222", "status": "added",
         "message": ""}
FAILED = {"index": 1, "hostname": "worker-1", "uuid": None, "status": "failed",
          "message": "Hostname already exists"}
BOTH = {"success": "\n worker-0", "error": " worker-1: Host-add Rejected: Hostname already exists\n",
        "hosts": [ADDED, FAILED]}
ALL = {"success": "\n worker-0", "error": "", "hosts": [ADDED]}
PATH = "/v1/ihosts/bulk_add"
CONTENT = b'<hosts version="1.0"><host/></hosts>'


class _Api(FakeApi):
    """Also keeps bodies that are no JSON."""

    sent = b""

    def request(self, url: str, method: str, *, data: bytes = b"", **options: Any) -> Any:
        self.sent = data
        return super().request(url, method, **options)


def bulk_add(folder: Path, reply: Any, options: str = "", query: str = "", name: str = "hosts.xml") -> tuple[Ran, _Api]:
    file = folder / name
    file.write_bytes(CONTENT)
    api = _Api({PATH + query: {"POST": reply}})
    return run_cli(PROGRAM, ["host-bulk-add", str(file), *options.split()], api), api


def test_texts_and_table(tmp_path: Path) -> None:
    ran, _ = bulk_add(tmp_path, BOTH)
    assert ran.code == 1
    assert ran.out == (
        "Success:\n worker-0\n\n"
        "Error:\n worker-1: Host-add Rejected: Hostname already exists\n\n"
        "+-------+----------+--------------------------------------+--------+-------------------------+\n"
        "| index | hostname | uuid                                 | status | message                 |\n"
        "+-------+----------+--------------------------------------+--------+-------------------------+\n"
        "| 0     | worker-0 | 22222222-2222-2222-2222-222222222222 | added  |                         |\n"
        "| 1     | worker-1 | None                                 | failed | Hostname already exists |\n"
        "+-------+----------+--------------------------------------+--------+-------------------------+\n")


def test_exit_code_0_when_all_are_added(tmp_path: Path) -> None:
    ran, _ = bulk_add(tmp_path, ALL)
    assert ran.code == 0 and ran.out.startswith("Success:\n worker-0\n\n+") and "Error" not in ran.out


@pytest.mark.parametrize("status", ["failed", "invalid"])
def test_exit_code_1_when_a_host_is_not_added(tmp_path: Path, status: str) -> None:
    ran, _ = bulk_add(tmp_path, {**BOTH, "hosts": [ADDED, {**FAILED, "status": status}]}, "-f json")
    assert ran.code == 1
    assert [one["status"] for one in ran.json()] == ["added", status]


@pytest.mark.parametrize("name", ["hosts.xml", 'a "quoted" näme.yaml'])
def test_the_file_is_sent_as_a_form(tmp_path: Path, name: str) -> None:
    _, api = bulk_add(tmp_path, ALL, name=name)
    upload = uploaded([api.sent], api.headers[-1]["Content-Type"])
    assert upload is not None and upload.data == CONTENT
    assert upload.name == name


def test_a_dry_run_is_asked_for(tmp_path: Path) -> None:
    ran, api = bulk_add(tmp_path, ALL, "--dry-run", "?dry_run=true")
    assert ran.code == 0 and [call[1] for call in api.calls] == [f"{PATH}?dry_run=true"]


def test_a_file_that_the_api_cannot_read(tmp_path: Path) -> None:
    sentence = "No hosts have been added, invalid XML document: no element found: line 1, column 0"
    ran, _ = bulk_add(tmp_path, {"success": "", "error": sentence, "hosts": []})
    assert (ran.code, ran.out, ran.err) == (1, "", f"{sentence}\n")


def test_what_never_reaches_the_api(tmp_path: Path) -> None:
    api = _Api({})
    ran = run_cli(PROGRAM, ["host-bulk-add", str(tmp_path / "none.xml")], api)
    assert (ran.code, ran.err) == (1, f"Cannot read {tmp_path / 'none.xml'}: No such file or directory\n")
    assert api.calls == []
    ran, api = bulk_add(tmp_path, ALL, "--watch 2")
    assert ran.code == 2 and "--watch" in ran.err and api.calls == []


def test_a_refusal_of_the_api(tmp_path: Path) -> None:
    ran, _ = bulk_add(tmp_path, refusal(403, "The requested action is not authorized"))
    assert ran.code == 1 and "not authorized" in ran.err


@pytest.mark.parametrize(("options", "name", "form"), [
    ([], "hosts.xml", "xml"), (["--filename", "racks.csv"], "racks.csv", "csv"),
    (["--filename", "a.YML"], "a.YML", "yaml"), (["--filename", "a.csv", "--format", "yaml"], "a.csv", "yaml")])
def test_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], name: str, form: str) -> None:
    monkeypatch.chdir(tmp_path)
    api = FakeApi({"/v1/ihosts/bulk_export": {"GET": {"content": "<hosts>\r\nräck</hosts>\n"}}})
    ran = run_cli(PROGRAM, ["host-bulk-export", *options], api)
    shown = name if options else f"./{name}"
    assert (ran.code, ran.out) == (0, f"Export successfully to {shown}\n")
    assert (tmp_path / name).read_bytes() == "<hosts>\r\nräck</hosts>\n".encode()
    assert api.calls[-1][3] == {"format": form}


def test_an_export_that_cannot_be_written(tmp_path: Path) -> None:
    api = FakeApi({"/v1/ihosts/bulk_export": {"GET": {"content": ""}}})
    ran = run_cli(PROGRAM, ["host-bulk-export", "--filename", str(tmp_path)], api)
    assert (ran.code, ran.err) == (1, f"Cannot write {tmp_path}: Is a directory\n")
