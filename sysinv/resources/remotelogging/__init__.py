# SPDX-License-Identifier: Apache-2.0
"""The server to which all hosts send their logs."""
