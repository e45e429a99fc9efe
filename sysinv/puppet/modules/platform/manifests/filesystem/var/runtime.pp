# SPDX-License-Identifier: Apache-2.0
# File system var, at boots and in service.
class platform::filesystem::var::runtime {
  include platform::filesystem::var::params
  platform::filesystem { 'var':
    ensure     => $platform::filesystem::var::params::ensure,
    lv_name    => $platform::filesystem::var::params::lv_name,
    lv_size    => $platform::filesystem::var::params::lv_size,
    mountpoint => '/var',
  }
}
