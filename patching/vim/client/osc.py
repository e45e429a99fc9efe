# SPDX-License-Identifier: Apache-2.0
"""Plug-in for the OpenStack client: ``openstack platform strategy`` (entry point group openstack.cli.extension).

The commands begin with ``platform``, like those of the inventory; the API has a client of its own.
"""
from __future__ import annotations

import argparse
from typing import Any

from flock.cli.client import ApiClient
from flock.cli.osc import plugin_client, version_option

API_NAME = "vim"
API_VERSION_OPTION = "os_vim_api_version"
API_VERSIONS = ("1",)
DEFAULT_API_VERSION = "1"
FIRST_WORD = "platform"


def make_client(instance: Any) -> ApiClient:
    """Make the API client. The OpenStack client calls this once, when a command first needs the API."""
    return plugin_client(instance, "nfv")


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the option for the API version. The OpenStack client calls this while it builds its global options."""
    return version_option(parser, API_NAME, DEFAULT_API_VERSION)
