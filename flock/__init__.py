# SPDX-License-Identifier: Apache-2.0
"""What every daemon shares and no subsystem owns."""
import sys

# Native threads only. Libraries below us (futurist, oslo.service) import eventlet when it happens to be installed,
# which costs 18 MB in each process; marked as absent, they do without.
sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
