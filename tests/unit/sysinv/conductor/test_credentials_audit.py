# SPDX-License-Identifier: Apache-2.0
"""Which hosts are asked to renew, and what the watch of certificates does: renew in time, raise, clear."""
from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from flock import tls
from flock.core.errors import InvalidInput, Unavailable
from flock.db import Database
from flock.rpc.accounts import broker_hash
from sysinv.bootstrap.answers import parse
from sysinv.conductor.credentials import CredentialsEndpoint
from sysinv.conductor.expiry import CertificateWatch
from sysinv.contract.errors import HostNotFound
from sysinv.db.tables import METADATA
from sysinv.hosts import credentials
from sysinv.hosts.credentials import Credential
from sysinv.hosts.seed import seed_system
from sysinv.model.expiry import EXPIRED, SOON, entity_of
from sysinv.model.host import initial_states
from sysinv.resources.host import store as hosts
from sysinv.resources.host.table import HOST_CREDENTIALS, I_HOST

NOW = datetime.datetime(2026, 11, 29, 12, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)


class Cloud:
    """A database with controller-0 and worker-0, the authority, and what the conductor's parts send."""

    def __init__(self, folder: Path) -> None:
        self.now, self.folder = NOW, folder
        self.db = Database(f"sqlite:///{folder}/sysinv.sqlite")
        METADATA.create_all(self.db.engine)
        seed_system(self.db, parse({"admin_password": "sysadmin-1"}), "08:00:27:00:00:01")
        with self.db.writer() as conn:
            system = conn.execute(sa.select(I_HOST.c.forisystemid)).scalar()
            self.worker = hosts.insert(conn, {
                **initial_states(), "mgmt_mac": "08:00:27:00:00:02", "forisystemid": system, "sw_version": "1",
                "hostname": "worker-0", "personality": "worker", "install_state": "completed"})
        self.authority = tls.Authority.create("flock", NOW)
        (folder / "ca.crt").write_bytes(self.authority.certificate_pem)
        (folder / "ca.key").write_bytes(self.authority.key_pem)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.hashes: list[tuple[str, str]] = []
        self.endpoint = CredentialsEndpoint(
            self.db, self, folder, lambda host: self.agent(host), "controller-0", lambda: self.now)
        self.active: dict[tuple[str, str], str] = {}
        self.renewals = 0
        self.watch = CertificateWatch(self.db, folder, "controller-0", self, self, self.renew, lambda: self.now)

    def agent(self, hostname: str) -> Any:
        return SimpleNamespace(renew_credentials=lambda **asked: self.asked.append((hostname, asked)))

    def set_password(self, account: str, password_hash: str) -> None:
        self.hashes.append((account, password_hash))

    def renew(self) -> None:
        self.renewals += 1

    def get_faults(self, *, alarm_id: str, entity_instance_id: Any, below: bool) -> list[Any]:
        return [SimpleNamespace(alarm_id=key[0], entity_instance_id=key[1], reason_text=text)
                for key, text in self.active.items() if key[0] == alarm_id]

    def raise_alarm(self, alarm_id: str, *, entity_instance_id: str, reason_text: str, **_fields: Any) -> str:
        self.active[alarm_id, entity_instance_id] = reason_text
        return ""

    def clear_alarm(self, alarm_id: str, *, entity_instance_id: str, exact: bool) -> str:
        assert exact
        del self.active[alarm_id, entity_instance_id]
        return ""

    def certificate(self, name: str, days: int) -> None:
        """A server's certificate in the directory, valid for so many days from now on."""
        request = tls.new_request(tls.new_key(), name)
        (self.folder / f"{name}.crt").write_bytes(
            self.authority.issue(request, tls.Usage.SERVER, name, ["localhost"], self.now, days))

    def renewed(self) -> tls.Lifetime:
        issued = self.endpoint.renew_certificate(
            host_uuid=self.worker["uuid"], request_pem=tls.new_request(tls.new_key(), "anything").decode())
        return tls.lifetime(issued.certificate.encode())

    def confirm(self, *trusted: tls.Authority, signer: tls.Authority | None = None) -> None:
        """worker-0 says which authorities it trusts, and that its certificate is of ``signer``."""
        certificate = (signer or trusted[0]).issue(
            tls.new_request(tls.new_key(), "worker-0"), tls.Usage.CLIENT, "worker-0", [], self.now)
        self.endpoint.confirm_authorities(
            host_uuid=self.worker["uuid"], certificate=certificate.decode(),
            authorities=tls.joined(*(each.certificate_pem for each in trusted)).decode())

    def questions(self) -> list[tuple[bool, bool, bool]]:
        """What the next audit asks worker-0 for: certificate, bus password, authorities."""
        self.asked.clear()
        self.endpoint.audit()
        return [(asked["certificate"], asked["bus_password"], asked["authorities"]) for _, asked in self.asked]

    def waiting(self) -> tuple[Credential, ...]:
        with self.db.reader() as conn:
            [host] = credentials.stored(conn, "controller-0", self.now)
        return host.waiting


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.db.dispose()


def test_a_host_whose_certificate_is_not_known_is_asked_until_it_has_renewed(cloud: Cloud) -> None:
    cloud.confirm(cloud.authority)
    for _ in range(2):
        cloud.endpoint.audit()
    assert cloud.asked == 2 * [("worker-0", {"host_uuid": cloud.worker["uuid"], "certificate": True,
                                             "bus_password": False, "authorities": False})]
    cloud.renewed()
    cloud.asked.clear()
    cloud.endpoint.audit()
    assert cloud.asked == []


def test_a_certificate_is_renewed_when_a_quarter_of_its_life_is_left(cloud: Cloud) -> None:
    life = cloud.renewed()
    cloud.now = life.end - (life.end - NOW) / 4 - datetime.timedelta(minutes=1)
    assert cloud.waiting() == ()
    cloud.now += datetime.timedelta(minutes=2)
    assert cloud.waiting() == (Credential.CERTIFICATE,)


def test_what_an_operator_asks_for_is_done_once(cloud: Cloud) -> None:
    cloud.renewed()
    cloud.now += DAY
    credentials.want(cloud.db, Credential.PASSWORD, "controller-0", cloud.now)
    assert cloud.waiting() == (Credential.PASSWORD,)
    text = broker_hash("word", b"salt")
    cloud.endpoint.set_bus_password(host_uuid=cloud.worker["uuid"], password_hash=text)
    assert cloud.hashes == [("host.worker-0", text)] and cloud.waiting() == ()
    credentials.want(cloud.db, Credential.CERTIFICATE, "controller-0", cloud.now)
    assert cloud.waiting() == (Credential.CERTIFICATE,)
    cloud.renewed()
    assert cloud.waiting() == ()


def test_a_host_is_asked_for_its_authorities_until_it_trusts_what_it_should(cloud: Cloud) -> None:
    cloud.renewed()
    new = tls.Authority.create("flock 2", NOW)
    cloud.confirm(cloud.authority)
    assert cloud.questions() == []
    (cloud.folder / "ca.crt").write_bytes(tls.joined(cloud.authority.certificate_pem, new.certificate_pem))
    assert cloud.questions() == [(False, False, True)]
    cloud.confirm(cloud.authority, new)
    assert cloud.questions() == []
    # Now the new one signs: who has a certificate of the old one is asked at once, because that is another question.
    (cloud.folder / "ca.key").write_bytes(new.key_pem)
    assert cloud.questions() == [(False, False, True)]
    issued = cloud.endpoint.renew_certificate(
        host_uuid=cloud.worker["uuid"], request_pem=tls.new_request(tls.new_key(), "worker-0").decode())
    assert tls.issuer_of(issued.certificate.encode(), issued.authorities.encode()) == new.certificate_pem
    known = cloud.endpoint.trusted_authorities(host_uuid=cloud.worker["uuid"])
    assert (known.authorities, known.signer) == (issued.authorities, new.certificate_pem.decode())
    cloud.confirm(new, cloud.authority)
    assert cloud.questions() == []
    # A confirmation of something else does not count.
    (cloud.folder / "ca.crt").write_bytes(new.certificate_pem)
    for wrong in ((cloud.authority, new), (cloud.authority,)):
        cloud.confirm(*wrong, signer=new)
        cloud.now += datetime.timedelta(minutes=2)
        assert cloud.questions() == [(False, False, True)]
    cloud.confirm(new)
    assert cloud.questions() == []


def test_an_agent_that_cannot_confirm_is_asked_once_a_minute_and_renews_everything_else(cloud: Cloud) -> None:
    """Agents of an older release ignore the question, but take an inventory at each."""
    cloud.renewed()
    asked = []
    for _ in range(13):
        asked.append(len(cloud.questions()))
        cloud.now += datetime.timedelta(seconds=10)
    assert asked == [1, 0, 0, 0, 0, 0] * 2 + [1]
    # What it should trust has changed: that is another question, which does not wait.
    new = tls.Authority.create("flock 2", NOW)
    (cloud.folder / "ca.crt").write_bytes(tls.joined(cloud.authority.certificate_pem, new.certificate_pem))
    assert [len(cloud.questions()) for _ in range(2)] == [1, 0]
    credentials.want(cloud.db, Credential.PASSWORD, "controller-0", cloud.now)
    assert cloud.questions() == [(False, True, False)]
    with cloud.db.reader() as conn:
        [host] = credentials.stored(conn, "controller-0", cloud.now, "what it should trust")
    assert host.waiting == (Credential.PASSWORD, Credential.AUTHORITIES)


@pytest.mark.parametrize("authorities", ["", "word", "é", "-----BEGIN CERTIFICATE-----\n", "x" * 70_000])
def test_what_is_no_certificate_confirms_nothing(cloud: Cloud, authorities: str) -> None:
    certificate = cloud.authority.certificate_pem.decode()
    for trusted, own in ((authorities, certificate), (certificate, authorities)):
        with pytest.raises(InvalidInput):
            cloud.endpoint.confirm_authorities(host_uuid=cloud.worker["uuid"], authorities=trusted, certificate=own)
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(HOST_CREDENTIALS)).all() == []


def test_without_the_authority_passwords_are_renewed_all_the_same(cloud: Cloud) -> None:
    cloud.renewed()
    credentials.want(cloud.db, Credential.PASSWORD, "controller-0", cloud.now)
    (cloud.folder / "ca.key").unlink()
    assert cloud.questions() == [(False, True, False)]
    with pytest.raises(Unavailable, match="certificate authority"):
        cloud.endpoint.trusted_authorities(host_uuid=cloud.worker["uuid"])


def test_a_host_that_is_installed_again_must_confirm_again(cloud: Cloud) -> None:
    cloud.confirm(cloud.authority)
    with cloud.db.writer() as conn:
        credentials.bundle_given(conn, cloud.worker["id"], NOW + 700 * DAY, NOW)
    assert cloud.questions() == [(False, False, True)]


@pytest.mark.parametrize("text", ["", "word", "Zm9v", broker_hash("word", b"more salt"), "é" * 48])
def test_what_is_no_hash_does_not_reach_the_broker(cloud: Cloud, text: str) -> None:
    with pytest.raises(InvalidInput):
        cloud.endpoint.set_bus_password(host_uuid=cloud.worker["uuid"], password_hash=text)
    assert cloud.hashes == []


def test_a_password_that_the_broker_did_not_take_is_still_wanted(cloud: Cloud, monkeypatch) -> None:
    cloud.renewed()
    credentials.want(cloud.db, Credential.PASSWORD, "controller-0", cloud.now)

    def refuse(account: str, password_hash: str) -> None:
        raise Unavailable(service="broker", reason="away")

    monkeypatch.setattr(cloud, "set_password", refuse)
    with pytest.raises(Unavailable):
        cloud.endpoint.set_bus_password(host_uuid=cloud.worker["uuid"], password_hash=broker_hash("word", b"salt"))
    assert cloud.waiting() == (Credential.PASSWORD,)


def test_a_deleted_host_gets_nothing_and_leaves_nothing(cloud: Cloud) -> None:
    cloud.renewed()
    with cloud.db.writer() as conn:
        conn.execute(sa.delete(I_HOST).where(I_HOST.c.id == cloud.worker["id"]))
    with pytest.raises(HostNotFound):
        cloud.renewed()
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(HOST_CREDENTIALS)).all() == []


def test_certificates_are_renewed_in_time_and_alarmed_when_that_fails(cloud: Cloud) -> None:
    with cloud.db.reader() as conn:
        own = conn.execute(sa.select(I_HOST.c.uuid).where(I_HOST.c.hostname == "controller-0")).scalar()
    cloud.certificate("front", 100)
    worker_end = cloud.renewed().end
    cloud.watch.audit()
    assert cloud.renewals == 0 and cloud.active == {}
    cloud.now += 76 * DAY
    cloud.watch.audit()
    assert cloud.renewals == 1
    # Nobody renewed it: 24 days are left.
    assert list(cloud.active) == [(SOON, entity_of("front", own))]
    cloud.now += 30 * DAY
    cloud.watch.audit()
    assert list(cloud.active) == [(EXPIRED, entity_of("front", own))]
    cloud.certificate("front", 100)
    cloud.watch.audit()
    assert cloud.active == {}
    # A host that is away for long.
    (cloud.folder / "front.crt").unlink()
    cloud.now = worker_end - 3 * DAY
    cloud.watch.audit()
    assert cloud.active == {(SOON, entity_of("host", cloud.worker["uuid"])):
                            f"Certificate host of host worker-0 expires on {worker_end.date()}, in 3 days."}
