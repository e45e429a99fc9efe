# SPDX-License-Identifier: Apache-2.0
"""Brings the content of releases to a host, and believes nothing that is not in the digest it was told."""
from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit

from flock import tls
from flock.core.errors import InvalidInput
from patching.backends.interface import Item
from patching.content import manifest as contents
from patching.content import spare
from patching.content.errors import ContentWrong, FetchFailed
from patching.content.manifest import FileEntry, Manifest
from patching.contract.records import Content
from patching.contract.version import split_release_id

SCHEMES = ("https", "http", "file")
READ_S = 30.0
BLOCK = 1 << 18
PART = ".part"
_TROUBLE = (urllib.error.URLError, http.client.HTTPException, OSError)
Told = Callable[[int, int], None]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The feed redirects nobody; who does is not the feed."""

    def redirect_request(self, *_args: Any, **_words: Any) -> None:
        return None


class Feed:
    """The feed at ``url``, such as ``https://controller:5497/feed``. ``authorities``: file of those trusted for https.

    The file is read for each request, because the authority may be replaced while the host runs.
    """

    def __init__(self, url: str, authorities: Path | None = None) -> None:
        if urlsplit(url).scheme not in SCHEMES:
            raise InvalidInput(field="feed_url", rule=f"must begin with one of {', '.join(SCHEMES)}, not {url!r:.80}")
        self.url = url.rstrip("/")
        self._authorities = authorities

    def small(self, path: str) -> bytes:
        """A file of at most 8 MiB. FetchFailed: it cannot be had."""
        with self._opened(path, 0) as stream:
            data: bytes = stream.read(contents.BYTES_MAX + 1)
        if len(data) > contents.BYTES_MAX:
            raise FetchFailed(detail=f"{self.url}/{path} is longer than {contents.BYTES_MAX} bytes.")
        return data

    def file(self, path: str, into: Path, entry: FileEntry, deadline: float) -> None:
        """Fetch one file whose size and digest are known; goes on where an earlier try has ended.

        FetchFailed: it cannot be had before ``deadline`` (monotonic seconds), or the disk is full; ContentWrong: the
        feed has something else. A wrong or refused file is removed.
        """
        into.parent.mkdir(parents=True, exist_ok=True)
        part = into.with_name(into.name + PART)
        done = part.stat().st_size if part.exists() else 0
        if done > entry.size:
            part.unlink()
            done = 0
        if done < entry.size or not entry.size:
            self._copy(path, part, done, entry, deadline)
        if part.stat().st_size < entry.size:
            raise FetchFailed(detail=f"{self.url}/{path} breaks off.")
        if contents.digest_of(part) != entry.sha256:
            part.unlink()
            raise ContentWrong(detail=f"{self.url}/{path} is not the file that the release names: its digest is "
                                      "another one.")
        _sync(part)
        part.rename(into)

    def _copy(self, path: str, part: Path, done: int, entry: FileEntry, deadline: float) -> None:
        with self._opened(path, done) as stream:
            # A server that knows no ranges begins anew.
            done = done if getattr(stream, "status", None) == http.client.PARTIAL_CONTENT else 0
            try:
                with part.open("r+b" if done else "wb") as out:
                    out.seek(done)
                    out.truncate()
                    for block in self._blocks(stream, path, deadline):
                        done += len(block)
                        if done > entry.size:
                            raise ContentWrong(detail=f"{self.url}/{path} is longer than the release says.")
                        out.write(block)
            except ContentWrong:
                part.unlink()
                raise
            except OSError as error:
                part.unlink(missing_ok=True)
                raise FetchFailed(detail=f"{part} cannot be written: {error.strerror or error}.") from error

    def _blocks(self, stream: IO[bytes], path: str, deadline: float) -> Iterator[bytes]:
        while True:
            if time.monotonic() > deadline:
                raise FetchFailed(detail=f"{self.url}/{path} has not arrived in time.")
            try:
                block = stream.read(BLOCK)
            except _TROUBLE as error:
                raise FetchFailed(detail=f"{self.url}/{path} breaks off: {error}.") from error
            if not block:
                return
            yield block

    @contextmanager
    def _opened(self, path: str, begin: int) -> Iterator[IO[bytes]]:
        request = urllib.request.Request(f"{self.url}/{quote(path)}")  # noqa: S310 - the scheme was checked
        if begin:
            request.add_header("Range", f"bytes={begin}-")
        opener = self._opener()
        try:
            stream = opener.open(request, timeout=READ_S)
        except urllib.error.HTTPError as error:
            error.close()
            raise FetchFailed(detail=f"{self.url}/{path} is refused with status {error.code}.",
                              status=error.code) from error
        except _TROUBLE as error:
            reason = getattr(error, "reason", error)
            raise FetchFailed(detail=f"{self.url}/{path} cannot be reached: {reason}.", status=(
                http.client.NOT_FOUND if isinstance(reason, FileNotFoundError) else 0)) from error
        with stream:
            yield stream


    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirect()]
        if urlsplit(self.url).scheme == "https" and self._authorities is not None:
            try:
                handlers.append(urllib.request.HTTPSHandler(context=tls.client_context(self._authorities)))
            except OSError as error:
                raise FetchFailed(detail=f"The authorities in {self._authorities} cannot be read: {error}.") from error
        return urllib.request.build_opener(*handlers)


class Store:
    """Content on a host: ``<directory>/<release id>``, complete where the manifest is there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def place(self, release_id: str) -> Path:
        """The directory of a release."""
        split_release_id(release_id)
        return self._directory / release_id

    def held(self, content: Content) -> Manifest | None:
        """The manifest of content that is complete here; None when it is not."""
        try:
            data = (self.place(content.release_id) / contents.NAME).read_bytes()
            return contents.parse(data, content.digest, content.release_id)
        except (OSError, ContentWrong):
            return None

    def items(self) -> list[tuple[str, Item]]:
        """Back end and file of all packages that are here."""
        found = []
        for path in sorted(self._directory.glob(f"*/{contents.NAME}")):
            try:
                data = path.read_bytes()
                manifest = contents.parse(data, hashlib.sha256(data).hexdigest(), path.parent.name)
            except (OSError, ContentWrong):
                continue
            found += [(manifest.backend, item) for item in manifest.at_hand(path.parent) if item.path.exists()]
        return found

    def bring(self, feed: Feed, content: Content, deadline: float, told: Told) -> Manifest:
        """Have the content here, and return its manifest; files that are here already are not fetched again.

        ``told(bytes, of_bytes)`` is called after each file. Errors as those of ``Feed.file``.
        """
        found = self.held(content)
        place = self.place(content.release_id)
        if found is not None and all(_is_whole(place / entry.path, entry) for entry in found.files
                                     if entry.path not in spare.absent(place)):
            return found
        data = feed.small(f"{content.path}/{contents.NAME}")
        manifest = contents.parse(data, content.digest, f"{contents.NAME} of {content.release_id}")
        (place / contents.NAME).unlink(missing_ok=True)
        gone = _gone(feed, content)
        wanted = [entry for entry in manifest.files if entry.path not in gone]
        self._fits(sum(entry.size for entry in wanted if not _is_whole(place / entry.path, entry)))
        done, total = 0, sum(entry.size for entry in wanted)
        for entry in wanted:
            if not _is_whole(place / entry.path, entry):
                feed.file(f"{content.path}/{entry.path}", place / entry.path, entry, deadline)
            if not entry.path.startswith(f"{contents.PACKAGES}/"):
                (place / entry.path).chmod(0o755)
            done += entry.size
            told(done, total)
        if gone:
            (place / spare.NAME).write_bytes(spare.text(gone))
        temporary = place / f".{contents.NAME}"
        temporary.write_bytes(data)
        _sync(temporary)
        temporary.rename(place / contents.NAME)
        return manifest

    def clean_up(self, keep: frozenset[str]) -> None:
        """Remove the content of all releases but ``keep``."""
        for path in self._directory.glob("*-*"):
            if path.name not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def _fits(self, size: int) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._directory).free
        if size > free:
            raise FetchFailed(detail=f"{self._directory} has {free >> 20} MiB left, but {(size >> 20) + 1} MiB are "
                                     "needed.")


def _gone(feed: Feed, content: Content) -> frozenset[str]:
    """The files of a committed release that the feed has no more."""
    try:
        return spare.paths(feed.small(f"{content.path}/{spare.NAME}"))
    except FetchFailed as error:
        if error.params.get("status") == http.client.NOT_FOUND:
            return frozenset()
        raise


def _is_whole(path: Path, entry: FileEntry) -> bool:
    try:
        return path.stat().st_size == entry.size and contents.digest_of(path) == entry.sha256
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
