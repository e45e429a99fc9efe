# SPDX-License-Identifier: Apache-2.0
"""Hiera data of a host's CPUs: which of them the platform uses, and kernel arguments that keep it off the others."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.engine import Connection

from flock.core.ranges import ranges
from sysinv.config.hiera import Plugin, PuppetClass
from sysinv.contract.enums import CpuFunction
from sysinv.db.lookup import Row
from sysinv.model.host import host_view
from sysinv.resources.cpu import store
from sysinv.resources.cpu.intake import StoredCpu

# Functions whose CPUs the kernel's scheduler leaves alone.
ISOLATED = frozenset({CpuFunction.APPLICATION_ISOLATED, CpuFunction.VSWITCH})


def cpu_data(cpus: Sequence[StoredCpu], *, has_worker_function: bool) -> dict[str, Any]:
    """Return the hiera keys of a host's CPUs.

    The kernel arguments keep the platform's threads and interrupts on the platform's CPUs, and the tick and RCU
    callbacks off all others (admin-guide/kernel-parameters of Linux). A host without worker function has none.
    """
    platform = ranges(cpu.cpu for cpu in cpus if cpu.allocated_function == CpuFunction.PLATFORM)
    others = ranges(cpu.cpu for cpu in cpus if cpu.allocated_function != CpuFunction.PLATFORM)
    isolated = ranges(cpu.cpu for cpu in cpus if cpu.allocated_function in ISOLATED)
    options: list[str] = []
    if has_worker_function and platform and others:
        options = [f"kthread_cpus={platform}", f"irqaffinity={platform}", f"nohz_full={others}", f"rcu_nocbs={others}"]
        if isolated:
            options.append(f"isolcpus=nohz,domain,managed_irq,{isolated}")
    return {
        "platform::compute::params::platform_cpus": platform,
        "platform::compute::params::isolated_cpus": isolated,
        "platform::compute::grub::params::cpu_options": " ".join(options),
    }


def _host(conn: Connection, host: Row) -> dict[str, Any]:
    return cpu_data(store.of_host(conn, host["id"]), has_worker_function=host_view(host).has_worker_function)


PLUGIN = Plugin(
    classes=(PuppetClass("platform::compute::cpus", rank=30, reads=("platform::compute::params",)),
             PuppetClass("platform::compute::grub", ("worker",), rank=32, reads=("platform::compute::grub::params",))),
    host=_host)
