# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host's PTP instances: the configuration file and the command line of each."""
from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import InterfaceType
from sysinv.db.lookup import Row
from sysinv.resources.interface.hiera import device_name
from sysinv.resources.interface.store import view_of
from sysinv.resources.interface.view import HostInterfaces, InterfaceView
from sysinv.resources.ptpinstance import store
from sysinv.resources.ptpinstance.rules import InstanceView
from sysinv.resources.ptpinstance.service import PUPPET_CLASS
from sysinv.resources.ptpparameter import store as parameters
from sysinv.resources.ptpparameter.rules import GLOBAL, TABLE_ID, Parameter

# Programs that read a configuration file of linuxptp; the platform only stores the other services.
PROGRAMS = frozenset({"ptp4l", "phc2sys", "ts2phc", "synce4l"})
# This parameter has the options of the command line, and is not in the file.
OPTIONS = "cmdline_opts"
Sections = dict[str, dict[tuple[str, str], None]]


@dataclass(frozen=True, slots=True)
class Use:
    """A PTP interface with its parameters on an interface of the host."""

    instance_id: int
    interface_id: int
    parameters: Sequence[Parameter] = ()


def ptp_config(view: HostInterfaces, instances: Collection[InstanceView], owned: Mapping[int, Sequence[Parameter]],
               uses: Collection[Use]) -> dict[str, dict[str, Any]]:
    """Return service, options and sections of the instances by name. ``owned``: parameters by the instance's id.

    A section is a pair of its name and of pairs of parameter and value, in the order in which linuxptp wants them.
    """
    found = {}
    for one in instances:
        if one.service not in PROGRAMS:
            continue
        sections = _sections(one, owned.get(one.id, ()))
        for use in uses:
            if use.instance_id == one.id:
                for device in devices(view, view.of(use.interface_id)):
                    _set(sections.setdefault(device, {}), use.parameters)
        options = next((each.value for each in owned.get(one.id, ())
                        if (each.section, each.name) == (GLOBAL, OPTIONS)), "")
        found[one.name] = {"service": one.service, "options": _unquoted(options), "sections": [
            [name, [list(pair) for pair in pairs]] for name, pairs in sections.items()]}
    return found


def devices(view: HostInterfaces, one: InterfaceView) -> list[str]:
    """Return the devices of the kernel that have the clocks of an interface: those of its members if it is a bond."""
    if one.iftype == InterfaceType.AE:
        return [name for lower in view.lowers(one) for name in devices(view, lower)]
    if one.iftype not in (InterfaceType.ETHERNET, InterfaceType.VLAN):
        return []
    name = device_name(view, one)
    return [] if name is None else [name]


def _sections(one: InstanceView, owned: Sequence[Parameter]) -> Sections:
    """Return the sections of an instance itself; several instances of ptp4l on one host need a socket each."""
    defaults = [("message_tag", one.name)]
    if one.service == "ptp4l":
        defaults.append(("uds_address", f"/var/run/ptp4l-{one.name}"))
    given = {each.name for each in owned if each.section == GLOBAL}
    sections: Sections = {GLOBAL: dict.fromkeys(pair for pair in defaults if pair[0] not in given)}
    # A table has its id first.
    for each in sorted(owned, key=lambda parameter: parameter.name != TABLE_ID):
        if (each.section, each.name) != (GLOBAL, OPTIONS):
            sections.setdefault(each.section, {})[(each.name, each.value)] = None
    return sections


def _set(section: dict[tuple[str, str], None], given: Sequence[Parameter]) -> None:
    """Give a section parameters that have one value each; later PTP interfaces come before earlier ones."""
    for one in given:
        for pair in [pair for pair in section if pair[0] == one.name]:
            del section[pair]
        section[(one.name, one.value)] = None


def _unquoted(text: str) -> str:
    """Return options without the quotes that operators put around them for their shell."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    instances = store.of_host(conn, host["id"]) if host["clock_synchronization"] == "ptp" else {}
    if not instances:
        return {f"{PUPPET_CLASS}::config": {}}
    on_interfaces = store.interfaces_of_host(conn, host["id"], instances)
    of_interfaces = parameters.of_owners(conn, parameters.OF_INTERFACE, {row["ptp_interface_id"]
                                                                          for row in on_interfaces})
    uses = [Use(row["ptp_instance_id"], row["interface_id"], of_interfaces[row["ptp_interface_id"]])
            for row in on_interfaces]
    owned = parameters.of_owners(conn, parameters.OF_INSTANCE, instances)
    return {f"{PUPPET_CLASS}::config": ptp_config(view_of(conn, host), instances.values(), owned, uses)}


PLUGIN = Plugin(classes=(PuppetClass(PUPPET_CLASS, rank=60),), host=_host)
