# SPDX-License-Identifier: Apache-2.0
"""The plug-in modules as the OpenStack client uses them."""
import argparse
import importlib
from types import SimpleNamespace

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from flock.cli.errors import ApiUnreachable


@pytest.mark.parametrize(("name", "api_name"), [("sysinv.client.osc", "platform"), ("fm.client.osc", "fault")])
def test_plugin_contract(name: str, api_name: str) -> None:
    plugin = importlib.import_module(name)
    assert api_name == plugin.API_NAME
    assert plugin.DEFAULT_API_VERSION in plugin.API_VERSIONS
    options = plugin.build_option_parser(argparse.ArgumentParser()).parse_args([])
    assert getattr(options, plugin.API_VERSION_OPTION) == plugin.DEFAULT_API_VERSION
    instance = SimpleNamespace(
        session=Session(auth=token_endpoint.Token("http://127.0.0.1:1", "t"), timeout=2),
        interface="internal", region_name="RegionOne")
    with pytest.raises(ApiUnreachable, match="Cannot connect to http://127.0.0.1:1"):
        plugin.make_client(instance).get("/v1/things")
