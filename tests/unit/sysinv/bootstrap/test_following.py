# SPDX-License-Identifier: Apache-2.0
"""The standby controller makes its files anew when what both controllers share has changed, and nothing else does."""
from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cryptography import x509

from flock import tls
from flock.core.errors import Refused
from sysinv.bootstrap import following, joining, management, render
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.bootstrap.following import Standby, follow, order_renewal
from sysinv.bootstrap.secrets import SystemSecrets, generate
from sysinv.model.hostfiles import RenderedFile

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)
ANSWERS = parse({"admin_password": "correct-horse", "database": "postgresql"})
OWN = "controller-1"
SERVERS = ["front", "postgresql", "rabbitmq"]


class Place:
    """The files of controller-1, a standby, and what both controllers share."""

    def __init__(self, folder: Path) -> None:
        self.conf, self.shared = folder / "etc", folder / "platform"
        self.conf.mkdir()
        self.shared.mkdir()
        self.authority = tls.Authority.create("flock CA", NOW - 700 * DAY)
        self.trust(self.authority)
        (self.conf / "tls").mkdir()
        self.issue(NOW)
        self.store(generate())
        self.told: list[tuple[str, str]] = []
        self.said: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.site = Standby(self.conf, self.shared, self.shared / "secrets.json", self.files,
                            lambda unit: self.told.append(("restart", unit)), self.reload, "postgresql",
                            self.said.append, active=folder / "active")
        for file in self.files():
            Path(file.path).write_text(file.content)

    def reload(self, unit: str) -> None:
        self.told.append(("reload", unit))
        self.meanwhile()

    def store(self, secrets: SystemSecrets) -> None:
        self.secrets = secrets
        (self.shared / "secrets.json").write_text(json.dumps(asdict(secrets)))

    def trust(self, signs: tls.Authority, *more: tls.Authority) -> None:
        (self.shared / "ca.crt").write_bytes(b"".join(each.certificate_pem for each in (signs, *more)))
        (self.shared / "ca.key").write_bytes(signs.key_pem)

    def issue(self, at: datetime.datetime) -> None:
        for role in ROLES:
            for file in certificate_files(role, self.authority, ANSWERS, OWN, at):
                (self.conf / "tls" / Path(file.path).name).write_text(file.content)

    def files(self) -> list[RenderedFile]:
        secrets = SystemSecrets(**json.loads((self.shared / "secrets.json").read_text()))
        return [replace(file, path=str(self.conf / Path(file.path).name))
                for file in render.service_files(ANSWERS, secrets, OWN) if Path(file.path) not in joining.KEPT]

    def contents(self) -> dict[str, bytes]:
        return {str(path.relative_to(self.conf)): path.read_bytes() for path in self.conf.rglob("*") if path.is_file()}

    def follow(self) -> list[str]:
        """The names of the files that it has changed."""
        before = self.contents()
        assert follow(self.site, lambda: NOW)
        return sorted(name for name, content in self.contents().items() if before.get(name) != content)

    def pairs(self, *roles: str) -> list[str]:
        return sorted(f"tls/{role}.{kind}" for role in roles for kind in ("crt", "key"))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_has_not_changed_stays(place: Place) -> None:
    assert place.follow() == []
    assert place.told == [("reload", "postgresql")] and place.said == []


def test_new_passwords_of_the_bus_are_written_with_the_owner_and_mode_of_the_file(place: Place) -> None:
    path = place.conf / "sm-alarms.conf"
    path.chmod(0o640)
    place.store(replace(place.secrets, bus_key="0" * 64))
    changed = place.follow()
    assert "sm-alarms.conf" in changed and "sysinv-conductor.conf" in changed
    assert not [name for name in changed if name.startswith("tls/")]
    assert "flock.conf" not in changed, "the agent sets the password of its host"
    assert path.stat().st_mode & 0o777 == 0o640
    assert ("restart", "flock-sm-alarms") in place.told
    assert [Path(file.path).read_text() for file in place.files()] == [file.content for file in place.files()]


def test_an_order_renews_all_servers_once_and_not_the_host(place: Place) -> None:
    order_renewal(place.shared, "one")
    assert place.follow() == sorted([*place.pairs(*SERVERS), "renewal.done"])
    for role in SERVERS:
        pair = tls.Pair(place.conf / "tls", role)
        assert tls.fits(pair.certificate.read_bytes(), pair.key.read_bytes())
    assert place.follow() == []
    order_renewal(place.shared, "two")
    assert len(place.follow()) == 2 * len(SERVERS) + 1


def test_names_of_the_certificates_stay(place: Place) -> None:
    def names() -> list[str]:
        found = x509.load_pem_x509_certificate((place.conf / "tls/postgresql.crt").read_bytes()).extensions
        return found.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)

    before = names()
    order_renewal(place.shared, "one")
    place.follow()
    assert names() == before and OWN in before


def test_what_is_due_is_renewed(place: Place) -> None:
    place.issue(NOW - 600 * DAY)
    assert place.follow() == place.pairs(*SERVERS)


def test_while_two_authorities_are_trusted_the_servers_go_on_with_the_old_one(place: Place) -> None:
    new = tls.Authority.create("flock CA 2", NOW)
    place.trust(new, place.authority)
    assert place.follow() == []
    order_renewal(place.shared, "finish")
    place.follow()
    shown = (place.conf / "tls/front.crt").read_bytes()
    assert tls.issuer_of(shown, new.certificate_pem), "what is ordered is signed by the new one"
    place.trust(new)
    assert place.follow() == []


def test_certificates_of_an_authority_that_is_not_trusted_any_more_are_replaced(place: Place) -> None:
    """A controller that was away for the whole rotation."""
    new = tls.Authority.create("flock CA 2", NOW)
    place.trust(new)
    assert place.follow() == place.pairs(*SERVERS)
    for role in SERVERS:
        assert tls.issuer_of((place.conf / f"tls/{role}.crt").read_bytes(), new.certificate_pem)


def test_half_of_a_new_authority_changes_nothing(place: Place) -> None:
    new = tls.Authority.create("flock CA 2", NOW)
    (place.shared / "ca.key").write_bytes(new.key_pem)
    before = place.contents()
    with pytest.raises(Refused, match="cannot be used now"):
        follow(place.site, lambda: NOW)
    assert place.contents() == before


def test_what_changes_meanwhile_is_not_missed(place: Place) -> None:
    changes = iter([lambda: order_renewal(place.shared, "late")])
    place.meanwhile = lambda: next(changes, lambda: None)()
    assert set(place.pairs(*SERVERS)) < set(place.follow())


def test_what_changes_all_the_time_ends(place: Place) -> None:
    numbers = iter(range(100))
    place.meanwhile = lambda: order_renewal(place.shared, str(next(numbers)))
    with pytest.raises(Refused, match="changes all the time"):
        follow(place.site, lambda: NOW)
    assert len(place.told) == following.ROUNDS_MAX


def test_an_active_controller_is_left_to_the_rotation(place: Place) -> None:
    place.site.active.write_text("7")
    order_renewal(place.shared, "one")
    before = place.contents()
    assert not follow(place.site, lambda: NOW)
    assert place.contents() == before and not place.told


@pytest.mark.parametrize("case", ["alone", "active"])
def test_only_a_standby_of_two_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    settings, active = tmp_path / "sm.conf", tmp_path / "active"
    settings.write_text("nodes: [controller-0]" if case == "alone" else "nodes: [controller-0, controller-1]")
    if case == "active":
        active.write_text("7")
    monkeypatch.setattr(management, "SETTINGS", str(settings))
    monkeypatch.setattr(following, "ACTIVE", active)
    monkeypatch.setattr(joining, "CONF_DIR", tmp_path / "none")
    said: list[str] = []
    joining.follow(tmp_path, tmp_path, said.append)
    assert said == ["this is no standby controller, so nothing is done"]


def test_the_units_watch_what_the_files_are_made_from(monkeypatch: pytest.MonkeyPatch) -> None:
    units = Path(__file__).parents[4] / "etc/systemd"
    text = (units / "flock-follow.path").read_text()
    watched = {line.removeprefix("PathChanged=") for line in text.splitlines() if line.startswith("PathChanged=")}
    here = Standby(Path("/etc/flock"), joining.shared.AUTHORITY, joining.shared.SECRETS, list, print, print, "", print)
    read: list[str] = []
    monkeypatch.setattr(following, "_content", lambda path: read.append(str(path)) or b"")
    here.inputs()
    # Of several files of one directory systemd notices only some that are replaced; of the directory every one.
    assert watched == {str(joining.shared.AUTHORITY) if path.startswith(f"{joining.shared.AUTHORITY}/") else path
                       for path in read}
    assert "--follow" in (units / "flock-follow.service").read_text()
