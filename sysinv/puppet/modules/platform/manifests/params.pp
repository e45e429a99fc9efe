# SPDX-License-Identifier: Apache-2.0
# What all classes may ask about the system and this host.
class platform::params (
  Optional[String] $hostname         = undef,
  Optional[String] $personality      = undef,
  Optional[String] $subfunctions     = undef,
  Optional[String] $system_name      = undef,
  Optional[String] $system_type      = undef,
  Optional[String] $system_mode      = undef,
  Optional[String] $region_1_name    = undef,
  Optional[String] $software_version = undef,
  # Where the agent reads the hardware: / for that of this machine. Set on the host itself.
  String           $hardware_root    = '/',
  # The interpreter of the platform's programs. Set on the host itself.
  String           $python           = '/usr/bin/python3',
) {
}
