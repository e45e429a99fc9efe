# SPDX-License-Identifier: Apache-2.0
"""The kernel: code that all subsystems share."""
import sys

# The flock uses native threads only. futurist and oslo.service import eventlet if it is installed, which costs 18 MB
# in each process; this entry makes them treat it as not installed.
sys.modules.setdefault("eventlet", None)  # type: ignore[arg-type]
