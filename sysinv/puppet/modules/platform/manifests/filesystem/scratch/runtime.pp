# SPDX-License-Identifier: Apache-2.0
# File system scratch, at boots and in service.
class platform::filesystem::scratch::runtime {
  include platform::filesystem::scratch::params
  platform::filesystem { 'scratch':
    ensure     => $platform::filesystem::scratch::params::ensure,
    lv_name    => $platform::filesystem::scratch::params::lv_name,
    lv_size    => $platform::filesystem::scratch::params::lv_size,
    mountpoint => '/scratch',
  }
}
