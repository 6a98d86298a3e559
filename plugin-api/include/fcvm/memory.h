/*
 * memory/1 (draft): where a restored VM's memory comes from.
 *
 * One instance serves one snapshot, for any number of clones: in a process of its own for a plugin
 * that needs one (FCVM_MEMORY_IS_SERVER), which outlives any single clone; else in the supervisor of
 * each clone. All verbs are called in that process; how a clone's wish gets there is the host's
 * business.
 *
 * It fails closed: when it can no longer serve a page, its clones are ended, never left with zero
 * pages. Closing a userfaultfd under a live VM does just that, so a server that must stop kills first.
 *
 * The hand-over of a page server, which is Firecracker's own, whatever the VMM:
 *
 *  1. The server listens on a Unix stream socket, at the path that it offered. The VMM connects to it
 *     once, before it runs the guest.
 *  2. The VMM sends one message: a JSON list of its memory regions, with the userfaultfd as SCM_RIGHTS
 *     in the same message. A region is an object: "base_host_virt_addr" (where it lies in the VMM),
 *     "size" (bytes), "offset" (of its first byte in the memory file), "page_size" (bytes; older VMMs
 *     say "page_size_kib", which is bytes, too). A reader ignores keys that it does not know. Nothing
 *     follows; whether the socket stays open says nothing of the VMM.
 *  3. The regions are registered for missing pages before the message is sent. Each
 *     UFFD_EVENT_PAGEFAULT is answered by UFFDIO_COPY of the whole page that holds the address, from
 *     offset + (address - base); a page that the memory file does not have is UFFDIO_ZEROPAGE.
 *  4. EEXIST of either means that the page is there already: UFFDIO_WAKE it. EAGAIN means that the
 *     VMM's mappings are changing: events are waiting, so read those first and then repeat the copy.
 *  5. With a balloon the VMM removes pages: UFFD_EVENT_REMOVE says which. They are zero from then on
 *     and must not be served from the file again.
 *  6. ESRCH means that the VMM has ended. The userfaultfd does not report that by itself: watch the
 *     pidfd of `clone_started`.
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
#define FCVM_MEMORY_CAN_PREFETCH (1ull << 1) /* with the verb prefetch */
#define FCVM_MEMORY_IS_SERVER (1ull << 2)    /* must live as long as the clones */
#define FCVM_MEMORY_CAN_RECORD (1ull << 3)   /* with the verb working_set */
#define FCVM_MEMORY_CAN_LAYERS (1ull << 4)   /* takes a snapshot of several layers */
#define FCVM_MEMORY_CAN_HUGEPAGES (1ull << 5)

/* A memory file. One above another has holes where the lower one holds, so the uppermost that has
 * data at an offset says what is there. */
typedef struct fcvm_memory_layer {
  uint32_t size;
  int32_t directory_fd; /* of the snapshot it is from */
  const char* path;     /* in that directory */
} fcvm_memory_layer;

typedef struct fcvm_memory_request {
  uint32_t size;
  uint32_t layer_count;                   /* at least one; more only with FCVM_MEMORY_CAN_LAYERS */
  const fcvm_memory_layer* const* layers; /* the lowest first */
  uint64_t memory_bytes;                  /* of the guest: every layer is as long */
  uint64_t page_bytes;                    /* of the guest's memory on the host: 4096, or 2 MiB */
  /* A working set that `working_set` wrote, in the directory of the last layer, or NULL. */
  const char* working_set;
} fcvm_memory_request;

#define FCVM_CLONE_RECORD 1u /* note which pages it uses, for `working_set` */

typedef struct fcvm_memory_clone {
  uint32_t size;
  uint32_t flags;
  const char* clone_id;
  int32_t directory_fd; /* the clone's directory: sockets and links are put there */
  uint32_t reserved;
} fcvm_memory_clone;

/* What a clone's VMM is to be given; `path` is relative to the clone's directory. */
typedef struct fcvm_memory_offer {
  uint32_t size;
  uint32_t type; /* FCVM_MEMORY_FROM_FILE or _UFFD */
  char path[128];
} fcvm_memory_offer;

typedef struct fcvm_memory_figures {
  uint32_t size;
  uint32_t clones;
  uint64_t faults;
  uint64_t bytes_copied;
  uint64_t bytes_prefetched;
  uint64_t fault_p50_ns;
  uint64_t fault_p99_ns;
} fcvm_memory_figures;

typedef struct fcvm_memory_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks; closed] Opens a snapshot; for a server, starts serving. */
  int32_t (*open)(void* instance, const fcvm_memory_request* request, int64_t deadline,
                  fcvm_error* error);
  /* [worker, blocks; open] Before the clone's VMM is started. */
  int32_t (*attach_clone)(void* instance, const fcvm_memory_clone* clone, int64_t deadline,
                          fcvm_memory_offer* out, fcvm_error* error);
  /* [worker, quick; open] The clone's VMM runs, though perhaps not its guest: the process to end
   * when a page cannot be served. The pidfd is borrowed until `detach_clone`. A plugin that learns
   * before this that it cannot serve refuses this call. */
  int32_t (*clone_started)(void* instance, const char* clone_id, int32_t vmm_pidfd,
                           fcvm_error* error);
  /* [worker, blocks; open] Brings the working set in, and returns once it is there: the host
   * resumes the guest afterwards. Optional: FCVM_MEMORY_CAN_PREFETCH. */
  int32_t (*prefetch)(void* instance, const char* clone_id, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; open] Writes what the clone has used so far to a new file, in the plugin's own
   * format, which later `open`s are given back. Only of a clone with FCVM_CLONE_RECORD. Optional:
   * FCVM_MEMORY_CAN_RECORD. */
  int32_t (*working_set)(void* instance, const char* clone_id, int32_t directory_fd,
                         const char* path, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; open] The clone's VMM has ended, or never started. */
  int32_t (*detach_clone)(void* instance, const char* clone_id, int64_t deadline,
                          fcvm_error* error);
  /* [any, quick; open] 0 while every clone can be served; else what broke, after the clones that
   * need it were ended. `*fd` as in net/1. */
  int32_t (*health)(void* instance, int32_t* fd, fcvm_error* error);
  /* [any, quick; open] */
  int32_t (*figures)(void* instance, fcvm_memory_figures* out, fcvm_error* error);
  /* [worker, blocks] Ends what is left of clones, then the serving. */
  int32_t (*close)(void* instance, int64_t deadline, fcvm_error* error);
} fcvm_memory_v1;

#ifdef __cplusplus
}
#endif
#endif
