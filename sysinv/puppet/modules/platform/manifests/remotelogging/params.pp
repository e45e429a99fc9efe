# SPDX-License-Identifier: Apache-2.0
# The server to which hosts send their logs. The key file has the key and the certificate that a host shows by TLS.
class platform::remotelogging::params (
  Boolean                   $enabled    = false,
  Optional[String]          $ip_address = undef,
  Integer[1, 65535]         $port       = 514,
  Enum['udp', 'tcp', 'tls'] $transport  = 'udp',
  Optional[String]          $key_file   = undef,
) {
}
