# SPDX-License-Identifier: Apache-2.0
"""The output of `lab status`: the lab as a JSON value, and that value as text."""

from __future__ import annotations

import asyncio
from typing import Any

from devstack.virtualcloud import plan, sensors
from devstack.virtualcloud.lab import Lab
from devstack.virtualcloud.machine import Machine

Json = dict[str, Any]


async def host_status(lab: Lab, machine: Machine) -> Json:
    """Return one host: stage, power, addresses, faults, resource use, management controller."""
    record, cgroups = machine.record, lab.world.cgroups
    macs = {leg.network: leg.mac for leg in plan.legs(record.index, record.role, record.all_in_one)}
    addresses = await lab.world.networks.addresses(record.name) if record.power else {}
    memory_mib = await asyncio.to_thread(cgroups.memory_mib, record.name) if record.power else 0
    return {
        "name": record.name, "role": record.role, "stage": str(machine.state.shown_stage), "power": record.power,
        "detail": record.detail, "bootable": record.bootable, "boots": record.boots, "hardware": record.hardware,
        "disks_gib": list(record.disks), "ostree": record.ostree,
        "mac": macs["pxeboot"], "macs": macs, "addresses": addresses,
        "cut": list(record.cut), "loss": dict(record.loss), "sensors": dict(record.sensors),
        "health": str(sensors.worst(sensors.readings(record.sensors, record.power))),
        "bmc": {
            "address": plan.bmc_address(record.index), "protocols": list(record.bmc), "username": plan.BMC_USER,
            "password": lab.world.lab.bmc_password, "boot_override": record.override.target, "media": record.media,
        },
        "memory_mib": memory_mib, "cpu_ms": cgroups.cpu_ms(record.name),
    }  # fmt: skip


async def lab_status(lab: Lab) -> Json:
    """Return the whole lab."""
    hosts = await asyncio.gather(*(host_status(lab, machine) for machine in lab.machines.values()))
    return {
        "up": lab.world.lab.complete, "kind": lab.world.lab.kind,
        "hosts": list(hosts),
        "networks": [{"name": item.name, "interface": item.leg, "subnet": item.subnet} for item in plan.NETWORKS],
        "published": {str(here): f"{plan.OAM_FLOATING_ADDRESS}:{there}" for here, there in lab.publisher.ports.items()},
        "missing_features": lab.missing_features,
    }  # fmt: skip


def status_text(status: Json) -> str:
    """Return the lab as text in columns."""
    if not status["hosts"]:
        return "no hosts; bring a lab up: devstack/lab up standard"
    rows = [("HOST", "STAGE", "MIB", "BMC", "ADDRESSES", "FAULTS")]
    for host in status["hosts"]:
        addresses = " ".join(f"{name}={','.join(values)}" for name, values in host["addresses"].items())
        faults = [f"cut {name}" for name in host["cut"]]
        faults += [f"{name} loses {percent}%" for name, percent in host["loss"].items()]
        faults += [f"{name}={value:g}" for name, value in host["sensors"].items()]
        memory = str(host["memory_mib"]) if host["power"] else "-"
        rows.append(
            (host["name"], host["stage"], memory, host["bmc"]["address"], addresses or "-", ", ".join(faults) or "-")
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [f"  {host['name']}: {host['detail']}" for host in status["hosts"] if host["detail"]]
    lines.append(
        f"lab: {status['kind'] or 'not complete'}; networks: " + " ".join(item["name"] for item in status["networks"])
    )
    if status["published"]:
        pairs = (f"127.0.0.1:{here} -> {there}" for here, there in status["published"].items())
        lines.append("published: " + ", ".join(pairs))
    if status["missing_features"]:
        lines.append("not in this kernel: " + ", ".join(status["missing_features"]))
    return "\n".join(lines)
