# SPDX-License-Identifier: Apache-2.0
"""Shared option groups and the one rule by which configuration files are found."""
from flock.conf.load import conf_dir, default_files, setup
from flock.conf.options import SERVICE_AUTH_GROUP, register

__all__ = ["SERVICE_AUTH_GROUP", "conf_dir", "default_files", "register", "setup"]
