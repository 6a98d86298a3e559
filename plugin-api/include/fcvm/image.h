/*
 * image/1 (draft): one way of bringing a container image into a guest.
 *
 * Images are fetched on the host, once per digest, and unpacked only inside VMs: no layer is ever
 * unpacked on the host.
 */
#ifndef FCVM_IMAGE_H
#define FCVM_IMAGE_H

#include <fcvm/abi.h>
#include <fcvm/disk.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_KIND_IMAGE "image/1"

#define FCVM_IMAGE_CAN_SHARE (1ull << 0)     /* several VMs use one prepared copy */
#define FCVM_IMAGE_NEEDS_BUILDER (1ull << 1) /* prepare uses builder/1 */
#define FCVM_IMAGE_CAN_LIST (1ull << 2)      /* list and name */

#define FCVM_PULL_MISSING 1u
#define FCVM_PULL_ALWAYS 2u
#define FCVM_PULL_NEVER 3u
#define FCVM_PULL_NEWER 4u

typedef struct fcvm_image_request {
  uint32_t size;
  uint32_t pull;         /* FCVM_PULL_... */
  const char* reference; /* as the user wrote it: "alpine", "docker://...", "oci:dir:tag" */
  const char* platform;  /* "linux/amd64", or NULL for the host's */
  int32_t cache_fd;      /* directory shared by all VMs of this user, for this plugin alone */
  uint32_t reserved;
} fcvm_image_request;

typedef struct fcvm_image_identity {
  uint32_t size;
  uint32_t reserved;
  uint64_t stored_bytes; /* on the host, once prepared; 0 when unknown */
  char digest[160];      /* "sha256:..." of the manifest */
  char name[512];        /* the normalised reference */
} fcvm_image_identity;

/* How the agent makes the image available, once the disks are there. */
#define FCVM_GUEST_LOAD_ARCHIVE \
  1u /* `podman load` from the one disk, which is the archive itself */
/* Mount each disk as an additional image store; `format` is its file system. */
#define FCVM_GUEST_MOUNT_STORE 2u
#define FCVM_GUEST_USE_STORE_DISK 3u /* the disk is the container storage itself */

typedef struct fcvm_image_delivery {
  uint32_t size;
  uint32_t how; /* FCVM_GUEST_... */
} fcvm_image_delivery;

/* One of the disks, in the order in which the guest is to use them. */
typedef struct fcvm_image_disk {
  uint32_t size;
  uint32_t flags;         /* FCVM_DISK_... */
  const char* path;       /* absolute; the host links it into the VM's directory */
  const char* format;     /* "docker-archive", "oci-archive", "ext4", "btrfs" */
  uint64_t content_bytes; /* how much of it counts, since a disk is rounded up; 0: all */
} fcvm_image_disk;

/* Receives one disk, borrowed for the call; a non-zero return asks to stop. */
typedef int32_t (*fcvm_image_disk_fn)(void* context, const fcvm_image_disk* disk);

/* An image that the plugin keeps. Borrowed for the call. */
typedef struct fcvm_image_entry {
  uint32_t size;
  uint32_t reserved;
  const char* const* digests; /* NULL-terminated: one, or more where several name the same image */
  const char* const* names;   /* NULL-terminated: normalised references; there may be none */
  uint64_t stored_bytes;      /* as the host's file system counts them */
  int64_t used_seconds;       /* since 1970, when prepare last gave it out; 0 when unknown */
} fcvm_image_entry;

/* A non-zero return asks to stop. */
typedef int32_t (*fcvm_image_entry_fn)(void* context, const fcvm_image_entry* entry);

typedef struct fcvm_image_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] What the reference names now, by the pull policy; fetches no layer. */
  int32_t (*resolve)(void* instance, const fcvm_image_request* request, int64_t deadline,
                     fcvm_image_identity* out, fcvm_error* error);
  /* [worker, blocks] The image's OCI configuration (JSON), emitted whole and byte for byte as it is
   * in the image: its SHA-256 is the image's id. */
  int32_t (*config)(void* instance, const fcvm_image_request* request, const char* digest,
                    int64_t deadline, fcvm_emit_fn emit, void* context, fcvm_error* error);
  /* [worker, blocks] Fetches and makes whatever is missing; safe against other processes doing the
   * same. What was emitted stays as it is until the instance ends. */
  int32_t (*prepare)(void* instance, const fcvm_image_request* request, const char* digest,
                     int64_t deadline, fcvm_image_delivery* out, fcvm_image_disk_fn emit,
                     void* context, fcvm_error* error);
  /* [worker, blocks] Removes the images that these digests name and nobody uses, and emits the digests
   * of each removed one; with what killed preparations have left. */
  int32_t (*collect)(void* instance, int32_t cache_fd, const char* const* unwanted, uint32_t count,
                     int64_t deadline, fcvm_emit_fn emit, void* context, fcvm_error* error);
  /* [worker, blocks] Each image that is kept whole; `config` gives its configuration for one of its
   * digests, whatever reference the request has. */
  int32_t (*list)(void* instance, int32_t cache_fd, int64_t deadline, fcvm_image_entry_fn emit,
                  void* context, fcvm_error* error);
  /* [worker, blocks] Gives the image `digest` the name, which another may have had, or takes it away
   * from whichever has it when `digest` is NULL. The reference `name` then means that image under
   * FCVM_PULL_MISSING and _NEVER. -ENOENT when there is no such image, or name. */
  int32_t (*name)(void* instance, int32_t cache_fd, const char* name, const char* digest,
                  int64_t deadline, fcvm_error* error);
} fcvm_image_v1;

#ifdef __cplusplus
}
#endif
#endif
