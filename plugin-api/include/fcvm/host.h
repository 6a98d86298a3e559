/*
 * Host services: what a plugin asks its host for. A plugin does not fork, does not log by itself,
 * and does not print; it asks for a service by id and copes when there is none.
 */
#ifndef FCVM_HOST_H
#define FCVM_HOST_H

#include <fcvm/abi.h>
#include <fcvm/disk.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- log/1 --- */

#define FCVM_LOG_TRACE 0u
#define FCVM_LOG_DEBUG 1u
#define FCVM_LOG_INFO 2u
#define FCVM_LOG_WARNING 3u
#define FCVM_LOG_ERROR 4u

typedef struct fcvm_log_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [any, quick] Never fails. The host adds the time and the plugin's id. */
  void (*write)(const fcvm_host* host, uint32_t level, const char* message);
  /* [any, quick] 1 when `level` would be written: spares building a message nobody reads. */
  int32_t (*enabled)(const fcvm_host* host, uint32_t level);
} fcvm_log_v1;

/* --- process/1 --- */

/* Every child has a session of its own, so that a terminal's signals are for fcvm alone, and
 * outlives neither the supervisor nor the instance; there is no flag for the contrary. */

/* Mount, IPC and UTS namespaces of its own, where the host may make them: for a program that a
 * guest might take over. */
#define FCVM_PROCESS_OWN_NAMESPACES 1u
/* Which of the fields below are given. */
#define FCVM_PROCESS_HAS_DIRECTORY (1u << 8)
#define FCVM_PROCESS_HAS_STDIN (1u << 9)
#define FCVM_PROCESS_HAS_STDOUT (1u << 10)
#define FCVM_PROCESS_HAS_STDERR (1u << 11)
#define FCVM_PROCESS_HAS_USER_NAMESPACE (1u << 12)
#define FCVM_PROCESS_HAS_NET_NAMESPACE (1u << 13)
#define FCVM_PROCESS_HAS_MOUNT_NAMESPACE (1u << 14)
#define FCVM_PROCESS_HAS_CGROUP (1u << 15)
#define FCVM_PROCESS_HAS_UID (1u << 16)
#define FCVM_PROCESS_HAS_GID (1u << 17)

typedef struct fcvm_passed_fd {
  int32_t from; /* in this process; borrowed */
  int32_t to;   /* its number in the child */
} fcvm_passed_fd;

#define FCVM_LIMIT_INFINITY UINT64_MAX

typedef struct fcvm_resource_limit {
  uint32_t size;
  uint32_t resource; /* RLIMIT_..., as Linux numbers them */
  uint64_t soft;     /* lowered to what the host's own hard limit allows, as is `hard` */
  uint64_t hard;
} fcvm_resource_limit;

/* What a plugin of kind vmm/1 starts is jailed: it has a root directory with the system's programs,
 * the working directory (writable), what the VM's specification names, and what is listed here;
 * namespaces of its own, with an empty network unless one is given; no capability, a small
 * environment unless one is given, limits, and as root a user of its own. Where the host can make
 * no namespaces it is Landlock over the same list. Other kinds' processes are not jailed. */
#define FCVM_JAIL_WRITABLE 1u
#define FCVM_JAIL_OPTIONAL 2u /* left out where the host has none */

/* A file, a directory with all in it, a socket, or a character device. */
typedef struct fcvm_jail_item {
  uint32_t size;
  uint32_t flags;
  const char* path;   /* absolute, or relative to the process's directory */
  const char* inside; /* absolute, where it is in the jail; NULL for the same path */
} fcvm_jail_item;

typedef struct fcvm_jail_spec {
  uint32_t size;
  uint32_t item_count;
  const fcvm_jail_item* const* items;
} fcvm_jail_spec;

typedef struct fcvm_process_spec {
  uint32_t size;
  uint32_t flags;
  const char* name;               /* for logs and `fcvm inspect`: "pasta" */
  const char* program;            /* a path, or a name to look up in the host's PATH */
  const char* const* arguments;   /* NULL-terminated, argv[0] included */
  const char* const* environment; /* NULL-terminated "K=V", or NULL to inherit */
  /* Descriptors are borrowed, and read only with their bit in `flags`. */
  int32_t directory_fd;      /* working directory */
  int32_t stdin_fd;          /* else /dev/null */
  int32_t stdout_fd;         /* else line by line to the log */
  int32_t stderr_fd;         /* likewise */
  int32_t user_namespace_fd; /* entered before exec */
  int32_t net_namespace_fd;
  int32_t mount_namespace_fd;
  int32_t cgroup_fd;            /* else the VM's own */
  const fcvm_passed_fd* passed; /* fixed layout: this one struct never grows */
  uint32_t passed_count;
  uint32_t uid; /* else the host's, or what the jail gives it */
  uint32_t gid;
  uint32_t reserved;
  const fcvm_resource_limit* const* limits;
  uint32_t limit_count;
  uint32_t reserved2;
  const fcvm_jail_spec* jail; /* or NULL */
} fcvm_process_spec;

#define FCVM_JAILED_NOT 0u
#define FCVM_JAILED_PRIVILEGES 1u /* no capabilities and no new ones, but its user's files */
#define FCVM_JAILED_LANDLOCK 2u
#define FCVM_JAILED_NAMESPACES 3u

typedef struct fcvm_process_status {
  uint32_t size;
  uint32_t running; /* 1 while it runs */
  int32_t pid;
  int32_t exit_code;   /* once it has exited */
  int32_t exit_signal; /* once a signal has ended it; else 0 */
  uint32_t reserved;
  uint32_t jailed; /* FCVM_JAILED_..., the level that was reached */
  uint32_t reserved2;
} fcvm_process_status;

typedef struct fcvm_process_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] Starts a child with PDEATHSIG set, tracked by pidfd and reaped by the host;
   * the host bounds how long that takes. `handle` is valid until `release`. */
  int32_t (*spawn)(const fcvm_host* host, const fcvm_process_spec* spec, uint64_t* handle,
                   fcvm_error* error);
  /* [any, quick] */
  int32_t (*status)(const fcvm_host* host, uint64_t handle, fcvm_process_status* out,
                    fcvm_error* error);
  /* [any, quick] Sends a signal through the pidfd: never hits a recycled pid. */
  int32_t (*signal)(const fcvm_host* host, uint64_t handle, int32_t signal, fcvm_error* error);
  /* [any, quick] A pidfd to poll, borrowed until `release`; readable once the process has ended.
   * That is how to wait for one: beside the deadline and whatever else the plugin waits for. */
  int32_t (*pidfd)(const fcvm_host* host, uint64_t handle);
  /* [worker, blocks] TERM, up to `grace_ns`, KILL, reap; then the handle is gone. */
  void (*release)(const fcvm_host* host, uint64_t handle, int64_t grace_ns);
} fcvm_process_v1;

/* --- guest/1 --- */

#define FCVM_OUTPUT_CONSOLE 1u /* the guest's serial console */
#define FCVM_OUTPUT_STDOUT 2u  /* the container's */
#define FCVM_OUTPUT_STDERR 3u

#define FCVM_LINE_GOES_ON 1u /* its end is in the next line of this source */

typedef struct fcvm_line {
  uint32_t size;
  uint32_t source; /* FCVM_OUTPUT_... */
  uint32_t flags;
  uint32_t reserved;
  const char* bytes; /* without the newline; whatever the guest wrote, NULs included */
  uint64_t length;   /* at most 16 KiB: a longer line comes in several. Of one beyond 1 MiB the
                      * beginning may be missing, and one without an end does not come. */
} fcvm_line;

/* Receives one line; borrowed for the call. Called on a thread of the host: must not block, nor
 * call a service but log/1. */
typedef void (*fcvm_line_fn)(void* context, const fcvm_line* line);

/* Receives a piece of what a command wrote to FCVM_OUTPUT_STDOUT or _STDERR, as it comes. A
 * non-zero return ends the command. Called on the thread that called the service. */
typedef int32_t (*fcvm_output_fn)(void* context, uint32_t source, const char* bytes,
                                  uint64_t length);

#define FCVM_EXEC_IN_CONTAINER 1u /* else in the guest, beside the container */

typedef struct fcvm_guest_exec {
  uint32_t size;
  uint32_t flags;
  const char* const* arguments; /* NULL-terminated */
  const char* const*
      environment;       /* "K=V" besides what the container has; NULL-terminated, or NULL */
  const char* user;      /* as `podman exec --user`, or NULL */
  const char* directory; /* or NULL */
  const char* input;     /* for its standard input, or NULL */
  uint64_t input_length;
} fcvm_guest_exec;

typedef struct fcvm_guest_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] A stream to a port on which the agent listens; -ECONNREFUSED when nobody does.
   */
  int32_t (*dial)(const fcvm_host* host, uint32_t port, int64_t deadline, int32_t* fd,
                  fcvm_error* error);
  /* [worker, blocks] A stream to a TCP port of the guest, through the VM's network. */
  int32_t (*dial_tcp)(const fcvm_host* host, uint16_t port, int64_t deadline, int32_t* fd,
                      fcvm_error* error);
  /* [worker, blocks] Runs a command to its end; `output` may be NULL. `exit_code` is as a shell
   * would give it. A command that the deadline, a cancel or `output` ends is killed in the guest.
   */
  int32_t (*exec)(const fcvm_host* host, const fcvm_guest_exec* exec, int64_t deadline,
                  fcvm_output_fn output, void* context, int32_t* exit_code, fcvm_error* error);
  /* [worker, quick] Calls `line` for what has been said already and is still kept, and for what
   * comes, until `unsubscribe`. */
  int32_t (*subscribe)(const fcvm_host* host, uint32_t source, fcvm_line_fn line, void* context,
                       uint64_t* subscription, fcvm_error* error);
  /* [worker] Returns only when no call of `line` is under way, and none follows. */
  void (*unsubscribe)(const fcvm_host* host, uint64_t subscription);
} fcvm_guest_v1;

/* --- state/1 --- */

/* A key is 1 to 128 bytes, a value at most 4096, both of UTF-8 without control characters; a value
 * may have newlines and tabs. A plugin has at most 256 of them per VM. */
typedef int32_t (*fcvm_record_fn)(void* context, const char* key, const char* value);

typedef struct fcvm_state_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] Durable before it returns: record what must be undone BEFORE making it, so
   * that `fcvm gc` can undo it after a crash. An old value is replaced. */
  int32_t (*put)(const fcvm_host* host, const char* key, const char* value, fcvm_error* error);
  /* [worker, blocks] 0 when the key was not there either. */
  int32_t (*forget)(const fcvm_host* host, const char* key, fcvm_error* error);
  /* [worker, quick] In the order of first `put`. A non-zero return stops early. */
  int32_t (*list)(const fcvm_host* host, fcvm_record_fn record, void* context, fcvm_error* error);
  /* [any, quick] A directory of this VM for the plugin's files (sockets, logs); removed with the
   * VM. */
  int32_t (*directory)(const fcvm_host* host, int32_t* fd, fcvm_error* error);
} fcvm_state_v1;

/* --- progress/1 --- */

typedef struct fcvm_progress_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, quick] `what` is a phrase for a line on a terminal ("copying layers of alpine").
   * `total` is 0 when unknown; `unit` is "bytes", "layers"... Gives a number for the other two. */
  uint64_t (*begin)(const fcvm_host* host, const char* what, uint64_t total, const char* unit);
  /* [any, quick] As often as one likes: the host shows some ten in a second. */
  void (*update)(const fcvm_host* host, uint64_t progress, uint64_t done);
  /* [worker, quick] */
  void (*end)(const fcvm_host* host, uint64_t progress, int32_t succeeded);
} fcvm_progress_v1;

/* --- builder/1 --- */

/* A VM that runs one command on disks and is gone: how an image is unpacked without the host
 * reading a byte of it. It has no network, and is confined as any VM is. */
typedef struct fcvm_build {
  uint32_t size;
  uint32_t flags;
  int32_t directory_fd;  /* with FCVM_BUILD_HAS_DIRECTORY: what the disks' paths are relative to */
  uint32_t cpus;         /* 0: the host's choice */
  uint64_t memory_bytes; /* likewise */
  const char* const*
      arguments; /* run as root in the guest, without a container and without a network */
  const char* const* environment;
  /* Found in the guest at /dev/disk/by-id/virtio-<id>; at most 16. "base" and "disk" are the
   * guest's own. A path may be absolute. Where the VM has a user of its own, it owns what it writes
   * until the call returns. */
  const fcvm_disk* const* disks;
  uint32_t disk_count;
  uint32_t reserved;
} fcvm_build;

#define FCVM_BUILD_HAS_DIRECTORY (1u << 8)

typedef struct fcvm_builder_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] Returns once the command has ended, the disks are written and the VM is gone.
   * `output` may be NULL; `exit_code` is as a shell would give it. After a failure nothing may be
   * expected of a disk that was not FCVM_DISK_READ_ONLY. */
  int32_t (*run)(const fcvm_host* host, const fcvm_build* build, int64_t deadline,
                 fcvm_output_fn output, void* context, int32_t* exit_code, fcvm_error* error);
  /* [any] Emits the name of the guest that runs the commands, and VMs: another one may have other
   * programs, for which what was made by this one's has to be made anew. */
  int32_t (*guest)(const fcvm_host* host, fcvm_emit_fn emit, void* context, fcvm_error* error);
} fcvm_builder_v1;

#ifdef __cplusplus
}
#endif
#endif
