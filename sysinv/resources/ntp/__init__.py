# SPDX-License-Identifier: Apache-2.0
"""The NTP servers of the system."""
