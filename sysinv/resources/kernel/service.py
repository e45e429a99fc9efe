# SPDX-License-Identifier: Apache-2.0
"""Use cases of kernel types: show that of a host; change it, which is a change of the host's subfunctions."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.engine import Connection

from flock.db import Database
from sysinv.contract.enums import KernelType
from sysinv.db.lookup import host_row
from sysinv.hosts.work import Work
from sysinv.model.host import host_view
from sysinv.resources.host import store as hosts
from sysinv.resources.kernel.rules import check_modify, provisioned, with_kernel


class KernelService:
    """Kernel types of hosts; it also needs the operations, so its routes make it, and it is no ``SERVICE``."""

    def __init__(self, db: Database, work: Work) -> None:
        self._db = db
        self._work = work

    def get(self, ident: str) -> dict[str, Any]:
        """Return the kernel of a host; HostNotFound."""
        with self._db.reader() as conn:
            return _shown(host_row(conn, ident))

    def modify(self, ident: str, kernel: KernelType) -> dict[str, Any]:
        """Provision a kernel, and have the conductor tell mtce; HostMustBeLocked, HostRefused, OperationActive."""
        operation, shown = self._db.transact(lambda conn: self._modify(conn, ident, kernel))
        if operation is not None:
            self._work.begin(operation)
        return shown

    def _modify(self, conn: Connection, ident: str, kernel: KernelType) -> tuple[str | None, dict[str, Any]]:
        row = host_row(conn, ident, lock=True)
        view = host_view(row)
        check_modify(view)
        subfunctions = with_kernel(row["subfunctions"], kernel)
        if subfunctions == row["subfunctions"]:
            return None, _shown(row)
        hosts.write(conn, row, {"subfunctions": subfunctions})
        operation = self._work.configure(conn, row["uuid"], boot_file=False, name=view.name)
        return operation, _shown({**row, "subfunctions": subfunctions})


def _shown(host: Mapping[str, Any]) -> dict[str, Any]:
    return {"ihost_uuid": host["uuid"], "hostname": host["hostname"],
            "kernel_provisioned": provisioned(host["subfunctions"]), "kernel_running": host["kernel_running"]}
