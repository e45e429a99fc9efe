# SPDX-License-Identifier: Apache-2.0
"""A pair of key and certificate is replaced whole, whenever the process ends; owners, permissions and names stay."""
from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from cryptography import x509

from flock import tls
from flock.core.errors import InvalidInput
from flock.exec.atomic import replace_kept

NOW = datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)
NAMES = ["controller", "controller.internal", "127.0.0.1", "fd00:204::2"]


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def authority() -> tls.Authority:
    return tls.Authority.create("flock", NOW)


@pytest.fixture
def pair(tmp_path: Path, authority: tls.Authority) -> tls.Pair:
    key = tls.new_key()
    made = tls.Pair(tmp_path, "front")
    made.key.write_bytes(key)
    made.key.chmod(0o640)
    made.certificate.write_bytes(
        authority.issue(tls.new_request(key, "front"), tls.Usage.SERVER, "front", NAMES, NOW))
    return made


def renew(pair: tls.Pair, authority: tls.Authority) -> None:
    pair.stage(tls.reissue(authority, pair.certificate.read_bytes(), pair.next_request("front"), NOW))
    assert pair.install()


def test_names_purpose_and_permissions_stay(pair: tls.Pair, authority: tls.Authority) -> None:
    old = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    renew(pair, authority)
    new = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage):
        assert old.extensions.get_extension_for_class(kind) == new.extensions.get_extension_for_class(kind)
    assert old.subject == new.subject and old.public_key() != new.public_key()
    assert tls.fits(pair.certificate.read_bytes(), pair.key.read_bytes())
    assert pair.key.stat().st_mode & 0o777 == 0o640 and not pair.asked
    assert not pair.install()


def test_killed_before_any_change_of_a_file_the_renewal_goes_on(pair: tls.Pair, authority: tls.Authority,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(100):
        old, left = pair.certificate.read_bytes(), iter(range(number))

        def dying(real, left=left):
            def call(*args, **options):
                if next(left, None) is None:
                    raise Killed
                return real(*args, **options)
            return call

        with monkeypatch.context() as patch:
            for name in ("rename", "unlink", "chown", "chmod"):
                patch.setattr(os, name, dying(getattr(os, name)))
            patch.setattr(Path, "unlink", dying(Path.unlink))
            try:
                renew(pair, authority)
            except Killed:
                finished = False
            else:
                finished = True
        # What is complete takes its place; otherwise the same renewal begins again.
        if not finished and not pair.install():
            renew(pair, authority)
        assert tls.fits(pair.certificate.read_bytes(), pair.key.read_bytes())
        assert pair.certificate.read_bytes() != old and not pair.asked
        if finished:
            assert number > 5
            return
    pytest.fail("the renewal never ended")


def test_a_certificate_for_another_key_is_refused(pair: tls.Pair, authority: tls.Authority) -> None:
    old = pair.certificate.read_bytes()
    pair.next_request("front")
    foreign = tls.reissue(authority, old, tls.new_request(tls.new_key(), "front"), NOW)
    with pytest.raises(InvalidInput, match="key"):
        pair.stage(foreign)
    assert not pair.install() and pair.certificate.read_bytes() == old


def test_an_authority_is_not_reissued(authority: tls.Authority) -> None:
    with pytest.raises(InvalidInput, match="server"):
        tls.reissue(authority, authority.certificate_pem, tls.new_request(tls.new_key(), "x"), NOW)


def test_an_interrupted_renewal_keeps_its_key(pair: tls.Pair) -> None:
    assert tls.public_fingerprint(tls.request_key(pair.next_request("front"))) == tls.public_fingerprint(
        tls.request_key(pair.next_request("front")))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_replaced_file_keeps_owner_group_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    os.chown(path, 64001, 64002)
    path.chmod(0o640)
    replace_kept(path, "new")
    found = path.stat()
    assert (path.read_text(), found.st_uid, found.st_gid, found.st_mode & 0o777) == ("new", 64001, 64002, 0o640)
    replace_kept(tmp_path / "made", "new")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "made"]
