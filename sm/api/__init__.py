# SPDX-License-Identifier: Apache-2.0
"""The REST service of service management; the only part of sm with the kernel's web parts."""
