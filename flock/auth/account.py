# SPDX-License-Identifier: Apache-2.0
"""The account of a program at Keystone, which [keystone_authtoken] of its configuration names."""
from __future__ import annotations

from typing import Any

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "keystone_authtoken"
# What ``keystonemiddleware`` defines too. Its import takes 0.2 s and 20 MB, so only programs that check tokens load it.
_OPTS = (cfg.StrOpt("cafile"), cfg.BoolOpt("insecure", default=False), cfg.StrOpt("region_name"))


def options(conf: Any) -> Any:
    """The options of the group: ``cafile``, ``insecure``, ``region_name``, and those of the account.

    ``flock.auth.tokens.register`` defines more options of these names; where both are needed, it comes first.
    """
    if GROUP not in conf or "cafile" not in conf[GROUP]:
        conf.register_opts(_OPTS, group=GROUP)
    loading.register_auth_conf_options(conf, GROUP)
    return conf[GROUP]


def verify(chosen: Any) -> bool | str:
    """How a session checks certificates: False for not at all, or the file of the authority; True: the system's."""
    return False if chosen.insecure else chosen.cafile or True
