# SPDX-License-Identifier: Apache-2.0
"""A stranger at PostgreSQL: clear text, a foreign authority, a wrong name. Real server, the bootstrap's settings."""
from __future__ import annotations

import datetime
import os
import pwd
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from flock import tls
from flock.core.errors import DeadlineExceeded
from flock.testing.services.postgresql import PostgresServer
from flock.testing.services.process import ServiceFailed
from sysinv.bootstrap.answers import parse
from sysinv.bootstrap.certificates import ROLES, certificate_files
from sysinv.bootstrap.presented import wait_presented
from sysinv.bootstrap.render import DATABASE_ACCESS, database_conf
from sysinv.model.hostfiles import TLS_DIRECTORY

NOW = datetime.datetime.now(datetime.UTC)
ANSWERS = parse({"admin_password": "correct-horse", "database": "postgresql"})


class TlsServer:
    """PostgreSQL with an account ``flock``, restarted with the bootstrap's settings; the files are below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        server = self.server = PostgresServer(folder / "postgres")
        server.folder.mkdir()
        server.start()
        with psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="postgres") as made:
            made.cursor().execute("CREATE ROLE flock LOGIN PASSWORD 'secret'")
        made.close()
        server.stop()
        authority = self.authority = tls.Authority.create("flock", NOW)
        (folder / "ca.crt").write_bytes(authority.certificate_pem)
        role = next(role for role in ROLES if role.name == "postgresql")
        for file in certificate_files(role, authority, ANSWERS, "controller-0", NOW):
            target = folder / Path(file.path).name
            target.write_text(file.content)
            target.chmod(file.mode)
            if os.geteuid() == 0:
                os.chown(target, pwd.getpwnam("postgres").pw_uid, -1)
        data = server.folder / "data"
        (data / "pg_hba.conf").write_text(DATABASE_ACCESS)
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(database_conf(ANSWERS, "controller-0").replace(TLS_DIRECTORY, str(folder)))

    def login(self, authority: Path, mode: str = "verify-full", host: str = "127.0.0.1") -> str:
        """Log in as the daemons do; returns the TLS version of the session."""
        with psycopg2.connect(host=host, hostaddr="127.0.0.1", port=self.server.port, user="flock", password="secret",
                              dbname="postgres", sslmode=mode, sslrootcert=str(authority), connect_timeout=5) as made:
            cursor = made.cursor()
            cursor.execute("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            found = str(cursor.fetchone()[0])
        made.close()
        return found


@pytest.fixture(scope="module")
def server_with_tls(services_folder: Path) -> Iterator[TlsServer]:
    if not PostgresServer.available():
        raise ServiceFailed("PostgreSQL is not installed")
    folder = services_folder / "postgres-tls"
    folder.mkdir()
    made = TlsServer(folder)
    # The readiness check of the test server logs in without TLS, which is refused from now on.
    made.server._answers = lambda: _listens(made)  # type: ignore[method-assign]
    made.server.start()
    yield made
    made.server.stop()


def _listens(made: TlsServer) -> bool:
    try:
        return bool(made.login(made.folder / "ca.crt"))
    except psycopg2.OperationalError:
        return False


def test_daemons_log_in_with_tls(server_with_tls: TlsServer) -> None:
    assert server_with_tls.login(server_with_tls.folder / "ca.crt").startswith("TLSv1.")


def test_clear_text_is_refused_with_the_right_password(server_with_tls: TlsServer) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no encryption"):
        server_with_tls.login(server_with_tls.folder / "ca.crt", mode="disable")
    with pytest.raises(psycopg2.OperationalError, match="pg_hba.conf"):
        psycopg2.connect(host="127.0.0.1", port=server_with_tls.server.port, user="postgres", dbname="postgres")


def test_a_server_of_another_authority_or_name_is_refused(server_with_tls: TlsServer, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(tls.Authority.create("flock", NOW).certificate_pem)
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        server_with_tls.login(tmp_path / "ca.crt")
    with pytest.raises(psycopg2.OperationalError, match="does not match host name"):
        server_with_tls.login(server_with_tls.folder / "ca.crt", host="stranger")


def test_a_new_certificate_is_shown_after_a_reload_and_sessions_stay(server_with_tls: TlsServer,
                                                                     tmp_path: Path) -> None:
    folder, port = server_with_tls.folder, server_with_tls.server.port
    key = tls.new_key()
    (tmp_path / "host.key").write_bytes(key)
    (tmp_path / "host.crt").write_bytes(server_with_tls.authority.issue(
        tls.new_request(key, "controller-0"), tls.Usage.CLIENT, "controller-0", [], NOW))
    shown = (port, str(folder / "ca.crt"), str(tmp_path / "host.crt"), str(tmp_path / "host.key"))
    pair = tls.Pair(folder, "postgresql")
    old, owner = pair.certificate.read_bytes(), pair.key.stat()
    wait_presented("postgresql", old, *shown, postgresql=True)
    with psycopg2.connect(host="127.0.0.1", port=port, user="flock", password="secret", dbname="postgres",
                          sslmode="verify-full", sslrootcert=str(folder / "ca.crt")) as session:
        pair.stage(tls.reissue(server_with_tls.authority, old, pair.next_request("postgresql"), NOW))
        assert pair.install()
        _reload(server_with_tls)
        wait_presented("postgresql", pair.certificate.read_bytes(), *shown, postgresql=True)
        session.cursor().execute("SELECT 1")
    session.close()
    kept = pair.key.stat()
    assert (kept.st_uid, kept.st_gid, kept.st_mode) == (owner.st_uid, owner.st_gid, owner.st_mode)
    assert pair.certificate.read_bytes() != old and server_with_tls.login(folder / "ca.crt")
    with pytest.raises(DeadlineExceeded, match="postgresql"):
        wait_presented("postgresql", old, *shown, postgresql=True, timeout_s=0.5)


def test_a_new_authority_is_taken_by_clients_with_both_and_refused_by_clients_with_the_old_one(
        server_with_tls: TlsServer, tmp_path: Path) -> None:
    """What a client reads at each connection decides; sessions stay."""
    folder, old = server_with_tls.folder, server_with_tls.authority
    new = tls.Authority.create("flock 2", NOW)
    (tmp_path / "old.crt").write_bytes(old.certificate_pem)
    (tmp_path / "new.crt").write_bytes(new.certificate_pem)
    pair = tls.Pair(folder, "postgresql")
    with psycopg2.connect(host="127.0.0.1", port=server_with_tls.server.port, user="flock", password="secret",
                          dbname="postgres", sslmode="verify-full", sslrootcert=str(folder / "ca.crt")) as session:
        (folder / "ca.crt").write_bytes(tls.joined(old.certificate_pem, new.certificate_pem))
        _reload(server_with_tls)
        assert server_with_tls.login(folder / "ca.crt") and server_with_tls.login(tmp_path / "old.crt")
        with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
            server_with_tls.login(tmp_path / "new.crt")
        pair.stage(tls.reissue(new, pair.certificate.read_bytes(), pair.next_request("postgresql"), NOW))
        assert pair.install()
        _reload(server_with_tls)
        shown = (server_with_tls.server.port, str(folder / "ca.crt"), str(pair.certificate), str(pair.key))
        wait_presented("postgresql", pair.certificate.read_bytes(), *shown, postgresql=True)
        assert server_with_tls.login(folder / "ca.crt")
        (folder / "ca.crt").write_bytes(new.certificate_pem)
        _reload(server_with_tls)
        assert server_with_tls.login(folder / "ca.crt") and server_with_tls.login(tmp_path / "new.crt")
        with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
            server_with_tls.login(tmp_path / "old.crt")
        session.cursor().execute("SELECT 1")
    session.close()


def _reload(made: TlsServer) -> None:
    os.kill(int((made.server.folder / "data/postmaster.pid").read_text().split()[0]), signal.SIGHUP)
