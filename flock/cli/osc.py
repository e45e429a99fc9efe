# SPDX-License-Identifier: Apache-2.0
"""Functions for the plug-in modules of the OpenStack client, which use the commands of this project's programs."""
from __future__ import annotations

import argparse
from typing import Any

from keystoneauth1.adapter import Adapter

from flock.cli.client import ApiClient


def version_option(parser: argparse.ArgumentParser, api_name: str, default: str) -> argparse.ArgumentParser:
    """Add ``--os-<api name>-api-version`` to the OpenStack client's global options."""
    parser.add_argument(f"--os-{api_name}-api-version", metavar=f"<{api_name}-api-version>", default=default,
                        help=f"{api_name} API version, default={default} (Env: OS_{api_name.upper()}_API_VERSION)")
    return parser


def plugin_client(instance: Any, service_type: str) -> ApiClient:
    """The client with the session, interface and region of the OpenStack client."""
    adapter = Adapter(
        instance.session, service_type=service_type, interface=instance.interface, region_name=instance.region_name)
    return ApiClient(adapter, "--os-endpoint")
