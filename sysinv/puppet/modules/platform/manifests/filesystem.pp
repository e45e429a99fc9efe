# SPDX-License-Identifier: Apache-2.0
# A file system of the host: a logical volume of cgts-vg, or the one partition with the name of this volume.
#   present  made if it is missing, enlarged, mounted
#   grown    enlarged if it is there; nothing is made, because an empty one would hide what the directory holds
#   absent   unmounted and removed, with all that it holds
define platform::filesystem (
  Enum['present', 'grown', 'absent'] $ensure,
  String                             $lv_name,
  Integer[0]                         $lv_size,
  String                             $mountpoint,
) {
  include platform::params
  $program = "${platform::params::python} -m sysinv.cmd.filesystem"
  $what = "${ensure} ${lv_name} ${lv_size} ${mountpoint}"

  # A host that shows the hardware of another machine must not change the one it runs on.
  if $lv_size > 0 and $platform::params::hardware_root == '/' {
    exec { "file system ${lv_name}":
      command => "${program} ${what}",
      unless  => "${program} --check ${what}",
      path    => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'],
      timeout => 240,
    }
  }
}
