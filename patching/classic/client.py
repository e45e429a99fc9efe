# SPDX-License-Identifier: Apache-2.0
"""Client of the classic interface over the REST API. Results are the API's JSON objects."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from flock.cli.client import segment
from flock.cli.errors import ApiError
from patching.client.form import Form

Item = dict[str, Any]


class Api(Protocol):
    """The part of ``flock.cli.client.ApiClient`` that is used here."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any: ...

    def post(self, path: str, body: Any, query: Mapping[str, Any] | None = None) -> Any: ...

    def answer(self, method: str, path: str, body: Any = None, *, passed: Sequence[int] = (), data: Any = None,
               headers: Mapping[str, str] | None = None) -> tuple[int, Any]: ...


class Patches:
    """Requests about patches and hosts. Verbs return ``info``, ``warning`` and ``error``; a verb was carried out when
    ``error`` is empty."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def query(self, show: str = "all", release: str | None = None) -> dict[str, Item]:
        """The patches by id. ``show``: all, available, applied or committed."""
        found = _item(self._api.get("/patch/query", {"show": show, **({"release": release} if release else {})}))
        return dict(found.get("pd") or {})

    def show(self, ids: Sequence[str]) -> Item:
        """``metadata`` and ``contents`` by id, and ``error``."""
        return _item(self._api.get(f"/patch/show/{_path(ids)}"))

    def hosts(self) -> list[Item]:
        """The hosts whose agents have ever reported."""
        return list(_item(self._api.get("/patch/query_hosts")).get("data") or [])

    def upload(self, files: Sequence[Path]) -> Item:
        """Upload files."""
        form = Form(files)
        return _item(self._api.answer("POST", "/patch/upload", data=form,
                                      headers={"Content-Type": form.content_type})[1])

    def upload_directories(self, directories: Sequence[str]) -> Item:
        """Take in all patches in directories of the controller."""
        return _item(self._api.post("/patch/upload_dir", None, {f"dir{number}": name
                                                                for number, name in enumerate(directories)}))

    def act(self, verb: str, names: Sequence[str] = (), query: Mapping[str, str] | None = None) -> Item:
        """Carry out a verb about patches, a host or a release."""
        return _item(self._api.post(f"/patch/{verb}" + (f"/{_path(names)}" if names else ""), None, query or None))

    def what_requires(self, ids: Sequence[str]) -> Item:
        """Which patches require these, in ``info``."""
        return _item(self._api.get(f"/patch/what_requires/{_path(ids)}"))

    def dependencies(self, ids: Sequence[str], recursive: bool) -> Item:
        """``patches`` that these require, and ``error``."""
        query = {"recursive": "yes"} if recursive else None
        return _item(self._api.get(f"/patch/query_dependencies/{_path(ids)}", query))

    def is_in(self, state: str, ids: Sequence[str]) -> bool:
        """Whether all patches are ``applied`` or ``available``."""
        return self._api.get(f"/patch/is_{state}/{_path(ids)}") is True

    def application_uses(self) -> dict[str, list[str]]:
        """Ids of the patches that applications depend on."""
        return _item(self._api.get("/patch/query_app_dependencies"))


def _item(body: Any) -> Item:
    if not isinstance(body, dict):
        raise ApiError(502, "The API answered without an object.")
    return body


def _path(names: Sequence[str]) -> str:
    return "/".join(map(segment, names))
