# SPDX-License-Identifier: Apache-2.0
"""Alarms of software management: which ones the state of things deserves, and how fm is kept in step."""
