# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL on both controllers: one is written, the other follows it. Started, promoted, demoted and made anew."""
