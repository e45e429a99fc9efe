# SPDX-License-Identifier: Apache-2.0
"""Options of sm-api and sm-alarms. The daemon has settings of its own (``sm.daemon.settings``)."""
