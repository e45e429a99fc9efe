# SPDX-License-Identifier: Apache-2.0
# Settings of the kernel by name.
class platform::sysctl::params (
  Hash[Pattern[/\A[a-z0-9_]+([.\/][A-Za-z0-9_-]+)+\z/], Pattern[/\A[ -~]+\z/]] $settings = {},
) {
}
