# SPDX-License-Identifier: Apache-2.0
"""The requests of an installing host, made without a Keystone token: report progress, fetch its configuration."""
from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy.engine import Connection

from flock import tls
from flock.core.errors import Forbidden, Unavailable
from flock.db import Database, utcnow
from mtce.contract import pulsekey
from sysinv.actions.progress import stored_install_state
from sysinv.contract.enums import InstallState, NetworkType, Personality
from sysinv.contract.errors import HostNotFound
from sysinv.contract.records import SharedFile
from sysinv.db.lookup import Row, host_row, the_system
from sysinv.hosts import credentials
from sysinv.hosts.binding import Machine, parse_neighbours, refusal
from sysinv.hosts.bundle import CloudFacts, HostFacts, Leg, render_bundle
from sysinv.hosts.issuing import issue_for_host
from sysinv.hosts.provision import host_addresses
from sysinv.hosts.work import Work
from sysinv.model.addressing import PoolView
from sysinv.model.host import HostRefused
from sysinv.model.hostfiles import bundle_purpose
from sysinv.model.hostname import CONTROLLER_NAMES
from sysinv.model.system import SystemView
from sysinv.resources.address import store as addresses
from sysinv.resources.host import store as hosts
from sysinv.resources.network import store as networks
from sysinv.resources.system.table import I_SYSTEM

LOG = logging.getLogger(__name__)
TOKEN_BYTES = 32
INFO_MAX = 255
NEIGHBOURS = Path("/proc/net/arp")


class TokenRefused(Forbidden):
    """The install token is missing, wrong, used or expired."""

    code: ClassVar[str] = "sysinv.install.token_refused"
    text: ClassVar[str] = "The install token is not valid for this host. Reinstall the host to get a fresh one."


@dataclass(frozen=True, slots=True)
class InstallSettings:
    """Content of bundles that does not come from the database."""

    interfaces: Mapping[str, str]
    agent_transport_url: str | None
    heartbeat_key_file: Path
    authority_directory: Path


def new_token(ttl_s: float, now: datetime.datetime) -> tuple[str, dict[str, Any]]:
    """Return a new token for the boot file in clear text, and the columns that store its hash."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    return token, {"install_token_hash": token_hash(token),
                   "install_token_expires_at": now + datetime.timedelta(seconds=ttl_s),
                   "install_token_key": None, "install_token_address": None}


def token_hash(token: str) -> str:
    """Return the hash under which a token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def token_fits(row: Row, token: str | None, now: datetime.datetime) -> bool:
    """Return whether ``token`` is the host's current one and has not expired."""
    stored, expires = row["install_token_hash"], row["install_token_expires_at"]
    if not token or not stored or expires is None or now >= expires:
        return False
    return hmac.compare_digest(stored, token_hash(token))


def _installing_host(conn: Connection, ident: str, token: str | None, now: datetime.datetime, *,
                     lock: bool = False) -> Row:
    """The host whose current token this is; TokenRefused in all other cases, so that nobody can look for hosts."""
    try:
        row = host_row(conn, ident, lock=lock)
    except HostNotFound:
        raise TokenRefused() from None
    if not token_fits(row, token, now):
        raise TokenRefused()
    return row


class Installation:
    """Stores progress and serves configurations."""

    def __init__(self, db: Database, work: Work, settings: InstallSettings, renew_account: Callable[[str], str],
                 controller_files: Callable[[str], Sequence[SharedFile]] = lambda _uuid: (),
                 now: Callable[[], datetime.datetime] = utcnow, neighbours: Path = NEIGHBOURS) -> None:
        self._db = db
        self._work = work
        self._renew_account = renew_account
        self._controller_files = controller_files
        self._neighbours = neighbours
        self._settings = settings
        self._now = now

    def progress(self, ident: str, state: str, info: str | None, token: str | None) -> None:
        """Store a step of a locked host's installation; ``installed`` invalidates the token.

        Raises TokenRefused, also for a host that does not exist, and HostRefused for a host that is in service.
        """
        now = self._now()
        ended: str | None = None
        with self._db.writer() as conn:
            row = _installing_host(conn, ident, token, now, lock=True)
            if row["administrative"] != "locked":
                raise HostRefused(detail=f"Host {row['hostname'] or row['uuid']} is not being installed.")
            values: dict[str, Any] = {
                "install_state": stored_install_state(state), "install_state_info": (info or "")[:INFO_MAX] or None,
                "install_state_at": now}
            if state == InstallState.INSTALLED:
                values |= {"install_token_hash": None, "install_token_expires_at": None}
                ended = self._work.configure(conn, row["uuid"], boot_file=False, installed=True,
                                             name=row["hostname"] or "")
            hosts.write(conn, row, values)
        if ended is not None:
            self._work.begin(ended)
        LOG.info("host %s reports installation %s %s", row["hostname"] or row["uuid"], state, info or "")

    def configuration(self, ident: str, token: str | None, request_pem: str, address: str) -> dict[str, str]:
        """Return ``{"sealed": text}``: the bundle of the host that sends its token, sealed for the key of its request.

        It has a new password for the host's account of the bus.

        ``address`` is where the request (PEM) came from. The first request binds the token to key and address. Raises
        TokenRefused, also for an unknown host, BadRequest, Unavailable.
        """
        with self._db.writer() as conn:
            row = _installing_host(conn, ident, token, self._now(), lock=True)
            if not row["hostname"]:
                raise TokenRefused()
            # After the token: nobody else's request is parsed.
            key = tls.request_key(request_pem)
            machine = Machine(tls.public_fingerprint(key), address, self._mac_at(address))
            reason = refusal(machine, row["mgmt_mac"], row["install_token_key"], row["install_token_address"])
            if reason is not None:
                LOG.warning("host %s: the bundle is refused: %s", row["hostname"], reason)
                raise TokenRefused()
            if row["install_token_key"] is None:
                hosts.write(conn, row, {"install_token_key": machine.key, "install_token_address": address})
            system = the_system(conn)
            pools = networks.pools_by_network(conn)
            facts = HostFacts(
                uuid=row["uuid"], hostname=row["hostname"], personality=row["personality"],
                subfunctions=row["subfunctions"] or "", software_version=row["sw_version"],
                legs=_legs(row["hostname"], pools, host_addresses(conn, system, row["hostname"])))
            cloud = self._cloud(conn, system, pools)
        # After the writing ends: the conductor reads the host too, and the broker may take its time.
        issued = issue_for_host(self._settings.authority_directory, facts.hostname, request_pem, self._now())
        files = self._controller_files(facts.uuid) if facts.personality == Personality.CONTROLLER else ()
        bundle = render_bundle(facts, cloud, self._renew_account(facts.uuid), issued, files)
        with self._db.writer() as conn:
            row, now = host_row(conn, facts.uuid, lock=True), self._now()
            credentials.bundle_given(conn, row["id"], tls.lifetime(issued.certificate.encode()).end, now)
        return {"sealed": tls.seal_for(key, json.dumps(bundle).encode(), bundle_purpose(row["uuid"]))}

    def _mac_at(self, address: str) -> str | None:
        try:
            return parse_neighbours(self._neighbours.read_text()).get(address)
        except OSError as error:
            raise Unavailable(service="installation", reason=f"{self._neighbours} cannot be read: {error}") from error

    def _cloud(self, conn: Connection, system: SystemView, pools: Mapping[str, PoolView]) -> CloudFacts:
        if not self._settings.agent_transport_url:
            raise Unavailable(service="installation", reason="[bootstrap] agent_transport_url is not set")
        mgmt = pools[NetworkType.MGMT]
        names = [(mgmt.floating_address or "", "controller controller.internal")]
        pxeboot = pools.get(NetworkType.PXEBOOT)
        if pxeboot is not None and pxeboot.floating_address:
            names.append((pxeboot.floating_address, "pxecontroller"))
        names += [(address, f"{hostname} {hostname}.internal")
                  for hostname, address in sorted(addresses.ending(conn, NetworkType.MGMT).items())
                  if hostname != "controller"]
        region = conn.execute(I_SYSTEM.select().where(I_SYSTEM.c.id == system.id)).mappings().one()["region_name"]
        return CloudFacts(
            system_uuid=system.uuid, system_type=system.system_type, system_mode=system.system_mode,
            region_name=region, floating_mgmt=mgmt.floating_address or "", names=tuple(names),
            interfaces=self._settings.interfaces, agent_transport_url=self._settings.agent_transport_url,
            heartbeat_key=read_key(self._settings.heartbeat_key_file))


def read_key(path: Path) -> bytes:
    """Return the cluster's heartbeat key from its file; Unavailable when it cannot be read."""
    try:
        return pulsekey.parse(path.read_text())
    except (OSError, ValueError) as error:
        raise Unavailable(service="installation", reason=f"the heartbeat key cannot be read: {error}") from error


def _legs(hostname: str, pools: Mapping[str, PoolView], own: Mapping[str, str]) -> tuple[Leg, ...]:
    legs: list[Leg] = []
    for network in (NetworkType.PXEBOOT, NetworkType.MGMT, NetworkType.CLUSTER_HOST, NetworkType.OAM):
        pool = pools.get(network)
        if pool is None or (network == NetworkType.OAM and hostname not in CONTROLLER_NAMES):
            continue
        legs.append(Leg(network, own.get(network), pool.prefix, pool.gateway_address))
    return tuple(leg for leg in legs if leg.address or leg.network_type == NetworkType.PXEBOOT)
