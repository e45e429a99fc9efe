# SPDX-License-Identifier: Apache-2.0
"""The agent of one host: reads its hardware, reports it to the conductor. Knows no database."""
