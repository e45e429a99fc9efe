# SPDX-License-Identifier: Apache-2.0
"""The steps of ``flock-rotate authority`` on files and a database: no moment at which somebody is cut off, whenever the
command dies; the old authority stays until every host has confirmed."""
from __future__ import annotations

import datetime
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from flock import tls
from flock.conf import shared
from flock.core.errors import DeadlineExceeded, Refused
from flock.tls import renewal
from sysinv.bootstrap import authority, bus, rotation, rotationsteps
from sysinv.bootstrap.authority import KIND, begin_steps, begun, check_not_rotated, finish_steps, next_name
from sysinv.bootstrap.rotation import Progress
from sysinv.bootstrap.rotationsteps import certificate_steps
from sysinv.cmd import rotate
from sysinv.hosts import credentials
from sysinv.resources.host.table import I_HOST
from tests.unit.sysinv.bootstrap.test_rotation_steps import OWN, Cloud, Controller

ROLES = ("front", "rabbitmq", "postgresql", "host")
DISCONNECT = ("disconnect",)


class Killed(BaseException):
    """The process ends here."""


class Rotated(Controller):
    """controller-0 with all certificates; what the message bus would take is noted in ``events``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.issue(*ROLES)
        self.site = replace(self.site, disconnect=DISCONNECT)
        self.cloud = Cloud(self)
        self.old = self.authority.certificate_pem
        self.writes, self.dies_at, self.dies_after = 0, -1, False

    def admits(self, wanted: bool, port: int, *files: str) -> None:
        """The bus takes whom ca.crt trusts at this moment."""
        shown = Path(files[1]).read_bytes()
        assert tls.fits(shown, Path(files[2]).read_bytes()) and port in (4001, bus.BUS_PORT)
        self.events.append(("admits", wanted))
        if (tls.issuer_of(shown, (self.tls / "ca.crt").read_bytes()) is not None) is not wanted:
            raise DeadlineExceeded(what="refusal", timeout_s=1)

    def counted(self, write: Callable[..., None]) -> Callable[..., None]:
        """``write``, before or after which the process may die."""
        def act(*arguments: Any, **options: Any) -> None:
            self.writes += 1
            if self.writes == self.dies_at and not self.dies_after:
                raise Killed
            write(*arguments, **options)
            if self.writes == self.dies_at:
                raise Killed
        return act

    def begin(self, **changes: Any) -> None:
        site = replace(self.site, **changes)
        rotation.carry_out(KIND, begin_steps(site), site.progress, self.said.append, len(begin_steps(site)))

    def finish(self, **changes: Any) -> None:
        site = replace(self.site, **changes)
        rotation.carry_out(KIND, [*begin_steps(site), *finish_steps(site)], site.progress, self.said.append)

    def trusted(self) -> list[bytes]:
        return tls.split((self.tls / "ca.crt").read_bytes())

    def signer(self) -> bytes:
        return tls.Authority((self.tls / "ca.crt").read_bytes(), (self.tls / "ca.key").read_bytes()).certificate_pem

    def issuer(self, role: str) -> bytes | None:
        return tls.issuer_of((self.tls / f"{role}.crt").read_bytes(), (self.tls / "ca.crt").read_bytes())

    def confirm(self, *names: str) -> None:
        """These hosts trust what they should, and have certificates of the authority that signs."""
        word = tls.trust_word((self.tls / "ca.crt").read_bytes(), self.signer())
        with self.db.writer() as conn:
            for name in names:
                credentials.authorities_confirmed(conn, self.cloud.ids[name], word)

    def state(self, name: str, install_state: str) -> None:
        with self.db.writer() as conn:
            conn.execute(sa.update(I_HOST).where(I_HOST.c.hostname == name).values(install_state=install_state))


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rotated]:
    made = Rotated(tmp_path)
    for name, value in (("run", made.run), ("wait_presented", made.presented)):
        monkeypatch.setattr(rotationsteps, name, value)
    monkeypatch.setattr(authority, "wait_admits", made.admits)
    for module, name in ((authority, "replace_file"), (authority, "replace_kept"), (renewal, "replace_file"),
                         (renewal, "replace_kept"), (rotation, "replace_file")):
        monkeypatch.setattr(module, name, made.counted(getattr(module, name)))
    yield made
    made.db.dispose()


def test_the_first_stage_trusts_both_and_the_new_one_signs_but_servers_stay(cloud: Rotated) -> None:
    (cloud.tls / "ca.key").chmod(0o640)
    before = {role: (cloud.tls / f"{role}.crt").read_bytes() for role in ROLES}
    old_key = (cloud.tls / "ca.key").read_bytes()
    cloud.begin()
    old, new = cloud.trusted()
    assert old == cloud.old and cloud.signer() == new
    assert {role: (cloud.tls / f"{role}.crt").read_bytes() for role in ROLES} == before
    for name, mode in (("ca.crt", 0o644), ("ca.key", 0o640), ("ca.key.old", 0o600)):
        assert (cloud.tls / name).stat().st_mode & 0o777 == mode
    assert (cloud.tls / "ca.key.old").read_bytes() == old_key
    assert not list(cloud.tls.glob("*.next"))
    # The servers have read the file before anybody gets a certificate of the new authority.
    assert [event[:2] for event in cloud.events if event[0] in ("reload", "admits")] == [
        ("reload", "front"), ("reload", "rabbitmq"), ("reload", "postgresql"), ("admits", True)]
    found = rotation.load(cloud.site.progress)
    assert begun(cloud.site, found) and found is not None and "PRIVATE" not in str(found.values)


def test_the_finish_changes_servers_then_drops_the_old_authority_and_its_key(cloud: Rotated) -> None:
    cloud.begin()
    new = cloud.trusted()[1]
    cloud.events.clear()
    cloud.finish()
    assert cloud.trusted() == [new] and cloud.signer() == new
    assert {cloud.issuer(role) for role in ROLES} == {new}
    words = [event[0] if event[0] in ("admits", "reload", "disconnect") else "shown" for event in cloud.events]
    # New certificates are shown while both are trusted; connections are closed when the old one is refused.
    assert words == 3 * ["reload", "shown"] + 3 * ["reload", "shown"] + ["admits", "disconnect"]
    assert cloud.events[-2] == ("admits", False)
    assert not cloud.site.progress.exists() and not list(cloud.tls.glob("*.old"))


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_write_it_goes_on_and_nobody_is_cut_off_meanwhile(cloud: Rotated, after: bool) -> None:
    """One rotation is killed before or after its first write, the next at its second, and so on."""
    deaths = number = 0
    while number == deaths:
        number += 1
        old = cloud.trusted()[0]
        cloud.writes, cloud.dies_at, cloud.dies_after = 0, number, after
        try:
            cloud.begin()
            cloud.finish()
        except Killed:
            deaths += 1
        # Certificates can be issued, and all servers are trusted.
        assert cloud.signer() in cloud.trusted()
        assert None not in {cloud.issuer(role) for role in ROLES}
        if number == deaths:
            if not begun(cloud.site, rotation.load(cloud.site.progress)):
                # Also by a host that was away all the time.
                assert {cloud.issuer(role) for role in ROLES} == {old}
            cloud.begin()
            cloud.finish()
        [new] = cloud.trusted()
        assert new != old and cloud.signer() == new and {cloud.issuer(role) for role in ROLES} == {new}
        assert not cloud.site.progress.exists()
        assert not [path for path in cloud.tls.iterdir() if path.suffix in (".next", ".old")]
    assert deaths > 30


@pytest.mark.parametrize("why", ["away", "older release", "asleep"])
def test_the_old_authority_stays_until_every_host_has_confirmed(cloud: Rotated, why: str) -> None:
    cloud.cloud.add("worker-0", "worker-1", "worker-2")
    if why == "asleep":
        # What it confirmed before the rotation is worth nothing now.
        cloud.confirm("worker-1")
    cloud.begin()
    cloud.confirm("worker-0", "worker-2")
    if why == "older release":
        # It has renewed, with both authorities in the reply, but nobody knows whether it stored them.
        cloud.cloud.renew("worker-1")
    before = cloud.contents()
    for _ in range(2):
        with pytest.raises(Refused, match=r"not confirmed the new authority: worker-1\. The old authority stays"):
            cloud.finish()
    assert {name: data for name, data in cloud.contents().items() if name != rotation.PROGRESS} == {
        name: data for name, data in before.items() if name != rotation.PROGRESS}
    cloud.confirm("worker-1")
    cloud.finish()
    assert len(cloud.trusted()) == 1
    # Nobody has confirmed yet that the old one is gone; that holds nothing up.
    assert any("worker-0, worker-1, worker-2" in line for line in cloud.said)


def test_a_host_may_be_left_out_by_name_only(cloud: Rotated) -> None:
    cloud.cloud.add("worker-0", "worker-1", "worker-2")
    cloud.begin()
    cloud.confirm("worker-0")
    for without, reason in ((("worker-1",), "authority: worker-2"), (("worker-1", "worker-2", "worker-7"),
                                                                     "There is no host worker-7"),
                            (("worker-0",), "authority: worker-1, worker-2")):
        with pytest.raises(Refused, match=reason):
            cloud.finish(without=frozenset(without))
        assert len(cloud.trusted()) == 2
    cloud.finish(without=frozenset({"worker-1", "worker-2"}))
    assert len(cloud.trusted()) == 1


@pytest.mark.parametrize("state", ["preinstall", "installing", "postinstall"])
def test_a_host_that_is_being_installed_is_waited_for(cloud: Rotated, state: str) -> None:
    cloud.cloud.add("worker-0")
    cloud.begin()
    cloud.state("worker-0", state)
    with pytest.raises(Refused, match=r"being installed: worker-0\."):
        cloud.finish()
    cloud.state("worker-0", "completed")
    with pytest.raises(Refused, match=r"not confirmed the new authority: worker-0\."):
        cloud.finish()
    cloud.confirm("worker-0")
    cloud.finish()


def test_a_bus_that_still_takes_the_old_authority_keeps_its_key_and_says_what_to_do(
        cloud: Rotated, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.begin()
    good = authority.wait_admits

    def takes_all(wanted: bool, *_arguments: Any) -> None:
        if not wanted:
            raise DeadlineExceeded(what="refusal", timeout_s=30)

    monkeypatch.setattr(authority, "wait_admits", takes_all)
    with pytest.raises(Refused, match="sm-restart-safe service rabbit', then 'flock-rotate authority --finish'"):
        cloud.finish()
    assert (cloud.tls / "ca.key.old").exists() and DISCONNECT not in cloud.events
    monkeypatch.setattr(authority, "wait_admits", good)
    cloud.finish()
    assert not (cloud.tls / "ca.key.old").exists()


def test_other_rotations_and_the_bootstrap_are_refused_meanwhile(cloud: Rotated) -> None:
    check_not_rotated(cloud.folder)
    cloud.begin()
    for due in (True, False):
        with pytest.raises(Refused, match="'flock-rotate authority' has not ended"):
            rotation.carry_out("certificates", certificate_steps(cloud.site, only_due=due), cloud.site.progress, print)
    with pytest.raises(Refused, match="'flock-rotate authority' has not ended"):
        check_not_rotated(cloud.folder)
    cloud.finish()
    check_not_rotated(cloud.folder)
    rotation.save(cloud.site.progress, Progress("bus"))
    check_not_rotated(cloud.folder)


def test_without_the_authority_no_new_one_is_made(cloud: Rotated) -> None:
    (cloud.tls / "ca.key").write_text("no key")
    before = cloud.contents()
    with pytest.raises(Refused, match="Run this on the active controller"):
        cloud.begin()
    assert cloud.contents() == before


def test_only_the_whole_first_stage_allows_the_finish(cloud: Rotated) -> None:
    titles = [title for title, _ in begin_steps(cloud.site)]
    assert not begun(cloud.site, None) and not begun(cloud.site, Progress("bus", titles))
    assert not begun(cloud.site, Progress(KIND, titles[:-1])) and begun(cloud.site, Progress(KIND, titles))


@pytest.mark.parametrize(("name", "following"), [
    ("flock CA", "flock CA 2"), ("flock CA 2", "flock CA 3"), ("flock CA 99", "flock CA 100"), ("", " 2"),
    ("x" * 64, "x" * 62 + " 2"), ("x" * 62 + " 9", "x" * 61 + " 10")])
def test_names_tell_authorities_apart(name: str, following: str) -> None:
    assert next_name(name) == following and len(following) <= 64


def test_what_is_left_names_the_file_the_command_and_the_hosts(cloud: Rotated) -> None:
    cloud.cloud.add("worker-0", "worker-1")
    cloud.begin()
    cloud.confirm("worker-1")
    text = "\n".join(authority.what_is_left(cloud.site))
    assert f"copy {cloud.tls}/ca.crt" in text and "'flock-rotate authority --finish'" in text
    assert text.endswith("not confirmed yet: worker-0")
    assert tls.lifetime(cloud.trusted()[1]).end > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=3600)


# The command.

@pytest.fixture
def command(cloud: Rotated, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("FLOCK_CONF_DIR", str(cloud.folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(socket, "gethostname", lambda: OWN)
    monkeypatch.setattr(shared, "AUTHORITY", cloud.tls)
    monkeypatch.setattr(rotate, "setup", lambda *_names, **_options: None)
    monkeypatch.setattr(rotate, "from_conf", lambda _conf: cloud.db)

    def act(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["flock-rotate", *words])
        return rotate.main()
    return act


def test_an_operator_is_led_through_both_stages(cloud: Rotated, command: Callable[..., int],
                                                capsys: pytest.CaptureFixture[str]) -> None:
    cloud.cloud.add("worker-0", "worker-1")
    cloud.confirm("worker-0", "worker-1")
    assert command("authority", "--finish") == 1
    assert "Run 'flock-rotate authority' first" in capsys.readouterr().err
    assert command("status") == 0 and "has not renewed" not in capsys.readouterr().out
    for _ in range(2):
        assert command("authority", "--hosts-wait", "0") == 0
        shown = capsys.readouterr().out
        assert "  copy " in shown and shown.endswith("not confirmed yet: worker-0, worker-1\n")
    assert len(cloud.trusted()) == 2, "the repetition has made no other"
    assert command("status") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "'flock-rotate authority --finish'" in lines[3]
    assert [line.split()[:2] for line in lines if line.startswith(OWN)][:2] == 2 * [[OWN, "ca"]]
    assert [line.partition("; ")[2] for line in lines[-2:]] == 2 * ["has not renewed: certificate, authorities"]
    assert command("authority", "--finish") == 1
    error = capsys.readouterr().err
    assert "not confirmed the new authority: worker-0, worker-1. The old" in error and "--without HOST" in error
    cloud.confirm("worker-0")
    assert command("authority", "--finish", "--without", "worker-1", "--hosts-wait", "0") == 0
    assert len(cloud.trusted()) == 1 and not cloud.site.progress.exists()
    assert f"Copy {cloud.tls}/ca.crt to the clients once more" in capsys.readouterr().out


def test_a_first_stage_that_was_interrupted_comes_before_the_finish(cloud: Rotated, command: Callable[..., int],
                                                                    capsys: pytest.CaptureFixture[str]) -> None:
    cloud.dies_at = 6
    with pytest.raises(Killed):
        command("authority")
    assert command("authority", "--finish") == 1
    assert "Run 'flock-rotate authority' first" in capsys.readouterr().err
    assert command("status") == 0
    assert capsys.readouterr().out.startswith("'flock-rotate authority' has not ended; run it again.")


def test_hosts_are_left_out_at_the_finish_only(command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command("authority", "--without", "worker-0")
    assert ended.value.code == 2 and "--without needs --finish" in capsys.readouterr().err
