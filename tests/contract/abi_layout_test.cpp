// Pins the ABI: the offset and size of every field, the size of every struct and the value of every
// constant, as they are on LP64 (x86-64, aarch64). A published number here never changes; a new
// field is a new row at the end of its struct, and changes that struct's size.
#include <cstddef>
#include <cstdint>
#include <string>

#include <fcvm/abi.h>
#include <fcvm/disk.h>
#include <fcvm/host.h>
#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/vmm.h>

#include "tests/support/catch.hpp"

namespace {

static_assert(sizeof(void*) == 8 && sizeof(long) == 8, "these numbers are those of LP64");

struct Pin {
  const char* structure;
  const char* field;  // nullptr in the row that ends a struct and gives its size
  std::size_t offset;
  std::size_t size;
  std::size_t actual_offset;
  std::size_t actual_size;
};

#define FIELD(structure, field, offset, size) \
  { #structure, #field, offset, size, offsetof(structure, field), sizeof(structure::field) }
#define END(structure, size) \
  { #structure, nullptr, size, 0, sizeof(structure), 0 }

constexpr Pin kPins[] = {
    FIELD(fcvm_error, size, 0, 4),
    FIELD(fcvm_error, code, 4, 4),
    FIELD(fcvm_error, message, 8, 1024),
    FIELD(fcvm_error, remedy, 1032, 512),
    END(fcvm_error, 1544),
    FIELD(fcvm_option, size, 0, 4),
    FIELD(fcvm_option, type, 4, 4),
    FIELD(fcvm_option, name, 8, 8),
    FIELD(fcvm_option, default_value, 16, 8),
    FIELD(fcvm_option, help, 24, 8),
    FIELD(fcvm_option, choices, 32, 8),
    FIELD(fcvm_option, variable, 40, 8),
    FIELD(fcvm_option, flags, 48, 4),
    FIELD(fcvm_option, reserved, 52, 4),
    END(fcvm_option, 56),
    FIELD(fcvm_setting, size, 0, 4),
    FIELD(fcvm_setting, type, 4, 4),
    FIELD(fcvm_setting, name, 8, 8),
    FIELD(fcvm_setting, text, 16, 8),
    FIELD(fcvm_setting, number, 24, 8),
    FIELD(fcvm_setting, items, 32, 8),
    FIELD(fcvm_setting, item_count, 40, 4),
    FIELD(fcvm_setting, reserved, 44, 4),
    END(fcvm_setting, 48),
    FIELD(fcvm_settings, size, 0, 4),
    FIELD(fcvm_settings, count, 4, 4),
    FIELD(fcvm_settings, items, 8, 8),
    END(fcvm_settings, 16),
    FIELD(fcvm_descriptor, size, 0, 4),
    FIELD(fcvm_descriptor, abi_version, 4, 4),
    FIELD(fcvm_descriptor, id, 8, 8),
    FIELD(fcvm_descriptor, kind, 16, 8),
    FIELD(fcvm_descriptor, version, 24, 8),
    FIELD(fcvm_descriptor, summary, 32, 8),
    FIELD(fcvm_descriptor, min_host_version, 40, 8),
    FIELD(fcvm_descriptor, capabilities, 48, 8),
    FIELD(fcvm_descriptor, options, 56, 8),
    FIELD(fcvm_descriptor, option_count, 64, 4),
    FIELD(fcvm_descriptor, draft, 68, 4),
    FIELD(fcvm_descriptor, preference, 72, 4),
    FIELD(fcvm_descriptor, reserved, 76, 4),
    END(fcvm_descriptor, 80),
    FIELD(fcvm_probe, size, 0, 4),
    FIELD(fcvm_probe, status, 4, 4),
    FIELD(fcvm_probe, reason, 8, 1024),
    FIELD(fcvm_probe, remedy, 1032, 512),
    FIELD(fcvm_probe, detail, 1544, 256),
    FIELD(fcvm_probe, capabilities, 1800, 8),
    FIELD(fcvm_probe, preference, 1808, 4),
    FIELD(fcvm_probe, reserved, 1812, 4),
    END(fcvm_probe, 1816),
    FIELD(fcvm_host, size, 0, 4),
    FIELD(fcvm_host, reserved, 4, 4),
    FIELD(fcvm_host, version, 8, 8),
    FIELD(fcvm_host, context, 16, 8),
    FIELD(fcvm_host, service, 24, 8),
    END(fcvm_host, 32),
    FIELD(fcvm_plugin, size, 0, 4),
    FIELD(fcvm_plugin, reserved, 4, 4),
    FIELD(fcvm_plugin, describe, 8, 8),
    FIELD(fcvm_plugin, probe, 16, 8),
    FIELD(fcvm_plugin, create, 24, 8),
    FIELD(fcvm_plugin, destroy, 32, 8),
    FIELD(fcvm_plugin, cancel, 40, 8),
    FIELD(fcvm_plugin, verbs, 48, 8),
    FIELD(fcvm_plugin, recover, 56, 8),
    END(fcvm_plugin, 64),
    FIELD(fcvm_rate_limit, size, 0, 4),
    FIELD(fcvm_rate_limit, reserved, 4, 4),
    FIELD(fcvm_rate_limit, bytes_per_second, 8, 8),
    FIELD(fcvm_rate_limit, bytes_burst, 16, 8),
    FIELD(fcvm_rate_limit, operations_per_second, 24, 8),
    FIELD(fcvm_rate_limit, operations_burst, 32, 8),
    FIELD(fcvm_rate_limit, read_bytes_per_second, 40, 8),
    FIELD(fcvm_rate_limit, write_bytes_per_second, 48, 8),
    FIELD(fcvm_rate_limit, read_operations_per_second, 56, 8),
    FIELD(fcvm_rate_limit, write_operations_per_second, 64, 8),
    END(fcvm_rate_limit, 72),
    FIELD(fcvm_disk, size, 0, 4),
    FIELD(fcvm_disk, flags, 4, 4),
    FIELD(fcvm_disk, id, 8, 8),
    FIELD(fcvm_disk, path, 16, 8),
    FIELD(fcvm_disk, limit, 24, 8),
    END(fcvm_disk, 32),
    FIELD(fcvm_log_v1, size, 0, 4),
    FIELD(fcvm_log_v1, reserved, 4, 4),
    FIELD(fcvm_log_v1, write, 8, 8),
    FIELD(fcvm_log_v1, enabled, 16, 8),
    END(fcvm_log_v1, 24),
    FIELD(fcvm_passed_fd, from, 0, 4),
    FIELD(fcvm_passed_fd, to, 4, 4),
    END(fcvm_passed_fd, 8),
    FIELD(fcvm_resource_limit, size, 0, 4),
    FIELD(fcvm_resource_limit, resource, 4, 4),
    FIELD(fcvm_resource_limit, soft, 8, 8),
    FIELD(fcvm_resource_limit, hard, 16, 8),
    END(fcvm_resource_limit, 24),
    FIELD(fcvm_jail_item, size, 0, 4),
    FIELD(fcvm_jail_item, flags, 4, 4),
    FIELD(fcvm_jail_item, path, 8, 8),
    FIELD(fcvm_jail_item, inside, 16, 8),
    END(fcvm_jail_item, 24),
    FIELD(fcvm_jail_spec, size, 0, 4),
    FIELD(fcvm_jail_spec, item_count, 4, 4),
    FIELD(fcvm_jail_spec, items, 8, 8),
    END(fcvm_jail_spec, 16),
    FIELD(fcvm_process_spec, size, 0, 4),
    FIELD(fcvm_process_spec, flags, 4, 4),
    FIELD(fcvm_process_spec, name, 8, 8),
    FIELD(fcvm_process_spec, program, 16, 8),
    FIELD(fcvm_process_spec, arguments, 24, 8),
    FIELD(fcvm_process_spec, environment, 32, 8),
    FIELD(fcvm_process_spec, directory_fd, 40, 4),
    FIELD(fcvm_process_spec, stdin_fd, 44, 4),
    FIELD(fcvm_process_spec, stdout_fd, 48, 4),
    FIELD(fcvm_process_spec, stderr_fd, 52, 4),
    FIELD(fcvm_process_spec, user_namespace_fd, 56, 4),
    FIELD(fcvm_process_spec, net_namespace_fd, 60, 4),
    FIELD(fcvm_process_spec, mount_namespace_fd, 64, 4),
    FIELD(fcvm_process_spec, cgroup_fd, 68, 4),
    FIELD(fcvm_process_spec, passed, 72, 8),
    FIELD(fcvm_process_spec, passed_count, 80, 4),
    FIELD(fcvm_process_spec, uid, 84, 4),
    FIELD(fcvm_process_spec, gid, 88, 4),
    FIELD(fcvm_process_spec, reserved, 92, 4),
    FIELD(fcvm_process_spec, limits, 96, 8),
    FIELD(fcvm_process_spec, limit_count, 104, 4),
    FIELD(fcvm_process_spec, reserved2, 108, 4),
    FIELD(fcvm_process_spec, jail, 112, 8),
    END(fcvm_process_spec, 120),
    FIELD(fcvm_process_status, size, 0, 4),
    FIELD(fcvm_process_status, running, 4, 4),
    FIELD(fcvm_process_status, pid, 8, 4),
    FIELD(fcvm_process_status, exit_code, 12, 4),
    FIELD(fcvm_process_status, exit_signal, 16, 4),
    FIELD(fcvm_process_status, reserved, 20, 4),
    FIELD(fcvm_process_status, jailed, 24, 4),
    FIELD(fcvm_process_status, reserved2, 28, 4),
    END(fcvm_process_status, 32),
    FIELD(fcvm_process_v1, size, 0, 4),
    FIELD(fcvm_process_v1, reserved, 4, 4),
    FIELD(fcvm_process_v1, spawn, 8, 8),
    FIELD(fcvm_process_v1, status, 16, 8),
    FIELD(fcvm_process_v1, signal, 24, 8),
    FIELD(fcvm_process_v1, pidfd, 32, 8),
    FIELD(fcvm_process_v1, release, 40, 8),
    END(fcvm_process_v1, 48),
    FIELD(fcvm_line, size, 0, 4),
    FIELD(fcvm_line, source, 4, 4),
    FIELD(fcvm_line, flags, 8, 4),
    FIELD(fcvm_line, reserved, 12, 4),
    FIELD(fcvm_line, bytes, 16, 8),
    FIELD(fcvm_line, length, 24, 8),
    END(fcvm_line, 32),
    FIELD(fcvm_guest_exec, size, 0, 4),
    FIELD(fcvm_guest_exec, flags, 4, 4),
    FIELD(fcvm_guest_exec, arguments, 8, 8),
    FIELD(fcvm_guest_exec, environment, 16, 8),
    FIELD(fcvm_guest_exec, user, 24, 8),
    FIELD(fcvm_guest_exec, directory, 32, 8),
    FIELD(fcvm_guest_exec, input, 40, 8),
    FIELD(fcvm_guest_exec, input_length, 48, 8),
    END(fcvm_guest_exec, 56),
    FIELD(fcvm_guest_v1, size, 0, 4),
    FIELD(fcvm_guest_v1, reserved, 4, 4),
    FIELD(fcvm_guest_v1, dial, 8, 8),
    FIELD(fcvm_guest_v1, dial_tcp, 16, 8),
    FIELD(fcvm_guest_v1, exec, 24, 8),
    FIELD(fcvm_guest_v1, subscribe, 32, 8),
    FIELD(fcvm_guest_v1, unsubscribe, 40, 8),
    END(fcvm_guest_v1, 48),
    FIELD(fcvm_state_v1, size, 0, 4),
    FIELD(fcvm_state_v1, reserved, 4, 4),
    FIELD(fcvm_state_v1, put, 8, 8),
    FIELD(fcvm_state_v1, forget, 16, 8),
    FIELD(fcvm_state_v1, list, 24, 8),
    FIELD(fcvm_state_v1, directory, 32, 8),
    END(fcvm_state_v1, 40),
    FIELD(fcvm_progress_v1, size, 0, 4),
    FIELD(fcvm_progress_v1, reserved, 4, 4),
    FIELD(fcvm_progress_v1, begin, 8, 8),
    FIELD(fcvm_progress_v1, update, 16, 8),
    FIELD(fcvm_progress_v1, end, 24, 8),
    END(fcvm_progress_v1, 32),
    FIELD(fcvm_build, size, 0, 4),
    FIELD(fcvm_build, flags, 4, 4),
    FIELD(fcvm_build, directory_fd, 8, 4),
    FIELD(fcvm_build, cpus, 12, 4),
    FIELD(fcvm_build, memory_bytes, 16, 8),
    FIELD(fcvm_build, arguments, 24, 8),
    FIELD(fcvm_build, environment, 32, 8),
    FIELD(fcvm_build, disks, 40, 8),
    FIELD(fcvm_build, disk_count, 48, 4),
    FIELD(fcvm_build, reserved, 52, 4),
    END(fcvm_build, 56),
    FIELD(fcvm_builder_v1, size, 0, 4),
    FIELD(fcvm_builder_v1, reserved, 4, 4),
    FIELD(fcvm_builder_v1, run, 8, 8),
    FIELD(fcvm_builder_v1, guest, 16, 8),
    END(fcvm_builder_v1, 24),
    FIELD(fcvm_nic, size, 0, 4),
    FIELD(fcvm_nic, mtu, 4, 4),
    FIELD(fcvm_nic, id, 8, 8),
    FIELD(fcvm_nic, tap, 16, 8),
    FIELD(fcvm_nic, mac, 24, 8),
    FIELD(fcvm_nic, receive_limit, 32, 8),
    FIELD(fcvm_nic, transmit_limit, 40, 8),
    END(fcvm_nic, 48),
    FIELD(fcvm_vm_spec, size, 0, 4),
    FIELD(fcvm_vm_spec, flags, 4, 4),
    FIELD(fcvm_vm_spec, vm_id, 8, 8),
    FIELD(fcvm_vm_spec, directory_fd, 16, 4),
    FIELD(fcvm_vm_spec, net_namespace_fd, 20, 4),
    FIELD(fcvm_vm_spec, user_namespace_fd, 24, 4),
    FIELD(fcvm_vm_spec, cgroup_fd, 28, 4),
    FIELD(fcvm_vm_spec, cpus, 32, 4),
    FIELD(fcvm_vm_spec, reserved, 36, 4),
    FIELD(fcvm_vm_spec, memory_bytes, 40, 8),
    FIELD(fcvm_vm_spec, kernel, 48, 8),
    FIELD(fcvm_vm_spec, kernel_elf, 56, 8),
    FIELD(fcvm_vm_spec, initrd, 64, 8),
    FIELD(fcvm_vm_spec, command_line, 72, 8),
    FIELD(fcvm_vm_spec, console, 80, 8),
    FIELD(fcvm_vm_spec, memory_file, 88, 8),
    FIELD(fcvm_vm_spec, guest_socket, 96, 8),
    FIELD(fcvm_vm_spec, metadata_json, 104, 8),
    FIELD(fcvm_vm_spec, disks, 112, 8),
    FIELD(fcvm_vm_spec, disk_count, 120, 4),
    FIELD(fcvm_vm_spec, nic_count, 124, 4),
    FIELD(fcvm_vm_spec, nics, 128, 8),
    FIELD(fcvm_vm_spec, balloon_bytes, 136, 8),
    END(fcvm_vm_spec, 144),
    FIELD(fcvm_memory_source, size, 0, 4),
    FIELD(fcvm_memory_source, type, 4, 4),
    FIELD(fcvm_memory_source, path, 8, 8),
    END(fcvm_memory_source, 16),
    FIELD(fcvm_vm_restore, size, 0, 4),
    FIELD(fcvm_vm_restore, reserved, 4, 4),
    FIELD(fcvm_vm_restore, device_state, 8, 8),
    FIELD(fcvm_vm_restore, memory, 16, 8),
    FIELD(fcvm_vm_restore, vmm_version, 24, 8),
    FIELD(fcvm_vm_restore, snapshot_format, 32, 8),
    END(fcvm_vm_restore, 40),
    FIELD(fcvm_vm_snapshot, size, 0, 4),
    FIELD(fcvm_vm_snapshot, type, 4, 4),
    FIELD(fcvm_vm_snapshot, device_state, 8, 8),
    FIELD(fcvm_vm_snapshot, memory, 16, 8),
    END(fcvm_vm_snapshot, 24),
    FIELD(fcvm_vm_status, size, 0, 4),
    FIELD(fcvm_vm_status, state, 4, 4),
    FIELD(fcvm_vm_status, pid, 8, 4),
    FIELD(fcvm_vm_status, pidfd, 12, 4),
    FIELD(fcvm_vm_status, exit_code, 16, 4),
    FIELD(fcvm_vm_status, exit_signal, 20, 4),
    FIELD(fcvm_vm_status, vmm_version, 24, 64),
    FIELD(fcvm_vm_status, vmm_path, 88, 4096),
    FIELD(fcvm_vm_status, accelerator, 4184, 16),
    FIELD(fcvm_vm_status, end_reason, 4200, 256),
    FIELD(fcvm_vm_status, snapshot_format, 4456, 32),
    END(fcvm_vm_status, 4488),
    FIELD(fcvm_vm_balloon, size, 0, 4),
    FIELD(fcvm_vm_balloon, flags, 4, 4),
    FIELD(fcvm_vm_balloon, target_bytes, 8, 8),
    FIELD(fcvm_vm_balloon, actual_bytes, 16, 8),
    FIELD(fcvm_vm_balloon, total_bytes, 24, 8),
    FIELD(fcvm_vm_balloon, free_bytes, 32, 8),
    FIELD(fcvm_vm_balloon, available_bytes, 40, 8),
    FIELD(fcvm_vm_balloon, cache_bytes, 48, 8),
    FIELD(fcvm_vm_balloon, swapped_in_bytes, 56, 8),
    FIELD(fcvm_vm_balloon, swapped_out_bytes, 64, 8),
    FIELD(fcvm_vm_balloon, major_faults, 72, 8),
    FIELD(fcvm_vm_balloon, minor_faults, 80, 8),
    END(fcvm_vm_balloon, 88),
    FIELD(fcvm_vmm_v1, size, 0, 4),
    FIELD(fcvm_vmm_v1, reserved, 4, 4),
    FIELD(fcvm_vmm_v1, start, 8, 8),
    FIELD(fcvm_vmm_v1, restore, 16, 8),
    FIELD(fcvm_vmm_v1, pause, 24, 8),
    FIELD(fcvm_vmm_v1, resume, 32, 8),
    FIELD(fcvm_vmm_v1, snapshot, 40, 8),
    FIELD(fcvm_vmm_v1, connect, 48, 8),
    FIELD(fcvm_vmm_v1, set_balloon, 56, 8),
    FIELD(fcvm_vmm_v1, status, 64, 8),
    FIELD(fcvm_vmm_v1, kill, 72, 8),
    FIELD(fcvm_vmm_v1, set_metadata, 80, 8),
    FIELD(fcvm_vmm_v1, balloon, 88, 8),
    END(fcvm_vmm_v1, 96),
    FIELD(fcvm_publish, size, 0, 4),
    FIELD(fcvm_publish, protocol, 4, 4),
    FIELD(fcvm_publish, address, 8, 8),
    FIELD(fcvm_publish, host_port, 16, 2),
    FIELD(fcvm_publish, guest_port, 18, 2),
    FIELD(fcvm_publish, count, 20, 2),
    FIELD(fcvm_publish, flags, 22, 2),
    END(fcvm_publish, 24),
    FIELD(fcvm_published, size, 0, 4),
    FIELD(fcvm_published, protocol, 4, 4),
    FIELD(fcvm_published, address, 8, 8),
    FIELD(fcvm_published, host_port, 16, 2),
    FIELD(fcvm_published, guest_port, 18, 2),
    FIELD(fcvm_published, count, 20, 2),
    FIELD(fcvm_published, reserved, 22, 2),
    END(fcvm_published, 24),
    FIELD(fcvm_net_report, size, 0, 4),
    FIELD(fcvm_net_report, reserved, 4, 4),
    FIELD(fcvm_net_report, context, 8, 8),
    FIELD(fcvm_net_report, dns, 16, 8),
    FIELD(fcvm_net_report, published, 24, 8),
    END(fcvm_net_report, 32),
    FIELD(fcvm_net_opening, size, 0, 4),
    FIELD(fcvm_net_opening, what, 4, 4),
    FIELD(fcvm_net_opening, address, 8, 8),
    FIELD(fcvm_net_opening, protocol, 16, 4),
    FIELD(fcvm_net_opening, first_port, 20, 2),
    FIELD(fcvm_net_opening, count, 22, 2),
    END(fcvm_net_opening, 24),
    FIELD(fcvm_net_request, size, 0, 4),
    FIELD(fcvm_net_request, flags, 4, 4),
    FIELD(fcvm_net_request, vm_id, 8, 8),
    FIELD(fcvm_net_request, mac, 16, 8),
    FIELD(fcvm_net_request, ipv4, 24, 8),
    FIELD(fcvm_net_request, ipv6, 32, 8),
    FIELD(fcvm_net_request, mtu, 40, 4),
    FIELD(fcvm_net_request, dns_count, 44, 4),
    FIELD(fcvm_net_request, dns, 48, 8),
    FIELD(fcvm_net_request, publish, 56, 8),
    FIELD(fcvm_net_request, publish_count, 64, 4),
    FIELD(fcvm_net_request, opening_count, 68, 4),
    FIELD(fcvm_net_request, openings, 72, 8),
    FIELD(fcvm_net_request, rate_in, 80, 8),
    FIELD(fcvm_net_request, rate_out, 88, 8),
    FIELD(fcvm_net_request, ipv6_prefix, 96, 8),
    END(fcvm_net_request, 104),
    FIELD(fcvm_net_attachment, size, 0, 4),
    FIELD(fcvm_net_attachment, flags, 4, 4),
    FIELD(fcvm_net_attachment, net_namespace_fd, 8, 4),
    FIELD(fcvm_net_attachment, user_namespace_fd, 12, 4),
    FIELD(fcvm_net_attachment, tap, 16, 16),
    FIELD(fcvm_net_attachment, mac, 32, 18),
    FIELD(fcvm_net_attachment, guest_ipv4, 50, 20),
    FIELD(fcvm_net_attachment, gateway_ipv4, 70, 16),
    FIELD(fcvm_net_attachment, guest_ipv6, 86, 52),
    FIELD(fcvm_net_attachment, gateway_ipv6, 138, 46),
    FIELD(fcvm_net_attachment, host_address, 184, 46),
    FIELD(fcvm_net_attachment, host_gateway, 230, 46),
    FIELD(fcvm_net_attachment, mtu, 276, 4),
    END(fcvm_net_attachment, 280),
    FIELD(fcvm_net_v1, size, 0, 4),
    FIELD(fcvm_net_v1, reserved, 4, 4),
    FIELD(fcvm_net_v1, attach, 8, 8),
    FIELD(fcvm_net_v1, detach, 16, 8),
    FIELD(fcvm_net_v1, dial, 24, 8),
    FIELD(fcvm_net_v1, publish, 32, 8),
    FIELD(fcvm_net_v1, unpublish, 40, 8),
    FIELD(fcvm_net_v1, health, 48, 8),
    END(fcvm_net_v1, 56),
    FIELD(fcvm_image_request, size, 0, 4),
    FIELD(fcvm_image_request, pull, 4, 4),
    FIELD(fcvm_image_request, reference, 8, 8),
    FIELD(fcvm_image_request, platform, 16, 8),
    FIELD(fcvm_image_request, cache_fd, 24, 4),
    FIELD(fcvm_image_request, reserved, 28, 4),
    END(fcvm_image_request, 32),
    FIELD(fcvm_image_identity, size, 0, 4),
    FIELD(fcvm_image_identity, reserved, 4, 4),
    FIELD(fcvm_image_identity, stored_bytes, 8, 8),
    FIELD(fcvm_image_identity, digest, 16, 160),
    FIELD(fcvm_image_identity, name, 176, 512),
    END(fcvm_image_identity, 688),
    FIELD(fcvm_image_delivery, size, 0, 4),
    FIELD(fcvm_image_delivery, how, 4, 4),
    END(fcvm_image_delivery, 8),
    FIELD(fcvm_image_disk, size, 0, 4),
    FIELD(fcvm_image_disk, flags, 4, 4),
    FIELD(fcvm_image_disk, path, 8, 8),
    FIELD(fcvm_image_disk, format, 16, 8),
    FIELD(fcvm_image_disk, content_bytes, 24, 8),
    END(fcvm_image_disk, 32),
    FIELD(fcvm_image_entry, size, 0, 4),
    FIELD(fcvm_image_entry, reserved, 4, 4),
    FIELD(fcvm_image_entry, digests, 8, 8),
    FIELD(fcvm_image_entry, names, 16, 8),
    FIELD(fcvm_image_entry, stored_bytes, 24, 8),
    FIELD(fcvm_image_entry, used_seconds, 32, 8),
    END(fcvm_image_entry, 40),
    FIELD(fcvm_image_v1, size, 0, 4),
    FIELD(fcvm_image_v1, reserved, 4, 4),
    FIELD(fcvm_image_v1, resolve, 8, 8),
    FIELD(fcvm_image_v1, config, 16, 8),
    FIELD(fcvm_image_v1, prepare, 24, 8),
    FIELD(fcvm_image_v1, collect, 32, 8),
    FIELD(fcvm_image_v1, list, 40, 8),
    FIELD(fcvm_image_v1, name, 48, 8),
    END(fcvm_image_v1, 56),
    FIELD(fcvm_memory_layer, size, 0, 4),
    FIELD(fcvm_memory_layer, directory_fd, 4, 4),
    FIELD(fcvm_memory_layer, path, 8, 8),
    END(fcvm_memory_layer, 16),
    FIELD(fcvm_memory_request, size, 0, 4),
    FIELD(fcvm_memory_request, layer_count, 4, 4),
    FIELD(fcvm_memory_request, layers, 8, 8),
    FIELD(fcvm_memory_request, memory_bytes, 16, 8),
    FIELD(fcvm_memory_request, page_bytes, 24, 8),
    FIELD(fcvm_memory_request, working_set, 32, 8),
    END(fcvm_memory_request, 40),
    FIELD(fcvm_memory_clone, size, 0, 4),
    FIELD(fcvm_memory_clone, flags, 4, 4),
    FIELD(fcvm_memory_clone, clone_id, 8, 8),
    FIELD(fcvm_memory_clone, directory_fd, 16, 4),
    FIELD(fcvm_memory_clone, reserved, 20, 4),
    END(fcvm_memory_clone, 24),
    FIELD(fcvm_memory_offer, size, 0, 4),
    FIELD(fcvm_memory_offer, type, 4, 4),
    FIELD(fcvm_memory_offer, path, 8, 128),
    END(fcvm_memory_offer, 136),
    FIELD(fcvm_memory_figures, size, 0, 4),
    FIELD(fcvm_memory_figures, clones, 4, 4),
    FIELD(fcvm_memory_figures, faults, 8, 8),
    FIELD(fcvm_memory_figures, bytes_copied, 16, 8),
    FIELD(fcvm_memory_figures, bytes_prefetched, 24, 8),
    FIELD(fcvm_memory_figures, fault_p50_ns, 32, 8),
    FIELD(fcvm_memory_figures, fault_p99_ns, 40, 8),
    END(fcvm_memory_figures, 48),
    FIELD(fcvm_memory_v1, size, 0, 4),
    FIELD(fcvm_memory_v1, reserved, 4, 4),
    FIELD(fcvm_memory_v1, open, 8, 8),
    FIELD(fcvm_memory_v1, attach_clone, 16, 8),
    FIELD(fcvm_memory_v1, clone_started, 24, 8),
    FIELD(fcvm_memory_v1, prefetch, 32, 8),
    FIELD(fcvm_memory_v1, working_set, 40, 8),
    FIELD(fcvm_memory_v1, detach_clone, 48, 8),
    FIELD(fcvm_memory_v1, health, 56, 8),
    FIELD(fcvm_memory_v1, figures, 64, 8),
    FIELD(fcvm_memory_v1, close, 72, 8),
    FIELD(fcvm_memory_v1, clone_health, 80, 8),
    END(fcvm_memory_v1, 88),
    FIELD(fcvm_ready_target, size, 0, 4),
    FIELD(fcvm_ready_target, reserved, 4, 4),
    FIELD(fcvm_ready_target, vm_id, 8, 8),
    FIELD(fcvm_ready_target, container, 16, 8),
    END(fcvm_ready_target, 24),
    FIELD(fcvm_readiness_v1, size, 0, 4),
    FIELD(fcvm_readiness_v1, reserved, 4, 4),
    FIELD(fcvm_readiness_v1, wait, 8, 8),
    END(fcvm_readiness_v1, 16),
};

TEST_CASE("every field of the ABI is where it was published") {
  for (const Pin& pin : kPins) {
    const std::string name =
        std::string(pin.structure) + "." + (pin.field == nullptr ? "(end)" : pin.field);
    INFO(name);
    CHECK(pin.actual_offset == pin.offset);
    CHECK(pin.actual_size == pin.size);
  }
}

// A hole would make a field's place depend on the compiler, and a field appended into the padding
// at a struct's end would lie inside what an older side already counts as filled in.
TEST_CASE("no struct of the ABI has padding") {
  std::size_t end = 0;
  for (const Pin& pin : kPins) {
    INFO(pin.structure << "." << (pin.field == nullptr ? "(end)" : pin.field));
    CHECK(pin.actual_offset == end);
    end = pin.field == nullptr ? 0 : pin.actual_offset + pin.actual_size;
  }
}

TEST_CASE("every growing struct begins with its size") {
  bool first = true;
  for (const Pin& pin : kPins) {
    const bool grows = std::string(pin.structure) != "fcvm_passed_fd";
    INFO(pin.structure);
    if (first && grows) CHECK(std::string(pin.field) == "size");
    first = pin.field == nullptr;
  }
}

static_assert(FCVM_NO_DEADLINE == 9223372036854775807LL, "published");
static_assert(FCVM_ABI_VERSION == 1u, "published");
static_assert(FCVM_DRAFT == 2u, "published");
static_assert(FCVM_OPTION_TEXT == 1u, "published");
static_assert(FCVM_OPTION_BOOLEAN == 2u, "published");
static_assert(FCVM_OPTION_INTEGER == 3u, "published");
static_assert(FCVM_OPTION_SIZE == 4u, "published");
static_assert(FCVM_OPTION_DURATION == 5u, "published");
static_assert(FCVM_OPTION_LIST == 6u, "published");
static_assert(FCVM_OPTION_REQUIRED == 1u, "published");
static_assert(FCVM_OPTION_SECRET == 2u, "published");
static_assert(FCVM_PROBE_USABLE == 1u, "published");
static_assert(FCVM_PROBE_DEGRADED == 2u, "published");
static_assert(FCVM_PROBE_UNUSABLE == 3u, "published");
static_assert(FCVM_DISK_READ_ONLY == 1u, "published");
static_assert(FCVM_DISK_CACHE_UNSAFE == 2u, "published");
static_assert(FCVM_LOG_TRACE == 0u, "published");
static_assert(FCVM_LOG_DEBUG == 1u, "published");
static_assert(FCVM_LOG_INFO == 2u, "published");
static_assert(FCVM_LOG_WARNING == 3u, "published");
static_assert(FCVM_LOG_ERROR == 4u, "published");
static_assert(FCVM_PROCESS_OWN_NAMESPACES == 1u, "published");
static_assert(FCVM_PROCESS_HAS_DIRECTORY == 256u, "published");
static_assert(FCVM_PROCESS_HAS_STDIN == 512u, "published");
static_assert(FCVM_PROCESS_HAS_STDOUT == 1024u, "published");
static_assert(FCVM_PROCESS_HAS_STDERR == 2048u, "published");
static_assert(FCVM_PROCESS_HAS_USER_NAMESPACE == 4096u, "published");
static_assert(FCVM_PROCESS_HAS_NET_NAMESPACE == 8192u, "published");
static_assert(FCVM_PROCESS_HAS_MOUNT_NAMESPACE == 16384u, "published");
static_assert(FCVM_PROCESS_HAS_CGROUP == 32768u, "published");
static_assert(FCVM_PROCESS_HAS_UID == 65536u, "published");
static_assert(FCVM_PROCESS_HAS_GID == 131072u, "published");
static_assert(FCVM_JAIL_WRITABLE == 1u, "published");
static_assert(FCVM_JAIL_OPTIONAL == 2u, "published");
static_assert(FCVM_JAILED_NOT == 0u, "published");
static_assert(FCVM_JAILED_PRIVILEGES == 1u, "published");
static_assert(FCVM_JAILED_LANDLOCK == 2u, "published");
static_assert(FCVM_JAILED_NAMESPACES == 3u, "published");
static_assert(FCVM_OUTPUT_CONSOLE == 1u, "published");
static_assert(FCVM_OUTPUT_STDOUT == 2u, "published");
static_assert(FCVM_OUTPUT_STDERR == 3u, "published");
static_assert(FCVM_LINE_GOES_ON == 1u, "published");
static_assert(FCVM_EXEC_IN_CONTAINER == 1u, "published");
static_assert(FCVM_BUILD_HAS_DIRECTORY == 256u, "published");
static_assert(FCVM_VMM_CAN_SNAPSHOT == 1u, "published");
static_assert(FCVM_VMM_CAN_SNAPSHOT_DIFF == 2u, "published");
static_assert(FCVM_VMM_CAN_RESTORE_FILE == 4u, "published");
static_assert(FCVM_VMM_CAN_RESTORE_UFFD == 8u, "published");
static_assert(FCVM_VMM_CAN_BALLOON == 16u, "published");
static_assert(FCVM_VMM_CAN_METADATA == 32u, "published");
static_assert(FCVM_VMM_CAN_HUGEPAGES == 64u, "published");
static_assert(FCVM_VMM_CAN_RATE_LIMIT == 128u, "published");
static_assert(FCVM_VMM_NEEDS_ELF_KERNEL == 256u, "published");
static_assert(FCVM_VMM_IS_EMULATED == 512u, "published");
static_assert(FCVM_VM_HUGEPAGES == 1u, "published");
static_assert(FCVM_VM_TRACK_DIRTY == 2u, "published");
static_assert(FCVM_VM_START_PAUSED == 4u, "published");
static_assert(FCVM_VM_HAS_NET_NAMESPACE == 256u, "published");
static_assert(FCVM_VM_HAS_USER_NAMESPACE == 512u, "published");
static_assert(FCVM_VM_HAS_CGROUP == 1024u, "published");
static_assert(FCVM_MEMORY_FROM_FILE == 1u, "published");
static_assert(FCVM_MEMORY_FROM_UFFD == 2u, "published");
static_assert(FCVM_SNAPSHOT_FULL == 1u, "published");
static_assert(FCVM_SNAPSHOT_DIFF == 2u, "published");
static_assert(FCVM_VM_NEW == 0u, "published");
static_assert(FCVM_VM_RUNNING == 1u, "published");
static_assert(FCVM_VM_PAUSED == 2u, "published");
static_assert(FCVM_VM_ENDED == 3u, "published");
static_assert(FCVM_BALLOON_GUEST_REPORTS == 1u, "published");
static_assert(FCVM_NET_CAN_IPV6 == 1u, "published");
static_assert(FCVM_NET_CAN_PUBLISH == 2u, "published");
static_assert(FCVM_NET_CAN_PUBLISH_UDP == 4u, "published");
static_assert(FCVM_NET_CAN_CHOOSE_ADDRESS == 8u, "published");
static_assert(FCVM_NET_CAN_REATTACH == 16u, "published");
static_assert(FCVM_NET_NEEDS_ROOT == 32u, "published");
static_assert(FCVM_NET_KEEPS_CLOSED == 64u, "published");
static_assert(FCVM_NET_CAN_LIMIT_RATE == 128u, "published");
static_assert(FCVM_NET_TAKES_IPV6_PREFIX == 256u, "published");
static_assert(FCVM_PROTO_TCP == 6u, "published");
static_assert(FCVM_PROTO_UDP == 17u, "published");
static_assert(FCVM_NET_WANT_IPV6 == 1u, "published");
static_assert(FCVM_NET_NO_HOST_LOOPBACK == 2u, "published");
static_assert(FCVM_NET_REATTACH == 4u, "published");
static_assert(FCVM_NET_LINK_LOCAL == 8u, "published");
static_assert(FCVM_NET_HOST_ADDRESSES == 16u, "published");
static_assert(FCVM_OPEN_HOST_LOOPBACK == 1u, "published");
static_assert(FCVM_OPEN_HOST_ADDRESSES == 2u, "published");
static_assert(FCVM_OPEN_ADDRESS == 3u, "published");
static_assert(FCVM_NET_HAS_NET_NAMESPACE == 256u, "published");
static_assert(FCVM_NET_HAS_USER_NAMESPACE == 512u, "published");
static_assert(FCVM_IMAGE_CAN_SHARE == 1u, "published");
static_assert(FCVM_IMAGE_NEEDS_BUILDER == 2u, "published");
static_assert(FCVM_IMAGE_CAN_LIST == 4u, "published");
static_assert(FCVM_PULL_MISSING == 1u, "published");
static_assert(FCVM_PULL_ALWAYS == 2u, "published");
static_assert(FCVM_PULL_NEVER == 3u, "published");
static_assert(FCVM_PULL_NEWER == 4u, "published");
static_assert(FCVM_GUEST_LOAD_ARCHIVE == 1u, "published");
static_assert(FCVM_GUEST_MOUNT_STORE == 2u, "published");
static_assert(FCVM_GUEST_USE_STORE_DISK == 3u, "published");
static_assert(FCVM_MEMORY_SHARES_PAGES == 1u, "published");
static_assert(FCVM_MEMORY_CAN_PREFETCH == 2u, "published");
static_assert(FCVM_MEMORY_IS_SERVER == 4u, "published");
static_assert(FCVM_MEMORY_CAN_RECORD == 8u, "published");
static_assert(FCVM_MEMORY_CAN_LAYERS == 16u, "published");
static_assert(FCVM_MEMORY_CAN_HUGEPAGES == 32u, "published");
static_assert(FCVM_CLONE_RECORD == 1u, "published");
static_assert(FCVM_READINESS_NEEDS_NETWORK == 1u, "published");

TEST_CASE("the names by which both sides find each other are as published") {
  CHECK(std::string(FCVM_ENTRY_SYMBOL) == "fcvm_plugin_entry_v1");
  CHECK(std::string(FCVM_KIND_VMM) == "vmm/1");
  CHECK(std::string(FCVM_KIND_NET) == "net/1");
  CHECK(std::string(FCVM_KIND_IMAGE) == "image/1");
  CHECK(std::string(FCVM_KIND_MEMORY) == "memory/1");
  CHECK(std::string(FCVM_KIND_READINESS) == "readiness/1");
}

}  // namespace
