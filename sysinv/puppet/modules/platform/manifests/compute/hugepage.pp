# SPDX-License-Identifier: Apache-2.0
# Huge pages. The kernel forgets them at each boot, and this class runs at each boot.
class platform::compute::hugepage {
  include platform::compute::hugepage::params
  include platform::params
  $counts = {
    '2048kB'    => $platform::compute::hugepage::params::nr_hugepages_2M,
    '1048576kB' => $platform::compute::hugepage::params::nr_hugepages_1G,
  }
  $wanted = $counts.map |$size, $nodes| {
    $nodes.map |$node, $pages| { { 'size' => $size, 'node' => $node, 'pages' => $pages } }
  }.flatten

  $lines = $wanted.map |$one| { "node${one['node']} ${one['size']} ${one['pages']}\n" }
  file { '/etc/platform/hugepages.conf':
    content => "# Written by the platform's configuration; changes are lost.\n${join($lines, '')}",
    mode    => '0644',
  }

  $wanted.each |$one| {
    $file = "/sys/devices/system/node/node${one['node']}/hugepages/hugepages-${one['size']}/nr_hugepages"
    exec { "huge pages of ${one['size']} on node ${one['node']}":
      command  => "echo ${one['pages']} > ${file} && test \"$(cat ${file})\" -eq ${one['pages']}",
      # A host that shows the hardware of another machine, and a container, must not change the machine they run on.
      onlyif   => ["test '${platform::params::hardware_root}' = /", '! systemd-detect-virt --container --quiet'],
      unless   => "test \"$(cat ${file} 2> /dev/null || echo 0)\" -eq ${one['pages']}",
      path     => ['/usr/bin', '/bin'],
      provider => shell,
    }
  }
}
