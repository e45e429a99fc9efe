# SPDX-License-Identifier: Apache-2.0
"""The password of the platform's user, which all hosts share."""
