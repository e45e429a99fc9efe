# SPDX-License-Identifier: Apache-2.0
# File system root, at boots and in service.
class platform::filesystem::root::runtime {
  include platform::filesystem::root::params
  platform::filesystem { 'root':
    ensure     => $platform::filesystem::root::params::ensure,
    lv_name    => $platform::filesystem::root::params::lv_name,
    lv_size    => $platform::filesystem::root::params::lv_size,
    mountpoint => '/',
  }
}
