/*
 * memory/1 (draft): where a restored VM's memory comes from.
 *
 * One instance serves one snapshot, for any number of clones. It fails closed: when it can no longer
 * serve a page, its clones are ended, never left with zero pages.
 */
#ifndef FCVM_MEMORY_H
#define FCVM_MEMORY_H

#include <fcvm/abi.h>
#include <fcvm/vmm.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_KIND_MEMORY "memory/1"

#define FCVM_MEMORY_SHARES_PAGES (1ull << 0) /* clean pages are shared between clones */
#define FCVM_MEMORY_CAN_PREFETCH (1ull << 1)
#define FCVM_MEMORY_NEEDS_SERVER (1ull << 2) /* `serve` must run while clones live */

typedef struct fcvm_memory_request {
  uint32_t size;
  uint32_t flags;         /* none yet */
  int32_t snapshot_fd;    /* the snapshot's directory */
  uint32_t reserved;
  const char *memory;     /* the memory file in it */
  uint64_t memory_bytes;
  const char *working_set; /* recorded working set in it, or NULL */
} fcvm_memory_request;

typedef struct fcvm_memory_clone {
  uint32_t size;
  int32_t vmm_pidfd;   /* borrowed until `detach_clone`; -1 while the VMM is not started */
  const char *clone_id;
  int32_t directory_fd; /* the clone's directory: sockets and links are put there */
  uint32_t reserved;
} fcvm_memory_clone;

typedef struct fcvm_memory_figures {
  uint32_t size;
  uint32_t clones;
  uint64_t faults;
  uint64_t bytes_copied;
  uint64_t bytes_prefetched;
  uint64_t fault_p50_ns;
  uint64_t fault_p99_ns;
} fcvm_memory_figures;

/* `path` is relative to the clone's directory. */
typedef struct fcvm_memory_offer {
  uint32_t size;
  uint32_t type; /* FCVM_MEMORY_FROM_FILE or _UFFD */
  char path[128];
} fcvm_memory_offer;

typedef struct fcvm_memory_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker] Opens a snapshot; for a server, starts serving. */
  int32_t (*open)(void *instance, const fcvm_memory_request *request, int64_t deadline,
                  fcvm_error *error);
  /* [worker, open] What a clone's VMM is to be given, made before the VMM starts. */
  int32_t (*attach_clone)(void *instance, const fcvm_memory_clone *clone, int64_t deadline,
                          fcvm_memory_offer *out, fcvm_error *error);
  /* [worker, open] The clone's VMM has ended, or never started. */
  int32_t (*detach_clone)(void *instance, const char *clone_id, fcvm_error *error);
  /* [any, open] */
  int32_t (*figures)(void *instance, fcvm_memory_figures *out, fcvm_error *error);
  /* [worker] */
  int32_t (*close)(void *instance, fcvm_error *error);
} fcvm_memory_v1;

#ifdef __cplusplus
}
#endif
#endif
