# SPDX-License-Identifier: Apache-2.0
"""Exit codes, sentences, credentials, tokens, terminals and streams of ``fm`` with the real service. About 15 s."""
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from flock.cli import confirm
from flock.cli.paging import PROMPT
from flock.cli.tokens import SessionKeyring
from flock.testing.cli import MemoryKeyring
from flock.testing.services.process import free_port
from flock.testing.terminal import Terminal
from fm.client.faults import connect
from fm.client.stream import GAP

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = "2b7e1516-28ae-4d2a-abf7-158809cf4f3c"
WAIT_S = 20.0
KEYCTL_JOIN_SESSION_KEYRING = 1
SYS_KEYCTL = {"x86_64": 250, "aarch64": 219}


def until(condition: Callable[[], bool], what: str) -> None:
    """Return as soon as ``condition`` holds; fail after WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S} s for {what}"
        threading.Event().wait(0.05)


@pytest.mark.parametrize(("argv", "words"), [
    (f"alarm-show {NOWHERE}", f"Alarm not found: {NOWHERE}"), ("alarm-show x", "Alarm not found: x"),
    (f"alarm-delete {NOWHERE}", f"Alarm not found: {NOWHERE}"),
    (f"event-show {NOWHERE}", f"Event log not found: {NOWHERE}"),
    (f"alarm-acknowledge {NOWHERE}", f"Alarm not found: {NOWHERE}"),
    (f"silence-show {NOWHERE}", f"Silence not found: {NOWHERE}"),
    (f"silence-update {NOWHERE} --comment x", f"Silence not found: {NOWHERE}")])
def test_what_is_not_there(fm: Any, argv: str, words: str) -> None:
    ran = fm(argv)
    assert (ran.code, ran.out, ran.err) == (1, "", words + "\n")


@pytest.mark.parametrize("argv", [
    "alarm-list --nope", "alarm-show", "no-such-command", "--no-such-option", "event-list -l 0", "event-suppress",
    "alarm-list -f xml", "--fm-api-version 2 alarm-list", "alarm-delete", "silence-create"])
def test_a_wrong_command_line_ends_with_two(fm: Any, argv: str) -> None:
    ran = fm(argv)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.parametrize(("role", "project", "argv"), [
    ("reader", "services", f"alarm-delete {NOWHERE}"), ("operator", "services", "event-suppress --alarm_id 100.101"),
    ("configurator", "other", f"alarm-delete {NOWHERE}"), ("reader", "services", "silence-create --entity host=x"),
    ("reader", "services", "alarm-delete --query alarm_id=2 --yes")])
def test_what_is_not_allowed(fm: Any, operators: Any, role: str, project: str, argv: str) -> None:
    fm.service.raiser().raise_now("200.004", host="worker-1")
    ran = operators(role, project)(argv)
    assert (ran.code, ran.err) == (1, "Error: Forbidden.\n")
    assert "Cleared" not in ran.out and "suppressed." not in ran.out


def test_what_the_server_refuses_is_said_in_its_words(fm: Any) -> None:
    ran = fm("alarm-list -q colour=red")
    assert (ran.code, ran.out) == (1, "")
    assert "colour" in ran.err and len(ran.err.splitlines()) == 1
    ran = fm("event-list -q start=yesterday")
    assert ran.code == 1 and "start" in ran.err


@pytest.mark.parametrize(("left_out", "words"), [
    ("OS_USERNAME", "You must provide a username via either --os-username or via env[OS_USERNAME]"),
    ("OS_PASSWORD", "You must provide a password via either --os-password or via env[OS_PASSWORD]"),
    ("OS_PROJECT_NAME", "You must provide a project name via either --os-project-name or via env[OS_PROJECT_NAME]"),
    ("OS_AUTH_URL", "You must provide an auth url via either --os-auth-url or via env[OS_AUTH_URL]"),
    ("OS_REGION_NAME", "You must provide an region name via either --os-region-name or via env[OS_REGION_NAME]")])
def test_credentials_are_all_required(fm: Any, left_out: str, words: str) -> None:
    ran = fm("alarm-list", **{left_out: ""})
    assert (ran.code, ran.out, ran.err) == (1, "", words + "\n")


def test_options_and_their_underscore_spellings(fm: Any) -> None:
    given = dict(fm.environ)
    none = dict.fromkeys(given, "")
    for mark in ("-", "_"):
        argv = [word for name, value in given.items() if name.startswith("OS_") and "IDENTITY" not in name
                for word in (f"--{name.lower().replace('_', mark)}", value)]
        ran = fm(*argv, "alarm-list", "-f", "json", **none)
        assert (ran.code, ran.out) == (0, "[]\n"), ran.err
    ran = fm("alarm-list", OS_PROJECT_NAME="", OS_TENANT_NAME=given["OS_PROJECT_NAME"], OS_ENDPOINT_TYPE="internalURL")
    assert ran.code == 0, ran.err


def test_wrong_credentials(fm: Any) -> None:
    ran = fm("alarm-list", OS_PASSWORD="wrong")
    assert (ran.code, ran.out, ran.err) == (1, "", "Invalid Identity credentials.\n")
    ran = fm("--os-auth-token", "forged", "--fm-url", fm.service.base, "alarm-list")
    assert (ran.code, ran.out, ran.err) == (1, "", "Invalid Identity credentials.\n")
    ran = fm("alarm-list", OS_SERVICE_TYPE="unheard-of")
    assert ran.code == 1 and "no 'unheard-of' endpoint" in ran.err
    ran = fm("alarm-list", OS_REGION_NAME="Atlantis")
    assert ran.code == 1 and "Atlantis" in ran.err


def test_a_token_and_a_url_need_no_keystone(fm: Any, keystone: Any) -> None:
    token = keystone.token("reader", "services")
    dead = {**dict.fromkeys(fm.environ, ""), "OS_AUTH_URL": f"http://127.0.0.1:{free_port()}/v3"}
    for environ in ({"OS_AUTH_TOKEN": token, "FM_URL": fm.service.base},
                    {"OS_AUTH_TOKEN": token, "FM_URL": f"{fm.service.base}/v1/"}):
        ran = fm("alarm-list -f json", **{**dead, **environ})
        assert (ran.code, ran.out) == (0, "[]\n"), ran.err
    ran = fm("alarm-list", **{**dead, "OS_AUTH_TOKEN": token, "FM_URL": f"http://127.0.0.1:{free_port()}"})
    assert (ran.code, ran.out) == (1, "")
    assert "connection refused" in ran.err and "--fm-url" in ran.err


class Counting(MemoryKeyring):
    """How often a login was kept."""

    writes = 0

    def write(self, name: str, text: str, lifetime_s: int) -> None:
        self.writes += 1
        super().write(name, text, lifetime_s)


def revoke(keystone_url: str, token: str) -> None:
    """End a token before its time."""
    reply = requests.delete(f"{keystone_url}/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token},
                            timeout=10)
    assert reply.status_code == 204


def test_the_token_is_kept_for_the_next_command(operators: Any) -> None:
    kept = Counting()
    reader = operators("reader", "services", keyring=kept)
    name = "fmclient:session:reader-services"
    assert reader("alarm-list").code == 0
    assert (list(kept.texts), kept.writes) == ([name], 1)
    # Without Keystone the token alone must do.
    dead = f"http://127.0.0.1:{free_port()}/v3"
    entry = kept.texts[name]
    assert reader("alarm-list").code == 0
    assert (kept.writes, kept.texts[name]) == (1, entry)
    assert "connection refused" in reader("alarm-list", OS_AUTH_URL=dead).err  # another Keystone, another login
    assert reader("alarm-list", OS_PASSWORD="wrong").err == "Invalid Identity credentials.\n"
    assert reader("--refresh-cache alarm-list").code == 0
    assert kept.writes == 2 and kept.texts[name] != entry
    for argv, environ in (("--no-cache alarm-list", {}), ("alarm-list", {"FMCLIENT_NO_CACHE": "1"})):
        assert reader(argv, **environ).code == 0
        assert kept.writes == 2


def test_a_token_that_is_refused_is_dropped_and_the_command_tried_once_more(operators: Any) -> None:
    kept = Counting()
    reader = operators("reader", "services", keyring=kept)
    assert reader("alarm-list").code == 0
    name, text = next(iter(kept.texts.items()))
    entry = json.loads(text)
    revoke(reader.environ["OS_AUTH_URL"], entry["token"])
    kept.texts[name] = json.dumps({**entry, "token": entry["token"][:-4] + "AAAA"})  # surely unknown to any cache
    ran = reader("alarm-list -f json")
    assert (ran.code, ran.out, ran.err) == (0, "[]\n", "")
    assert kept.writes == 2
    assert json.loads(kept.texts[name])["token"] != entry["token"]


@pytest.fixture
def kernel_keyring() -> Iterator[SessionKeyring]:
    """A session keyring of this thread's own; skipped where the kernel or a container refuses it."""
    call = SYS_KEYCTL.get(os.uname().machine)
    if shutil.which("keyctl") is None or call is None:
        pytest.skip("no keyctl")
    if ctypes.CDLL(None).syscall(call, KEYCTL_JOIN_SESSION_KEYRING, None) < 0:
        pytest.skip("session keyrings are not permitted here")
    yield SessionKeyring()


def test_the_kernels_keyring(kernel_keyring: SessionKeyring, operators: Any) -> None:
    name = "fmclient:session:operator-services"
    kernel_keyring.drop(name)
    operator = operators("operator", "services", keyring=kernel_keyring)
    assert operator("alarm-list").code == 0
    kept = kernel_keyring.read(name)
    assert kept is not None
    assert operator("alarm-list").code == 0
    assert kernel_keyring.read(name) == kept
    kernel_keyring.drop(name)
    assert kernel_keyring.read(name) is None


def test_a_machine_without_keyctl_works_all_the_same(operators: Any, tmp_path: Path) -> None:
    operator = operators("operator", "services", keyring=SessionKeyring(str(tmp_path / "keyctl")))
    assert operator("alarm-list -f json").out == "[]\n"


def test_confirmations(fm: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    uuid = fm.service.raiser().raise_now("200.004", host="worker-1")
    monkeypatch.setenv("CLI_CONFIRMATIONS", "enabled")
    terminal = Terminal(typed=[(confirm.QUESTION, "no\n")])
    assert fm.on(terminal, "alarm-delete", uuid) == 1
    assert "Operation cancelled by the user." in terminal.screen
    monkeypatch.setattr(confirm, "CONFIRM_TIMEOUT_S", 0.3)
    for argv in (["alarm-delete", uuid], ["event-suppress", "--alarm_id", "200.004"], ["event-unsuppress-all"],
                 ["event-unsuppress", "--alarm_id", "200.004"], ["silence-delete", NOWHERE]):
        terminal = Terminal()
        assert fm.on(terminal, *argv) == 1
        assert terminal.screen.startswith(confirm.QUESTION) and "No answer within" in terminal.screen
    assert fm("alarm-list -f value -c uuid").out == f"{uuid}\n"
    terminal = Terminal(typed=[(confirm.QUESTION, "yes\n")])
    assert fm.on(terminal, "alarm-delete", "--query", "alarm_id=200.004") == 0
    assert terminal.screen == f"This clears 1 alarm.\n{confirm.QUESTION}Cleared 1 alarm.\n"
    assert fm(f"alarm-delete {NOWHERE} --yes").err == f"Alarm not found: {NOWHERE}\n"


def test_a_terminal_pages_and_a_pipe_does_not(fm: Any) -> None:
    for number in range(12):
        fm.service.raiser().raise_now("200.004", host=f"worker-{number}")
    terminal = Terminal(80, 14, [(PROMPT, "\n"), (PROMPT, "q\n")])
    assert fm.on(terminal, "event-list") == 0
    assert terminal.unanswered == []
    assert terminal.screen.count("| Time Stamp") == 2
    assert all(len(line) <= 80 for line in terminal.screen.replace(PROMPT, "").splitlines())
    terminal = Terminal(80, 14)
    assert fm.on(terminal, "event-list", "--nopaging") == 0
    assert PROMPT not in terminal.screen
    assert PROMPT not in fm("event-list").out
    assert len(fm("event-list -f json").json()) == 12


@pytest.mark.parametrize("argv", [
    "alarm-list", "alarm-list --uuid --mgmt_affecting --degrade_affecting", "alarm-list --full", "event-list --uuid",
    "alarm-summary", "alarm-summary --by host", "silence-list", "event-suppress-list --include-unsuppressed --uuid"])
def test_tables_fit_eighty_and_two_hundred_columns(fm: Any, argv: str) -> None:
    fm.service.raiser().raise_now("100.104", entity_instance_id="host=controller-0.filesystem=/var/lib/containers",
                                  severity="critical", reason_text="File System threshold exceeded " * 5)
    fm("silence-create", "--entity", "host=worker-77.port=0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b77", "--expires", "1d")
    for columns in (80, 200):
        terminal = Terminal(columns, 1000)
        assert fm.on(terminal, *argv.split()) == 0
        lines = terminal.screen.splitlines()
        assert len({len(line) for line in lines}) == 1 and len(lines[0]) <= columns
    terminal = Terminal(80, 1000)
    fm.on(terminal, *argv.split(), "--nowrap")
    assert len(terminal.screen.splitlines()) <= len(lines)


def test_help_and_completion(fm: Any) -> None:
    assert "alarm-list" in fm("help").out
    assert fm("help alarm-list").out.startswith("usage: fm alarm-list ")
    for name in ("bash-completion", "bash_completion"):
        assert "--mgmt_affecting" in fm(name).out
    assert fm("--version").out.startswith("fm ")
    assert fm().code == 0


class Watching:
    """``fm event-watch`` in a thread; what it has printed so far is ``lines``."""

    def __init__(self, fm: Any, *argv: str) -> None:
        read, write = os.pipe()
        self._out = os.fdopen(write, "w")
        self._in = os.fdopen(read)
        self.lines: list[str] = []
        self.code: int | None = None
        self.err = ""
        self._threads = [threading.Thread(target=self._watch, args=(fm, argv), daemon=True),
                         threading.Thread(target=self._collect, daemon=True)]
        for thread in self._threads:
            thread.start()

    def _watch(self, fm: Any, argv: tuple[str, ...]) -> None:
        try:
            self.code = fm._run(argv, {}, self._in, self._out, self)
        finally:
            self._out.close()

    def _collect(self) -> None:
        for line in self._in:
            self.lines.append(line.rstrip("\n"))

    def write(self, text: str) -> None:
        self.err += text

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return False

    def end(self) -> int | None:
        for thread in self._threads:
            thread.join(WAIT_S)
        return self.code


def test_watching_survives_a_restart_of_the_api_without_loss(fm: Any) -> None:
    raiser = fm.service.raiser()
    raiser.raise_now("200.004", host="before")
    first = fm.service.http().get(f"{fm.service.base}/v1/event_log", params={"limit": 1}).json()["event_log"][0]
    watch = Watching(fm, "event-watch", "-f", "json", "--count", "5", "--after", "1")
    until(lambda: len(watch.lines) >= 1, "the event before")
    raiser.raise_now("200.004", host="one")
    until(lambda: len(watch.lines) >= 2, "a first event")
    fm.service.api.kill()
    until(lambda: "interrupted" in watch.err, "the break to be noticed")
    raiser.raise_now("200.004", host="two")
    raiser.raise_now("100.101", host="two", severity="major")
    fm.service.start_api()
    until(lambda: len(watch.lines) >= 4, "what happened meanwhile")
    raiser.clear_now("200.004", entity_instance_id="host=two")
    assert watch.end() == 0
    events = [json.loads(line) for line in watch.lines]
    assert events[0]["uuid"] == first["uuid"]
    assert [(event["state"], event["entity_instance_id"]) for event in events[1:]] == [
        ("set", "host=one"), ("set", "host=two"), ("set", "host=two"), ("clear", "host=two")]


def test_the_python_client(fm: Any, keystone: Any) -> None:
    faults = connect(keystone.session("configurator", "services"), endpoint=fm.service.base)
    uuid = fm.service.raiser().raise_now("200.004", host="worker-1")
    assert faults.alarms()[0]["uuid"] == faults.alarm(uuid)["uuid"] == faults.event(uuid)["uuid"] == uuid
    assert faults.summary()["critical"] == 1
    with faults.export_events() as pieces:
        assert uuid.encode() in b"".join(pieces)
    events = (message.event() for message in faults.follow_events(last_id="0") if message.kind != GAP)
    assert next(events)["uuid"] == uuid
    assert faults.delete_matching("alarm_id=200.004") == 1


def process(fm: Any, *argv: str) -> subprocess.Popen[str]:
    env = {**os.environ, **fm.environ, "PYTHONPATH": str(ROOT)}
    # A shell that runs the tests in the background lets them ignore interrupts; an operator's shell does not.
    return subprocess.Popen(["env", "--default-signal=INT", sys.executable, "-m", "fm.cmd.shell", *argv], env=env,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@contextlib.contextmanager
def ended(program: subprocess.Popen[str]) -> Iterator[None]:
    try:
        yield
    finally:
        if program.poll() is None:
            program.kill()
        program.communicate(timeout=WAIT_S)


def test_a_reader_that_leaves_is_no_error(fm: Any) -> None:
    program = process(fm, "event-suppress-list", "--include-unsuppressed")
    with ended(program):
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.readline().startswith("+--")
        program.stdout.close()
        assert (program.wait(WAIT_S), program.stderr.read()) == (0, "")


def test_ctrl_c_ends_a_watch_cleanly(fm: Any) -> None:
    fm.service.raiser().raise_now("200.004", host="worker-1")
    program = process(fm, "event-watch", "--after", "0", "--alarms")
    with ended(program):
        assert program.stdout is not None and program.stderr is not None
        assert " set " in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.wait(WAIT_S) == 130
        # The tests before have emptied the log, which the watch says; nothing else.
        said = program.stderr.read().splitlines()
        assert [line for line in said if not line.startswith("Some events are lost")] == []


def test_a_full_disk_is_an_error(fm: Any) -> None:
    with open("/dev/full", "w") as full:
        env = {**os.environ, **fm.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-m", "fm.cmd.shell", "event-suppress-list", "--include-unsuppressed"],
                              env=env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and len(done.stderr.splitlines()) == 1
