# SPDX-License-Identifier: Apache-2.0
"""PTP instances: services of time synchronisation that hosts run."""
