# SPDX-License-Identifier: Apache-2.0
# File system instances, at boots and in service.
class platform::filesystem::instances::runtime {
  include platform::filesystem::instances::params
  platform::filesystem { 'instances':
    ensure     => $platform::filesystem::instances::params::ensure,
    lv_name    => $platform::filesystem::instances::params::lv_name,
    lv_size    => $platform::filesystem::instances::params::lv_size,
    mountpoint => '/var/lib/nova/instances',
  }
}
