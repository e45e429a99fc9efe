# SPDX-License-Identifier: Apache-2.0
"""The front serves the content of releases to hosts, and to nobody else; an agent fetches from it."""
from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from flock.testing.services.process import Process, find_program, free_port, port_open, wait_for
from patching.content import fetch
from sysinv.bootstrap.front import Listen, Published, nginx_conf
from tests.unit.patching.content import releases


class Front:
    """nginx with an address for hosts, and one for everybody."""

    def __init__(self, folder: Path, nginx: str) -> None:
        folder.chmod(0o755)
        self.feed = releases.Feed(folder)
        self.port = free_port()
        (folder / "nginx.conf").write_text(nginx_conf(
            [Listen("127.0.0.1", tls=False, hosts=True), Listen("127.0.0.2", tls=False)],
            [Published("patching", self.port, str(folder / "no.sock"), checks_tokens=False,
                       files=(("/feed/", f"{self.feed.repository.feed}/"),))],
            user="root" if os.geteuid() == 0 else "nobody", run_dir=str(folder), cache_dir=str(folder)))
        self.process = Process("nginx", [nginx, "-e", "stderr", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"],
                               folder)
        wait_for(lambda: port_open(self.port), 20, "nginx")

    def url(self, address: str = "127.0.0.1") -> str:
        return f"http://{address}:{self.port}/feed"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    nginx = find_program("nginx")
    if nginx is None:
        if os.environ.get("FLOCK_REQUIRE_SERVICES"):
            pytest.fail("nginx is not installed")
        pytest.skip("nginx is not installed")
    made = Front(tmp_path, nginx)
    yield made
    made.process.kill()


def test_a_host_fetches_a_release_and_goes_on_where_it_ended(front: Front, tmp_path: Path) -> None:
    content = front.feed.release("10.0.1", {"tool": "1.1"}, members={"post-install.sh": "#!/bin/sh\n"})
    store = fetch.Store(tmp_path / "host")
    whole = (front.feed.repository.feed / "starlingx-10.0.1/packages/tool_1.1.fake").read_bytes()
    part = store.place(content.release_id) / "packages/tool_1.1.fake.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(whole[:5])
    store.bring(fetch.Feed(front.url()), content, time.monotonic() + 20, lambda done, total: None)
    assert (store.place(content.release_id) / "packages/tool_1.1.fake").read_bytes() == whole


def test_the_feed_is_only_for_hosts_and_only_to_read(front: Front) -> None:
    front.feed.release("10.0.1", {"tool": "1.1"})
    path = "starlingx-10.0.1/content.json"
    assert requests.get(f"{front.url()}/{path}", timeout=10).json()["release_id"] == "starlingx-10.0.1"
    assert requests.get(f"{front.url('127.0.0.2')}/{path}", timeout=10).status_code == 503, "no API runs there"
    assert requests.put(f"{front.url()}/{path}", data="x", timeout=10).status_code == 403
    assert requests.get(f"{front.url()}/starlingx-10.0.1/", timeout=10).status_code == 403, "no lists of files"
    assert requests.get(f"{front.url()}/../nginx.conf", timeout=10).status_code != 200
    assert requests.get(f"{front.url()}/%2e%2e/releases/", timeout=10).status_code != 200
    missing = requests.get(f"{front.url()}/nothing", timeout=10)
    assert (missing.status_code, missing.headers["Content-Type"]) == (404, "application/json")
