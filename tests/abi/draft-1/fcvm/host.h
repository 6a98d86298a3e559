/*
 * Host services: what a plugin asks its host for. A plugin does not fork, does not log by itself,
 * and does not print; it asks for a service by id and copes when there is none.
 */
#ifndef FCVM_HOST_H
#define FCVM_HOST_H

#include <fcvm/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- log/1 ---------------------------------------------------------------------------------------*/

#define FCVM_LOG_TRACE 0u
#define FCVM_LOG_DEBUG 1u
#define FCVM_LOG_INFO 2u
#define FCVM_LOG_WARNING 3u
#define FCVM_LOG_ERROR 4u

typedef struct fcvm_log_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [any] Never blocks for long, never fails. The host adds the time and the plugin's id. */
  void (*write)(const fcvm_host *host, uint32_t level, const char *message);
  /* [any] 1 when `level` would be written: spares building a message nobody reads. */
  int32_t (*enabled)(const fcvm_host *host, uint32_t level);
} fcvm_log_v1;

/* --- process/1 -----------------------------------------------------------------------------------*/

/* Every child has a session of its own, so that a terminal's signals are for fcvm alone; hosts before
 * 0.1.0 made one only with this flag. */
#define FCVM_PROCESS_NEW_SESSION 1u
/* Mount, IPC and UTS namespaces of its own, where the host may make them: for a program that a guest
 * might take over. */
#define FCVM_PROCESS_OWN_NAMESPACES 2u
/* The child outlives neither the supervisor nor the instance; there is no flag for the contrary. */

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

/* What a plugin of kind vmm/1 starts is jailed: it has a root directory with the system's programs, the
 * working directory (writable), what the VM's specification names, and what is listed here;
 * namespaces of its own, with an empty network unless one is given; no capability, a small
 * environment unless one is given, limits, and as root a user of its own. Where the host can make no
 * namespaces it is Landlock over the same list. Other kinds' processes are not jailed. */
#define FCVM_JAIL_WRITABLE 1u
#define FCVM_JAIL_OPTIONAL 2u /* left out where the host has none */

/* A file, a directory with all in it, a socket, or a character device. */
typedef struct fcvm_jail_item {
  uint32_t size;
  uint32_t flags;
  const char *path;   /* absolute, or relative to the process's directory_fd */
  const char *inside; /* absolute, where it is in the jail; NULL for the same path */
} fcvm_jail_item;

typedef struct fcvm_jail_spec {
  uint32_t size;
  uint32_t item_count;
  const fcvm_jail_item *const *items;
} fcvm_jail_spec;

typedef struct fcvm_process_spec {
  uint32_t size;
  uint32_t flags;
  const char *name;              /* for logs and `fcvm inspect`: "pasta" */
  const char *program;           /* a path, or a name to look up in the host's PATH */
  const char *const *arguments;  /* NULL-terminated, argv[0] included */
  const char *const *environment; /* NULL-terminated "K=V", or NULL to inherit */
  int32_t directory_fd;          /* working directory, or -1 */
  int32_t stdin_fd;              /* borrowed; -1 is /dev/null */
  int32_t stdout_fd;             /* borrowed; -1 goes line by line to the log */
  int32_t stderr_fd;             /* likewise */
  int32_t user_namespace_fd;     /* entered before exec; -1 for none */
  int32_t net_namespace_fd;
  int32_t mount_namespace_fd;
  int32_t cgroup_fd; /* the VM's own cgroup when -1 */
  const fcvm_passed_fd *passed; /* fixed layout: this one struct never grows */
  uint32_t passed_count;
  uint32_t uid; /* UINT32_MAX keeps the caller's */
  uint32_t gid;
  uint32_t reserved;
  const fcvm_resource_limit *const *limits;
  uint32_t limit_count;
  uint32_t reserved2;
  const fcvm_jail_spec *jail; /* or NULL */
} fcvm_process_spec;

#define FCVM_JAILED_NOT 0u
#define FCVM_JAILED_PRIVILEGES 1u /* no capabilities and no new ones, but its user's files */
#define FCVM_JAILED_LANDLOCK 2u
#define FCVM_JAILED_NAMESPACES 3u

typedef struct fcvm_process_status {
  uint32_t size;
  uint32_t running; /* 1 while it runs */
  int32_t pid;
  int32_t exit_code;   /* when it exited; else -1 */
  int32_t exit_signal; /* when a signal ended it; else 0 */
  uint32_t reserved;
  uint32_t jailed; /* FCVM_JAILED_..., the level that was reached */
  uint32_t reserved2;
} fcvm_process_status;

typedef struct fcvm_process_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker] Starts a child with PDEATHSIG set, tracked by pidfd and reaped by the host. `handle` is
   * valid until `release`. */
  int32_t (*spawn)(const fcvm_host *host, const fcvm_process_spec *spec, uint64_t *handle,
                   fcvm_error *error);
  /* [worker] Waits until it has ended, or the deadline (-ETIMEDOUT). */
  int32_t (*wait)(const fcvm_host *host, uint64_t handle, int64_t deadline,
                  fcvm_process_status *out, fcvm_error *error);
  /* [any] */
  int32_t (*status)(const fcvm_host *host, uint64_t handle, fcvm_process_status *out);
  /* [any] Sends a signal through the pidfd: never hits a recycled pid. */
  int32_t (*signal)(const fcvm_host *host, uint64_t handle, int32_t signal, fcvm_error *error);
  /* [any] A pidfd to poll, borrowed until `release`; readable once the process has ended. */
  int32_t (*pidfd)(const fcvm_host *host, uint64_t handle);
  /* [worker] TERM, up to `grace_ns`, KILL, reap; then the handle is gone. */
  void (*release)(const fcvm_host *host, uint64_t handle, int64_t grace_ns);
} fcvm_process_v1;

/* --- guest/1 -------------------------------------------------------------------------------------*/

#define FCVM_OUTPUT_CONSOLE 1u /* the guest's serial console */
#define FCVM_OUTPUT_STDOUT 2u  /* the container's */
#define FCVM_OUTPUT_STDERR 3u

/* Receives one line without its newline. [any]: called on a host thread; must not block. */
typedef void (*fcvm_line_fn)(void *context, uint32_t source, const char *line);

typedef struct fcvm_guest_exec {
  uint32_t size;
  uint32_t in_container;        /* 1 in the container, 0 in the guest beside it */
  const char *const *arguments; /* NULL-terminated */
  int32_t exit_code;            /* out: as a shell would give it */
  uint32_t output_size;         /* out: how much of `output` was filled */
  char *output;                 /* out: stdout and stderr, cut at output_capacity; may be NULL */
  uint64_t output_capacity;
} fcvm_guest_exec;

typedef struct fcvm_guest_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker] A stream to a port on which the agent listens; -ECONNREFUSED when nobody does. */
  int32_t (*dial)(const fcvm_host *host, uint32_t port, int64_t deadline, int32_t *fd,
                  fcvm_error *error);
  /* [worker] A stream to a TCP port of the guest, through the VM's network. */
  int32_t (*dial_tcp)(const fcvm_host *host, uint16_t port, int64_t deadline, int32_t *fd,
                      fcvm_error *error);
  /* [worker] Runs a command and waits for it. */
  int32_t (*exec)(const fcvm_host *host, fcvm_guest_exec *exec, int64_t deadline,
                  fcvm_error *error);
  /* [worker] Calls `line` for what has been said already and for what comes, until `unsubscribe`,
   * which returns only when no call is under way. */
  int32_t (*subscribe)(const fcvm_host *host, uint32_t source, fcvm_line_fn line, void *context,
                       uint64_t *subscription, fcvm_error *error);
  void (*unsubscribe)(const fcvm_host *host, uint64_t subscription);
} fcvm_guest_v1;

/* --- state/1 -------------------------------------------------------------------------------------*/

typedef struct fcvm_state_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker] Durable before it returns: record what must be undone BEFORE making it, so that `fcvm
   * gc` can undo it after a crash. Keys are the plugin's own, values text; an old value is replaced. */
  int32_t (*put)(const fcvm_host *host, const char *key, const char *value, fcvm_error *error);
  /* [worker] 0 when the key was not there either. */
  int32_t (*forget)(const fcvm_host *host, const char *key, fcvm_error *error);
  /* [worker] Emits "key\tvalue" for each, in the order of first `put`. */
  int32_t (*list)(const fcvm_host *host, fcvm_emit_fn emit, void *context, fcvm_error *error);
  /* [any] A directory of this VM for the plugin's files (sockets, logs); removed with the VM. */
  int32_t (*directory)(const fcvm_host *host, int32_t *fd, fcvm_error *error);
} fcvm_state_v1;

/* --- progress/1 ----------------------------------------------------------------------------------*/

typedef struct fcvm_progress_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker] `total` is 0 when unknown; `unit` is "bytes", "layers"... */
  uint64_t (*begin)(const fcvm_host *host, const char *what, uint64_t total, const char *unit);
  void (*update)(const fcvm_host *host, uint64_t progress, uint64_t done);  /* [any] */
  void (*end)(const fcvm_host *host, uint64_t progress, int32_t succeeded); /* [worker] */
} fcvm_progress_v1;

#ifdef __cplusplus
}
#endif
#endif
