# SPDX-License-Identifier: Apache-2.0
"""Plug-in for the OpenStack client: ``openstack platform ...`` (entry point group openstack.cli.extension)."""
from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from cliff.command import Command

from flock.cli.client import ApiClient
from flock.cli.osc import plugin_client, version_option

API_NAME = "platform"
API_VERSION_OPTION = "os_platform_api_version"
API_VERSIONS = ("1",)
DEFAULT_API_VERSION = "1"


def as_plugin(commands: Mapping[str, type[Command]]) -> dict[str, type[Command]]:
    """Return the commands under the OpenStack client's names: ``host-cpu-list`` as ``platform host cpu list``."""
    return {f"{API_NAME} {name.replace('-', ' ')}": factory for name, factory in commands.items()}


def make_client(instance: Any) -> ApiClient:
    """Return the API client. The OpenStack client calls this once, when a ``platform`` command first needs the API."""
    return plugin_client(instance, "platform")


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return ``parser`` with the plug-in's global options. The OpenStack client calls this at its start."""
    return version_option(parser, API_NAME, DEFAULT_API_VERSION)
