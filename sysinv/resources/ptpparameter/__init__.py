# SPDX-License-Identifier: Apache-2.0
"""Parameters of PTP instances and PTP interfaces."""
