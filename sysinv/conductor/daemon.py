# SPDX-License-Identifier: Apache-2.0
"""Shell of sysinv-conductor: builds, starts and stops its parts. Decisions are in other modules."""
from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from flock import kubernetes, rpc
from flock.auth.keystone import KeystoneWatch
from flock.conf import shared
from flock.core.health import Health
from flock.db import from_conf
from flock.jobs.operations import Operations as StoredOperations
from flock.jobs.periodics import Periodics
from flock.rpc.admin import BusAdmin
from fm.contract.rpc import FmManager
from fm.raiser import Raiser, busalarm, refusals
from fm.raiser.busalarm import BusAlarm
from mtce.contract.rpc import MtceHosts
from sysinv.actions.progress import ActionLimits, InstallLimits
from sysinv.conductor import configuration as configurations
from sysinv.conductor import nodelabels, pairing, units
from sysinv.conductor.accounts import HostAccounts, keeper
from sysinv.conductor.agreement import Agreement
from sysinv.conductor.audits import Audits
from sysinv.conductor.backends import INTERVAL_S as BACKENDS_INTERVAL_S
from sysinv.conductor.backends import BackendAudits
from sysinv.conductor.boards import Boards
from sysinv.conductor.busguard import BusGuard
from sysinv.conductor.configuration import ConfigurationAudits, ConfigurationEndpoint
from sysinv.conductor.controllerfiles import ControllerFilesEndpoint
from sysinv.conductor.credentials import CredentialsEndpoint
from sysinv.conductor.dhcp import DnsmasqPaths
from sysinv.conductor.dnsmasq import BootFiles, Dnsmasq
from sysinv.conductor.endpoints import DiscoveryEndpoint, HostStatesEndpoint, OperationsEndpoint
from sysinv.conductor.expiry import CertificateWatch
from sysinv.conductor.hierafiles import HieraFiles
from sysinv.conductor.neighbours import LateAlarms, NeighboursEndpoint
from sysinv.conductor.nodelabels import NodeLabels
from sysinv.conductor.profiles import AwaitedProfiles, ProfileSteps
from sysinv.conductor.steps import HostSteps, StepSettings
from sysinv.conductor.storage import StorageEndpoint, StorageSteps
from sysinv.conductor.versions import SoftwareVersionsEndpoint
from sysinv.conf import options
from sysinv.contract.rpc import (
    BusAccounts,
    ControllerFiles,
    Credentials,
    Discovery,
    HostConfiguration,
    HostStates,
    HostStorage,
    InventoryReports,
    Neighbours,
    Operations,
    SensorReports,
    SoftwareVersions,
    SysinvAgent,
)
from sysinv.hosts.discovery import HostDiscovery
from sysinv.hosts.inventory import InventoryIntake
from sysinv.model import busaccounts
from sysinv.resources.host import store as hosts
from sysinv.resources.hostfilesystem.service import adopt as adopt_filesystems
from sysinv.resources.interface.service import adopt_ports
from sysinv.resources.operation.table import OPERATIONS
from sysinv.resources.sensorgroup.service import SensorReportsEndpoint

PRUNE_INTERVAL_S = 3600
LATE_ALARMS_INTERVAL_S = 60


class ConductorDaemon:
    """Serves agents, the lease script and mtce; carries out operations; runs the audits."""

    def __init__(self, conf: Any) -> None:
        options.register(conf)
        self.health = Health()
        hostname = options.own_hostname(conf)
        self._db = from_conf(conf)
        self._transport = rpc.transport(conf)
        self._raiser = Raiser(self._transport, Path(conf.state_dir) / "sysinv" / "raiser-conductor")
        mtce = rpc.client(MtceHosts, self._transport, deadline_s=float(conf.sysinv.mtce_timeout_s))
        directory = options.dnsmasq_directory(conf)
        paths = DnsmasqPaths(str(directory), conf.dnsmasq.tftp_root, options.lease_script(conf),
                             "" if options.dnsmasq_user(conf) is None else conf.dnsmasq.user,
                             conf.dnsmasq.upstream_file)
        self._dnsmasq = Dnsmasq(self._db, paths, conf.bootstrap.interfaces, conf.dnsmasq.unit)
        self._boot_files = BootFiles(Path(conf.dnsmasq.tftp_root), options.dnsmasq_user(conf))
        discovery = HostDiscovery(self._db, self._raiser)
        files = HieraFiles(shared.HIERA if shared.DIRECTORY.is_dir() else None)
        self._faults = faults = rpc.client(FmManager, self._transport)
        self._configurations = ConfigurationAudits(self._db, self._agent_of, self._raiser, faults, files)
        steps = self._steps(conf, mtce, discovery)
        self._operations = self._stored_operations(steps, hostname, conf.sysinv.operation_threads)
        admin = _bus_admin(conf)
        self._accounts = HostAccounts(self._db, admin, self._transport.exchange, hostname,
                                      self._transport.gate.refusals.note, keep=keeper(shared.BUS_DEFINITIONS))
        self._boards = Boards(self._db, Path(conf.sysinv.secret_key_file))
        self._guard = None if admin is None else BusGuard(
            admin, conf.bus_admin.port, busaccounts.HOST_CONNECTIONS_MAX, self._transport.gate.refusals.note,
            exchange=self._transport.exchange)
        self._credentials = CredentialsEndpoint(
            self._db, admin, Path(conf.bootstrap.authority_directory), self._agent_of, hostname)
        self._certificates = CertificateWatch(
            self._db, Path(conf.bootstrap.tls_directory), hostname, self._raiser, faults,
            lambda: units.start(conf.sysinv.renewal_unit))
        self._interfaces_of = functools.partial(options.interfaces_of, conf)
        intake = InventoryIntake(self._db, virtual=conf.sysinv.virtual, interfaces_of=self._interfaces_of,
                                 inventoried=AwaitedProfiles(self._operations).inventoried)
        self._server = rpc.Server(self._transport, hostname, {
            InventoryReports: intake,
            Discovery: DiscoveryEndpoint(discovery, self._dnsmasq.refresh),
            HostStates: HostStatesEndpoint(self._db),
            SoftwareVersions: SoftwareVersionsEndpoint(self._db),
            SensorReports: SensorReportsEndpoint(self._db.transact),
            Operations: OperationsEndpoint(self._operations.nudge),
            BusAccounts: self._accounts,
            ControllerFiles: ControllerFilesEndpoint(self._db, hostname, self._boards.write),
            Credentials: self._credentials,
            HostConfiguration: ConfigurationEndpoint(self._db, files, Path(conf.bootstrap.authority_directory),
                                                     Path(conf.sysinv.secret_key_file)),
            HostStorage: StorageEndpoint(self._db, self._operations.nudge),
            Neighbours: NeighboursEndpoint(self._db, conf.bootstrap.interfaces, hostname,
                                           lambda: options.own_interfaces(conf)),
        }, threads_max=conf.sysinv.conductor_threads, hostname_of=intake.hostname_of)
        self._periodics = self._audits(conf, mtce, steps, discovery)
        self._keystone = KeystoneWatch(conf)
        self._add_alarms(hostname)
        self._servers = rpc.ServerWatch(self._transport, [MtceHosts, FmManager])
        self.health.add("versions", self._servers.mismatch)
        self.health.add("discovery", discovery.trouble)
        self.health.add("bus", self._server.trouble)

    def start(self) -> None:
        """Write dnsmasq's files, give ports and hosts of an earlier release what these lack, then serve.

        Raises when the database cannot be reached.
        """
        self._boot_files.write_default()
        self._dnsmasq.refresh()
        adopt_ports(self._db, self._interfaces_of)
        adopt_filesystems(self._db)
        self._server.start()
        self._servers.start()
        self._operations.start()
        self._keystone.start()
        self._periodics.start()

    def stop(self) -> None:
        """Finish steps and requests that have begun; stored operations resume at the next start."""
        # Does not wait for an audit that still waits for a reply: it runs again after the next start.
        self._periodics.stop(1.0)
        self._keystone.stop()
        self._servers.stop()
        self._server.stop()
        self._operations.stop()
        self._raiser.stop()
        self._transport.close()
        self._db.dispose()

    def _steps(self, conf: Any, mtce: MtceHosts, discovery: HostDiscovery) -> HostSteps:
        return HostSteps(
            self._db, mtce, self._boot_files, self._dnsmasq, discovery,
            StepSettings(active_controller=options.own_hostname(conf),
                         install_token_ttl_s=conf.sysinv.install_token_ttl_s,
                         mtce_step_timeout_s=conf.sysinv.mtce_step_timeout_s,
                         api_port=conf.api.bind_port or options.API_PORT,
                         secret_key_file=Path(conf.sysinv.secret_key_file),
                         authority_file=options.boot_authority(conf)),
            waits_for_fetch=self._configurations.waits_for_fetch)

    def _stored_operations(self, steps: HostSteps, hostname: str, threads_max: int) -> StoredOperations:
        kinds = steps.kinds() | StorageSteps(self._db, self._agent_of).kinds()
        kinds |= ProfileSteps(self._db, self._raiser).kinds()
        return StoredOperations(self._db, OPERATIONS, kinds, owner=f"sysinv-conductor@{hostname}",
                                threads_max=threads_max)

    def _agent_of(self, host: str) -> SysinvAgent:
        return rpc.client(SysinvAgent, self._transport, host)

    def _hostnames(self) -> set[str]:
        with self._db.reader() as conn:
            return {row["hostname"] for row in hosts.all_rows(conn) if row["hostname"]}

    def _add_alarms(self, hostname: str) -> None:
        tell = busalarm.spooled(self._raiser)
        bus = BusAlarm(hostname, "sysinv-conductor", self._server.trouble, tell)
        keystone = BusAlarm(hostname, "keystone", self._keystone.trouble, tell, problem="checks no tokens")
        self._periodics.add("bus_alarm", busalarm.INTERVAL_S, bus.audit, first_after_s=5.0)
        self._periodics.add("keystone_alarm", busalarm.INTERVAL_S, keystone.audit, first_after_s=5.0)
        self._periodics.add("refusals", refusals.INTERVAL_S,
                            refusals.RefusalReport(self._transport, self._hostnames).send)

    def _audits(self, conf: Any, mtce: MtceHosts, steps: HostSteps, discovery: HostDiscovery) -> Periodics:
        chosen = conf.sysinv
        audits = Audits(
            self._db, mtce, steps, self._dnsmasq, discovery,
            install=InstallLimits(chosen.install_silent_s, chosen.boot_silent_s),
            action=ActionLimits(chosen.lock_clear_s, chosen.force_lock_resend_s, chosen.force_lock_clear_s),
            token_ttl_s=chosen.install_token_ttl_s)
        agreement = Agreement(self._db, mtce, steps, self._operations)
        self.health.add("maintenance", agreement.trouble)
        periodics = Periodics("sysinv-audits")
        periodics.add("install_states", chosen.audit_interval_s, audits.install_states)
        periodics.add("host_actions", chosen.audit_interval_s, audits.host_actions)
        periodics.add("leases", chosen.lease_interval_s, audits.leases, first_after_s=1.0)
        periodics.add("maintenance", chosen.mtce_audit_interval_s, agreement.audit, first_after_s=1.0)
        periodics.add("boot_files", chosen.audit_interval_s, audits.boot_files)
        periodics.add("bus", conf.bus_admin.audit_interval_s, self._accounts.audit, first_after_s=1.0)
        if shared.DIRECTORY.is_dir():
            periodics.add("boards", chosen.audit_interval_s, self._boards.write, first_after_s=2.0)
        if self._guard is not None:
            periodics.add("bus_memory", conf.bus_admin.guard_interval_s, self._guard.audit, first_after_s=1.0)
        periodics.add("credentials", chosen.credentials_interval_s, self._credentials.audit)
        periodics.add("certificates", chosen.certificates_interval_s, self._certificates.audit, first_after_s=30.0)
        pair = pairing.Pairing(self._db, options.own_hostname(conf), self._raiser,
                               lambda: units.start(conf.sysinv.pairing_unit))
        periodics.add("pairing", pairing.INTERVAL_S, pair.audit, first_after_s=5.0)
        mine = self._configurations
        periodics.add("configuration", configurations.TELL_INTERVAL_S, mine.tell, first_after_s=1.0)
        periodics.add("configuration_alarms", configurations.ALARM_INTERVAL_S, mine.alarms, first_after_s=10.0)
        periodics.add("configuration_retry", chosen.audit_interval_s, mine.retry)
        periodics.add("configuration_prune", configurations.PRUNE_INTERVAL_S, mine.prune)
        if conf.kubernetes.kubeconfig:
            labels = NodeLabels(self._db, kubernetes.connect(conf.kubernetes.kubeconfig, nodelabels.TIMEOUT_S))
            self.health.add("node_labels", labels.trouble)
            periodics.add("node_labels", nodelabels.INTERVAL_S, labels.audit, first_after_s=5.0)
        backends = BackendAudits(self._db, self._raiser, self._faults)
        periodics.add("storage_backends", BACKENDS_INTERVAL_S, backends.follow, first_after_s=2.0)
        periodics.add("storage_backend_alarms", configurations.ALARM_INTERVAL_S, backends.alarms, first_after_s=10.0)
        late = LateAlarms(self._db, self._faults, self._raiser)
        periodics.add("late_alarms", LATE_ALARMS_INTERVAL_S, late.audit)
        periodics.add("prune", PRUNE_INTERVAL_S, lambda: self._operations.prune(chosen.operation_history_s))
        return periodics


def _bus_admin(conf: Any) -> BusAdmin | None:
    """None where the controller may not administer the broker."""
    chosen = conf.bus_admin
    return BusAdmin(chosen.url, chosen.account, chosen.password, chosen.vhost) if chosen.password else None
