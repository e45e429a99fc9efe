# SPDX-License-Identifier: Apache-2.0
# File system log, at boots and in service.
class platform::filesystem::log::runtime {
  include platform::filesystem::log::params
  platform::filesystem { 'log':
    ensure     => $platform::filesystem::log::params::ensure,
    lv_name    => $platform::filesystem::log::params::lv_name,
    lv_size    => $platform::filesystem::log::params::lv_size,
    mountpoint => '/var/log',
  }
}
