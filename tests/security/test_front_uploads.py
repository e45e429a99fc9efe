# SPDX-License-Identifier: Apache-2.0
"""Uploads through the front with real nginx and API: they may last, also beyond the general time of an answer."""
from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from flock.testing.services.keystone import KeystoneServer
from sysinv.bootstrap import front as fronts
from tests.security.served import Front, serving

PROGRAM = """
import threading
from flock.service.web import run_api
from flock.api import *

class Upload:
    streams_body = True
    max_body_bytes = 3 << 20
    def post(self, call):
        found = sum(map(len, call.pieces))
        threading.Event().wait(9)
        return {'bytes': found}

class Slow:
    def get(self, call):
        threading.Event().wait(9)
        return {}

ROUTES = {'/v1/upload': Upload, '/v1/slow': Slow, '/v1/patient': Slow}
POLICY = (Rule('t:post', CONFIGURATOR, 'POST', '/v1/upload'), Rule('t:get', READER, 'GET', '/v1/slow'),
          Rule('t:get', READER, 'GET', '/v1/patient'))
run_api('t-api', lambda conf: build_app(conf, 't', [slice_of(ROUTES, POLICY)], dialect=Dialect()), default_port=1)
"""


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, keystone: KeystoneServer) -> Iterator[Front]:
    """A front that waits six seconds for an answer, except where the routes say otherwise."""
    folder: Path = tmp_path_factory.mktemp("front")
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fronts, "REPLY_S", 6)
        patched.setattr(fronts, "BODY_PAUSE_S", 1)
        with serving(folder, keystone, PROGRAM, streamed=(("/v1/upload", 3 << 20),),
                     patient=(("/v1/upload", 60), ("/v1/patient", 60))) as found:
            yield found


def _slowly(pieces: int) -> Iterator[bytes]:
    for _ in range(pieces):
        yield b"x" * 60_000
        threading.Event().wait(1.5)


def test_an_upload_and_its_answer_may_take_longer_than_other_answers(impatient: Front, keystone: KeystoneServer
                                                                     ) -> None:
    answer = requests.post(f"{impatient.url}/v1/upload", data=_slowly(3), timeout=60,
                           headers={"X-Auth-Token": keystone.token("configurator")})
    assert (answer.status_code, answer.json()) == (200, {"bytes": 180_000})


@pytest.mark.parametrize(("size", "status"), [(2 * fronts.BODY_BYTES_MAX, 200), ((3 << 20) + 1, 413)])
def test_an_upload_has_a_size_of_its_own(size: int, status: int, impatient: Front, keystone: KeystoneServer) -> None:
    """It says its size at the beginning, as command lines do, and is larger than other bodies may be."""
    answer = requests.post(f"{impatient.url}/v1/upload", data=b"x" * size, timeout=60,
                           headers={"X-Auth-Token": keystone.token("configurator")})
    assert answer.status_code == status


@pytest.mark.parametrize(("path", "status"), [("/v1/slow", 503), ("/v1/patient", 200)])
def test_only_what_says_so_may_take_long(impatient: Front, keystone: KeystoneServer, path: str, status: int) -> None:
    headers = {"X-Auth-Token": keystone.token("reader")}
    assert requests.get(f"{impatient.url}{path}", headers=headers, timeout=60).status_code == status
