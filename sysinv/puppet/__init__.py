# SPDX-License-Identifier: Apache-2.0
"""The Puppet modules that apply the hiera data; hosts run them with ``puppet apply``."""
