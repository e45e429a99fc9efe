# SPDX-License-Identifier: Apache-2.0
"""The local SQLite file of service management: configured rows with their versions, and what the daemon must keep."""
