# SPDX-License-Identifier: Apache-2.0
"""Changes of the configured rows by the local programs: sm-configure, sm-provision, sm-deprovision."""
