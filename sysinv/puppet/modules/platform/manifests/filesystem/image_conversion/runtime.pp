# SPDX-License-Identifier: Apache-2.0
# File system image_conversion, at boots and in service.
class platform::filesystem::image_conversion::runtime {
  include platform::filesystem::image_conversion::params
  platform::filesystem { 'image_conversion':
    ensure     => $platform::filesystem::image_conversion::params::ensure,
    lv_name    => $platform::filesystem::image_conversion::params::lv_name,
    lv_size    => $platform::filesystem::image_conversion::params::lv_size,
    mountpoint => '/opt/conversion',
  }
}
