# SPDX-License-Identifier: Apache-2.0
"""Agent of one host: reads its hardware and reports it to the conductor. Does not access the database."""
