# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sm.cmd import key
from sm.transport.keyring import KeyFile, witness_secret

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def once(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["sm-key", "--file", str(tmp_path / "sm.key"), *words])
        status = key.main()
        out = capsys.readouterr()
        return status, out.out + out.err
    return once


def test_a_key_is_created_once_and_rotated(run: Run, tmp_path: Path) -> None:
    status, text = run("create")
    assert status == 0 and "key 1 " in text and "no rotation is under way" in text
    secret = KeyFile(tmp_path / "sm.key").load()[0].keys[0].secret
    assert secret.hex() not in text
    status, text = run("create")
    assert status == 1 and "exists" in text
    status, text = run("rotate")
    assert status == 0 and "waits until every other node accepts the new key" in text
    ring = KeyFile(tmp_path / "sm.key").load()[0]
    assert ring.keys[0].secret == secret != ring.keys[1].secret and ring.used == ring.keys[0].tag
    status, text = run("rotate")
    assert status == 1 and "has not ended" in text
    KeyFile(tmp_path / "sm.key").change(lambda ring: type(ring)(ring.keys, ring.keys[1].tag))
    assert "waits until every other node uses the new key" in run("status")[1]


def test_a_witness_gets_a_file_that_does_not_hold_the_systems_key(run: Run, tmp_path: Path) -> None:
    run("create")
    status, text = run("witness", "arbiter")
    system = KeyFile(tmp_path / "sm.key").load()[0].keys[0].secret
    assert status == 0 and system.hex() not in text
    assert json.loads(text)["keys"][0]["secret"] == witness_secret(system, "arbiter").hex()
    (tmp_path / "sm.key").write_text(text)
    assert run("status")[1].startswith("for witness arbiter")
    status, text = run("witness", "another")
    assert status == 1 and "this file is that of the witness arbiter" in text


@pytest.mark.parametrize("name", ["", " ", "a b", "-x/y", "a\n"])
def test_a_witness_has_a_name(run: Run, name: str) -> None:
    """The file of a witness without a name was one for a node, with a key that no other node has."""
    run("create")
    status, text = run("witness", "--", name)
    assert status == 1 and "name: must be the host name of the witness" in text


def test_without_a_file_the_reason_is_told(run: Run) -> None:
    status, text = run("status")
    assert status == 1 and "must be readable (No such file or directory)" in text
