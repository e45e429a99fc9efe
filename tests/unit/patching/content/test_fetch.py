# SPDX-License-Identifier: Apache-2.0
"""Content on its way to a host: over HTTP, with everything that a server, a disk or a line can do wrong."""
from __future__ import annotations

import datetime
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from flock import tls
from flock.core.errors import InvalidInput
from flock.core.records import replace
from patching.content import fetch
from patching.content.errors import ContentWrong, FetchFailed
from patching.content.fetch import Feed, Store
from patching.contract.records import Content
from tests.unit.patching.content import releases


class Handler(SimpleHTTPRequestHandler):
    """Serves a directory, with ranges; ``asked`` has what was asked for. ``mood``: how it fails."""

    asked: list[tuple[str, str]] = []
    mood = ""

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range", "")))
        path = Path(self.translate_path(self.path))
        if self.mood == "redirect":
            self.send_response(302)
            self.send_header("Location", path.as_uri())
            self.end_headers()
            return
        if not path.is_file():
            self.send_error(404)
            return
        data = path.read_bytes() + (b"more" if self.mood == "long" and path.suffix == ".fake" else b"")
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        cut = self.mood == "cut" and path.suffix == ".fake" and not begin
        self.wfile.write(data[begin:len(data) // 2] if cut else data[begin:])

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[releases.Feed]:
    feed = releases.Feed(tmp_path)
    Handler.asked, Handler.mood = [], ""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "software/feed")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    feed.url = f"http://127.0.0.1:{server.server_port}"
    yield feed
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "host")


def bring(store: Store, feed: releases.Feed, content: Content, in_s: float = 30.0) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    store.bring(Feed(feed.url), content, time.monotonic() + in_s, lambda done, total: told.append((done, total)))
    return told


def test_content_arrives_whole_with_progress(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1", "other": "2"}, members={"post-install.sh": "#!/bin/sh\n"})
    told = bring(store, served, content)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1] > 0
    place = store.place(content.release_id)
    assert (place / "packages/tool_1.1.fake").exists()
    assert (place / "hooks/post-install.sh").stat().st_mode & 0o100
    held = store.held(content)
    assert held is not None and [item.version for item in held.items(place)] == ["2", "1.1"]


def test_what_is_there_is_not_fetched_again(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    bring(store, served, content)
    Handler.asked.clear()
    bring(store, served, content)
    assert Handler.asked == []


def test_a_file_that_was_damaged_on_the_host_is_fetched_again(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1", "other": "2"})
    bring(store, served, content)
    path = store.place(content.release_id) / "packages/tool_1.1.fake"
    path.write_text("damaged")
    Handler.asked.clear()
    bring(store, served, content)
    assert [asked for asked, _ in Handler.asked] == [
        f"/{content.release_id}/{name}" for name in ("content.json", "absent.json", "packages/tool_1.1.fake")]
    assert "damaged" not in path.read_text()


def test_a_fetch_that_broke_off_goes_on_where_it_ended(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    Handler.mood = "cut"
    with pytest.raises(FetchFailed, match="breaks off"):
        bring(store, served, content)
    assert store.held(content) is None
    part = store.place(content.release_id) / "packages/tool_1.1.fake.part"
    arrived = part.stat().st_size
    Handler.mood = ""
    bring(store, served, content)
    assert arrived > 0 and Handler.asked[-1][1] == f"bytes={arrived}-"


def test_another_file_under_the_same_name_is_refused_and_removed(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    path = served.repository.feed / "starlingx-10.0.1/packages/tool_1.1.fake"
    path.write_text(path.read_text().replace("1.1", "6.6"))
    with pytest.raises(ContentWrong, match="is not the file that the release names"):
        bring(store, served, content)
    assert not list(store.place(content.release_id).rglob("*.part"))


def test_a_feed_that_lies_about_the_digest_is_refused(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    with pytest.raises(ContentWrong, match="content.json of starlingx-10.0.1 has the digest"):
        bring(store, served, replace(content, digest="0" * 64))


@pytest.mark.parametrize(("mood", "words"), [("long", "longer than the release says"), ("redirect", "status 302")])
def test_a_server_that_misbehaves_is_refused(served: releases.Feed, store: Store, mood: str, words: str) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    Handler.mood = mood
    with pytest.raises((FetchFailed, ContentWrong), match=words):
        bring(store, served, content)


def test_a_server_that_does_not_answer_is_told_by_name(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    served.url = "http://127.0.0.1:1"
    with pytest.raises(FetchFailed, match="http://127.0.0.1:1/starlingx-10.0.1/content.json cannot be reached"):
        bring(store, served, content)


def test_a_release_that_the_feed_has_not_is_told_with_the_status(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    served.repository.remove("starlingx-10.0.1")
    with pytest.raises(FetchFailed, match="content.json is refused with status 404"):
        bring(store, served, content)


def test_time_is_bounded(served: releases.Feed, store: Store) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    with pytest.raises(FetchFailed, match="has not arrived in time"):
        bring(store, served, content, in_s=-1.0)


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(served: releases.Feed, store: Store,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    content = served.release("10.0.1", {"tool": "1.1"})
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: usage._replace(free=0))
    with pytest.raises(FetchFailed, match="has 0 MiB left, but 1 MiB are needed"):
        bring(store, served, content)
    assert [asked for asked, _ in Handler.asked] == [
        f"/starlingx-10.0.1/{name}" for name in ("content.json", "absent.json")]


def test_a_file_feed_serves_tests_and_hosts_that_boot_without_network(tmp_path: Path, store: Store) -> None:
    feed = releases.Feed(tmp_path)
    content = feed.release("10.0.1", {"tool": "1.1"})
    bring(store, feed, content)
    assert store.held(content) is not None


@pytest.mark.parametrize("url", ["ftp://x/feed", "/opt/feed", ""])
def test_other_schemes_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="feed_url"):
        Feed(url)


def test_content_of_other_releases_is_cleaned_up(served: releases.Feed, store: Store) -> None:
    first, second = served.release("10.0.1", {"tool": "1.1"}), served.release("10.0.2", {"tool": "1.2"})
    bring(store, served, first)
    bring(store, served, second)
    store.clean_up(frozenset({second.release_id}))
    assert store.held(first) is None and store.held(second) is not None


@contextmanager
def over_tls(folder: Path, name: str, trusted: Path) -> Iterator[str]:
    """A server of ``folder`` with a certificate of a new authority ``name``, which is in ``trusted``; its URL."""
    now = datetime.datetime.now(datetime.UTC)
    made, key = tls.Authority.create(name, now), tls.new_key()
    certificate = made.issue(tls.new_request(key, "localhost"), tls.Usage.SERVER, "localhost",
                             ["localhost", "127.0.0.1"], now)
    (trusted.parent / "front.crt").write_bytes(certificate)
    (trusted.parent / "front.key").write_bytes(key)
    trusted.write_bytes(made.certificate_pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    context = tls.server_context(trusted.parent / "front.crt", trusted.parent / "front.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_authority_that_is_replaced_is_trusted_without_a_restart(tmp_path: Path) -> None:
    """The host's agent runs on while the authority of the cloud is replaced."""
    trusted, folder = tmp_path / "ca.crt", tmp_path / "feed"
    folder.mkdir()
    (folder / "content.json").write_text("{}")
    with over_tls(folder, "first", trusted) as url:
        feed = Feed(url, trusted)
        assert feed.small("content.json") == b"{}"
    with over_tls(folder, "second", trusted) as url:
        feed.url = url
        assert feed.small("content.json") == b"{}"
        trusted.unlink()
        with pytest.raises(FetchFailed, match="authorities in .* cannot be read"):
            feed.small("content.json")
