# SPDX-License-Identifier: Apache-2.0
"""What attacks share: an API and Keystone behind the front (nginx) with the product's configuration."""
from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import Process, find_program, free_port, wait_for
from sysinv.bootstrap.front import Listen, Published, nginx_conf

PROGRAM = """
import os
from flock.service.web import run_api
from flock.api import *

class Things:
    def get(self, call):
        return {'user': call.ctx.user_name, 'address': call.ctx.address, 'base': call.base_url}
    def post(self, call):
        return {'bytes': len(call.body)}

class Large:
    def get(self, call):
        return {'text': 'x' * (8 * 1024 * 1024)}

ROUTES = {'/v1/things': Things, '/v1/large': Large, '/v1/open/{name}': Things}
POLICY = (Rule('t:get', READER, 'GET', '/v1/things'), Rule('t:post', CONFIGURATOR, 'POST', '/v1/things'),
          Rule('l:get', READER, 'GET', '/v1/large'), Rule('o:post', ANYONE, 'POST', '/v1/open/{name}'),
          Rule('o:get', READER, 'GET', '/v1/open/{name}'))
run_api('t-api', lambda conf: build_app(conf, 't', [slice_of(ROUTES, POLICY)], dialect=Dialect()), default_port=1)
"""


@dataclass(frozen=True)
class Front:
    """The ports of the API and of Keystone behind nginx, the port for installing hosts, and the API's log."""

    api: int
    keystone: int
    installs: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api}"


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="session")
def front(services_folder: Path, keystone: KeystoneServer) -> Iterator[Front]:
    folder = services_folder / "front"
    folder.mkdir()
    with serving(folder, keystone, PROGRAM, public=("/", "/v1/open/{name}")) as found:
        yield found


@contextlib.contextmanager
def serving(folder: Path, keystone: KeystoneServer, program: str, **published: Any) -> Iterator[Front]:
    """An API behind the front; ``published``: what the front knows of its routes."""
    nginx = find_program("nginx")
    if nginx is None:
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    sock, api_port, keystone_port = folder / "api.sock", free_port(), free_port()
    options = keystone.authtoken_options()
    (folder / "flock.conf").write_text("\n".join([
        "[api]", f"bind_socket = {sock}", "[keystone_authtoken]",
        *(f"{name} = {value}" for name, value in options.items())]))
    (folder / "api.py").write_text(program)
    apis = [Published("t", api_port, str(sock), **published),
            Published("keystone", keystone_port, str(keystone.socket), checks_tokens=False)]
    user = "root" if os.geteuid() == 0 else "nobody"
    (folder / "nginx.conf").write_text(nginx_conf(
        [Listen("127.0.0.1", tls=False), Listen("127.0.0.3", tls=False, installs=True)], apis,
        user=user, run_dir=str(folder),
        cache_dir=str(folder)))
    api = Process("t-api", [sys.executable, "-W", "ignore", str(folder / "api.py")], folder,
                  env={**os.environ, "FLOCK_CONF_DIR": str(folder), "PYTHONPATH": os.getcwd()})
    server = Process("nginx", [nginx, "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"], folder)
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{api_port}/healthz"), 30, "the API behind the front")
        wait_for(lambda: answers(f"http://127.0.0.1:{keystone_port}/v3"), 30, "Keystone behind the front")
        yield Front(api_port, keystone_port, api_port, api.log_path)
    finally:
        server.kill()
        api.kill()
