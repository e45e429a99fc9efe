# SPDX-License-Identifier: Apache-2.0
"""The DNS servers of the system."""
