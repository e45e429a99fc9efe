# SPDX-License-Identifier: Apache-2.0
"""POSTs of webhooks: who is let in, what counts as taken, certificates, refreshes, and no secret in any text."""
from __future__ import annotations

import base64
import contextlib
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from flock import rpc
from flock.core.errors import FlockError, Unavailable
from flock.db import Database, utcnow
from flock.db.inserts import insert_all
from flock.testing.fixtures import private_conf
from fm.conf import outputs as output_options
from fm.contract.enums import AlarmType, Severity
from fm.core.ledger import NetChange
from fm.core.notice import REFRESH
from fm.core.records import Alarm, NoticeKind
from fm.db.tables import METADATA
from fm.manager.catalogue import synchronise
from fm.manager.outputs.configured import outputs_from
from fm.manager.outputs.http import Access, BadUrl, Poster, parse_url
from fm.manager.outputs.output import NAME_MAX, Undeliverable
from fm.manager.outputs.webhook import ALERTS_MAX, Alertmanager, visible_alarms
from fm.resources.alarm import store as alarms

AT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
PAYLOAD = {
    "kind": "fm.alarm.set", "uuid": "e", "event_log_id": "200.005", "state": "set", "entity_type_id": "host",
    "entity_instance_id": "host=c", "timestamp": "2026-03-01T10:20:30.000000", "severity": "major",
    "reason_text": "r", "event_log_type": "other", "probable_cause": "unknown", "proposed_repair_action": "",
    "service_affecting": False, "suppression": True}


class Peer:
    """An HTTP server; answers the next of ``answers`` (status, body), else 200."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.bodies: list[Any] = []
        self.authorizations: list[str | None] = []
        self.connections = 0
        self.answers: list[tuple[int, bytes]] = []
        peer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                peer.connections += 1
                super().setup()

            def do_POST(self) -> None:
                peer.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                peer.authorizations.append(self.headers["Authorization"])
                status, body = peer.answers.pop(0) if peer.answers else (200, b"{}")
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    found = Peer()
    yield found
    found.stop()


def poster(text: str, access: Access = Access()) -> Poster:  # noqa: B008 - immutable
    return Poster("webhook", parse_url(text, "[fm] webhook_urls"), access)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(("userinfo", "access", "sent"), [
    ("", Access(), None), ("", Access(bearer_token="t0ken"), "Bearer t0ken"),
    ("", Access(username="fm", password="w\u00f6rd"), basic("fm:w\u00f6rd")),
    ("me:my%40word@", Access(bearer_token="t0ken"), basic("me:my@word"))])
def test_who_we_are(peer: Peer, userinfo: str, access: Access, sent: str | None,
                    monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login thief password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    post = poster(f"http://{userinfo}127.0.0.1:{peer.port}/x", access)
    post.post({"a": 1})
    post.post([2])
    assert peer.authorizations == [sent, sent] and peer.bodies == [{"a": 1}, [2]]
    assert peer.connections == 1, "the connection is used again"


@pytest.mark.parametrize(("status", "error"), [
    (400, Undeliverable), (413, Undeliverable), (422, Undeliverable), (401, Unavailable), (404, Unavailable),
    (429, Unavailable), (500, Unavailable), (302, Unavailable)])
def test_what_counts_as_taken(peer: Peer, status: int, error: type[FlockError]) -> None:
    post = poster(f"http://user:s3cret@127.0.0.1:{peer.port}/x?token=s3cret")
    peer.answers.append((status, b"no"))
    with pytest.raises(error) as caught:
        post.post({})
    assert f"HTTP {status}" in str(caught.value) and f"127.0.0.1:{peer.port}/x" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    peer.answers.append((204, b""))
    post.post({})


def test_a_peer_that_is_away_is_named_without_its_secrets() -> None:
    with pytest.raises(Unavailable) as caught:
        poster("http://user:s3cret@127.0.0.1:9/x?token=s3cret").post({})
    assert "127.0.0.1:9/x" in str(caught.value) and "s3cret" not in repr(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert "s3cret" not in repr(parse_url("http://u:s3cret@h/", "o")) + repr(Access("s3cret", "u", "s3cret"))


def test_a_long_answer_is_not_read_to_its_end(peer: Peer) -> None:
    peer.answers.append((200, b"x" * 5_000_000))
    post = poster(f"http://127.0.0.1:{peer.port}/")
    post.post({})
    post.post({})
    assert len(peer.bodies) == 2


@pytest.mark.parametrize("text", ["", "ftp://h/", "h/x", "http://", "http://h:x/", "file:///etc/passwd", "http://[::1/"])
def test_a_bad_url_names_the_option_and_not_itself(text: str) -> None:
    with pytest.raises(BadUrl, match=r"\[fm\] webhook_urls") as caught:
        parse_url(text.replace("h", "user:s3cret@h", 1) if "://h" in text else text, "[fm] webhook_urls")
    assert "s3cret" not in str(caught.value)


def test_names_of_outputs_last_and_differ() -> None:
    names = [parse_url(f"http://u:{word}@{'long.' * 30}example:8080/{path}", "o").output_name("alertmanager")
             for word, path in (("a", "x"), ("b", "x"), ("a", "y"))]
    assert names[0] == names[1] != names[2] and all(len(name) <= NAME_MAX for name in names)
    assert parse_url("http://[2001:db8::1]:80/x", "o").text == "http://[2001:db8::1]:80/x"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1 that signed itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256()))
    path, key_path = tmp_path / "cert.pem", tmp_path / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                           serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


def test_certificates_are_verified(certificate: tuple[Path, ssl.SSLContext]) -> None:
    path, context = certificate
    peer = Peer(context)
    try:
        with pytest.raises(Unavailable, match="SSLError"):
            poster(f"https://127.0.0.1:{peer.port}/").post({})
        assert peer.bodies == []
        poster(f"https://127.0.0.1:{peer.port}/", Access(ca_file=str(path))).post({"in": "clear"})
        assert peer.bodies == [{"in": "clear"}]
    finally:
        peer.stop()


def test_a_refresh_tells_all_active_alarms_in_pages(database: Database, peer: Peer) -> None:
    METADATA.create_all(database.engine)
    synchronise(database)
    many = [Alarm(f"{number:08d}-0000-4000-8000-000000000000", "200.004", "host", f"host=c{number}", AT,
                  Severity.CRITICAL, "r", AlarmType.OTHER, "unknown", "", False, True, False, AT, AT)
            for number in range(ALERTS_MAX + 7)]
    with database.writer() as conn:
        insert_all(conn, [alarms.new_rows(NetChange((), tuple(many), ()))])
    sink = Alertmanager(poster(f"http://127.0.0.1:{peer.port}/api/v2/alerts"), visible_alarms(database), 60,
                        clock=lambda: AT)
    sink(dict(REFRESH))
    assert [len(body) for body in peer.bodies] == [ALERTS_MAX, 7]
    told = {alert["labels"]["entity_instance_id"] for body in peer.bodies for alert in body}
    assert len(told) == ALERTS_MAX + 7
    assert {alert["endsAt"] for body in peer.bodies for alert in body} == {"2026-03-01T00:04:00.000000Z"}
    sink(PAYLOAD)
    assert [alert["labels"]["alertname"] for alert in peer.bodies[-1]] == ["200.005"]


def configured(database: Database, fm: dict[str, Any], **more: Any) -> Any:
    conf = private_conf()
    rpc.transport(conf)
    outputs_from(conf, database)
    for name, value in fm.items():
        conf.set_override(name, value, group="fm")
    for name, value in more.items():
        conf.set_override(name, value, group="fm_outputs")
    return outputs_from(conf, database)


def test_outputs_by_the_options(database: Database) -> None:
    assert configured(database, {}) == []
    found = {output.name.split("-")[0]: output for output in configured(
        database, {"syslog_address": "/dev/log", "webhook_urls": ["http://a/", "http://b/", "http://a/"],
                   "trap_agent_host": "snmp"},
        alertmanager_urls=["http://am:9093/", "http://am:9093/api/v2/alerts"], notification_topics=["fm"])}
    assert sorted(found) == ["alertmanager", "bus", "syslog", "trap", "webhook"]
    assert found["syslog"].hidden_too and not found["webhook"].hidden_too
    assert found["trap"].warm_start and NoticeKind.HIERARCHICAL_CLEAR in found["trap"].kinds
    assert NoticeKind.HIERARCHICAL_CLEAR not in found["syslog"].kinds | found["bus"].kinds | found["webhook"].kinds
    assert NoticeKind.LOG in found["bus"].kinds and NoticeKind.LOG not in found["webhook"].kinds
    assert found["alertmanager"].refresh_s == 60 and NoticeKind.LOG not in found["alertmanager"].kinds
    names = [output.name for output in configured(database, {"webhook_urls": ["http://a/", "http://b/", "http://a/"]})]
    assert len(names) == len(set(names)) == 2
    assert NoticeKind.LOG in configured(database, {"webhook_urls": ["http://a/"]}, webhook_logs=True)[0].kinds
    with pytest.raises(ValueError, match="webhook_urls"):
        configured(database, {"webhook_urls": ["nonsense"]})


def test_secrets_are_marked_as_such() -> None:
    options = {option.name: option for _, options in output_options.list_opts() for option in options}
    secrets = {name for name, option in options.items() if option.secret}
    assert {name for name in options if "token" in name or "password" in name} < secrets
    assert "alertmanager_urls" in secrets and not options["notification_topics"].default


def test_the_clock_of_refreshes_is_the_present(database: Database, peer: Peer) -> None:
    METADATA.create_all(database.engine)
    before = utcnow()
    Alertmanager(poster(f"http://127.0.0.1:{peer.port}/"), list, 60)(PAYLOAD)
    until = datetime.datetime.fromisoformat(peer.bodies[0][0]["endsAt"])
    assert before + datetime.timedelta(seconds=240) <= until <= utcnow() + datetime.timedelta(seconds=240)
