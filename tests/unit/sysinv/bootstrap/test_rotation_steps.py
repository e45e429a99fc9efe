# SPDX-License-Identifier: Apache-2.0
"""The steps of flock-rotate on files and a database of their own: what they replace, keep, ask for and refuse."""
from __future__ import annotations

import base64
import datetime
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509

from flock import tls
from flock.core.errors import DeadlineExceeded, InvalidInput, Refused
from flock.db import Database, utcnow
from flock.exec.process import CommandFailed
from flock.rpc.accounts import SALT_BYTES, broker_hash
from sysinv.bootstrap import bus, render, rotation, rotationsteps
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.bootstrap.rotation import Progress, Step
from sysinv.bootstrap.rotationsteps import Server, Site, bus_steps, certificate_steps, wait_answers
from sysinv.bootstrap.secrets import SystemSecrets, generate
from sysinv.db.tables import METADATA
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.hosts.seed import seed_system
from sysinv.model import busaccounts, busconf
from sysinv.model.host import initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import I_HOST

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ANSWERS = parse({"admin_password": "correct-horse"})
OWN = "controller-0"
CONF_FILES = {"flock.conf": f"host.{OWN}"} | {f"{name}.conf": f"service.{name}" for name in busaccounts.SERVICES}
ISSUE, INSTALL, LOAD, RENEW_OTHERS, RENEW_HOSTS = range(5)
NEW_KEY, WRITE, IMPORT, RESTART, PASSWORD_HOSTS = range(5)


class Controller:
    """The files of controller-0; commands, logins and waits are noted in ``events`` instead of done."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tls = folder, folder / "tls"
        self.tls.mkdir()
        self.authority = tls.Authority.create("flock", NOW - 700 * DAY)
        (self.tls / "ca.crt").write_bytes(self.authority.certificate_pem)
        (self.tls / "ca.key").write_bytes(self.authority.key_pem)
        self.secrets = generate()
        (folder / "secrets.json").write_text(json.dumps(asdict(self.secrets)))
        (folder / "definitions.json").write_text("{}")
        (folder / "definitions.json").chmod(0o640)
        for file in render.service_files(ANSWERS, self.secrets, OWN):
            (folder / Path(file.path).name).write_text(file.content)
        self.said: list[str] = []
        self.events: list[Any] = []
        self.refused = ""
        self.db = Database(f"sqlite:///{folder}/sysinv.sqlite")
        self.site = Site(
            OWN, self.db, self.said.append, hosts_wait_s=0, conf_dir=folder, definitions=folder / "definitions.json",
            secrets=folder / "secrets.json", authority=self.tls,
            servers=tuple(Server(name, 4000 + number, ("reload", name))
                          for number, name in enumerate(("front", "rabbitmq", "postgresql"))),
            import_definitions=("import",), restart=("restart",), answers=lambda: self.events.append("answers"))

    def issue(self, *roles: str, at: datetime.datetime = NOW) -> None:
        for role in ROLES:
            if role.name in roles:
                for file in certificate_files(role, self.authority, ANSWERS, OWN, at):
                    (self.tls / Path(file.path).name).write_text(file.content)

    def extensions(self, role: str) -> list[x509.ExtensionType]:
        """Names and purpose of a certificate in use."""
        found = x509.load_pem_x509_certificate(self.site.pair(role).certificate.read_bytes()).extensions
        return [found.get_extension_for_class(kind).value
                for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage)]

    def run(self, words: list[str], *, timeout_s: float, input: str | None = None) -> None:
        assert timeout_s > 0
        self.events.append(tuple(words) if input is None else (*words, input))

    def presented(self, name: str, wanted: bytes, port: int, *files: str, postgresql: bool) -> None:
        self.events.append((name, wanted, port, *files, postgresql))

    def accepted(self, url: str, *files: Path) -> bool:
        self.events.append((url, *files))
        return self.refused == "" or f"//{self.refused}:" not in url

    def url(self, name: str) -> str:
        return busconf.transport_url((self.folder / name).read_text(), name)

    def contents(self) -> dict[str, bytes]:
        """All files but the database."""
        return {path.relative_to(self.folder).as_posix(): path.read_bytes() for path in self.folder.rglob("*")
                if path.is_file() and not path.name.startswith("sysinv.sqlite")}

    def stored(self) -> SystemSecrets:
        return SystemSecrets(**json.loads((self.folder / "secrets.json").read_text()))


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    made = Controller(tmp_path)
    monkeypatch.setattr(rotationsteps, "run", made.run)
    monkeypatch.setattr(rotationsteps, "wait_presented", made.presented)
    monkeypatch.setattr(rotationsteps, "accepted", made.accepted)
    yield made
    made.db.dispose()


def do(steps: list[Step], *numbers: int, progress: Progress | None = None) -> Progress:
    progress = progress or Progress("test")
    for number in numbers:
        steps[number][1](progress)
    return progress


# Certificates.

def test_all_pairs_are_new_and_names_purposes_and_the_authority_stay(controller: Controller) -> None:
    controller.issue("front", "rabbitmq", "host")
    old, steps = controller.contents(), certificate_steps(controller.site, only_due=False)
    kept = {role: controller.extensions(role) for role in ("front", "rabbitmq", "host")}
    do(steps, ISSUE)
    # Nothing that is in use has changed yet.
    assert old.items() <= controller.contents().items()
    do(steps, INSTALL)
    new = controller.contents()
    assert new.keys() == old.keys()
    assert {name for name in old if new[name] != old[name]} == {
        f"tls/{role}.{kind}" for role in ("front", "rabbitmq", "host") for kind in ("key", "crt")}
    for role in ("front", "rabbitmq", "host"):
        pair = controller.site.pair(role)
        assert tls.fits(pair.certificate.read_bytes(), pair.key.read_bytes())
        assert tls.lifetime(pair.certificate.read_bytes()).end > NOW + 729 * DAY
        assert controller.extensions(role) == kept[role]


def test_only_those_that_are_due_are_replaced(controller: Controller) -> None:
    controller.issue("front", "host")
    controller.issue("rabbitmq", at=NOW - 600 * DAY)
    old = controller.contents()
    steps = certificate_steps(controller.site, only_due=True)
    assert len(steps) == RENEW_OTHERS, "the conductor asks the hosts by itself"
    do(steps, ISSUE, INSTALL)
    new = controller.contents()
    assert {name for name in old if new[name] != old[name]} == {"tls/rabbitmq.key", "tls/rabbitmq.crt"}


def test_an_interrupted_renewal_goes_on_with_the_key_that_it_has_made(controller: Controller) -> None:
    controller.issue("front")
    steps = certificate_steps(controller.site, only_due=False)
    do(steps, ISSUE)
    key = (controller.tls / "front.key.next").read_bytes()
    do(steps, ISSUE, INSTALL, INSTALL)
    assert (controller.tls / "front.key").read_bytes() == key


def test_without_the_authority_nothing_is_made(controller: Controller) -> None:
    controller.issue("front")
    damaged: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: (controller.tls / "ca.key").write_bytes(tls.new_key()), InvalidInput, "must be the key of ca.crt"),
        (lambda: (controller.tls / "ca.key").write_text("no key"), Refused, "Run this on the active controller"),
        (lambda: (controller.tls / "ca.key").unlink(), Refused, "Run this on the active controller")]
    for damage, error, text in damaged:
        damage()
        with pytest.raises(error, match=text):
            do(certificate_steps(controller.site, only_due=False), ISSUE)
        assert not list(controller.tls.glob("*.next"))


@pytest.mark.parametrize("only_due", [True, False])
def test_a_damaged_certificate_is_named(controller: Controller, only_due: bool) -> None:
    controller.issue("front")
    (controller.tls / "front.crt").write_bytes(b"")
    with pytest.raises(Refused, match=r"front\.crt cannot be used.*flock-bootstrap"):
        do(certificate_steps(controller.site, only_due=only_due), ISSUE)
    assert not (controller.tls / "front.crt.next").exists()


def test_each_server_with_a_certificate_loads_it_and_shows_it(controller: Controller) -> None:
    controller.issue("front", "postgresql", "host")
    do(certificate_steps(controller.site, only_due=False), LOAD)
    names = [str(controller.tls / name) for name in ("ca.crt", "host.crt", "host.key")]
    front, database = ((controller.tls / f"{role}.crt").read_bytes() for role in ("front", "postgresql"))
    assert controller.events == [
        ("reload", "front"), ("front", front, 4000, *names, False),
        ("reload", "postgresql"), ("postgresql", database, 4002, *names, True)]
    assert [line.split()[0] for line in controller.said] == ["front", "postgresql"]


def test_a_server_that_keeps_its_old_certificate_stops_the_rotation(
        controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(name: str, *_arguments: Any, **_options: Any) -> None:
        raise DeadlineExceeded(what=name, timeout_s=1)

    controller.issue("front", "rabbitmq", "host")
    monkeypatch.setattr(rotationsteps, "wait_presented", never)
    steps = certificate_steps(controller.site, only_due=True)
    with pytest.raises(DeadlineExceeded, match="front"):
        rotation.carry_out("certificates", steps, controller.site.progress, controller.said.append)
    assert controller.events == [("reload", "front")]
    assert rotation.load(controller.site.progress) == Progress("certificates", [steps[0][0], steps[1][0]])


# The other controller.

def test_the_other_controller_is_told_once_and_waited_for(controller: Controller,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    shown = iter(["old", "", "old", "new"])
    asked: list[tuple[Any, ...]] = []

    def shown_by(*where: Any) -> str:
        asked.append(where)
        return next(shown)

    monkeypatch.setattr(rotationsteps, "shown_by", shown_by)
    monkeypatch.setattr(rotationsteps, "POLL_S", 0.0)
    site = replace(controller.site, others={"controller-1": "192.168.204.3"}, hosts_wait_s=60.0)
    steps = certificate_steps(site, only_due=False)
    progress = do(steps, RENEW_OTHERS)
    order = (controller.tls / "renewal").read_text()
    assert order == (controller.folder / "renewal.done").read_text() == progress.values["renewal"] + "\n"
    assert rotation.load(site.progress) == progress, "it was stored before anybody renewed"
    assert controller.said == ["    controller-1 shows its new certificate"]
    names = [str(controller.tls / name) for name in ("ca.crt", "host.crt", "host.key")]
    assert set(asked) == {("192.168.204.3", "controller-1", 5432, *names)}
    shown = iter(["new", "newer"])
    do(steps, RENEW_OTHERS, progress=progress)
    assert (controller.tls / "renewal").read_text() == order, "a repetition gives no other order"


def test_a_controller_that_is_away_holds_nothing_up(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotationsteps, "shown_by", lambda *_: "")
    site = replace(controller.site, others={"controller-1": "192.168.204.3"}, hosts_wait_s=0.0)
    do(certificate_steps(site, only_due=False), RENEW_OTHERS)
    assert controller.said == ["    not yet: controller-1, which renews them when it has all data"]


def test_one_controller_alone_orders_nothing(controller: Controller) -> None:
    before = controller.contents()
    do(certificate_steps(controller.site, only_due=False), RENEW_OTHERS)
    assert controller.contents() == before


# Accounts of the bus.

def test_the_new_key_is_stored_before_anything_uses_it_and_made_once(controller: Controller) -> None:
    steps = bus_steps(controller.site)
    before = controller.contents()
    key = do(steps, NEW_KEY).values["bus_key"]
    found = rotation.load(controller.site.progress)
    assert found is not None and found.values == {"bus_key": key}
    assert {name: data for name, data in controller.contents().items() if name != rotation.PROGRESS} == before
    assert do(steps, NEW_KEY, progress=found).values == {"bus_key": key}
    assert len(key) == len(controller.secrets.bus_key)
    assert len({key, controller.secrets.bus_key, do(steps, NEW_KEY).values["bus_key"]}) == 3


def test_files_and_the_broker_get_the_same_new_passwords(controller: Controller) -> None:
    before = controller.contents()
    (controller.folder / "flock.conf").chmod(0o640)
    progress = do(bus_steps(controller.site), NEW_KEY, WRITE)
    secrets = replace(controller.secrets, bus_key=progress.values["bus_key"])
    assert controller.stored() == secrets
    wanted = bus.passwords(secrets, OWN)
    assert {account: busconf.password_of(controller.url(name)) for name, account in CONF_FILES.items()} == {
        account: wanted[account] for account in CONF_FILES.values()}
    assert all(f"//{account}:" in controller.url(name) for name, account in CONF_FILES.items())
    assert f"password = {bus.admin_password(secrets)}\n" in (controller.folder / "sysinv-conductor.conf").read_text()
    users = {user["name"]: user["password_hash"]
             for user in json.loads((controller.folder / "definitions.json").read_text())["users"]}
    salt = base64.b64decode(users[f"host.{OWN}"])[:SALT_BYTES]
    assert users == {account: broker_hash(password, salt) for account, password in wanted.items()}
    for name, mode in (("flock.conf", 0o640), ("definitions.json", 0o640)):
        assert (controller.folder / name).stat().st_mode & 0o777 == mode
    # The old passwords are nowhere, and nothing else has changed.
    after = controller.contents()
    assert {name for name in before if after[name] != before[name]} == {
        *CONF_FILES, "secrets.json", "definitions.json"}
    for password in bus.passwords(controller.secrets, OWN).values():
        assert not [name for name, data in after.items() if password.encode() in data]
    do(bus_steps(controller.site), WRITE, progress=progress)
    repeated = controller.contents()
    assert {name for name in after if repeated[name] != after[name]} == {"definitions.json"}, "another salt"


@pytest.mark.parametrize(("name", "text", "reason"), [
    ("secrets.json", None, "Run this on the active controller"), ("secrets.json", "{", "secrets.json cannot be used"),
    ("secrets.json", '{"bus_key": "x"}', "secrets.json cannot be used"),
    ("secrets.json", "[]", "secrets.json cannot be used"),
    ("mtce-api.conf", None, "mtce-api.conf cannot be read"),
    ("sysinv-dnsmasq-lease-update.conf", "[DEFAULT]\n", "sysinv-dnsmasq-lease-update.conf has no transport_url"),
    ("sysinv-conductor.conf", "[DEFAULT]\ntransport_url = rabbit://a:b@127.0.0.1:5671/\n", r"no \[bus_admin\]")])
def test_one_file_that_cannot_be_used_leaves_all_as_they_are(controller: Controller, name: str, text: str | None,
                                                             reason: str) -> None:
    progress = do(bus_steps(controller.site), NEW_KEY)
    if text is None:
        (controller.folder / name).unlink()
    else:
        (controller.folder / name).write_text(text)
    before = controller.contents()
    with pytest.raises(Refused, match=reason):
        do(bus_steps(controller.site), WRITE, progress=progress)
    assert controller.contents() == before


def test_the_broker_imports_and_every_account_is_tried(controller: Controller) -> None:
    # What sysinv-conductor writes into the file meanwhile are the old ones.
    (controller.folder / "definitions.json").write_text("old")
    do(bus_steps(controller.site), IMPORT)
    word, text = controller.events[0]
    users = {user["name"]: user["password_hash"] for user in json.loads(text)["users"]}
    salt = base64.b64decode(users[f"host.{OWN}"])[:SALT_BYTES]
    assert word == "import"
    assert users == {account: broker_hash(password, salt)
                     for account, password in bus.passwords(controller.stored(), OWN).items()}
    names = tuple(controller.tls / name for name in ("ca.crt", "host.crt", "host.key"))
    assert controller.events[1:] == [(controller.url(name), *names) for name in CONF_FILES]


@pytest.mark.parametrize("account", [f"host.{OWN}", "service.sysinv-dnsmasq-lease-update"])
def test_an_account_that_the_broker_refuses_is_named_before_any_restart(controller: Controller, account: str) -> None:
    controller.refused = account
    with pytest.raises(Refused, match=f"refuses the new password of {account}. "):
        rotation.carry_out("bus", bus_steps(controller.site), controller.site.progress, controller.said.append)
    assert ("restart",) not in controller.events
    found = rotation.load(controller.site.progress)
    assert found is not None and len(found.done) == IMPORT


def test_the_daemons_answer_after_their_restart(controller: Controller) -> None:
    do(bus_steps(controller.site), RESTART)
    assert controller.events == [("restart",), "answers"]


def test_a_command_that_fails_stops_the_step(controller: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(words: list[str], *, timeout_s: float, input: str = "") -> None:
        raise CommandFailed(command=words[0], rc=1, reason=f"after {timeout_s}")

    monkeypatch.setattr(rotationsteps, "run", fail)
    for number in (IMPORT, RESTART):
        with pytest.raises(CommandFailed):
            do(bus_steps(controller.site), number)
    assert controller.events == []


def test_every_answer_is_waited_for_and_the_silent_one_is_named() -> None:
    asked: list[str] = []

    def wait(url: str) -> None:
        asked.append(url)
        if url == "https://silent/":
            raise DeadlineExceeded(what=url, timeout_s=60)

    wait_answers(wait, ["https://one/", "https://two/"])
    assert asked == ["https://one/", "https://two/"]
    with pytest.raises(Refused, match="https://silent/ did not finish.*journalctl"):
        wait_answers(wait, ["https://silent/", "https://three/"])
    assert asked[2:] == ["https://silent/"]


# Hosts.

class Cloud:
    """The database with controller-0 and workers that have renewed everything."""

    def __init__(self, controller: Controller) -> None:
        self.controller, self.db = controller, controller.db
        METADATA.create_all(self.db.engine)
        seed_system(self.db, ANSWERS, "08:00:27:00:00:01")
        self.ids: dict[str, int] = {}

    def add(self, *names: str) -> None:
        with self.db.writer() as conn:
            system = conn.execute(sa.select(I_HOST.c.forisystemid)).scalar()
            for name in names:
                number = len(self.ids) + 2
                row = hosts.insert(conn, {**initial_states(), "mgmt_mac": f"08:00:27:00:00:{number:02x}",
                                          "forisystemid": system, "sw_version": "1", "hostname": name,
                                          "personality": "worker", "install_state": "completed"})
                self.ids[name] = row["id"]
        for name in names:
            self.renew(name)

    def renew(self, name: str) -> None:
        with self.db.writer() as conn:
            credentials.certificate_given(conn, self.ids[name], NOW + 700 * DAY, utcnow())
            credentials.password_given(conn, self.ids[name], utcnow())

    def waiting(self) -> dict[str, tuple[Credential, ...]]:
        with self.db.reader() as conn:
            return {host.hostname: host.waiting for host in credentials.stored(conn, OWN, utcnow())}


@pytest.fixture
def cloud(controller: Controller) -> Cloud:
    return Cloud(controller)


def step(site: Site, credential: Credential) -> tuple[list[Step], int]:
    if credential is Credential.PASSWORD:
        return bus_steps(site), PASSWORD_HOSTS
    return certificate_steps(site, only_due=False), RENEW_HOSTS


@pytest.mark.parametrize("credential", credentials.RENEWED)
def test_hosts_that_are_away_are_asked_and_named_and_hold_nothing_up(cloud: Cloud, credential: Credential) -> None:
    cloud.add("worker-0", "worker-1")
    steps, number = step(cloud.controller.site, credential)
    do(steps, number)
    assert cloud.waiting() == {"worker-0": (credential,), "worker-1": (credential,)}
    said = [line.strip() for line in cloud.controller.said]
    assert said[0] == "2 hosts have not renewed yet" and said[1] == "not yet: worker-0, worker-1"
    assert "flock-rotate status" in said[2] and len(said) == 3


def test_a_repetition_asks_no_host_again_that_has_renewed(cloud: Cloud) -> None:
    cloud.add("worker-0", "worker-1")
    steps, number = step(cloud.controller.site, Credential.PASSWORD)
    do(steps, number)
    found = rotation.load(cloud.controller.site.progress)
    assert found is not None
    cloud.renew("worker-0")
    do(steps, number, progress=found)
    assert cloud.waiting() == {"worker-0": (), "worker-1": (Credential.PASSWORD,)}
    assert cloud.controller.said[-2].strip() == "not yet: worker-1"


def test_the_step_ends_when_the_last_host_has_renewed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.add("worker-0", "worker-1")
    left: list[str | None] = ["worker-1", None, "worker-0"]

    def nap(seconds: float) -> None:
        assert seconds > 0
        name = left.pop(0)
        if name is not None:
            cloud.renew(name)

    monkeypatch.setattr(time, "sleep", nap)
    steps, number = step(replace(cloud.controller.site, hosts_wait_s=60), Credential.CERTIFICATE)
    do(steps, number)
    assert left == []
    # A line only when the number has changed.
    assert [line.split()[0] for line in cloud.controller.said] == ["2", "1"]


@pytest.mark.parametrize(("count", "shown"), [(20, False), (21, True)])
def test_at_most_twenty_hosts_are_named(cloud: Cloud, count: int, shown: bool) -> None:
    cloud.add(*(f"worker-{number:02}" for number in range(count)))
    steps, number = step(cloud.controller.site, Credential.PASSWORD)
    do(steps, number)
    line = cloud.controller.said[1]
    assert line.count("worker-") == 20 and line.endswith(" ...") is shown


def test_without_other_hosts_nobody_is_asked_or_waited_for(cloud: Cloud) -> None:
    steps, number = step(cloud.controller.site, Credential.PASSWORD)
    do(steps, number)
    assert cloud.controller.said == [] and cloud.waiting() == {}


def test_a_host_that_waits_for_something_else_is_not_waited_for(cloud: Cloud) -> None:
    cloud.add("worker-0")
    credentials.want(cloud.db, Credential.CERTIFICATE, OWN)
    steps, number = step(cloud.controller.site, Credential.PASSWORD)
    # Asked before the interruption; it has its new password.
    do(steps, number, progress=Progress("bus", values={"hosts_asked": "yes"}))
    assert cloud.waiting() == {"worker-0": (Credential.CERTIFICATE,)} and cloud.controller.said == []
