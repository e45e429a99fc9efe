# SPDX-License-Identifier: Apache-2.0
"""A host renews its certificate and bus password, and goes on after an interruption at any point; the conductor is
one in this process with a real authority."""
from __future__ import annotations

import base64
import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from flock import tls
from flock.core.errors import Refused, Unavailable
from flock.rpc.accounts import SALT_BYTES, broker_hash
from sysinv.agent.renewal import Places, Renewal
from sysinv.contract.records import IssuedCertificate, TrustedAuthorities
from sysinv.model import busconf

UUID = "6e6f6465-0000-4000-8000-000000000001"
NOW = datetime.datetime.now(datetime.UTC)
CONF = "[DEFAULT]\ntransport_url = rabbit://host.worker-0:first@192.168.204.2:5671//\n\n[kept]\nas = it is\n"
AWAY = Unavailable(service="message bus", reason="no connection")
FAILED = "the host's credentials were not renewed: "


class Killed(BaseException):
    """The process ends here."""


class Conductor:
    """Issues certificates and keeps hashes; ``failures`` maps a method to what it raises next."""

    def __init__(self, authority: tls.Authority) -> None:
        self.authority = authority
        self.authorities = authority.certificate_pem.decode()
        self.failures: dict[str, Exception] = {}
        self.requests: list[str] = []
        self.hashes: list[str] = []
        self.foreign_key = False
        self.confirmed: list[tuple[str, str]] = []

    def trusted_authorities(self, *, host_uuid: str) -> TrustedAuthorities:
        assert host_uuid == UUID
        return TrustedAuthorities(self.authorities, self.authority.certificate_pem.decode())

    def confirm_authorities(self, *, host_uuid: str, authorities: str, certificate: str) -> None:
        assert host_uuid == UUID
        if (error := self.failures.pop("confirmation", None)) is not None:
            raise error
        self.confirmed.append((authorities, certificate))

    def renew_certificate(self, *, host_uuid: str, request_pem: str) -> IssuedCertificate:
        assert host_uuid == UUID
        self.requests.append(request_pem)
        if (error := self.failures.pop("certificate", None)) is not None:
            raise error
        request = tls.new_request(tls.new_key(), "worker-0") if self.foreign_key else request_pem
        certificate = self.authority.issue(request, tls.Usage.CLIENT, "worker-0", [], NOW)
        return IssuedCertificate(certificate.decode(), self.authorities)

    def set_bus_password(self, *, host_uuid: str, password_hash: str) -> None:
        assert host_uuid == UUID
        self.hashes.append(password_hash)
        if (error := self.failures.pop("password", None)) is not None:
            raise error

    def accepts(self, url: str) -> bool:
        salt = base64.b64decode(self.hashes[-1])[:SALT_BYTES]
        return broker_hash(busconf.password_of(url), salt) == self.hashes[-1]


class Worker:
    """The files of worker-0, and its renewal; ``valid`` is what the broker says of the next password."""

    def __init__(self, folder: Path, authority: tls.Authority) -> None:
        self.conductor: Any = Conductor(authority)
        self.conf, self.directory = folder / "flock.conf", folder / "tls"
        self.directory.mkdir()
        self.conf.write_text(CONF)
        self.conf.chmod(0o640)
        key = tls.new_key()
        self.pair = tls.Pair(self.directory, "host")
        self.pair.key.write_bytes(key)
        self.pair.certificate.write_bytes(
            authority.issue(tls.new_request(key, "worker-0"), tls.Usage.CLIENT, "worker-0", [], NOW))
        self.authorities = self.directory / "ca.crt"
        self.authorities.write_text("old")
        self.old = self.pair.certificate.read_bytes()
        self.valid: bool | Exception = False
        self.logins: list[str] = []
        self.restarts = 0
        self.restart_error: Refused | None = None
        self.renewal = self.process()

    def process(self) -> Renewal:
        """The renewal of an agent that has just started."""
        return Renewal(self.conductor, "worker-0", Places(self.conf, self.directory), self._login, self._restart)

    def _login(self, url: str) -> bool:
        self.logins.append(url)
        if isinstance(self.valid, Exception):
            raise self.valid
        return self.valid

    def _restart(self) -> None:
        self.restarts += 1
        if self.restart_error is not None:
            raise self.restart_error

    @property
    def next_conf(self) -> Path:
        return self.conf.with_name("flock.conf.next")

    def renew(self, *, certificate: bool = False, bus_password: bool = False, authorities: bool = False) -> str | None:
        self.renewal.request(certificate=certificate, bus_password=bus_password, authorities=authorities)
        return self.renewal.carry_out(UUID)

    def new_certificate(self) -> bool:
        """Whether there is a new pair, complete."""
        assert tls.fits(self.pair.certificate.read_bytes(), self.pair.key.read_bytes())
        return self.pair.certificate.read_bytes() != self.old

    def new_password(self) -> bool:
        """Whether the agents use the last password that the conductor got."""
        return bool(self.conductor.hashes) and self.conductor.accepts(
            busconf.transport_url(self.conf.read_text(), "flock.conf"))


@pytest.fixture(scope="module")
def authority() -> tls.Authority:
    return tls.Authority.create("flock", NOW)


@pytest.fixture
def worker(tmp_path: Path, authority: tls.Authority) -> Worker:
    return Worker(tmp_path, authority)


def test_nothing_is_renewed_that_nobody_asked_for(worker: Worker) -> None:
    worker.renewal.settle()
    assert worker.renewal.carry_out(UUID) is None
    assert worker.renew() is None
    assert (worker.conductor.requests, worker.conductor.hashes, worker.logins) == ([], [], [])


def test_the_certificate_is_renewed_for_a_key_that_stays_here(worker: Worker) -> None:
    assert worker.renew(certificate=True) is None
    assert worker.new_certificate() and not worker.pair.asked
    assert worker.authorities.read_text() == worker.conductor.authorities
    [request] = worker.conductor.requests
    key = worker.pair.key.read_bytes()
    assert tls.fits(worker.pair.certificate.read_bytes(), key) and "PRIVATE" not in request
    assert x509.load_pem_x509_csr(request.encode()).subject.rfc4514_string() == "CN=worker-0"
    # Once, and the password is none of its business.
    assert worker.renewal.carry_out(UUID) is None
    assert len(worker.conductor.requests) == 1 and worker.conductor.hashes == [] and worker.restarts == 0
    assert worker.conf.read_text() == CONF


def test_the_password_is_renewed_and_only_its_hash_goes_away(worker: Worker) -> None:
    assert worker.renew(bus_password=True) is None
    assert worker.new_password() and worker.restarts == 1
    password = busconf.password_of(busconf.transport_url(worker.conf.read_text(), "flock.conf"))
    assert len(password) >= 43 and worker.conf.read_text() == CONF.replace("first", password)
    assert worker.conf.stat().st_mode & 0o777 == 0o640 and not worker.next_conf.exists()
    assert worker.conductor.requests == [] and not worker.new_certificate()
    # The next one is another, with another salt.
    assert worker.renew(bus_password=True) is None
    first, second = (base64.b64decode(each) for each in worker.conductor.hashes)
    assert first[:SALT_BYTES] != second[:SALT_BYTES] and worker.new_password() and password not in CONF
    assert password not in worker.conf.read_text()


@pytest.mark.parametrize("certificate", [True, False])
def test_requests_add_up(worker: Worker, certificate: bool) -> None:
    worker.renewal.request(certificate=certificate, bus_password=not certificate)
    assert worker.renew(certificate=not certificate, bus_password=certificate) is None
    assert worker.new_certificate() and worker.new_password()


# Authorities.

@pytest.fixture
def new_authority(worker: Worker) -> tls.Authority:
    """A new authority, which signs from now on; the conductor wants the old one trusted too."""
    made = tls.Authority.create("flock 2", NOW)
    both = tls.joined(worker.conductor.authority.certificate_pem, made.certificate_pem)
    worker.conductor.authority, worker.conductor.authorities = made, both.decode()
    return made


def test_a_new_authority_is_trusted_then_a_certificate_of_it_renewed_once_and_both_confirmed(
        worker: Worker, new_authority: tls.Authority) -> None:
    assert worker.renew(certificate=True, authorities=True) is None
    assert len(worker.conductor.requests) == 1 and worker.new_certificate()
    now = worker.pair.certificate.read_text()
    assert tls.issuer_of(now.encode(), worker.authorities.read_bytes()) == new_authority.certificate_pem
    assert worker.authorities.read_text() == worker.conductor.authorities
    assert worker.conductor.confirmed == [(worker.conductor.authorities, now)]
    # The old one goes: that needs no new certificate.
    worker.conductor.authorities = new_authority.certificate_pem.decode()
    assert worker.renew(authorities=True) is None
    assert worker.conductor.confirmed[1:] == [(worker.conductor.authorities, now)]
    assert len(worker.conductor.requests) == 1 and worker.restarts == 0


@pytest.mark.parametrize("failing", ["certificate", "confirmation"])
def test_nothing_is_confirmed_that_was_not_done_and_it_is_tried_again(
        worker: Worker, new_authority: tls.Authority, failing: str) -> None:
    worker.conductor.failures[failing] = AWAY
    assert worker.renew(authorities=True, bus_password=True) == f"{FAILED}{AWAY}"
    assert worker.conductor.confirmed == [] and worker.conductor.hashes == []
    # What is trusted already does no harm; the servers go on with certificates of the old authority.
    assert worker.authorities.read_text() == worker.conductor.authorities
    assert worker.renewal.carry_out(UUID) is None
    assert len(worker.conductor.confirmed) == 1 and worker.new_certificate() and worker.new_password()


def test_an_agent_that_starts_anew_confirms_when_it_is_asked_again(
        worker: Worker, new_authority: tls.Authority) -> None:
    worker.conductor.failures["confirmation"] = AWAY
    assert worker.renew(authorities=True) is not None
    worker.renewal = worker.process()
    worker.renewal.settle()
    assert worker.renew(authorities=True) is None
    assert worker.conductor.confirmed == [(worker.conductor.authorities, worker.pair.certificate.read_text())]
    assert len(worker.conductor.requests) == 1


@pytest.mark.parametrize("damaged", [b"", b"no certificate", b"\xff\xfe", None])
def test_a_damaged_certificate_is_replaced_with_the_authorities(worker: Worker, damaged: bytes | None) -> None:
    worker.pair.certificate.unlink()
    if damaged is not None:
        worker.pair.certificate.write_bytes(damaged)
    assert worker.renew(authorities=True) is None
    assert worker.conductor.confirmed == [(worker.conductor.authorities, worker.pair.certificate.read_text())]
    assert worker.new_certificate()


@pytest.mark.parametrize("authorities", ["", "no certificate"])
def test_authorities_that_cannot_be_used_are_not_adopted(worker: Worker, authorities: str) -> None:
    worker.conductor.authorities = authorities
    assert "must be certificates in PEM form" in (worker.renew(authorities=True) or "")
    assert worker.authorities.read_text() == "old" and worker.conductor.confirmed == []


def test_a_password_is_stored_before_it_is_asked_for_and_asked_for_again(worker: Worker) -> None:
    worker.conductor.failures["password"] = AWAY
    assert worker.renew(bus_password=True) == f"{FAILED}{AWAY}"
    # The call may have succeeded: the password must not be lost, and is not used before that is known.
    stored = worker.next_conf.read_text()
    assert worker.conductor.accepts(busconf.transport_url(stored, "next"))
    assert worker.next_conf.stat().st_mode & 0o777 == 0o600
    assert worker.conf.read_text() == CONF and worker.restarts == 0
    assert worker.renewal.carry_out(UUID) is None
    assert worker.conf.read_text() == stored and worker.new_password() and worker.restarts == 1
    assert len(worker.conductor.hashes) == 2


def test_a_certificate_is_asked_for_again_with_the_same_key_and_the_password_waits(worker: Worker) -> None:
    worker.conductor.failures["certificate"] = AWAY
    assert worker.renew(certificate=True, bus_password=True) == f"{FAILED}{AWAY}"
    assert worker.conductor.hashes == [] and not worker.new_certificate()
    assert worker.renewal.carry_out(UUID) is None
    assert worker.new_certificate() and worker.new_password()
    first, second = (tls.public_fingerprint(tls.request_key(each)) for each in worker.conductor.requests)
    assert first == second


def test_only_what_failed_is_tried_again(worker: Worker) -> None:
    worker.conductor.failures["password"] = AWAY
    assert worker.renew(certificate=True, bus_password=True) is not None
    assert worker.new_certificate()
    assert worker.renewal.carry_out(UUID) is None
    assert len(worker.conductor.requests) == 1 and worker.new_password()


@pytest.mark.parametrize("authorities", [
    "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_authorities_that_would_cut_the_host_off_are_refused(worker: Worker, authorities: str) -> None:
    good, worker.conductor.authorities = worker.conductor.authorities, authorities
    assert worker.renew(certificate=True) == f"{FAILED}Invalid input for authorities: must be certificates in PEM form"
    assert worker.authorities.read_text() == "old" and not worker.new_certificate()
    assert not worker.pair.next_certificate.exists()
    worker.conductor.authorities = good
    assert worker.renewal.carry_out(UUID) is None and worker.new_certificate()


def test_a_certificate_for_another_key_is_refused(worker: Worker) -> None:
    worker.conductor.foreign_key = True
    assert "must be for the key" in (worker.renew(certificate=True) or "")
    assert not worker.new_certificate()
    worker.conductor.foreign_key = False
    assert worker.renewal.carry_out(UUID) is None and worker.new_certificate()


@pytest.mark.parametrize(("text", "reason"), [(None, "No such file"), ("[DEFAULT]\n", "has no transport_url")])
def test_a_password_that_has_no_place_is_not_asked_for(worker: Worker, text: str | None, reason: str) -> None:
    worker.conf.unlink()
    if text is not None:
        worker.conf.write_text(text)
    said = worker.renew(bus_password=True) or ""
    assert said.startswith(FAILED) and reason in said
    assert worker.conductor.hashes == [] and not worker.next_conf.exists()
    worker.conf.write_text(CONF)
    assert worker.renewal.carry_out(UUID) is None and worker.new_password()


def test_agents_that_cannot_be_restarted_have_their_password_all_the_same(
        worker: Worker, caplog: pytest.LogCaptureFixture) -> None:
    worker.restart_error = Refused(detail="systemd is away")
    assert worker.renew(bus_password=True) is None
    assert worker.new_password() and not worker.next_conf.exists()
    assert "Restart the host's agents, which still use their old bus password: systemd is away" in caplog.text


def test_an_interrupted_renewal_of_the_certificate_goes_on_by_itself(worker: Worker) -> None:
    request = worker.pair.next_request("worker-0")
    renewal = worker.process()
    renewal.settle()
    assert renewal.carry_out(UUID) is None and worker.new_certificate()
    assert tls.public_fingerprint(tls.request_key(worker.conductor.requests[0])) == tls.public_fingerprint(
        tls.request_key(request))
    assert worker.conductor.hashes == []


def test_a_certificate_that_has_arrived_takes_its_place(worker: Worker, authority: tls.Authority) -> None:
    worker.pair.stage(authority.issue(worker.pair.next_request("worker-0"), tls.Usage.CLIENT, "worker-0", [], NOW))
    renewal = worker.process()
    renewal.settle()
    assert worker.new_certificate()
    assert renewal.carry_out(UUID) is None and worker.conductor.requests == []


@pytest.mark.parametrize(("valid", "used"), [(True, True), (False, False), (AWAY, False)])
def test_the_broker_knows_whether_the_next_password_is_used(worker: Worker, valid: Any, used: bool) -> None:
    worker.conductor.failures["password"] = AWAY
    worker.renew(bus_password=True)
    stored = worker.next_conf.read_text()
    worker.valid = valid
    worker.process().settle()
    assert worker.logins == [busconf.transport_url(stored, "next")]
    assert worker.conf.read_text() == (stored if used else CONF)
    assert worker.next_conf.exists() is not used and worker.restarts == int(used)
    if used:
        worker.process().settle()
        assert len(worker.logins) == 1


def test_killed_before_any_change_of_a_file_the_host_stays_on_the_bus(
        worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        worker.old, left = worker.pair.certificate.read_bytes(), iter(range(number))
        worker.authorities.write_text("old")
        asked = len(worker.conductor.hashes)

        def dying(real: Any, left: Any = left) -> Any:
            def call(*args: Any, **options: Any) -> Any:
                if next(left, None) is None:
                    raise Killed
                return real(*args, **options)
            return call

        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", dying(os.rename))
            patch.setattr(Path, "unlink", dying(Path.unlink))
            try:
                assert worker.renew(certificate=True, bus_password=True) is None
                finished = True
            except Killed:
                finished = False
        # The agent starts again.
        worker.valid = len(worker.conductor.hashes) > asked
        worker.renewal = worker.process()
        worker.renewal.settle()
        # A new certificate is never without the authorities that came with it.
        assert not worker.new_certificate() or worker.authorities.read_text() == worker.conductor.authorities, number
        assert worker.new_password() or not worker.conductor.hashes, number
        if finished:
            assert number > 6
            return
        assert worker.renewal.carry_out(UUID) is None
    pytest.fail("the renewal never ended")
