# SPDX-License-Identifier: Apache-2.0
"""The plug-in modules as the OpenStack client uses them."""
import argparse
from types import ModuleType, SimpleNamespace

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from flock.cli.errors import ApiUnreachable
from fm.client import osc as fm_osc
from patching.client import osc as software_osc
from patching.vim.client import osc as vim_osc
from sysinv.client import osc as sysinv_osc


@pytest.mark.parametrize(("plugin", "api_name"), [(sysinv_osc, "platform"), (fm_osc, "fault"),
                                                  (software_osc, "software"), (vim_osc, "vim")])
def test_plugin_contract(plugin: ModuleType, api_name: str) -> None:
    assert api_name == plugin.API_NAME
    assert plugin.DEFAULT_API_VERSION in plugin.API_VERSIONS
    options = plugin.build_option_parser(argparse.ArgumentParser()).parse_args([])
    assert getattr(options, plugin.API_VERSION_OPTION) == plugin.DEFAULT_API_VERSION
    instance = SimpleNamespace(
        session=Session(auth=token_endpoint.Token("http://127.0.0.1:1", "t"), timeout=2),
        interface="internal", region_name="RegionOne")
    with pytest.raises(ApiUnreachable, match="Cannot connect to http://127.0.0.1:1"):
        plugin.make_client(instance).get("/v1/things")
