# SPDX-License-Identifier: Apache-2.0
"""Notices of services: from whom they are taken, what they must look like, and that nobody can stop others' notices."""
from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sm.cmd import notify
from sm.contract.notices import Notice, NoticeEvent
from sm.core.events import AuditNow
from sm.core.model import Catalogue, ServiceSpec
from sm.monitors import notices
from sm.monitors.notices import NoticeSocket

CATALOGUE = Catalogue({}, {"db": ServiceSpec("db", {}, user="nobody"), "web": ServiceSpec("web", {}),
                           "ghost": ServiceSpec("ghost", {}, user="no-such-account")})
GOOD = b'{"service": "db", "event": "sync-end"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sm/notify"


def served(path: Path, body: Callable[[list[AuditNow]], Awaitable[None]]) -> None:
    async def whole() -> None:
        reports: list[AuditNow] = []
        listening = NoticeSocket(path, Catalogue({}, {}), reports.append)
        listening.use(CATALOGUE)
        listening.open()
        try:
            await body(reports)
        finally:
            await listening.close()
        assert not path.exists()
    asyncio.run(whole())


async def asked(path: Path, data: bytes) -> dict[str, object]:
    def talk() -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talking:
            talking.settimeout(5)
            talking.connect(str(path))
            talking.send(data)
            return talking.recv(4096)
    return dict(json.loads(await asyncio.to_thread(talk)))


def as_user(monkeypatch: pytest.MonkeyPatch, uid: int) -> None:
    """The kernel says that this account has connected."""
    monkeypatch.setattr(notices.localsocket, "peer", lambda _: (uid, uid))


def test_root_reports_an_event(path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    as_user(monkeypatch, 0)

    async def body(reports: list[AuditNow]) -> None:
        assert await asyncio.to_thread(notify.run, ["-s", "db", "-e", "sync-start"], str(path)) == 0
        assert await asyncio.to_thread(notify.run, ["--service", "web", "--event", "sync-end"], str(path)) == 0
        assert reports == [AuditNow("db"), AuditNow("web")]
        assert await asyncio.to_thread(notify.run, ["-s", "none", "-e", "sync-end"], str(path)) == 1
        assert "there is no such service" in capsys.readouterr().err
    served(path, body)
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert notify.run(["-s", "db", "-e", "sync-end"], str(path)) == 1
    assert "No such file" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        notify.run(["-s", "db", "-e", "reboot"], str(path))


def test_an_account_speaks_for_its_own_service_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, pwd.getpwnam("nobody").pw_uid)

    async def body(reports: list[AuditNow]) -> None:
        assert await asked(path, GOOD) == {"accepted": True, "reason": ""}
        for service in ("web", "ghost", "none"):
            answer = await asked(path, GOOD.replace(b"db", service.encode()))
            assert answer == {"accepted": False, "reason": "only root and the account of the service may send this"}
        assert reports == [AuditNow("db")]
    served(path, body)


def test_the_kernel_says_who_it_is(path: Path) -> None:
    async def body(reports: list[AuditNow]) -> None:
        answer = await asked(path, GOOD)
        assert answer["accepted"] is (os.getuid() in (0, pwd.getpwnam("nobody").pw_uid))
    served(path, body)


@pytest.mark.parametrize(("data", "words"), [
    (b"x", "well-formed JSON"), (b"[]", "Notice object"), (b'{"service": "db"}', "notice.event: is required"),
    (b'{"service": 1, "event": "sync-end"}', "notice.service: must be a string"),
    (b'{"service": "db", "event": "reboot"}', "notice.event: must be one of sync-start, sync-end"),
    (b'{"service": "' + b"d" * 1024 + b'", "event": "sync-end"}', "at most 1024 bytes"), (b"\xff" * 100, "JSON"),
])
def test_what_is_no_notice_is_refused_with_the_rule(
        data: bytes, words: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 0)

    async def body(reports: list[AuditNow]) -> None:
        answer = await asked(path, data)
        assert answer["accepted"] is False and words in str(answer["reason"]) and reports == []
    served(path, body)


def test_those_who_connect_and_say_nothing_do_not_keep_others_out_for_long(
        path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_user(monkeypatch, 0)
    monkeypatch.setattr(notices, "TALK_S", 0.3)
    monkeypatch.setattr(notices, "TALKS_MAX", 3)

    async def body(reports: list[AuditNow]) -> None:
        silent = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
        for one in silent:
            one.connect(str(path))
            await asyncio.sleep(0.01)
        with pytest.raises(ConnectionError, match="too many talk"):
            await asyncio.to_thread(notify.sent, Notice("db", NoticeEvent.SYNC_END), str(path))
        await asyncio.sleep(0.4)
        assert (await asked(path, GOOD))["accepted"] is True and reports == [AuditNow("db")]
        for one in silent:
            one.close()
    served(path, body)


def test_a_directory_that_others_can_change_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o777)
    with pytest.raises(PermissionError, match="writable by nobody else"):
        NoticeSocket(path, CATALOGUE, lambda _: None).open()
    path.parent.chmod(0o755)
    path.touch()  # left by a daemon that was killed

    async def body(reports: list[AuditNow]) -> None:
        assert path.is_socket()
    served(path, body)
