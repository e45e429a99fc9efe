# SPDX-License-Identifier: Apache-2.0
"""Programs that restart services do so with the daemon's knowledge, and wait for what it starts."""
from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from flock.core.codec import codec_for
from flock.core.errors import DeadlineExceeded, Refused, Unavailable
from sm.client import running
from sm.client.control import NotRunning, ask, configuration_changed
from sm.contract.control import GroupLine, Reply, Request, ServiceLine, StatusReport, Verb
from sm.contract.states import Condition, GroupState, Impact, SchedulingState, ServiceState, Status


class Daemon:
    """Answers on a socket; ``refuses``: names that are unknown to it."""

    def __init__(self, path: Path, refuses: frozenset[str] = frozenset()) -> None:
        self.path, self.refuses = str(path), refuses
        self.asked: list[tuple[Verb, str, bool]] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(self.path)
        self._server.listen(8)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                talk, _ = self._server.accept()
                with talk, talk.makefile("rwb") as stream:
                    request: Request = codec_for(Request).decode(stream.readline(), "request")
                    self.asked.append((request.verb, request.service, request.alone))
                    refused = "there is no such service" if request.service in self.refuses else ""
                    text = f"version {request.version}" if request.version else ""
                    stream.write(codec_for(Reply).encode(Reply(request.id, refused, text), "answer") + b"\n")

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path / "control", frozenset({"nobody"}))
    yield found
    found.close()


def test_a_restart_leaves_alone_what_uses_the_service(daemon: Daemon) -> None:
    running.restart("dnsmasq", daemon.path)
    assert daemon.asked == [(Verb.RESTART, "dnsmasq", True)]
    with pytest.raises(Refused):
        running.restart("nobody", daemon.path)


def test_without_a_daemon_the_caller_learns_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        running.restart("dnsmasq", str(tmp_path / "none"))


def test_services_are_managed_again_however_the_work_ends(daemon: Daemon) -> None:
    with pytest.raises(ZeroDivisionError), running.unmanaged(["fm-mgr", "fm-api"], daemon.path):
        assert [verb for verb, _, _ in daemon.asked] == [Verb.UNMANAGE, Verb.UNMANAGE]
        raise ZeroDivisionError
    assert daemon.asked[2:] == [(Verb.MANAGE, "fm-mgr", False), (Verb.MANAGE, "fm-api", False)]


def test_a_refusal_gives_back_what_was_taken(daemon: Daemon) -> None:
    with pytest.raises(Refused), running.unmanaged(["fm-mgr", "nobody"], daemon.path):
        pytest.fail("the work must not begin")
    assert daemon.asked[-1] == (Verb.MANAGE, "fm-mgr", False)


def test_the_work_is_done_where_no_daemon_runs(tmp_path: Path) -> None:
    done = []
    with running.unmanaged(["fm-mgr"], str(tmp_path / "none")):
        done.append(True)
    assert done


def test_the_work_does_not_begin_under_a_daemon_that_does_not_answer(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, so it would start again what the work stops; and it may have heard the request."""
    monkeypatch.setattr(running, "MANAGE_S", 0.0)
    monkeypatch.setattr("sm.client.control.ask.__defaults__", (str(tmp_path / "control"), 0.05))
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(tmp_path / "control"))
        hung.listen(8)
        with pytest.raises(Refused, match="sm-manage service NAME' for fm-mgr"), \
                running.unmanaged(["fm-mgr"], str(tmp_path / "control")):
            pytest.fail("the work must not begin")


def test_no_daemon_is_told_from_one_that_does_not_answer(tmp_path: Path) -> None:
    path = str(tmp_path / "control")
    with pytest.raises(NotRunning, match=r"sm-daemon does not run here \(.*No such file or directory\)"):
        ask(Request("", Verb.STATUS), path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
        with pytest.raises(NotRunning, match="Connection refused"):
            ask(Request("", Verb.STATUS), path)
        left.listen(8)
        with pytest.raises(Unavailable, match="no answer within 0.05 s") as told:
            ask(Request("", Verb.STATUS), path, 0.05)
        assert not isinstance(told.value, NotRunning)


def test_what_the_daemon_makes_of_a_configuration_is_passed_on(daemon: Daemon) -> None:
    assert configuration_changed(3, daemon.path) == "version 3"


def test_a_daemon_that_does_not_come_back_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "MANAGE_S", 0.0)
    found = Daemon(tmp_path / "control")
    with pytest.raises(Refused, match="sm-manage service NAME' for fm-mgr"), running.unmanaged(["fm-mgr"], found.path):
        found.close()


def _told(state: GroupState, node: str = "controller-0") -> StatusReport:
    group = GroupLine("oam-services", node, GroupState.ACTIVE, state, Status.NONE, Condition.NONE,
                      SchedulingState.NONE, "")
    service = ServiceLine("haproxy", "oam-services", ServiceState.ENABLED_ACTIVE, ServiceState.ENABLING, Status.NONE,
                          Condition.NONE, True, Impact.CRITICAL, "", "its start runs")
    return StatusReport("controller-0", "controller-0", 1, "leads", groups=(group,), services=(service,))


def test_waits_until_all_groups_are_active_here() -> None:
    told = iter([Unavailable(service="sm", reason="no socket"), StatusReport("controller-0", "", 0, "just started"),
                 _told(GroupState.ACTIVE, "controller-1"), _told(GroupState.GO_ACTIVE), _told(GroupState.ACTIVE)])
    slept: list[float] = []

    def asked(request: Request) -> Reply:
        found = next(told)
        if isinstance(found, Unavailable):
            raise found
        return Reply(request.id, status=found)

    running.wait_active(300.0, asked, lambda: 0.0, slept.append)
    assert len(slept) == 4 and next(told, None) is None


def test_what_does_not_start_is_named() -> None:
    now = iter([0.0, 301.0])
    with pytest.raises(DeadlineExceeded, match=r"oam-services; haproxy is enabling, its start runs"):
        running.wait_active(300.0, lambda request: Reply("", status=_told(GroupState.GO_ACTIVE)), lambda: next(now),
                            lambda _: None)
