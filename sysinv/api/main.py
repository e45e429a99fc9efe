# SPDX-License-Identifier: Apache-2.0
"""Builds sysinv-api: the services behind its routes, created in each worker process."""
from __future__ import annotations

from pathlib import Path
from typing import Any

from flock import rpc
from flock.api import build, build_app
from flock.api.watching import watched_health
from flock.auth.secrets import SecretBox
from flock.auth.session import OwnSession
from flock.core import slices
from flock.db import Database, from_conf
from flock.jobs.operations import Operations as StoredOperations
from fm.contract import catalogue
from fm.raiser import Raiser
from mtce.contract.rpc import MtceSensors
from patching.client import rest as patching
from sm.client.rest import SERVICE, SmApi
from sysinv.actions import checks
from sysinv.conf import options
from sysinv.contract.reports import RESOURCES
from sysinv.contract.rpc import BusAccounts, ControllerFiles, Operations
from sysinv.hosts.degradations import Degradations
from sysinv.hosts.installation import Installation, InstallSettings
from sysinv.hosts.servicemanagement import Api, NoApi, ServiceManagement
from sysinv.hosts.softwaremanagement import NoSoftware, Software
from sysinv.hosts.work import Work
from sysinv.resources.address.rules import NetworkInterfaces
from sysinv.resources.bulk.service import BulkService
from sysinv.resources.disk.service import DiskService
from sysinv.resources.health.service import HealthService
from sysinv.resources.host.service import HostService, HostSettings
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.partition.service import PartitionService
from sysinv.resources.sensorgroup.service import SensorService


def prepare() -> None:
    """Load all that an application is made of and that no other controller has: modules of resources, catalogues."""
    build.prepare("sysinv")
    slices.modules(RESOURCES, "service")
    checks.of_resources()
    catalogue.load()


def services(db: Database) -> list[Any]:
    """Return the services that need only the database: ``SERVICE`` of every resource that has one."""
    return [module.SERVICE(db) for module in slices.modules(RESOURCES, "service") if hasattr(module, "SERVICE")]


def application(conf: Any) -> Any:
    """Return the WSGI application of one worker."""
    options.register(conf)
    db = from_conf(conf)
    bus = rpc.transport(conf)
    conductor = rpc.client(Operations, bus)
    accounts, controllers = rpc.client(BusAccounts, bus), rpc.client(ControllerFiles, bus)
    hostname = options.own_hostname(conf)
    # The API only records operations and needs no steps; the conductor carries them out.
    operations = StoredOperations(db, OPERATIONS, {}, owner=f"sysinv-api@{hostname}")
    work = Work(operations, lambda uuid: conductor.operation_recorded(operation_uuid=uuid))
    settings = HostSettings(active_controller=hostname, action_wait_s=conf.sysinv.action_wait_s,
                            virtual=conf.sysinv.virtual)
    install = InstallSettings(interfaces=conf.bootstrap.interfaces,
                              agent_transport_url=conf.bootstrap.agent_transport_url,
                              heartbeat_key_file=Path(conf.sysinv.heartbeat_key_file),
                              authority_directory=Path(conf.bootstrap.authority_directory))
    box = SecretBox.create(conf.sysinv.secret_key_file)
    software = _software(conf)
    raiser, alarms_s = Raiser(bus, None), float(conf.sysinv.alarms_timeout_s)
    manager = ServiceManagement(_sm_api(conf), hostname, software, Degradations(raiser, catalogue.load(), alarms_s))
    hosts = HostService(db, work, box, settings, manager)
    return build_app(conf, "sysinv", deps=[
        manager, db, work, hosts,
        Installation(db, work, install, lambda uuid: accounts.renew_host_account(host_uuid=uuid),
                     lambda uuid: controllers.shared_files(host_uuid=uuid)),
        BulkService(db, hosts, work, hostname),
        PartitionService(db, work), DiskService(db, work),
        HealthService(db, raiser, catalogue.load(), software, hostname, alarms_s),
        SensorService(db, rpc.client(MtceSensors, bus)),
        NetworkInterfaces(conf.bootstrap.interfaces), *services(db)], health=watched_health(conf, bus, [Operations]))


def _sm_api(conf: Any) -> Api:
    if not conf.sysinv.sm_url:
        return NoApi()
    return SmApi(OwnSession(conf, SERVICE), conf.sysinv.sm_url, "sysinv", float(conf.sysinv.sm_timeout_s))


def _software(conf: Any) -> Software:
    if not conf.sysinv.software_url:
        return NoSoftware()
    session = OwnSession(conf, patching.SERVICE)
    return patching.PatchingApi(session, conf.sysinv.software_url, float(conf.sysinv.software_timeout_s))
