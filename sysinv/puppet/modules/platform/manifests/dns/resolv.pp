# SPDX-License-Identifier: Apache-2.0
# The servers that the controller's dnsmasq asks for names that are not the system's own; it reads the file again by itself.
class platform::dns::resolv (
  Array[String] $servers = [],
) {
  $lines = $servers.map |$server| { "nameserver ${server}\n" }

  file { '/etc/platform/resolv.upstream':
    content => "# Written by the platform's configuration; changes are lost.\n${join($lines, '')}",
    mode    => '0644',
  }
}
