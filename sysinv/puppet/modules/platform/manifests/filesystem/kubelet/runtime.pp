# SPDX-License-Identifier: Apache-2.0
# File system kubelet, at boots and in service.
class platform::filesystem::kubelet::runtime {
  include platform::filesystem::kubelet::params
  platform::filesystem { 'kubelet':
    ensure     => $platform::filesystem::kubelet::params::ensure,
    lv_name    => $platform::filesystem::kubelet::params::lv_name,
    lv_size    => $platform::filesystem::kubelet::params::lv_size,
    mountpoint => '/var/lib/kubelet',
  }
}
