# SPDX-License-Identifier: Apache-2.0
"""Options of board management, group ``[bmc]``."""
from __future__ import annotations

from typing import Any

from oslo_config import cfg

from mtce.bmc.ipmi import IpmiSettings
from mtce.bmc.kinds import BmcSettings
from mtce.bmc.session import RedfishSettings

GROUP = "bmc"

BMC_OPTS: list[cfg.Opt] = [
    cfg.StrOpt("redfish_scheme", default="https", choices=["https", "http"], help="Transport of Redfish."),
    cfg.PortOpt("redfish_port", default=443, help="Port of Redfish services."),
    cfg.StrOpt("redfish_verify", default="true",
               help="true: verify certificates with the system's CAs; false: do not verify; else the path of a CA "
                    "bundle."),
    cfg.FloatOpt("connect_timeout_s", default=5.0, min=0.5, max=60.0, help="Seconds to wait for a connection."),
    cfg.FloatOpt("request_timeout_s", default=15.0, min=1.0, max=100.0, help="Seconds to wait for one reply."),
    cfg.DictOpt("redfish_systems", default={},
                help="Which computer system is the host, for BMCs with several: host name and the system's id, "
                     "as in worker-0:System_0,worker-1:System_0. Default: the physical one that boots."),
    cfg.PortOpt("ipmi_port", default=623, help="Port of IPMI services."),
    cfg.IntOpt("ipmi_cipher_suite", min=0, max=17, help="RMCP+ cipher suite; default: ipmitool negotiates."),
    cfg.ListOpt("ipmi_legacy_boot_hosts", default=[],
                help="Names of hosts whose firmware is a BIOS. All other hosts boot the network by UEFI."),
]


def register(conf: Any) -> None:
    """Register the group on ``conf``; may be called again."""
    conf.register_opts(BMC_OPTS, group=GROUP)


def settings(conf: Any) -> BmcSettings:
    """Return the registered options as settings of the drivers."""
    group = conf.bmc
    verify: bool | str = {"true": True, "false": False}.get(group.redfish_verify.lower(), group.redfish_verify)
    return BmcSettings(
        RedfishSettings(group.redfish_scheme, group.redfish_port, verify, group.connect_timeout_s,
                        group.request_timeout_s),
        IpmiSettings(group.ipmi_port, group.ipmi_cipher_suite, group.request_timeout_s),
        systems=dict(group.redfish_systems), legacy_boot=frozenset(group.ipmi_legacy_boot_hosts))


def list_opts() -> list[tuple[str, list[Any]]]:
    """Return the options for the sample generator."""
    return [(GROUP, BMC_OPTS)]
