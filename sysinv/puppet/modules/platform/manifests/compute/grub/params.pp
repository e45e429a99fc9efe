# SPDX-License-Identifier: Apache-2.0
# Kernel arguments that follow from the functions of CPUs.
class platform::compute::grub::params (
  String $cpu_options = '',
) {
}
