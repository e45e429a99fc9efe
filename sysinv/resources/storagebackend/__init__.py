# SPDX-License-Identifier: Apache-2.0
"""Storage back ends: what gives applications of the system their volumes."""
