# SPDX-License-Identifier: Apache-2.0
"""Inventory and host maintenance, both real, with a bus that loses, delays and doubles, and crashes of either.

Requests, actions, deletions, signs of life and failures come in random order. At no time a record goes back to an older
one, or a host that is gone comes back. When the bus works again and both have had time, they hold the same hosts with
the same records, states, task and action.
"""
import datetime
from random import Random

import pytest
import sqlalchemy as sa

from flock.auth.secrets import SecretBox
from flock.core.backoff import Backoff
from flock.core.errors import DeadlineExceeded, FlockError, Unavailable
from flock.core.records import replace
from flock.db import Database
from flock.db.outbox import Policy, Relay
from flock.jobs.operations import Operations
from flock.sim import seeds
from flock.wire.patch import PatchOp
from mtce.conductor import messages
from mtce.conductor.bmcsecret import receiver
from mtce.conductor.loop import Loop
from mtce.conductor.requests import AgentRequests, HostRequests
from mtce.conductor.store import Store
from mtce.contract.bmcsecret import sealed_for
from mtce.contract.records import MtcAlive
from mtce.core.settings import Settings
from mtce.db.tables import METADATA as MTCE_TABLES
from mtce.db.tables import OUTBOX
from sysinv.bootstrap.answers import parse
from sysinv.conductor.agreement import Agreement
from sysinv.conductor.dhcp import DnsmasqPaths
from sysinv.conductor.dnsmasq import BootFiles, Dnsmasq
from sysinv.conductor.endpoints import HostStatesEndpoint
from sysinv.conductor.maintenance import mtce_host
from sysinv.conductor.steps import HostSteps, StepSettings
from sysinv.conf import options
from sysinv.db.lookup import host_row, the_system
from sysinv.db.tables import METADATA
from sysinv.hosts.discovery import HostDiscovery
from sysinv.hosts.provision import host_addresses
from sysinv.hosts.seed import seed_system
from sysinv.hosts.work import Work
from sysinv.resources.host import store as hosts
from sysinv.resources.host.service import HostService, HostSettings
from sysinv.resources.host.table import I_HOST
from sysinv.resources.memory.table import I_IMEMORY
from sysinv.resources.node.table import I_NODE
from sysinv.resources.operation.table import OPERATIONS
from tests.manualclock import ManualClock

STEPS = 100
ACTIONS = ("force-unlock", "lock", "force-lock", "reboot", "reset", "power-off", "power-on", "reinstall")


class Crash(BaseException):
    """The process that was about to call, or had called, is gone."""


class Wire:
    """A client whose requests meet the fate that the cloud deals out."""

    def __init__(self, cloud, target):
        self._cloud, self._target = cloud, target

    def __getattr__(self, name):
        def call(**arguments):
            def deliver():
                return getattr(self._target(), name)(**arguments)

            fate = self._cloud.fate()
            if fate == "lost":
                raise Unavailable(service="bus", reason="lost")
            if fate == "crash-before":
                raise Crash
            if fate in ("delayed", "doubled"):
                self._cloud.delayed.append(deliver)
            if fate == "delayed":
                raise DeadlineExceeded(what=name, timeout_s=1)
            answer = deliver()
            if fate == "answer-lost":
                raise DeadlineExceeded(what=name, timeout_s=1)
            if fate == "crash-after":
                raise Crash
            return answer

        return call


class Effects:
    """Host maintenance does nothing to hosts here."""

    def perform(self, view, record, actions): pass

    def watch(self, view): pass

    def forget(self, uuid): pass

    def delivered_soon(self): pass

    def pulses_session(self): return True


class Cloud:
    """Both subsystems on databases of their own, and everything that may happen to them."""

    FATES = ("lost", "crash-before", "delayed", "doubled", "answer-lost", "crash-after")

    def __init__(self, folder, seed):
        self.random, self.troubled, self.delayed, self.boots = Random(seed), True, [], 0
        self.clock, self.later_s = ManualClock(), 0
        self.revisions, self.seen = {}, set()
        self.db = Database(f"sqlite:///{folder}/sysinv", sqlite_synchronous=False)
        self.mtce_db = Database(f"sqlite:///{folder}/mtce", sqlite_synchronous=False)
        METADATA.create_all(self.db.engine)
        MTCE_TABLES.create_all(self.mtce_db.engine)
        seed_system(self.db, parse({"admin_password": "sysadmin-1", "system_mode": "duplex"}), "08:00:27:00:00:01")
        with self.db.writer() as conn:
            hosts.write(conn, host_row(conn, "controller-0"), {"administrative": "unlocked", "operational": "enabled",
                                                               "availability": "available"})
        dnsmasq = Dnsmasq(self.db, DnsmasqPaths(str(folder / "d"), str(folder / "t"), "/bin/true"),
                          options.NETWORK_INTERFACES, unit="")
        self.discovery = HostDiscovery(self.db, self)
        self.states = HostStatesEndpoint(self.db)
        to_mtce = Wire(self, lambda: self.requests)
        self.steps = HostSteps(self.db, to_mtce, BootFiles(folder / "t"), dnsmasq, self.discovery,
                               StepSettings("controller-0", 3600, 30, 6385, folder / "key"))
        self.to_mtce, self.box = to_mtce, SecretBox.create(folder / "key")
        self.start_sysinv()
        self.start_mtce()

    # -- life of the two ---------------------------------------------------------------------------------------------

    def start_sysinv(self):
        self.operations = Operations(self.db, OPERATIONS, self.steps.kinds(), owner="sysinv", clock=self.now)
        self.operations.resume()
        self.work = Work(self.operations, lambda uuid: None)
        self.service = HostService(self.db, self.work, self.box, HostSettings("controller-0", 0, 0))
        self.agreement = Agreement(self.db, self.to_mtce, self.steps, self.operations)

    def start_mtce(self):
        store = Store(self.mtce_db, self.clock)
        self.loop = Loop(store, Settings(host_add_delay_ms=1_000), Effects(), self.clock, "controller-0")
        self.loop.start()
        self.requests = HostRequests(self.loop, Effects(), "controller-0", receiver(lambda: self.box))
        self.agents = AgentRequests(self.loop)
        inventory = messages.Inventory(Wire(self, lambda: self.states))
        handlers = {kind: lambda payload: None for kind in (
            messages.ALARM_SET, messages.ALARM_CLEAR, messages.CUSTOMER_LOG, messages.FORGET)}
        self.relay = Relay(store.outbox, {**handlers, messages.STATE: inventory.tell}, owner="mtce",
                           policy=Policy(retry=Backoff(0.001, 0.001, jitter=0.0)))

    def restart_mtce(self):
        assert self.loop.stop(10)
        self.start_mtce()

    def now(self):
        return datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self.later_s)

    def fate(self):
        return self.random.choice(self.FATES) if self.troubled and self.random.random() < 0.3 else "well"

    def log_event(self, *_, **__):
        return "1"

    # -- what may happen ---------------------------------------------------------------------------------------------

    def host(self):
        with self.db.reader() as conn:
            others = [row for row in hosts.all_rows(conn) if row["hostname"] != "controller-0"]
        return self.random.choice(others) if others else None

    def change(self, uuid, **values):
        self.service.change(uuid, [PatchOp("replace", (name,), value) for name, value in values.items()])

    def add(self):
        number = self.random.randrange(2, 6)
        uuid = self.discovery.lease(["pxeboot"], f"08:00:27:00:01:0{number}", "169.254.202.9", 0)
        if uuid is None:
            return
        self.change(uuid, personality="worker", hostname=f"worker-{number}")
        with self.db.writer() as conn:
            row = host_row(conn, uuid)
            hosts.write(conn, row, {"inv_state": "inventoried"})
            node = conn.execute(sa.insert(I_NODE).values(numa_node=0, forihostid=row["id"])).inserted_primary_key[0]
            conn.execute(sa.insert(I_IMEMORY).values(forihostid=row["id"], forinodeid=node, node_memtotal_mib=64_000,
                                                     platform_reserved_mib=12_000))

    def board(self):
        row, number = self.host(), self.random.randrange(2, 250)
        if row is not None:
            self.change(row["uuid"], bm_type="redfish", bm_ip=f"10.10.20.{number}", bm_username=f"u{number}",
                        bm_password="secret")

    def act(self):
        row = self.host()
        if row is not None:
            self.change(row["uuid"], action=self.random.choice(ACTIONS))

    def delete(self):
        row = self.host()
        if row is not None:
            self.service.delete(row["uuid"])

    def work_on(self):
        self.later_s += self.random.choice((0, 1, 5, 40))
        self.operations.run_due(self.random.choice((1, 10)))

    def deliver(self):
        self.relay.deliver_due()

    def audit(self):
        self.agreement.audit()

    def late_message(self):
        if self.delayed:
            self.delayed.pop(self.random.randrange(len(self.delayed)))()

    def alive(self):
        row = self.host()
        if row is not None:
            self.boots += self.random.choice((0, 1))
            self.agents.mtc_alive(alive=MtcAlive(row["uuid"], row["hostname"] or "", f"boot-{self.boots}", 100, 1, True,
                                                 True, True, False, None, False))
            self.settle()

    def time_passes(self):
        for _ in range(self.random.choice((1, 5, 40))):
            self.clock.advance(1_000)
            self.settle()

    def settle(self):
        for _ in range(2):
            self.loop.ask(lambda: None, 10)

    def crash_mtce(self):
        self.restart_mtce()

    def crash_sysinv(self):
        self.start_sysinv()

    def something(self):
        happening = self.random.choice((
            self.add, self.add, self.board, self.board, self.act, self.act, self.delete, self.work_on, self.work_on,
            self.work_on, self.deliver, self.deliver, self.audit, self.late_message, self.late_message, self.alive,
            self.alive, self.time_passes, self.crash_mtce, self.crash_sysinv))
        try:
            happening()
        except Crash:
            (self.crash_mtce if happening == self.deliver else self.crash_sysinv)()
        except FlockError:
            pass  # refused, or the bus was away: it is the callers' to try again

    def check(self):
        """What holds at every moment."""
        with self.db.reader() as conn:
            known = {row["uuid"] for row in hosts.all_rows(conn)}
        self.seen |= known
        held = {entry.view.uuid: entry.record.revision for entry in self.loop.roster.all()}
        assert not held.keys() & (self.seen - known), "a host that is gone came back"
        older = {uuid for uuid, revision in held.items() if revision < self.revisions.get(uuid, 0)}
        assert not older, "an older record won"
        self.revisions.update(held)

    # -- the end -----------------------------------------------------------------------------------------------------

    def calm_down(self):
        """The bus works again. Late messages still come, then both have time for what they do by themselves."""
        self.troubled = False
        while self.delayed:
            try:
                self.late_message()
            except FlockError:
                pass  # nobody waits for the answer of a late message
            self.check()
        self.start_sysinv()
        self.restart_mtce()
        for _ in range(8):
            self.later_s += 40
            while self.operations.run_due():
                self.later_s += 1
            while self.relay.deliver_due():
                pass
            self.agreement.audit()
            self.check()

    def told(self):
        """What inventory says of every host with a role: the record, and what it shows of maintenance's words."""
        found = {}
        with self.db.reader() as conn:
            for row in hosts.all_rows(conn):
                addresses = host_addresses(conn, the_system(conn), row["hostname"]) if row["hostname"] else {}
                record = mtce_host(row, addresses)
                if record is not None:
                    found[row["uuid"]] = (self.plain(record), (
                        row["administrative"], row["operational"], row["availability"], row["task"] or "",
                        row["mtce_action"] or "none"))
        return found

    def held(self):
        return {entry.view.uuid: (self.plain(entry.record),
                                  (*entry.view.states(), entry.view.task, str(entry.view.action)))
                for entry in self.loop.roster.all()}

    def plain(self, record):
        """The record without what maintenance writes, its BMC password opened."""
        opened = None if record.bm_secret is None else self.box.unseal(
            record.bm_secret, sealed_for(record.uuid, record.bm_ip, record.bm_username))
        return replace(record, state_sequence=0, administrative="", operational="", availability="", bm_secret=opened)

    def close(self):
        self.loop.stop(10)
        self.work.close()
        self.db.dispose()
        self.mtce_db.dispose()


@pytest.mark.parametrize("seed", seeds(12))
@pytest.mark.timeout(300)
def test_both_agree_when_the_trouble_is_over(tmp_path, seed):
    cloud = Cloud(tmp_path, seed)
    try:
        for _ in range(STEPS):
            cloud.something()
            cloud.check()
        cloud.calm_down()
        assert len(cloud.seen) > 1 and cloud.held(), "nothing has happened"
        assert cloud.held() == cloud.told()
        assert cloud.agreement.trouble() is None
        with cloud.mtce_db.reader() as conn:
            assert conn.execute(sa.select(sa.func.count()).select_from(OUTBOX)).scalar() == 0
        with cloud.db.reader() as conn:
            wished = conn.execute(sa.select(I_HOST.c.hostname, I_HOST.c.ihost_action, I_HOST.c.action_text)).all()
        resting = {entry.view.hostname for entry in cloud.loop.roster.all() if entry.view.action == "none"}
        assert [row for row in wished if row.hostname in resting and (row.ihost_action or row.action_text)] == []
    finally:
        cloud.close()
