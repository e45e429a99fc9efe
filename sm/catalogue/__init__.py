# SPDX-License-Identifier: Apache-2.0
"""What service management runs, as data: the shipped groups and services, the rows that configure a system, rules."""
