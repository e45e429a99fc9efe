# SPDX-License-Identifier: Apache-2.0
"""Keystone with memcached: projects, roles, and a user for each role in each project, created at first use."""
from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions as keystone_errors
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v3

from flock.exec import run
from flock.testing.services.process import Process, ServiceFailed, find_program, free_port, port_open

ROLES = ("reader", "member", "operator", "configurator", "admin", "service")
PROJECTS = ("admin", "services", "other")
PASSWORD = "secret"  # noqa: S105 - for users of a Keystone that exists only during a test run
REGION = "RegionOne"

CONFIGURATION = """\
[DEFAULT]
log_file = {folder}/keystone.log
[database]
connection = sqlite:///{folder}/keystone.db
[fernet_tokens]
key_repository = {folder}/fernet
[fernet_receipts]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[identity]
password_hash_rounds = 4
[cache]
enabled = true
backend = dogpile.cache.memcached
memcache_servers = 127.0.0.1:{memcached_port}
[oslo_policy]
enforce_scope = true
"""

# Keystone parses the command line of its server process and would reject gunicorn's arguments.
WSGI = "import sys\nsys.argv = ['keystone']\nfrom keystone.wsgi.api import application\n"


class MemcachedServer:
    """memcached on a private port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: Process | None = None

    def start(self, timeout_s: float = 30.0) -> None:
        """Start memcached; returns when it accepts connections."""
        program = find_program("memcached")
        if program is None:
            raise ServiceFailed("memcached is not installed")
        argv = [program, "-l", "127.0.0.1", "-p", str(self.port), "-m", "32"]
        self._process = Process("memcached", argv + (["-u", "root"] if os.geteuid() == 0 else []), self.folder)
        self._process.wait_until(lambda: port_open(self.port), timeout_s, "memcached to listen")

    def stop(self) -> None:
        """Kill memcached."""
        if self._process is not None:
            self._process.kill()


class KeystoneServer:
    """Keystone at ``auth_url`` and on the unix socket ``socket``.

    ``session(role, project)`` logs in as a user with that role in that project.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.auth_url = f"http://127.0.0.1:{self.port}/v3"
        self.socket = folder / "api.sock"
        self.memcached = MemcachedServer(folder)
        self._process: Process | None = None
        self._lock = threading.Lock()
        self._users: set[tuple[str, str]] = set()
        self._sessions: dict[tuple[str, str], keystone_session.Session] = {}
        self._ids: dict[tuple[str, str], str] = {}

    @staticmethod
    def venv() -> Path:
        """Keystone's virtual environment: ``$FLOCK_KEYSTONE_VENV`` or /opt/flock/keystone."""
        return Path(os.environ.get("FLOCK_KEYSTONE_VENV", "/opt/flock/keystone"))

    @classmethod
    def available(cls) -> bool:
        """True when Keystone and memcached are installed."""
        return (cls.venv() / "bin/keystone-manage").exists() and find_program("memcached") is not None

    def start(self, timeout_s: float = 120.0) -> None:
        """Create the database, bootstrap and start Keystone; returns when it responds."""
        self.memcached.start()
        configuration = self.folder / "keystone.conf"
        configuration.write_text(CONFIGURATION.format(folder=self.folder, memcached_port=self.memcached.port))
        self._write_keys()
        (self.folder / "kswsgi.py").write_text(WSGI)
        self._manage("db_sync", timeout_s=timeout_s)
        urls = [word for kind in ("admin", "internal", "public") for word in (f"--bootstrap-{kind}-url", self.auth_url)]
        self._manage("bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", REGION, *urls,
                     timeout_s=timeout_s)
        argv = [str(self.venv() / "bin/gunicorn"), "-b", f"127.0.0.1:{self.port}", "-b", f"unix:{self.socket}",
                "-w", "1", "--threads", "8",
                "-k", "gthread", "--keep-alive", "75", "--no-control-socket", "kswsgi:application"]
        environment = {"OS_KEYSTONE_CONFIG_FILES": str(configuration), "PYTHONWARNINGS": "ignore",
                       "HOME": str(self.folder)}
        self._process = Process("keystone", argv, self.folder, env=environment)
        self._process.wait_until(self._answers, timeout_s, "Keystone to answer")
        self._prepare()

    def stop(self) -> None:
        """Kill Keystone and its memcached; their data is not used again."""
        if self._process is not None:
            self._process.kill()
        self.memcached.stop()

    def session(self, role: str, project: str = "admin") -> keystone_session.Session:
        """A session of user ``<role>-<project>``, whose only role is ``role`` and only in ``project``."""
        self.ensure_user(role, project)
        with self._lock:
            if (role, project) not in self._sessions:
                self._sessions[role, project] = self._login(f"{role}-{project}", project)
            return self._sessions[role, project]

    def token(self, role: str, project: str = "admin") -> str:
        """A token of the user ``<role>-<project>``."""
        return str(self.session(role, project).get_token())

    def credentials(self, role: str, project: str = "admin") -> dict[str, str]:
        """OS_* environment variables of the user ``<role>-<project>``, for command lines."""
        self.ensure_user(role, project)
        return {
            "OS_AUTH_URL": self.auth_url, "OS_USERNAME": f"{role}-{project}", "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": project, "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
            "OS_REGION_NAME": REGION, "OS_IDENTITY_API_VERSION": "3",
        }

    def authtoken_options(self) -> dict[str, str]:
        """Options for ``[keystone_authtoken]`` of a service, which logs in as service user in project services."""
        self.ensure_user("service", "services")
        return {
            "auth_type": "password", "auth_url": self.auth_url, "username": "service-services", "password": PASSWORD,
            "project_name": "services", "user_domain_name": "Default", "project_domain_name": "Default",
            "region_name": REGION, "www_authenticate_uri": self.auth_url,
            "memcached_servers": f"127.0.0.1:{self.memcached.port}",
            "service_token_roles": "service", "service_token_roles_required": "true",
        }

    def ensure_user(self, role: str, project: str) -> None:
        """Create user ``<role>-<project>`` with that role in that project, if it does not exist."""
        if role not in ROLES or project not in PROJECTS:
            raise ValueError(f"role one of {ROLES}, project one of {PROJECTS}")
        with self._lock:
            if (role, project) in self._users:
                return
            name = f"{role}-{project}"
            user_id = self._create("users", "user", name, password=PASSWORD, domain_id="default")
            self._assign(user_id, role, project)
            # StarlingX gives its services the role admin as well.
            if role == "service":
                self._assign(user_id, "admin", project)
            self._users.add((role, project))

    def add_service(self, service_type: str, name: str, url: str) -> None:
        """Publish ``url`` as public, internal and admin endpoint of a service in the catalogue."""
        with self._lock:
            service_id = self._create("services", "service", name, type=service_type)
            for interface in ("public", "internal", "admin"):
                body = {"service_id": service_id, "interface": interface, "url": url, "region_id": REGION}
                self._admin().post(f"{self.auth_url}/endpoints", json={"endpoint": body})
            # Tokens contain the catalogue, so new sessions must log in again.
            self._sessions.clear()

    @contextmanager
    def without_implied_role(self, role: str, implied: str) -> Iterator[None]:
        """Inside the block, ``role`` does not imply the role ``implied``."""
        with self._lock:
            url = f"{self.auth_url}/roles/{self._ids['role', role]}/implies/{self._ids['role', implied]}"
            self._admin().delete(url)
        try:
            yield
        finally:
            self._admin().put(url)

    def _prepare(self) -> None:
        for role in ROLES:
            self._create("roles", "role", role)
        for project in PROJECTS:
            self._create("projects", "project", project, domain_id="default")

    def _admin(self) -> keystone_session.Session:
        if ("bootstrap", "admin") not in self._sessions:
            self._sessions["bootstrap", "admin"] = self._login("admin", "admin")
        return self._sessions["bootstrap", "admin"]

    def _login(self, user: str, project: str) -> keystone_session.Session:
        auth = v3.Password(auth_url=self.auth_url, username=user, password=PASSWORD, project_name=project,
                           user_domain_id="default", project_domain_id="default")
        return keystone_session.Session(auth=auth, timeout=30)

    def _create(self, collection: str, noun: str, name: str, **fields: Any) -> str:
        """The id of the ``noun`` with that name; creates it if it does not exist."""
        if (noun, name) in self._ids:
            return self._ids[noun, name]
        url = f"{self.auth_url}/{collection}"
        try:
            answer = self._admin().post(url, json={noun: {"name": name, **fields}}).json()[noun]
        except keystone_errors.Conflict:
            answer = self._admin().get(url, params={"name": name}).json()[collection][0]
        self._ids[noun, name] = str(answer["id"])
        return self._ids[noun, name]

    def _assign(self, user_id: str, role: str, project: str) -> None:
        project_id, role_id = self._ids["project", project], self._ids["role", role]
        self._admin().put(f"{self.auth_url}/projects/{project_id}/users/{user_id}/roles/{role_id}")

    def _answers(self) -> bool:
        try:
            return bool(keystone_session.Session(timeout=5).get(self.auth_url, authenticated=False).status_code == 200)
        except keystone_errors.ClientException:
            return False

    def _manage(self, *arguments: str, timeout_s: float) -> None:
        argv = [str(self.venv() / "bin/keystone-manage"), "--config-file", str(self.folder / "keystone.conf"),
                *arguments]
        run(argv, timeout_s=timeout_s, env={"PYTHONWARNINGS": "ignore"})

    def _write_keys(self) -> None:
        # Writes the keys that fernet_setup and credential_setup would write, which saves two program starts.
        for name in ("fernet", "credential"):
            (self.folder / name).mkdir(mode=0o700)
            for number in ("0", "1"):
                (self.folder / name / number).write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
                (self.folder / name / number).chmod(0o600)
