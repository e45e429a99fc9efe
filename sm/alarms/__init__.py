# SPDX-License-Identifier: Apache-2.0
"""``sm-alarms``: passes on to fault management what the daemon says. It may use the bus; the daemon may not."""
