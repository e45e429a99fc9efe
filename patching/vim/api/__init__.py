# SPDX-License-Identifier: Apache-2.0
"""The REST service of orchestration."""
