# SPDX-License-Identifier: Apache-2.0
"""Routes of ``storage_backend`` and of the collections of each type."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flock.api.call import Call
from flock.api.describe import Description, described, describes, patch_of
from flock.auth.policy import CONFIGURATOR, READER, Rule
from flock.wire.render import render
from flock.wire.resource import Resource, given
from sysinv.api.changes import plain_changes
from sysinv.api.inventory import AllItems, Inventory
from sysinv.contract.enums import BackendType
from sysinv.resources.storagebackend.fields import (
    CephBackend,
    ExternalBackend,
    ExternalCephBackend,
    FileBackend,
    LvmBackend,
    NewBackend,
    NewCephBackend,
    NewExternalCephBackend,
    RookBackend,
    StorageBackend,
)
from sysinv.resources.storagebackend.rules import POOLS, BackendRefused
from sysinv.resources.storagebackend.service import BackendService
from sysinv.resources.storagebackend.store import QUERY, shown
from sysinv.resources.storagebackend.table import STORAGE_BACKENDS

_CHANGEABLE = ("services", "capabilities")


@dataclass(frozen=True, slots=True)
class Kind:
    """The collection of one type: its record, the body of a POST, and what a PATCH may change."""

    backend: BackendType
    resource: type[Resource]
    new: type[Resource] = NewBackend
    changeable: tuple[str, ...] = _CHANGEABLE

    @property
    def path(self) -> str:
        """Path of the collection."""
        return str(self.resource.envelope)


KINDS = (
    Kind(BackendType.CEPH, CephBackend, NewCephBackend, (*_CHANGEABLE, *POOLS, "object_gateway", "network")),
    Kind(BackendType.ROOK, RookBackend), Kind(BackendType.CEPH_EXTERNAL, ExternalCephBackend, NewExternalCephBackend,
                                             (*_CHANGEABLE, "ceph_conf")),
    Kind(BackendType.LVM, LvmBackend), Kind(BackendType.FILE, FileBackend),
    Kind(BackendType.EXTERNAL, ExternalBackend))


class BackendPage(AllItems):
    """``/v1/<path>`` and ``/detail``. ``backend``: the one type that is shown; all types without it."""

    def __init__(self, resource: type[Resource], path: str, backend: BackendType | None = None) -> None:
        query = QUERY if backend is None else QUERY.where(STORAGE_BACKENDS.c.backend == backend.value)
        super().__init__(Inventory("storage backend", resource, query, STORAGE_BACKENDS, sorted_by="name",
                                   complete=lambda _call, row: shown(row)))
        self._path = path

    def get(self, call: Call) -> dict[str, Any]:
        """One page of storage back ends."""
        return self.page_of(call, self.inventory.query, self._path)


class BackendsController(BackendPage):
    """``/v1/<path>`` of one type."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind.resource, kind.path, kind.backend)
        self._kind = kind
        self.descriptions["post"] = described(body=kind.new, answers={200: kind.resource}, errors=(404, 409))

    def post(self, call: Call) -> dict[str, Any]:
        """Add a storage back end."""
        values, backend = given(call.body_as(self._kind.new)), self._kind.backend
        if values.pop("backend", backend) is not backend:
            raise BackendRefused(detail=f"backend: this collection has back ends of type {backend} only.")
        return render(self._kind.resource, call.deps(BackendService).add(backend, values), call.base_url)


class AnyBackendController:
    """``/v1/storage_backend/<uuid, id or name>``."""

    @describes(answers={200: StorageBackend})
    def get(self, call: Call) -> dict[str, Any]:
        """One storage back end."""
        return render(StorageBackend, call.deps(BackendService).get(call.args["uuid"]), call.base_url)

    @describes(errors=(409,))
    def delete(self, call: Call) -> None:
        """Delete a storage back end."""
        call.deps(BackendService).delete(call.args["uuid"])


class BackendController:
    """``/v1/<path>/<uuid, id or name>`` of one type."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.descriptions: dict[str, Description] = {
            "get": described(answers={200: kind.resource}),
            "patch": described(body=patch_of(kind.resource, kind.changeable), answers={200: kind.resource},
                               errors=(409,)),
            "delete": described(errors=(409,))}

    def get(self, call: Call) -> dict[str, Any]:
        """One storage back end."""
        row = call.deps(BackendService).get(call.args["uuid"], self._kind.backend)
        return render(self._kind.resource, row, call.base_url)

    def patch(self, call: Call) -> dict[str, Any]:
        """Change a storage back end; one whose configuration failed is configured again."""
        kind = self._kind
        changes = plain_changes(kind.resource, call.patch(allowed=kind.changeable, mandatory=kind.changeable))
        row = call.deps(BackendService).change(call.args["uuid"], kind.backend, changes)
        return render(kind.resource, row, call.base_url)

    def delete(self, call: Call) -> None:
        """Delete a storage back end."""
        call.deps(BackendService).delete(call.args["uuid"], self._kind.backend)


def _routes() -> dict[str, Any]:
    found: dict[str, Any] = {
        ALL: BackendPage(StorageBackend, "storage_backend"),
        f"{ALL}/detail": BackendPage(StorageBackend, "storage_backend"), f"{ALL}/{{uuid}}": AnyBackendController}
    for kind in KINDS:
        path = f"/v1/{kind.path}"
        found |= {path: BackendsController(kind), f"{path}/detail": BackendPage(kind.resource, kind.path, kind.backend),
                  f"{path}/{{uuid}}": BackendController(kind)}
    return found


ALL = "/v1/storage_backend"
ROUTES = _routes()
_NAME = "sysinv_api:storage_backend"
POLICY = (
    *(Rule(f"{_NAME}:get", READER, "GET", path) for path in ROUTES),
    *(Rule(f"{_NAME}:add", CONFIGURATOR, "POST", f"/v1/{kind.path}") for kind in KINDS),
    *(Rule(f"{_NAME}:modify", CONFIGURATOR, "PATCH", f"/v1/{kind.path}/{{uuid}}") for kind in KINDS),
    *(Rule(f"{_NAME}:delete", CONFIGURATOR, "DELETE", f"/v1/{kind.path}/{{uuid}}") for kind in KINDS),
    Rule(f"{_NAME}:delete", CONFIGURATOR, "DELETE", f"{ALL}/{{uuid}}"),
)
