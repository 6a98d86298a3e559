/*
 * vmm/1 (draft): one virtual machine monitor.
 *
 * One instance runs at most one VM. States: new -> running <-> paused -> ended. The host speaks
 * only these verbs; a VMM's own API stays inside its plugin. Every path in a specification is
 * relative to the VM's directory, which is the VMM's working directory, so that a restored state
 * finds its own clone's disks and sockets.
 */
#ifndef FCVM_VMM_H
#define FCVM_VMM_H

#include <fcvm/abi.h>
#include <fcvm/disk.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_KIND_VMM "vmm/1"

/* capabilities */
#define FCVM_VMM_CAN_SNAPSHOT (1ull << 0)
#define FCVM_VMM_CAN_SNAPSHOT_DIFF (1ull << 1)
#define FCVM_VMM_CAN_RESTORE_FILE (1ull << 2) /* memory from a privately mapped file */
#define FCVM_VMM_CAN_RESTORE_UFFD (1ull << 3) /* memory from a page server */
#define FCVM_VMM_CAN_BALLOON (1ull << 4)
#define FCVM_VMM_CAN_METADATA (1ull << 5) /* a metadata service at 169.254.169.254 */
#define FCVM_VMM_CAN_HUGEPAGES (1ull << 6)
#define FCVM_VMM_CAN_RATE_LIMIT (1ull << 7)
#define FCVM_VMM_NEEDS_ELF_KERNEL (1ull << 8) /* vmlinux; else bzImage is preferred */
#define FCVM_VMM_IS_EMULATED (1ull << 9)      /* works without KVM */

typedef struct fcvm_nic {
  uint32_t size;
  uint32_t mtu;
  const char* id;
  const char* tap; /* name of the tap in the network namespace */
  const char* mac;
  const fcvm_rate_limit* receive_limit;
  const fcvm_rate_limit* transmit_limit;
} fcvm_nic;

#define FCVM_VM_HUGEPAGES 1u
#define FCVM_VM_TRACK_DIRTY 2u  /* so that a diff snapshot is possible */
#define FCVM_VM_START_PAUSED 4u /* only for restore */
#define FCVM_VM_HAS_NET_NAMESPACE (1u << 8)
#define FCVM_VM_HAS_USER_NAMESPACE (1u << 9)
#define FCVM_VM_HAS_CGROUP (1u << 10)

typedef struct fcvm_vm_spec {
  uint32_t size;
  uint32_t flags;
  const char* vm_id;        /* unique on this host, at most 32 of [a-z0-9-] */
  int32_t directory_fd;     /* the VM's directory; every path below is relative to it */
  int32_t net_namespace_fd; /* with FCVM_VM_HAS_..., as the two that follow */
  int32_t user_namespace_fd;
  int32_t cgroup_fd;
  uint32_t cpus;
  uint32_t reserved;
  uint64_t memory_bytes;
  const char* kernel;     /* links or files in the directory */
  const char* kernel_elf; /* the same kernel as ELF, or NULL */
  const char* initrd;
  const char* command_line;      /* what fcvm wants; the plugin adds what its machine needs */
  const char* console;           /* file that receives the serial console */
  const char* memory_file;       /* where shareable guest RAM may be put, or NULL for anonymous */
  const char* guest_socket;      /* Unix socket to make: "CONNECT <port>\n" -> "OK <n>\n" */
  const char* metadata_json;     /* for the metadata service, or NULL */
  const fcvm_disk* const* disks; /* in the order in which the guest finds them */
  uint32_t disk_count;
  uint32_t nic_count;
  const fcvm_nic* const* nics;
  uint64_t balloon_bytes;
} fcvm_vm_spec;

#define FCVM_MEMORY_FROM_FILE 1u /* map `path` privately */
#define FCVM_MEMORY_FROM_UFFD 2u /* `path` is the page server's socket */

typedef struct fcvm_memory_source {
  uint32_t size;
  uint32_t type;
  const char* path;
} fcvm_memory_source;

typedef struct fcvm_vm_restore {
  uint32_t size;
  uint32_t reserved;
  const char* device_state; /* file made by `snapshot`, relative to the directory */
  const fcvm_memory_source* memory;
  const char* vmm_version;     /* as `status` gave it when the snapshot was made */
  const char* snapshot_format; /* likewise */
} fcvm_vm_restore;

#define FCVM_SNAPSHOT_FULL 1u
#define FCVM_SNAPSHOT_DIFF 2u

typedef struct fcvm_vm_snapshot {
  uint32_t size;
  uint32_t type;
  const char* device_state; /* files to make, relative to the directory */
  const char* memory;
} fcvm_vm_snapshot;

#define FCVM_VM_NEW 0u
#define FCVM_VM_RUNNING 1u
#define FCVM_VM_PAUSED 2u
#define FCVM_VM_ENDED 3u

typedef struct fcvm_vm_status {
  uint32_t size;
  uint32_t state;
  int32_t pid;       /* the VMM's process; not in the state NEW, as pidfd */
  int32_t pidfd;     /* borrowed until the instance ends; readable once the VMM has ended */
  int32_t exit_code; /* of the VMM, once ended */
  int32_t exit_signal;
  char vmm_version[64]; /* "firecracker 1.16.1", "qemu 7.2.22 tcg" */
  char vmm_path[4096];
  char accelerator[16]; /* "kvm" or "tcg" */
  char end_reason[256]; /* "guest powered off", "killed by signal 9"...: after kill() at the latest
                         */
  char snapshot_format[32]; /* what the VMM calls the format of its snapshots, or "" */
} fcvm_vm_status;

#define FCVM_BALLOON_GUEST_REPORTS 1u /* the guest has reported the fields below actual_bytes */

typedef struct fcvm_vm_balloon {
  uint32_t size;
  uint32_t flags;
  uint64_t target_bytes; /* what set_balloon asked the guest for */
  uint64_t actual_bytes; /* what the guest has given up */
  uint64_t total_bytes;  /* from here on as the guest last said; 0 for what it does not say */
  uint64_t free_bytes;
  uint64_t available_bytes;
  uint64_t cache_bytes;
  uint64_t swapped_in_bytes;
  uint64_t swapped_out_bytes;
  uint64_t major_faults;
  uint64_t minor_faults;
} fcvm_vm_balloon;

typedef struct fcvm_vmm_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks; new] Boots a VM; returns once the VMM has accepted it and its CPUs run. */
  int32_t (*start)(void* instance, const fcvm_vm_spec* spec, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; new] Brings a snapshot to life in the specification's directory. Optional. */
  int32_t (*restore)(void* instance, const fcvm_vm_spec* spec, const fcvm_vm_restore* from,
                     int64_t deadline, fcvm_error* error);
  /* [worker, blocks; running] */
  int32_t (*pause)(void* instance, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; paused] */
  int32_t (*resume)(void* instance, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; paused] Optional. */
  int32_t (*snapshot)(void* instance, const fcvm_vm_snapshot* snapshot, int64_t deadline,
                      fcvm_error* error);
  /* [any, blocks; running] A stream to a guest port. -ECONNREFUSED when nobody listens there (yet).
   */
  int32_t (*connect)(void* instance, uint32_t port, int64_t deadline, int32_t* fd,
                     fcvm_error* error);
  /* [worker, blocks; running or paused] Optional. May be -EAGAIN until the guest has taken the
   * device. */
  int32_t (*set_balloon)(void* instance, uint64_t bytes, int64_t deadline, fcvm_error* error);
  /* [any, quick] What the plugin knows of its process: it asks nothing of the VMM. */
  int32_t (*status)(void* instance, fcvm_vm_status* out, fcvm_error* error);
  /* [any, blocks] Ends the VM at once, whatever its state; on return the process is reaped, and why
   * the VM ended is known, also when it did so by itself. An orderly power-off is asked of the
   * guest's agent, not here. */
  int32_t (*kill)(void* instance, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; running] Replaces the metadata document. Optional. */
  int32_t (*set_metadata)(void* instance, const char* json, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; running or paused] The balloon's figures. Optional; offered with set_balloon.
   */
  int32_t (*balloon)(void* instance, int64_t deadline, fcvm_vm_balloon* out, fcvm_error* error);
} fcvm_vmm_v1;

#ifdef __cplusplus
}
#endif
#endif
