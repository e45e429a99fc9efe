# SPDX-License-Identifier: Apache-2.0
"""A whole daemon in this process: the only controller of a system, with one service that is a shell script."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import re
import signal
import socket
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from flock.core.errors import Refused, Unavailable
from flock.core.records import replace
from sm.catalogue.rows import (
    ActionRow,
    Configured,
    DomainMemberRow,
    DomainRow,
    GroupMemberRow,
    GroupRow,
    ServiceRow,
    SettingRow,
)
from sm.client.control import ask
from sm.cmd import daemon, dump, manage, query, restart, restart_safe, tool, unmanage, witness
from sm.contract.control import REQUEST_MAX_BYTES, Reply, Request, StatusReport, Verb
from sm.contract.states import PluginKind, ServiceAction
from sm.core.rotation import Key, Ring
from sm.core.timing import Timing
from sm.daemon.control import TALKS_MAX
from sm.daemon.node import NodeDaemon
from sm.daemon.settings import Settings
from sm.daemon.witness import opened
from sm.store.store import Store
from sm.transport.keyring import KeyFile
from tests.unit.sm.catalogue.sites import changed, few, rows

SCRIPT = """#!/bin/sh
case $1 in
start) touch $STATE;;
stop) rm -f $STATE;;
monitor) test -e $STATE || exit 7;;
esac
"""
COMMANDS = {ServiceAction.ENABLE: "start", ServiceAction.DISABLE: "stop", ServiceAction.AUDIT_ENABLED: "monitor",
            ServiceAction.AUDIT_DISABLED: "monitor"}


class Place:
    """The files of one controller."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state, self.socket = folder / "running", str(folder / "run/control")
        self.settings = Settings(
            node="controller-0", timing=Timing(wait_ms=200), store=str(folder / "sm.db"),
            required=str(folder / "required.json"),
            journal=str(folder / "journal"), runtime=str(folder / "run"), ready_files=(),
            unhealthy_file=str(folder / "unhealthy"), degraded_file=str(folder / "degraded"),
            reboot=("/bin/false",), stop_s=10)
        script = folder / "service"
        script.write_text(SCRIPT.replace("$STATE", str(self.state)))
        script.chmod(0o755)
        self.rows = Configured(
            service_domains=(DomainRow("controller"),),
            service_domain_members=(DomainMemberRow("controller", "vim-services", m_standby=0, aggregate="all"),),
            service_groups=(GroupRow("vim-services"),), service_group_members=(GroupMemberRow("vim-services", "vim"),),
            services=(ServiceRow("vim"),), configuration=(SettingRow("SYSTEM_MODE", "simplex"),),
            service_actions=tuple(ActionRow("vim", action, PluginKind.EXEC, str(script), command, 5,
                                            interval_s=30 if command == "monitor" else 0)
                                  for action, command in COMMANDS.items()),
            service_action_results=tuple(row for row in rows().service_action_results
                                         if row.plugin is PluginKind.EXEC))

    def store(self) -> Store:
        return Store.open(Path(self.settings.store), lambda: self.rows, repair=True)

    def run(self, work: Callable[[NodeDaemon], Awaitable[None]], *, stop_services: bool = False) -> int:
        """Run a daemon, and ``work`` beside it; then SIGTERM ends the daemon."""
        async def both() -> int:
            store = self.store()
            try:
                made = NodeDaemon(self.settings, store, stop_services)
                running = asyncio.get_running_loop().create_task(made.run())
                try:
                    await self.until(lambda: Path(self.socket).exists())
                    await work(made)
                finally:
                    os.kill(os.getpid(), signal.SIGTERM)
                    async with asyncio.timeout(15):
                        status = await running
                return status
            finally:
                store.close()

        return asyncio.run(both())

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                await asyncio.sleep(0.02)

    async def ask(self, verb: Verb, **fields: object) -> Reply:
        request = replace(Request("", verb), **fields)
        return await asyncio.to_thread(ask, request, self.socket)

    async def status(self) -> StatusReport:
        found = (await self.ask(Verb.STATUS)).status
        assert found is not None
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_life(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It leads, starts its service, does what operators say, and leaves the service running for the next daemon."""
    async def first(made: NodeDaemon) -> None:
        assert not made.resumed
        await place.until(lambda: made.view.local.groups["vim-services"].state == "active")
        assert place.state.exists()
        await programs(place, capsys)
        await refusals(place)
        await maintenance(place, capsys)
        place.state.unlink()
        await place.ask(Verb.RESTART, service="vim", alone=True)
        await place.until(place.state.exists)
        assert "unmanaged" in (await place.ask(Verb.UNMANAGE, service="vim")).text

    async def second(made: NodeDaemon) -> None:
        assert made.resumed and not (await place.status()).services[0].managed
        await place.ask(Verb.MANAGE, service="vim")
        await place.until(lambda: made.view.domain.leading)
        changed = replace(place.rows, services=(replace(place.rows.services[0], max_failures=9),))
        store = place.store()
        assert store.change(lambda _: changed, "more failures").version == 2
        store.close()
        assert (await place.ask(Verb.CONFIGURATION, version=2)).text == "Version 2 is in use."
        assert made.catalogue.services["vim"].max_failures == 9
        await place.ask(Verb.NODE, administrative="unlocked", operational="enabled", availability="degraded")
        await place.until(lambda: made.view.standing.report.availability == "degraded")
        assert (await place.status()).nodes[0].availability == "degraded"

    assert place.run(first) == 0 and place.state.exists()
    assert place.run(second) == 0 and place.state.exists()
    lines = (place.folder / "journal/journal.jsonl").read_text().splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    assert any("leads in term" in text for text in texts)
    assert any(re.fullmatch(r"vim: enable success after \d+\.\d\d s", text) for text in texts)
    assert not any("vim: audit" in text for text in texts), "what changes nothing is no news"


async def programs(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for run, words in ((query.run, ("service", "vim")), (query.run, ("service", "nothing")),
                       (query.run, ("service-group", "vim-services")), (dump.run, ("--verbose", "--pid", "--impact")),
                       (tool.run, ("status",)), (tool.run, ("explain", "vim-services")),
                       (tool.run, ("simulate", "lock controller-0")), (manage.run, ("service", "vim"))):
        assert await asyncio.to_thread(run, ["--socket", place.socket, *words]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == ["vim is enabled-active", "nothing is disabled.", "vim-services is active"]
    assert told[3].startswith("-Service_Groups-") and any(line.startswith("-Services-") for line in told)
    assert told[told.index("What stops a move now:") + 1] == "  there is no other controller"
    assert "latest decisions:" in told and told[-1] == "vim is managed."
    assert any(line.startswith("controller-0 leads in term") for line in told)
    for run in (restart.run, restart_safe.run, unmanage.run):
        assert await asyncio.to_thread(run, ["--socket", place.socket, "service", "nothing"]) == 1
    assert "there is no service 'nothing'; known are vim" in capsys.readouterr().err


async def maintenance(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    for switch, shown in (("on", True), ("off", False)):
        assert await asyncio.to_thread(tool.run, ["--socket", place.socket, "maintenance", switch]) == 0
        assert (await place.status()).maintenance is shown
        assert await asyncio.to_thread(tool.run, ["--socket", place.socket, "status"]) == 0
        told = capsys.readouterr().out
        assert await asyncio.to_thread(tool.run, ["--socket", place.socket, "status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["maintenance"] is shown
        assert ("MAINTENANCE" in told) is shown
        assert f"by sm ({pwd.getpwuid(os.getuid()).pw_name}), {'begins' if shown else 'ends'} the maintenance" in told


async def refusals(place: Place) -> None:
    for verb, fields, error, words in (
            (Verb.EXPLAIN, {"group": "none"}, Refused, "there is no group 'none'; known are vim-services"),
            (Verb.SIMULATE, {"changes": ("explode",)}, Refused, "is no change"),
            (Verb.SWACT, {}, Refused, "no peer available"),
            (Verb.FORCE_ACTIVE, {}, Refused, "leads already"),
            (Verb.NODE, {"node": "controller-0"}, Refused, "administrative: must be known"),
            (Verb.NODE, {"node": "controller-1"}, Refused, "must be this node")):
        with pytest.raises(error, match=words):
            await place.ask(verb, **fields)
    for rubbish in (b"\n", b"{}\n", b"\xff\n", b"x" * (REQUEST_MAX_BYTES * 3) + b"\n"):
        reader, writer = await asyncio.open_unix_connection(place.socket)
        writer.write(rubbish)
        try:
            line = await asyncio.wait_for(reader.read(), 5)
            assert line == b"" or json.loads(line)["refused"]
        except ConnectionResetError:
            pass
        writer.close()
    crowd = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _ in range(TALKS_MAX + 5)]
    for talk in crowd:
        talk.connect(place.socket)
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await place.status()
    for talk in crowd:
        talk.close()

    async with asyncio.timeout(5):
        while True:
            try:
                await place.status()
                return
            except Unavailable:
                await asyncio.sleep(0.02)


def test_a_row_that_is_ignored_is_a_problem(place: Place) -> None:
    """The daemon ran without the service, and nothing said so."""
    place.store().close()
    with contextlib.closing(sqlite3.connect(place.folder / "sm.db")) as other, other:
        other.execute("UPDATE services SET max_failures = 'many'")

    async def told(made: NodeDaemon) -> None:
        assert [problem for problem in (await place.status()).problems if "the row is ignored" in problem] == [
            "the store: services: row 1: max_failures: must be a number; the row is ignored"]

    assert place.run(told) == 0


def test_leaving_stops_the_services(place: Place) -> None:
    async def work(made: NodeDaemon) -> None:
        await place.until(place.state.exists)
        await place.until(lambda: made.view.local.groups["vim-services"].state == "active")

    assert place.run(work, stop_services=True) == 0
    assert not place.state.exists()


def test_steps_that_fail_stop_the_services_and_the_daemon(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(made: NodeDaemon) -> None:
        await place.until(lambda: made.view.local.groups["vim-services"].state == "active")

        def fails(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr("sm.daemon.reactor.step", fails)
        await place.until(lambda: not place.state.exists())
        await place.until(lambda: not Path(place.socket).exists())

    assert place.run(work) == 1


def test_programs_without_a_daemon(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = str(tmp_path / "control")
    for run, words in ((query.run, ("service", "vim")), (dump.run, ()), (tool.run, ("status",)),
                       (tool.run, ("swact",)), (manage.run, ("service", "vim"))):
        assert run(["--socket", nowhere, *words]) == 1
        assert "sm-daemon does not run here" in capsys.readouterr().err
    with pytest.raises(Unavailable):
        ask(Request("", Verb.STATUS), nowhere)


@pytest.mark.parametrize("run", [daemon.run, witness.run])
def test_a_daemon_with_wrong_settings_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                         run: Callable[[list[str]], int]) -> None:
    (tmp_path / "conf").write_text("colour: red\n")
    assert run(["--config", str(tmp_path / "conf")]) == 1
    assert "colour: is not known here" in capsys.readouterr().err


def test_a_damaged_file_of_a_witness_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "witness.db").write_bytes(b"rubbish" * 1_000)
    opened(tmp_path / "witness.db").close()
    assert (tmp_path / "witness.db.damaged-1").exists()




@pytest.mark.parametrize(("table", "key", "fields"), [
    ("services", ("postgres",), {"provisioned": False}), ("configuration", ("SYSTEM_MODE",), {"value": "simplex"})])
def test_other_replicated_data_or_nodes_are_for_the_next_start(
        tmp_path: Path, table: str, key: tuple[str, ...], fields: dict[str, object]) -> None:
    """The guard is made at the start. One that does not know of replicated data takes every node for current."""
    place, file = Place(tmp_path), tmp_path / "sm.key"
    KeyFile(file).create(Ring((Key(1, "aa" * 8, b"s" * 32),), "aa" * 8))
    store = Store.open(Path(place.settings.store), few)
    try:
        daemon = NodeDaemon(replace(place.settings, key=str(file)), store)
        before = daemon.catalogue
        store.change(lambda now: changed(now, table, key, **fields), "other data")
        with pytest.raises(Refused, match="used when sm-daemon starts again"):
            daemon.reload()
        assert daemon.catalogue is before
        store.roll_back(1)
        store.change(lambda now: changed(now, "services", ("fm-mgr",), max_failures=9), "a limit")
        assert daemon.reload() == "Version 4 is in use." and daemon.catalogue.services["fm-mgr"].max_failures == 9
    finally:
        store.close()


def test_the_weights_of_the_site_reach_the_decisions(tmp_path: Path) -> None:
    place, key = Place(tmp_path), tmp_path / "sm.key"
    KeyFile(key).create(Ring((Key(1, "aa" * 8, b"s" * 32),), "aa" * 8))
    store = Store.open(Path(place.settings.store), rows)
    try:
        daemon = NodeDaemon(replace(place.settings, weights={"oam": 6}, key=str(key)), store)
        assert daemon.view.weights == {"mgmt": 4, "cluster-host": 2, "oam": 6, "admin": 0}
    finally:
        store.close()
