# SPDX-License-Identifier: Apache-2.0
"""Shared option groups and the search for configuration files."""
from flock.conf.load import conf_dir, default_files, setup
from flock.conf.options import register

__all__ = ["conf_dir", "default_files", "register", "setup"]
