# SPDX-License-Identifier: Apache-2.0
"""The conductor's and the API's shells on an in-memory bus: what is built serves, and ends."""
from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import webob

from flock import conf as flock_conf
from flock.db import Database, migrate
from flock.jobs.operations import Operations
from flock.jobs.steps import State
from flock.rpc import client, transport
from flock.testing.fixtures import private_conf
from flock.testing.services.process import wait_for
from sysinv.api import main
from sysinv.bootstrap.answers import parse
from sysinv.conductor.daemon import ConductorDaemon
from sysinv.conf import options
from sysinv.config import ordering
from sysinv.config.ordering import Change
from sysinv.contract.records import ConfigurationResult, StorageOrder, StorageResult
from sysinv.contract.rpc import Discovery, HostConfiguration, HostStorage, InventoryReports
from sysinv.hosts.seed import seed_system
from sysinv.hosts.work import Work
from sysinv.resources.disk.table import I_IDISK
from sysinv.resources.host.table import I_HOST
from sysinv.resources.operation.table import OPERATIONS

CONTROLLER_MAC, MAC = "08:00:27:00:00:01", "08:00:27:00:00:02"


@pytest.fixture
def conf(tmp_path: Path) -> Iterator[Any]:
    """Configuration of a controller whose bus is in memory and whose database holds a seeded system."""
    made = private_conf()
    flock_conf.register(made)
    options.register(made)
    bus = transport(made, "fake://service.tests@memory/")
    assert bus.messaging is not None
    made.set_override("transport_url", "fake://service.tests@memory/")
    made.set_override("exchange", f"test-{uuid.uuid4().hex}", group="rpc")
    url = f"sqlite:///{tmp_path}/sysinv.sqlite"
    for name, value, group in (
            ("connection", url, "database"), ("hostname", "controller-0", "sysinv"), ("unit", "", "dnsmasq"),
            ("secret_key_file", str(tmp_path / "secret.key"), "sysinv"), ("lease_interval_s", 1, "sysinv"),
            ("tftp_root", str(tmp_path / "tftp"), "dnsmasq")):
        made.set_override(name, value, group=group)
    made.set_override("state_dir", str(tmp_path))
    migrate.upgrade(url, "sysinv")
    db = Database(url)
    seed_system(db, parse({"admin_password": "sysadmin-1"}), CONTROLLER_MAC)
    db.dispose()
    yield made
    bus.close()


@pytest.fixture
def conductor(conf: Any) -> Iterator[ConductorDaemon]:
    daemon = ConductorDaemon(conf)
    daemon.start()
    yield daemon
    daemon.stop()


def test_the_conductor_writes_its_files_and_serves(conf: Any, conductor: ConductorDaemon, tmp_path: Path) -> None:
    assert "interface=pxeboot0" in (tmp_path / "dnsmasq/dnsmasq.conf").read_text()
    assert "flock.wait=1" in (tmp_path / "tftp/pxelinux.cfg/default").read_text()
    assert conductor.health.report()[0]
    bus = transport(conf)
    found = client(InventoryReports, bus).get_host_by_macs(macs=[CONTROLLER_MAC.upper()], hostname="")
    assert found is not None and found.hostname == "controller-0"
    assert client(InventoryReports, bus).get_host_by_macs(macs=["x"], hostname="nobody") is None
    client(Discovery, bus).handle_dhcp_lease(tags=["pxeboot"], mac=MAC, ip_address="169.254.202.9", client_id=None,
                                             expires_s=0)
    discovered = client(InventoryReports, bus).get_host_by_macs(macs=[MAC], hostname="")
    assert discovered is not None and discovered.hostname is None
    bus.close()


def test_a_recorded_operation_is_carried_out_after_a_nudge(conf: Any, conductor: ConductorDaemon,
                                                           tmp_path: Path) -> None:
    db = Database(conf.database.connection)
    operations = Operations(db, OPERATIONS, {}, owner="test")
    told: list[str] = []
    work = Work(operations, told.append)
    bus = transport(conf)
    reference = client(InventoryReports, bus).get_host_by_macs(macs=[CONTROLLER_MAC], hostname="")
    assert reference is not None
    with db.writer() as conn:
        operation = work.configure(conn, reference.uuid, boot_file=False)
    work.begin(operation)
    wait_for(lambda: told == [operation], 5, "the nudge")
    # Host maintenance does not answer on this bus: the step is repeated, the operation goes on.
    assert work.outcome(operation, 0.2) is None and work.first_refusal(operation, 0) is None
    work.close()
    bus.close()
    db.dispose()


def test_a_host_fetches_its_orders_for_disks_and_answers_them(conf: Any, conductor: ConductorDaemon) -> None:
    db, bus = Database(conf.database.connection), transport(conf)
    work = Work(Operations(db, OPERATIONS, {}, owner="test"), lambda _uuid: None)
    with db.writer() as conn:
        host = conn.execute(sa.select(I_HOST)).mappings().one()
        disk = conn.execute(sa.insert(I_IDISK).values(device_node="/dev/sdb", device_path="p", forihostid=host["id"]))
        disk_uuid = conn.execute(sa.select(I_IDISK.c.uuid)).scalar_one()
        operation = work.storage(conn, host["uuid"], {"change": "wipe", "uuid": disk_uuid, "skip_format": True},
                                 name="controller-0")
    assert disk.rowcount == 1
    storage = client(HostStorage, bus)
    assert storage.storage_orders(host_uuid=host["uuid"]) == [
        StorageOrder(operation, "wipe", "p", None, skip_format=True)]
    storage.storage_done(host_uuid=host["uuid"], result=StorageResult(operation))
    done = work.outcome(operation, 20)
    assert done is not None and done.state is State.DONE
    work.close()
    bus.close()
    db.dispose()


def test_a_host_fetches_its_configuration_over_the_bus_and_answers(conf: Any, conductor: ConductorDaemon) -> None:
    db, bus = Database(conf.database.connection), transport(conf)
    with db.writer() as conn:
        conn.execute(sa.update(I_HOST).values(invprovision="provisioned"))
        host = conn.execute(sa.select(I_HOST)).mappings().one()
        target = ordering.order(conn, Change("time zone", ("platform::config::timezone",)))
    proxy = client(HostConfiguration, bus)
    wanted = proxy.wanted_configuration(host_uuid=host["uuid"], certificate_pem="", uptime_s=5)
    assert (wanted.config_uuids, wanted.classes) == ([target], ["platform::config::timezone"])
    proxy.configuration_applied(host_uuid=host["uuid"], result=ConfigurationResult([target or ""]))
    with db.reader() as conn:
        assert conn.execute(sa.select(I_HOST.c.config_applied)).scalar_one() == target
    bus.close()
    db.dispose()


def test_the_api_is_built_with_all_its_services(conf: Any) -> None:
    app = main.application(conf)
    healthy = webob.Request.blank("/healthz").get_response(app)
    assert healthy.status_int == 200
    region = webob.Request.blank("/v1/isystems/region_id").get_response(app)
    assert json.loads(region.body) == {"region_name": "RegionOne"}
