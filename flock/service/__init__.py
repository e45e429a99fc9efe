# SPDX-License-Identifier: Apache-2.0
"""Runs processes: daemons in ``daemon``, APIs in ``web``, so that agents load no web server."""
