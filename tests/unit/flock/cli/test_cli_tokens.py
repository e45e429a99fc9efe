# SPDX-License-Identifier: Apache-2.0
"""Tokens between commands: what is kept, for whom, for how long; and the keyring program by its arguments."""
from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flock.cli.tokens import SessionKeyring, TokenCache
from flock.testing.cli import MemoryKeyring

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)
NAME = "fmclient:session:admin"


def answer(minutes: float = 60) -> dict[str, Any]:
    """Keystone's answer to a login, valid for ``minutes``."""
    expires = (NOW + timedelta(minutes=minutes)).isoformat()
    return {"token": {"expires_at": expires, "user": {"name": "admin"}, "catalog": [
        {"type": "faultmanagement", "endpoints": []}, {"type": "compute", "endpoints": ["many"] * 100}]}}


def cache(keyring: MemoryKeyring, refresh: bool = False, now: Callable[[], datetime] = lambda: NOW) -> TokenCache:
    return TokenCache(keyring, NAME, "faultmanagement", refresh, now)


def test_the_next_command_finds_token_and_its_part_of_the_catalogue() -> None:
    keyring = MemoryKeyring()
    cache(keyring).store("login", "secret", answer())
    assert keyring.lifetimes_s == {NAME: 3600}
    found = cache(keyring).load("login")
    assert found is not None
    token, body = found
    assert token == "secret"
    assert [service["type"] for service in body["token"]["catalog"]] == ["faultmanagement"]


def test_another_login_does_not_get_it() -> None:
    keyring = MemoryKeyring()
    cache(keyring).store("user+password", "secret", answer())
    assert cache(keyring).load("user+other password") is None
    assert "user+password" not in keyring.texts[NAME]
    other_service = TokenCache(keyring, NAME, "platform", now=lambda: NOW)
    assert other_service.load("user+password") is None


def test_refresh_ignores_what_is_kept() -> None:
    keyring = MemoryKeyring()
    cache(keyring).store("login", "secret", answer())
    assert cache(keyring, refresh=True).load("login") is None


@pytest.mark.parametrize("minutes", [-5, 0, 0.9])
def test_a_token_about_to_end_is_not_kept_nor_used(minutes: float) -> None:
    keyring = MemoryKeyring()
    cache(keyring).store("login", "secret", answer(minutes))
    assert keyring.texts == {}
    cache(keyring).store("login", "secret", answer(60))
    later = NOW + timedelta(minutes=60 - minutes)
    assert cache(keyring, now=lambda: later).load("login") is None


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"format": 1}', json.dumps(
    {"format": 1, "salt": "", "proof": "", "token": "t", "body": {"token": None}}), json.dumps(
    {"format": 1, "salt": "", "proof": "", "token": "t", "body": {"token": {"expires_at": "soon"}}}), json.dumps(
    {"format": 1, "salt": "", "proof": "", "token": "t", "body": {"token": {"expires_at": "2026-05-01T11:00:00"}}})])
def test_what_others_keep_under_the_name_is_ignored(text: str) -> None:
    assert cache(MemoryKeyring({NAME: text})).load("login") is None


KEYCTL = """#!/bin/sh
# The part of keyctl that is used, over files; what it was called with is in calls.
folder=$(dirname "$0")
echo "$*" >> "$folder/calls"
case "$1" in
search) [ -e "$folder/$4" ] || exit 1; echo 17 ; echo "$4" > "$folder/last";;
pipe) cat "$folder/$(cat "$folder/last")";;
padd) cat > "$folder/$3"; echo 17;;
unlink) rm "$folder/$(cat "$folder/last")";;
esac
"""


def test_the_keyring_program_gets_the_secret_on_stdin(tmp_path: Path) -> None:
    program = tmp_path / "keyctl"
    program.write_text(KEYCTL)
    program.chmod(0o755)
    keyring = SessionKeyring(str(program))
    assert keyring.read(NAME) is None
    keyring.write(NAME, "secret text", 300)
    assert keyring.read(NAME) == "secret text"
    keyring.drop(NAME)
    keyring.drop(NAME)
    assert keyring.read(NAME) is None
    assert (tmp_path / "calls").read_text().splitlines() == [
        f"search @s user {NAME}", f"padd user {NAME} @s", "timeout 17 300", f"search @s user {NAME}", "pipe 17",
        f"search @s user {NAME}", "unlink 17 @s", f"search @s user {NAME}", f"search @s user {NAME}"]


def test_no_keyring_program_is_no_error(tmp_path: Path) -> None:
    keyring = SessionKeyring(str(tmp_path / "keyctl"))
    keyring.write(NAME, "x", 300)
    keyring.drop(NAME)
    assert keyring.read(NAME) is None
