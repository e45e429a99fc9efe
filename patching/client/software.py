# SPDX-License-Identifier: Apache-2.0
"""Client of software management over the REST API. Results are the API's JSON objects."""
from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from flock.cli.client import segment
from flock.cli.errors import ApiError
from patching.client.form import Form
from patching.client.sending import Api, NotSupported, Sending

Item = dict[str, Any]
REFUSED = 406
LARGE_BYTES = 8 << 20
"""What is smaller takes one request."""


class Software:
    """Requests about releases and their deployment. Those that change something return ``info``, ``warning`` and
    ``error``, which is empty when it was done."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def releases(self, state: str | None = None, release: str | None = None) -> list[Item]:
        query = {name: value for name, value in (("show", state), ("release", release)) if value}
        return _items(self._api.get("/v1/release", query))

    def release(self, release_id: str) -> Item:
        found = self._api.get(f"/v1/release/{segment(release_id)}")
        return found if isinstance(found, dict) else _no_object()

    def is_in(self, state: str, release_ids: Sequence[str]) -> bool:
        """Whether all releases are ``available``, ``deployed`` or ``committed``."""
        return self._api.get(f"/v1/release/{_segments(release_ids)}/is_{state}") is True

    def upload(self, paths: Sequence[Path], told: Callable[[int, int], None] | None = None) -> Item:
        """Upload files; ``told(bytes sent, bytes of all)`` is called meanwhile. Large ones go on where a connection
        breaks, if the API can do that."""
        if sum(path.stat().st_size for path in paths) >= LARGE_BYTES and all(path.stat().st_size for path in paths):
            with contextlib.suppress(NotSupported):
                files = Sending(self._api, told).send(paths)
                return self._order("POST", "/v1/release", {"files": files})
        form = Form(paths, told)
        return self._told(self._api.answer("POST", "/v1/release", passed=(REFUSED,), data=form,
                                           headers={"Content-Type": form.content_type}))

    def upload_local(self, paths: Sequence[str]) -> Item:
        """Take in files of the controller itself."""
        return self._told(self._api.answer("POST", "/v1/release", passed=(REFUSED,), data=json.dumps(list(paths)),
                                           headers={"Content-Type": "text/plain"}))

    def delete(self, release_ids: Sequence[str]) -> Item:
        return self._order("DELETE", f"/v1/release/{_segments(release_ids)}")

    def commit(self, release_ids: Sequence[str], dry_run: bool = False) -> Item:
        return self._order("POST", f"/v1/release/{_segments(release_ids)}/commit{'_dry_run' if dry_run else ''}", {})

    def deploys(self) -> list[Item]:
        return _items(self._api.get("/v1/deploy"))

    def hosts(self) -> list[Item]:
        return _items(self._api.get("/v1/deploy_host"))

    def begin(self, step: str, release_id: str, force: bool, options: Sequence[str], region: str | None = None) -> Item:
        """``precheck`` or ``start``."""
        body: Item = {"releases": [release_id]}
        if force:
            body["force"] = "true"
        if options:
            body["options"] = list(options)
        if region:
            body["region_name"] = region
        return self._order("POST", f"/v1/deploy/{step}", body)

    def step(self, step: str, force: bool = False) -> Item:
        """``activate``, ``activate_rollback``, ``complete``, ``abort``; ``force``: without scripts that have failed."""
        return self._order("POST", f"/v1/deploy/{step}", {"force": True} if force else {})

    def end(self) -> Item:
        return self._order("DELETE", "/v1/deploy")

    def host(self, hostname: str, back: bool, force: bool) -> Item:
        """Install on a host, or take back there."""
        path = f"/v1/deploy_host/{segment(hostname)}{'/rollback' if back else ''}{'/force' if force else ''}"
        return self._order("POST", path)

    def install_local(self, delete: bool) -> Item:
        return self._order("POST", "/v1/deploy_host/install_local", {"delete": delete})

    def _order(self, method: str, path: str, body: Any = None) -> Item:
        return self._told(self._api.answer(method, path, body, passed=(REFUSED,)))

    @staticmethod
    def _told(answer: tuple[int, Any]) -> Item:
        return answer[1] if isinstance(answer[1], dict) else _no_object()


def _no_object() -> Item:
    raise ApiError(502, "The API answered without an object.")


def _items(body: Any) -> list[Item]:
    return [item for item in body if isinstance(item, dict)] if isinstance(body, list) else []


def _segments(names: Sequence[str]) -> str:
    return "/".join(map(segment, names))
