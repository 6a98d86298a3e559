/*
 * memory/1 (draft): where a restored VM's memory comes from.
 *
 * One instance serves one snapshot, for any number of clones: in a process of its own for a plugin
 * that needs one (FCVM_MEMORY_IS_SERVER), which outlives any single clone; else in the supervisor
 * of each clone. All verbs are called in that process; how a clone's wish gets there is the host's
 * business.
 *
 * It fails closed: a page that can no longer be served is never zero. Its fault is left unanswered,
 * so that the VM stands still there, and the clone is ended: by the plugin once `clone_started` has
 * lent it the VMM, before by the host, which hears of it from `health`. What one clone's VMM does
 * wrong ends that clone and no other.
 *
 * The hand-over of a page server, which is Firecracker's own, whatever the VMM:
 *
 *  1. The server listens on a Unix stream socket, at the path that it offered, once `attach_clone`
 *     has returned; the host lets the VMM reach it. The VMM connects to it once, before it runs the
 *     guest, and may itself touch pages from then on, before `clone_started`.
 *  2. The VMM sends one message of at most 4096 bytes: a JSON list of its memory regions, with the
 *     userfaultfd as SCM_RIGHTS in the same message. A region is an object: "base_host_virt_addr"
 *     (where it lies in the VMM), "size" (bytes), "offset" (of its first byte in the memory file),
 *     "page_size" (bytes; older VMMs say "page_size_kib", which is bytes, too). A reader ignores
 *     keys that it does not know. Nothing follows; whether the socket stays open says nothing of
 *     the VMM. The server trusts none of it: a region is whole pages of `page_bytes`, inside
 *     `memory_bytes`.
 *  3. The userfaultfd is O_NONBLOCK, without which poll says POLLERR, and has no events but those
 *     below. The VMM keeps a copy of it open as long as it lives: when the server dies, a missing
 *     page then stops the VM. Once the last copy is closed, it would be zero.
 *  4. The regions are registered for missing pages before the message is sent. Each
 *     UFFD_EVENT_PAGEFAULT is answered by UFFDIO_COPY of the whole page that holds the address,
 *     from offset + (address - base); a page that no layer has is UFFDIO_ZEROPAGE, or a copy of
 *     zeros where pages are huge, which UFFDIO_ZEROPAGE cannot do.
 *  5. EEXIST of either means that the page is there already: UFFDIO_WAKE it. EAGAIN means that the
 *     VMM's mappings are changing: events are waiting, so read those first, and then answer the
 *     fault anew, for its page may be among the removed.
 *  6. With a balloon the VMM removes pages: UFFD_EVENT_REMOVE says which. They are zero from then
 *     on and must not come from the file again, nor from `prefetch`.
 *  7. ESRCH means that the VMM has ended. The userfaultfd does not report that by itself: watch the
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
 * data at an offset says what is there; where none has, there are zeros. So who copies a layer
 * keeps its holes exactly, and a huge page may be of several layers. Past the end of a file that
 * was cut there seems to be a hole, too: compare its size. */
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
  /* A working set that `working_set` wrote, in the directory of the last layer, or NULL. One that
   * cannot be read fails `open`, which the host may call again without it. */
  const char* working_set;
} fcvm_memory_request;

/* Note which pages it uses, for `working_set`. Those that `prefetch` brought in count, too. */
#define FCVM_CLONE_RECORD 1u

typedef struct fcvm_memory_clone {
  uint32_t size;
  uint32_t flags;
  const char* clone_id;
  int32_t directory_fd; /* the clone's directory: sockets and links are put there */
  uint32_t reserved;
} fcvm_memory_clone;

/* What a clone's VMM is to be given; `path` is relative to the clone's directory, and that of a
 * socket has less than 108 bytes. */
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
  /* [worker, blocks; closed] Opens a snapshot; for a server, starts serving. A layer that is not
   * there, or not `memory_bytes` long, fails it. */
  int32_t (*open)(void* instance, const fcvm_memory_request* request, int64_t deadline,
                  fcvm_error* error);
  /* [worker, blocks; open] Before the clone's VMM is started. -EEXIST for an id that is attached.
   * A verb that has to know the clone is -ENOENT for one that is not. */
  int32_t (*attach_clone)(void* instance, const fcvm_memory_clone* clone, int64_t deadline,
                          fcvm_memory_offer* out, fcvm_error* error);
  /* [worker, quick; open] The clone's VMM runs, though perhaps not its guest: the process to end
   * when a page cannot be served. The pidfd is borrowed until `detach_clone`. A plugin that learns
   * before this that it cannot serve refuses this call. */
  int32_t (*clone_started)(void* instance, const char* clone_id, int32_t vmm_pidfd,
                           fcvm_error* error);
  /* [any, blocks; open] Brings the working set in, and returns once it is there: the host resumes
   * the guest afterwards. After `clone_started`; waits for the hand-over. Without a working set
   * there is nothing to do. -ESRCH once the VMM has ended, so ending it ends this early, and no
   * other clone's. What failed may be repeated: pages that are in stay in. Optional:
   * FCVM_MEMORY_CAN_PREFETCH. */
  int32_t (*prefetch)(void* instance, const char* clone_id, int64_t deadline, fcvm_error* error);
  /* [any, blocks; open] Writes what the clone has used so far to a new file, in the plugin's own
   * format, which later `open`s are given back. -EEXIST when there is one; a failure leaves none.
   * Only of a clone with FCVM_CLONE_RECORD, else -EINVAL. Optional: FCVM_MEMORY_CAN_RECORD. */
  int32_t (*working_set)(void* instance, const char* clone_id, int32_t directory_fd,
                         const char* path, int64_t deadline, fcvm_error* error);
  /* [worker, blocks; open] The clone's VMM has ended, or never started. Not beside another verb on
   * the same clone. */
  int32_t (*detach_clone)(void* instance, const char* clone_id, int64_t deadline,
                          fcvm_error* error);
  /* [any, quick; open] 0 while every attached clone can be served; else what broke, after those
   * that need it were ended, as far as their VMMs were lent. `clone_health` says which. `*fd` as in
   * net/1. */
  int32_t (*health)(void* instance, int32_t* fd, fcvm_error* error);
  /* [any, quick; open] */
  int32_t (*figures)(void* instance, fcvm_memory_figures* out, fcvm_error* error);
  /* [worker, blocks] Ends what is left of clones, then the serving. */
  int32_t (*close)(void* instance, int64_t deadline, fcvm_error* error);
  /* [any, quick; open] As `health`, of one clone. */
  int32_t (*clone_health)(void* instance, const char* clone_id, fcvm_error* error);
} fcvm_memory_v1;

#ifdef __cplusplus
}
#endif
#endif
