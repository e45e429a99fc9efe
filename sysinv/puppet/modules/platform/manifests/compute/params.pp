# SPDX-License-Identifier: Apache-2.0
# CPUs by their purpose, as lists in the kernel's form.
class platform::compute::params (
  String $platform_cpus = '',
  String $isolated_cpus = '',
) {
}
