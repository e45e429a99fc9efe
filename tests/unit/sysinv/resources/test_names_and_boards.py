# SPDX-License-Identifier: Apache-2.0
"""Names and BMC addresses with which a host would take what belongs to the system."""
from __future__ import annotations

import importlib
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_db.exception import DBError

from sysinv.model.hostname import RESERVED
from sysinv.resources.address.table import ADDRESSES
from sysinv.resources.host.table import I_HOST
from tests.unit.sysinv.resources.test_host_lifecycle import worker

NEW = {"hostname": "worker-7", "personality": "worker", "mgmt_mac": "08:00:27:bf:29:77"}
BOARD = {"bm_type": "redfish", "bm_ip": "10.10.20.101", "bm_username": "root", "bm_password": "s3cret-word"}


@pytest.mark.parametrize("name", [
    *RESERVED, "Controller", "CONTROLLER-2", "controller-mgmt", "localhost.localdomain", "pxeboot-1", "..", "-rf", ".",
    "oamcontroller-1", "worker-0-mgmt", "rack-cluster-host", "10.0.0.1", "7", "0x7f000001",
    "8c5c0a1b-0f6c-4a2e-8f0e-0d8c5c0a1b77"])
@pytest.mark.parametrize("personality", ["worker", "edgeworker"])
def test_no_host_takes_a_name_of_the_system(cloud: Any, name: str, personality: str) -> None:
    with cloud.db.reader() as conn:
        before = conn.execute(sa.select(ADDRESSES).order_by(ADDRESSES.c.id)).all()
    assert cloud.post("/v1/ihosts", {**NEW, "hostname": name, "personality": personality}).status == 400
    with cloud.db.reader() as conn:
        assert conn.execute(sa.select(ADDRESSES).order_by(ADDRESSES.c.id)).all() == before


@pytest.mark.parametrize("name", ["controller", "LOCALHOST", "pxecontroller", "controller-1"])
def test_the_database_gives_no_worker_a_name_of_the_system(cloud: Any, name: str) -> None:
    uuid = worker(cloud)
    with pytest.raises(DBError, match="_name"), cloud.db.engine.begin() as conn:
        conn.execute(sa.update(I_HOST).where(I_HOST.c.uuid == uuid).values(hostname=name))


def test_the_migration_has_the_names_of_the_rules() -> None:
    step = importlib.import_module("sysinv.db.migrations.versions.0004_names_of_the_system")
    assert step.RESERVED == RESERVED


@pytest.mark.parametrize("change", [{"bm_ip": "10.10.20.66"}, {"bm_type": "ipmi"}, {"bm_username": "admin"}])
def test_a_stored_password_goes_to_no_new_place(cloud: Any, change: dict[str, str]) -> None:
    uuid = worker(cloud)
    assert cloud.patch("/v1/ihosts/worker-0", **BOARD).status == 200
    cloud.settle()
    before = cloud.mtce.hosts[uuid]
    reply = cloud.patch("/v1/ihosts/worker-0", **change)
    assert reply.status == 400
    assert f"bm_password must be given together with a new {next(iter(change))}" in reply.fault
    cloud.settle()
    assert cloud.mtce.hosts[uuid] == before
    assert cloud.patch("/v1/ihosts/worker-0", **change, bm_password="another").status == 200
    # The same values again are no change.
    assert cloud.patch("/v1/ihosts/worker-0", **change).status == 200


@pytest.mark.parametrize("address", [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "224.0.0.1", "239.1.1.1", "255.255.255.255", "169.254.169.254", "240.0.0.1",
    "::ffff:a0a:1465", "::1", "ff02::1", "fe80::1", "fd00::1%eth0"])
def test_no_board_has_an_address_that_is_none(cloud: Any, address: str) -> None:
    worker(cloud)
    reply = cloud.patch("/v1/ihosts/worker-0", **{**BOARD, "bm_ip": address})
    assert reply.status == 400
    assert f"bm_ip {address}" in reply.fault or "same version" in reply.fault


def test_no_board_has_an_address_of_the_system(cloud: Any) -> None:
    worker(cloud)
    with cloud.db.reader() as conn:
        own = set(conn.execute(sa.select(ADDRESSES.c.address)).scalars())
    assert len(own) > 4
    for address in own:
        reply = cloud.patch("/v1/ihosts/worker-0", **{**BOARD, "bm_ip": address})
        assert reply.status == 400 and f"bm_ip {address}" in reply.fault
    pool = cloud.get("/v1/addrpools").body["addrpools"][0]
    network = pool["network"]
    assert "network or broadcast address" in cloud.patch(
        "/v1/ihosts/worker-0", **{**BOARD, "bm_ip": network}).fault or network.startswith("169.254.")
