# SPDX-License-Identifier: Apache-2.0
"""Certificates hold for other programs too; a request gives its key and nothing else; seals open for one key only."""
import datetime
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from flock import tls
from flock.core.errors import InvalidInput
from flock.tls.authority import AUTHORITY_DAYS
from flock.tls.identity import private_key, subject

NOW = datetime.datetime.now(datetime.UTC)
NAMES = ("controller", "controller.internal", "192.168.204.1", "fd00::1", "localhost")


@pytest.fixture(scope="module")
def authority():
    return tls.Authority.create("flock test", NOW)


@pytest.fixture
def issued(authority, tmp_path):
    """Write ``<role>.crt`` and ``.key`` and return their paths."""
    (tmp_path / "ca.crt").write_bytes(authority.certificate_pem)

    def issue(role, usage=tls.Usage.SERVER, names=NAMES, by=authority, now=NOW, **more):
        key = tls.new_key()
        crt, path = tmp_path / f"{role}.crt", tmp_path / f"{role}.key"
        path.write_bytes(key)
        crt.write_bytes(by.issue(tls.new_request(key, role), usage, role, names, now, **more))
        return crt, path
    return issue


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=30, check=False)


def test_openssl_accepts_names_addresses_and_purpose_and_no_others(issued, tmp_path):
    crt, _ = issued("front")
    verify = ["verify", "-x509_strict", "-CAfile", tmp_path / "ca.crt"]
    assert openssl(*verify, "-purpose", "sslserver", crt).returncode == 0
    for given in ("controller", "controller.internal"):
        assert openssl(*verify, "-verify_hostname", given, crt).returncode == 0, given
    for given in ("192.168.204.1", "fd00::1"):
        assert openssl(*verify, "-verify_ip", given, crt).returncode == 0, given
    assert openssl(*verify, "-verify_hostname", "controller-1", crt).returncode != 0
    assert openssl(*verify, "-verify_ip", "192.168.204.9", crt).returncode != 0
    assert openssl(*verify, "-purpose", "sslclient", crt).returncode != 0
    client, _ = issued("host", tls.Usage.CLIENT)
    assert openssl(*verify, "-purpose", "sslclient", client).returncode == 0
    assert openssl(*verify, "-purpose", "sslserver", client).returncode != 0


def test_certificate_of_another_authority_is_refused_and_a_leaf_cannot_sign(issued, tmp_path, authority):
    other, _ = issued("other", by=tls.Authority.create("flock test", NOW))
    assert openssl("verify", "-CAfile", tmp_path / "ca.crt", other).returncode != 0
    crt, key = issued("worker-0")
    forged, _ = issued("forged", by=tls.Authority(crt.read_bytes(), key.read_bytes()))
    assert openssl("verify", "-CAfile", tmp_path / "ca.crt", "-untrusted", crt, forged).returncode != 0


def test_authority_gives_the_names_not_the_request(authority):
    key = private_key(tls.new_key())
    request = (x509.CertificateSigningRequestBuilder().subject_name(subject("controller"))
               .add_extension(x509.SubjectAlternativeName([x509.DNSName("controller")]), critical=False)
               .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
               .sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made = x509.load_pem_x509_certificate(
        authority.issue(request, tls.Usage.CLIENT, "worker-0", ["worker-0"], NOW))
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["worker-0"]
    assert made.subject == subject("worker-0")
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def _request(key):
    return x509.CertificateSigningRequestBuilder().subject_name(subject("a")).sign(key, hashes.SHA256())


@pytest.mark.parametrize("request_pem", [
    b"", b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", b"x" * 9000,
    _request(rsa.generate_private_key(65537, 2048)).public_bytes(serialization.Encoding.PEM),
    _request(ec.generate_private_key(ec.SECP384R1())).public_bytes(serialization.Encoding.PEM)])
def test_bad_requests_name_the_field(authority, request_pem):
    with pytest.raises(tls.BadRequest) as caught:
        authority.issue(request_pem, tls.Usage.CLIENT, "worker-0", [], NOW)
    assert caught.value.params["field"] == "csr"


def test_request_signed_with_another_key_is_refused():
    der = bytearray(_request(ec.generate_private_key(ec.SECP256R1())).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    pem = ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "CERTIFICATE REQUEST")
    with pytest.raises(tls.BadRequest, match="signed|certificate request"):
        tls.request_key(pem)


@pytest.mark.parametrize("name", ["", "*.internal", "a b", "-rf", "A", "a" * 64, "ä"])
def test_bad_names_are_refused(authority, name):
    with pytest.raises(InvalidInput):
        authority.issue(tls.new_request(tls.new_key(), "x"), tls.Usage.SERVER, "x", [name], NOW)


def test_key_must_belong_to_the_authority(authority):
    with pytest.raises(InvalidInput):
        tls.Authority(authority.certificate_pem, tls.new_key())


def test_certificate_ends_with_its_authority_and_becomes_due(authority):
    late = NOW + datetime.timedelta(days=AUTHORITY_DAYS - 10)
    life = tls.lifetime(authority.issue(tls.new_request(tls.new_key(), "a"), tls.Usage.SERVER, "a", ["a"], late))
    assert life.end == tls.lifetime(authority.certificate_pem).end
    life = tls.Lifetime(NOW, NOW + datetime.timedelta(days=100))
    assert not tls.due(life, NOW + datetime.timedelta(days=74))
    assert tls.due(life, NOW + datetime.timedelta(days=76))
    assert tls.due(life, NOW + datetime.timedelta(days=200))
    assert tls.due(life, NOW - datetime.timedelta(seconds=1))


def _handshake(server, client, name):
    """One TLS connection over a socket pair; returns what the client received, or the error of client or server."""
    left, right = socket.socketpair()
    left.settimeout(10)
    right.settimeout(10)
    trouble = []

    def serve():
        try:
            with server.wrap_socket(left, server_side=True) as secure:
                secure.sendall(secure.recv(5))
        except (OSError, ssl.SSLError) as error:
            trouble.append(error)
        finally:
            left.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(right, server_hostname=name) as secure:
            secure.sendall(b"hello")
            return secure.recv(5)
    finally:
        right.close()
        thread.join()


def test_contexts_verify_name_authority_and_client(issued, tmp_path):
    ca = tmp_path / "ca.crt"
    server = tls.server_context(*issued("front"), client_authorities=ca)
    crt, key = issued("host", tls.Usage.CLIENT, ["worker-0"])
    client = tls.client_context(ca, certificate=crt, key=key)
    assert _handshake(server, client, "controller") == b"hello"
    with pytest.raises(ssl.SSLCertVerificationError, match="[Hh]ostname"):
        _handshake(server, client, "controller-1")
    foreign = tls.client_context(authorities_pem=tls.Authority.create("flock test", NOW).certificate_pem.decode())
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(server, foreign, "controller")
    with pytest.raises(OSError):
        assert _handshake(server, tls.client_context(ca), "controller") == b"hello"
    with pytest.raises(ValueError):
        tls.client_context()


def test_a_host_certificate_does_not_make_a_server(issued, tmp_path):
    server = tls.server_context(*issued("worker-0", tls.Usage.CLIENT))
    with pytest.raises(ssl.SSLCertVerificationError, match="purpose"):
        _handshake(server, tls.client_context(tmp_path / "ca.crt"), "controller")


def test_seal_opens_only_with_its_key_and_purpose():
    key = tls.new_key()
    public = tls.request_key(tls.new_request(key, "worker-0"))
    sealed = tls.seal_for(public, b"secret", "bundle of worker-0")
    assert tls.open_sealed(key, sealed, "bundle of worker-0") == b"secret"
    for given in ((tls.new_key(), sealed, "bundle of worker-0"), (key, sealed, "bundle of worker-1"),
                  (key, sealed[:-8] + "AAAAAAA=", "bundle of worker-0"), (key, "", "bundle of worker-0"),
                  (key, "!", "bundle of worker-0")):
        with pytest.raises(tls.SealBroken):
            tls.open_sealed(*given)
    assert tls.seal_for(public, b"secret", "bundle of worker-0") != sealed


def test_the_key_says_which_of_the_trusted_authorities_signs(authority):
    new = tls.Authority.create("flock test 2", NOW)
    both = tls.joined(authority.certificate_pem, new.certificate_pem)
    request = tls.new_request(tls.new_key(), "worker-0")
    for signer, other in ((authority, new), (new, authority)):
        made = tls.Authority(both, signer.key_pem)
        assert (made.certificate_pem, made.trusted_pem, made.name) == (signer.certificate_pem, both, signer.name)
        issued = made.issue(request, tls.Usage.CLIENT, "worker-0", [], NOW)
        assert tls.issuer_of(issued, both) == signer.certificate_pem
        assert tls.issuer_of(issued, other.certificate_pem) is None
    with pytest.raises(InvalidInput, match="must be the key"):
        tls.Authority(both, tls.new_key())


def test_two_authorities_of_one_name_are_told_apart(authority):
    twin = tls.Authority.create("flock test", NOW)
    both = tls.joined(twin.certificate_pem, authority.certificate_pem)
    issued = authority.issue(tls.new_request(tls.new_key(), "front"), tls.Usage.SERVER, "front", NAMES, NOW)
    assert tls.issuer_of(issued, both) == authority.certificate_pem


def test_clients_of_both_authorities_get_in_while_both_are_trusted(authority, issued, tmp_path):
    new = tls.Authority.create("flock test 2", NOW)
    both = tmp_path / "both.crt"
    both.write_bytes(tls.joined(authority.certificate_pem, new.certificate_pem))
    for by in (authority, new):
        server = tls.server_context(*issued("front", by=by), client_authorities=both)
        for client_by in (authority, new):
            crt, key = issued("host", tls.Usage.CLIENT, ["worker-0"], by=client_by)
            assert _handshake(server, tls.client_context(both, certificate=crt, key=key), "controller") == b"hello"


def test_what_a_host_trusts_is_one_word_whatever_the_order(authority):
    new = tls.Authority.create("flock test 2", NOW)
    one, two = authority.certificate_pem, new.certificate_pem
    assert tls.joined(one, two, one) == one + two and tls.split(one + two) == [one, two]
    assert tls.trust_word(one + two, one) == tls.trust_word(two + one, one)
    words = {tls.trust_word(one + two, one), tls.trust_word(one + two, two), tls.trust_word(one, one),
             tls.trust_word(one, None), tls.trust_word(two, two)}
    assert len(words) == 5 and {len(word) for word in words} == {64}
    issued = new.issue(tls.new_request(tls.new_key(), "worker-0"), tls.Usage.CLIENT, "worker-0", [], NOW)
    assert tls.word_of((two + one).decode(), issued.decode()) == tls.trust_word(one + two, two)
    assert tls.word_of(one.decode(), issued.decode()) == tls.trust_word(one, None)
