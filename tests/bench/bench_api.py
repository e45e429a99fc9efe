# SPDX-License-Identifier: Apache-2.0
"""Requests per second of an authenticated list of three objects: the kernel beside plain pecan, WSME and middleware."""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from flock.testing.services.keystone import KeystoneServer
from flock.testing.services.process import free_port
from tests.bench.measure import Figure
from tests.bench.neighbours import ROOT, family, resident_mib

SECONDS = 6
WORKERS, THREADS, CONNECTIONS = 2, 8, 16

KERNEL = """
from datetime import datetime, UTC
from flock.service.web import run_api
from flock.api import *
from flock.wire.paging import envelope
from flock.wire.render import render_many
from flock.wire.resource import Record, attr

class Thing(Record):
    envelope = 'things'
    name = attr(str)
    size = attr(int)

ROWS = [{'uuid': f'0f6cbb5e-2a0e-4c0e-8f0e-0d8c5c0a1b7{n}', 'name': 'a', 'size': n, 'created_at': datetime.now(UTC),
         'updated_at': None} for n in range(3)]

class Things:
    def get(self, call):
        page = call.query.only('limit', 'marker', 'sort_key', 'sort_dir').page()
        return envelope('things', render_many(Thing, ROWS, call.base_url), page=page, base_url=call.base_url)

run_api('t-api', lambda conf: build_app(conf, 't', [slice_of({'/v1/things': Things}, [
    Rule('t:get', READER, 'GET', '/v1/things')])], dialect=Dialect()), default_port=1)
"""

REFERENCE = """
import sys
import pecan, wsme.types as wtypes, wsmeext.pecan as wsme_pecan
from pecan import rest
from gunicorn.app.base import BaseApplication
from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_policy import policy
CONF = cfg.CONF
CONF([], default_config_files=[sys.argv[1]])
ENFORCER = policy.Enforcer(CONF)
ENFORCER.register_default(policy.RuleDefault('t:get', 'role:reader'))

class Thing(wtypes.Base):
    uuid = wtypes.text
    name = wtypes.text
    size = int

class Things(rest.RestController):
    @wsme_pecan.wsexpose([Thing])
    def get_all(self):
        roles = pecan.request.headers.get('X-Roles', '').split(',')
        ENFORCER.authorize('t:get', {}, {'roles': roles})
        return [Thing(uuid=str(n), name='a', size=n) for n in range(3)]

class V1:
    things = Things()

class Root:
    v1 = V1()

class Server(BaseApplication):
    def load_config(self):
        for key, value in {'bind': ['127.0.0.1:' + sys.argv[2]], 'workers': int(sys.argv[3]), 'keepalive': 75,
                           'threads': int(sys.argv[4]), 'worker_class': 'gthread',
                           'control_socket_disable': True}.items():
            self.cfg.set(key, value)
    def load(self):
        return auth_token.AuthProtocol(pecan.make_app(Root()), {'oslo_config_config': CONF})

Server().run()
"""


def run() -> list[Figure]:
    """Both servers one after the other under the same load; empty when wrk or Keystone is not installed."""
    if shutil.which("wrk") is None or not KeystoneServer.available():
        return []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keystone = KeystoneServer(folder)
        try:
            keystone.start()
            token = keystone.token("reader")
            options = keystone.authtoken_options()
            reference_rps, reference_mib = _measure(folder, "reference", REFERENCE, token, options)
            kernel_rps, kernel_mib = _measure(folder, "kernel", KERNEL, token, options)
        finally:
            keystone.stop()
    return [
        Figure("pecan + WSME + middleware + policy", reference_rps, "requests/s", more_is_better=True,
               note=f"{reference_mib:.0f} MiB"),
        Figure("the kernel", kernel_rps, "requests/s", goal=0.8 * reference_rps, more_is_better=True,
               note=f"{kernel_mib:.0f} MiB"),
    ]


def _measure(folder: Path, name: str, program: str, token: str, options: dict[str, str]) -> tuple[float, float]:
    port = free_port()
    conf = folder / "flock.conf"
    conf.write_text("\n".join([
        "[api]", "bind_host = 127.0.0.1", f"bind_port = {port}", f"workers = {WORKERS}", f"threads = {THREADS}",
        "[keystone_authtoken]", *(f"{key} = {value}" for key, value in options.items())]))
    script = folder / f"{name}.py"
    script.write_text(program)
    argv = [sys.executable, "-W", "ignore", str(script)]
    if name == "reference":
        argv += [str(conf), str(port), str(WORKERS), str(THREADS)]
    with _process(argv, folder, folder / f"{name}.log") as child:
        url = f"http://127.0.0.1:{port}/v1/things"
        _until_answers(url, token)
        wrk = ["wrk", "-t2", f"-c{CONNECTIONS}", "-H", f"X-Auth-Token: {token}"]
        subprocess.run([*wrk, "-d1s", url], check=True, capture_output=True, timeout=30)
        done = subprocess.run([*wrk, f"-d{SECONDS}s", url], check=True, capture_output=True, text=True,
                              timeout=SECONDS + 30)
        if "Non-2xx" in done.stdout:
            raise RuntimeError(done.stdout)
        found = re.search(r"Requests/sec:\s+([0-9.]+)", done.stdout)
        if found is None:
            raise RuntimeError(done.stdout)
        return float(found.group(1)), sum(resident_mib(pid, "Pss") for pid in family(child.pid))


@contextlib.contextmanager
def _process(argv: list[str], folder: Path, log_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log_file.open("wb") as log:
        child = subprocess.Popen(argv, stdout=log, stderr=log, env={
            **os.environ, "FLOCK_CONF_DIR": str(folder), "PYTHONPATH": str(ROOT)})
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()


def _until_answers(url: str, token: str) -> None:
    deadline_s = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers={"X-Auth-Token": token}), timeout=10):
                return
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline_s:
                raise
        threading.Event().wait(0.1)
