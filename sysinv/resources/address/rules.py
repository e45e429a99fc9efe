# SPDX-License-Identifier: Apache-2.0
"""On which interface an address lies."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sysinv.contract.enums import NetworkType


@dataclass(frozen=True, slots=True)
class NetworkInterfaces:
    """Network type to the name of the interface that every host has on that network (option ``interfaces``)."""

    names: Mapping[str, str]


def interface_name(address_name: str, names: Mapping[str, str]) -> str:
    """Name of the interface of an address called ``<host>-<network type>``; the type where no interface is configured.

    Clients sort the rows of a host by it, so there is always one.
    """
    fitting = [network for network in NetworkType if address_name.endswith(f"-{network}")]
    network = str(max(fitting, key=len)) if fitting else address_name
    return names.get(network, network)
