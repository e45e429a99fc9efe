# SPDX-License-Identifier: Apache-2.0
"""Options of sm-api. The daemon has settings of its own (``sm.daemon.settings``)."""
