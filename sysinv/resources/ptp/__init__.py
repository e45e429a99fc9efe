# SPDX-License-Identifier: Apache-2.0
"""PTP of releases before PTP instances: one set of settings for the system."""
