# SPDX-License-Identifier: Apache-2.0
"""Initial content of the database: the system, its networks with pools and fixed addresses, controller-0."""
from __future__ import annotations

import ipaddress

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from flock.core.errors import InvalidInput
from flock.core.product import major_version
from flock.db import Database
from sysinv.bootstrap.answers import Answers, NetworkAnswer
from sysinv.contract.enums import Availability, InvProvision, NetworkType, Personality
from sysinv.db.lookup import the_system
from sysinv.db.single import single_tables
from sysinv.db.tables import METADATA
from sysinv.hosts.provision import assign_addresses
from sysinv.model.addressing import PoolView, controller_addresses, default_ranges
from sysinv.model.host import initial_states, normal_mac
from sysinv.model.hostname import CONTROLLER_0
from sysinv.model.system import SystemView
from sysinv.resources.address import store as addresses
from sysinv.resources.host import store as hosts
from sysinv.resources.network import store as networks
from sysinv.resources.serviceparameter import store as service_parameters
from sysinv.resources.system.table import I_SYSTEM

SEEDED_NETWORKS = (NetworkType.PXEBOOT, NetworkType.MGMT, NetworkType.CLUSTER_HOST, NetworkType.OAM)


def seed_system(db: Database, answers: Answers, controller_mac: str) -> bool:
    """Store the content in one transaction. Returns False, and changes nothing, when a system exists already.

    ``controller_mac`` is the MAC address of controller-0's pxeboot interface. InvalidInput names field and rule.
    """
    with db.writer() as conn:
        if conn.execute(sa.select(I_SYSTEM.c.id).limit(1)).first() is not None:
            return False
        mac = normal_mac(controller_mac)
        if mac is None:
            raise InvalidInput(field="controller_mac", rule="must be a MAC address")
        conn.execute(sa.insert(I_SYSTEM).values(
            name=answers.name, system_type=answers.system_type, system_mode=answers.system_mode,
            timezone=answers.timezone, region_name=answers.region_name, software_version=major_version(),
            capabilities={"vswitch_type": "none", "region_config": False, "sdn_enabled": False,
                          "https_enabled": False, "shared_services": "[]"}))
        system = the_system(conn)
        for settings in single_tables(METADATA):
            conn.execute(sa.insert(settings).values(isystem_id=system.id))
        service_parameters.seed(conn)
        for network_type in SEEDED_NETWORKS:
            _network(conn, system, network_type, answers.network(network_type))
        _controller(conn, system, mac)
    return True


def _network(conn: Connection, system: SystemView, network_type: str, answer: NetworkAnswer) -> None:
    subnet = ipaddress.ip_network(answer.subnet)
    ranges = default_ranges(str(subnet.network_address), subnet.prefixlen)
    if answer.pool_start and answer.pool_end:
        ranges = ((answer.pool_start, answer.pool_end),)
    pool = PoolView(
        id=0, uuid="", name=network_type, network=str(subnet.network_address), prefix=subnet.prefixlen,
        order="random", ranges=ranges, floating_address=answer.floating_address or answer.controller0_address,
        controller0_address=answer.controller0_address, controller1_address=answer.controller1_address,
        gateway_address=answer.gateway_address)
    pool_id = networks.add(conn, network_type, pool)
    for name, address in controller_addresses(pool, network_type, system.is_simplex).items():
        if address not in addresses.taken(conn, pool_id):
            addresses.add(conn, name, address, pool.prefix, pool_id, None)


def _controller(conn: Connection, system: SystemView, mac: str) -> None:
    # The controller runs this code, so it is online and needs no installation.
    states = initial_states() | {"availability": Availability.ONLINE.value}
    row = hosts.insert(conn, {
        **states, "hostname": CONTROLLER_0, "personality": Personality.CONTROLLER.value,
        "subfunctions": system.controller_subfunctions, "mgmt_mac": mac, "sw_version": major_version(),
        "invprovision": InvProvision.UNPROVISIONED.value, "forisystemid": system.id})
    assign_addresses(conn, system, row["id"], CONTROLLER_0)
