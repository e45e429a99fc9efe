# SPDX-License-Identifier: Apache-2.0
"""Client of hosts and their inventory over the REST API. Results are the API's JSON objects."""
from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from flock.cli.client import segment
from flock.cli.commands import json_patch
from flock.cli.errors import ApiError, CliError
from sysinv.client.waiting import OPERATION

Item = dict[str, Any]
NEWEST = 10


class Api(Protocol):
    """The part of ``flock.cli.client.ApiClient`` that is used here."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any: ...

    def post(self, path: str, body: Any) -> Any: ...

    def put(self, path: str, body: Any) -> Any: ...

    def patch(self, path: str, body: Any) -> Any: ...

    def delete(self, path: str) -> None: ...

    def answer(self, method: str, path: str, body: Any = None, *, data: Any = None,
               headers: Mapping[str, str] | None = None) -> tuple[int, Any]: ...


class HostNotFound(CliError):
    """No host has that id, uuid or name."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"host not found: {ref}")


class Hosts:
    """Requests about hosts; ``ref`` is a host's id, uuid or hostname."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self) -> list[Item]:
        return listed(self._api.get("/v1/ihosts"), "ihosts")

    def get(self, ref: str) -> Item:
        """Raises HostNotFound."""
        try:
            return item(self._api.get(_path(ref)))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def create(self, values: Mapping[str, Any]) -> Item:
        return item(self._api.post("/v1/ihosts", dict(values)))

    def bulk_add(self, name: str, data: bytes, *, dry_run: bool) -> Item:
        """Send a file of hosts; the reply has ``success``, ``error`` and ``hosts``."""
        body, content_type = form(name, data)
        _, reply = self._api.answer("POST", f"/v1/ihosts/bulk_add{'?dry_run=true' if dry_run else ''}", data=body,
                                    headers={"Content-Type": content_type})
        return item(reply)

    def bulk_export(self, form: str) -> str:
        """Return all hosts as a file in the format ``form``."""
        return str(item(self._api.get("/v1/ihosts/bulk_export", {"format": form})).get("content", ""))

    def update(self, ref: str, changes: Mapping[str, Any]) -> Item:
        """Replace fields; ``{"action": "lock"}`` starts an action. Raises HostNotFound."""
        try:
            return item(self._api.patch(_path(ref), json_patch(changes)))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def resync(self, ref: str) -> Item:
        """Take the states of a host from host maintenance. Raises HostNotFound."""
        try:
            return item(self._api.post(f"{_path(ref)}/resync", {}))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def delete(self, ref: str) -> None:
        """Raises HostNotFound."""
        try:
            self._api.delete(_path(ref))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def watched(self, ref: str) -> Item:
        """Return a host with its newest action under ``operation`` (None without one). Raises HostNotFound."""
        found = self.get(ref)
        newest = listed(self._api.get(f"{_path(ref)}/operations", {"limit": NEWEST}), "operations")
        return {**found, OPERATION: next((one for one in newest if one.get("kind") == "action"), None)}

    def kernel(self, ref: str) -> Item:
        """Return which kernel a host should run and which it runs. Raises HostNotFound."""
        try:
            return item(self._api.get(f"{_path(ref)}/kernel"))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def modify_kernel(self, ref: str, kernel: str) -> Item:
        """Change which kernel a host should run. Raises HostNotFound."""
        try:
            return item(self._api.patch(f"{_path(ref)}/kernel", json_patch({"kernel_provisioned": kernel})))
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def children(self, ref: str, collection: str) -> list[Item]:
        """Return one inventory collection of a host, ``icpus`` for example. Raises HostNotFound."""
        try:
            return listed(self._api.get(f"{_path(ref)}/{collection}"), collection)
        except ApiError as problem:
            raise _host_error(problem, ref) from problem

    def assign_cpus(self, ref: str, requests: list[Item]) -> list[Item]:
        """Give functions to CPUs, as ``host_cpus_modify`` takes them; returns all CPUs. Raises HostNotFound."""
        try:
            return listed(self._api.put(f"{_path(ref)}/state/host_cpus_modify", requests), "icpus")
        except ApiError as problem:
            raise _host_error(problem, ref) from problem


def form(name: str, data: bytes) -> tuple[bytes, str]:
    """Return a ``multipart/form-data`` body with one part ``file``, and its content type."""
    boundary = uuid.uuid4().hex
    quoted = name.replace("\\", "\\\\").replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n")
    return (head.encode("utf-8", "replace") + data + f"\r\n--{boundary}--\r\n".encode(),
            f"multipart/form-data; boundary={boundary}")


def _path(ref: str) -> str:
    return f"/v1/ihosts/{segment(ref)}"


def _host_error(problem: ApiError, ref: str) -> CliError:
    return HostNotFound(ref) if problem.status == 404 else problem


def listed(body: Any, key: str) -> list[Item]:
    """Return the objects of a list reply; a missing key means an empty list."""
    found = body.get(key, []) if isinstance(body, dict) else []
    return [entry for entry in found if isinstance(entry, dict)]


def item(body: Any) -> Item:
    """Return the object of a reply; ApiError when it is not an object."""
    if not isinstance(body, dict):
        raise ApiError(502, "The API answered without an object.")
    return body


def one_of(items: list[Item], wanted: str, *fields: str, what: str) -> Item:
    """Return the item with ``wanted`` in one of ``fields``. Raises CliError when none or several have it."""
    found = [entry for entry in items if any(str(entry.get(name)) == wanted for name in fields)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise CliError(f"{what} not found: {wanted}")
    ids = ", ".join(str(entry.get("uuid")) for entry in found)
    raise CliError(f"{wanted} names more than one {what}: {ids}")
