# SPDX-License-Identifier: Apache-2.0
"""Assignment of addresses to interfaces."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysinv.contract.enums import NetworkType


@dataclass(frozen=True, slots=True)
class NetworkInterfaces:
    """Names of hosts' interfaces by network type (option ``interfaces``)."""

    names: Mapping[str, str]


def interface_name(address_name: str, names: Mapping[str, str]) -> str:
    """Return the interface of an address named ``<host>-<network type>``; the network type if none is configured.

    Never empty, because clients sort addresses by it.
    """
    fitting = [network for network in NetworkType if address_name.endswith(f"-{network}")]
    network = str(max(fitting, key=len)) if fitting else address_name
    return names.get(network, network)
