# SPDX-License-Identifier: Apache-2.0
"""Every decision of service management, as pure functions: views, event and now in; view and actions out."""
