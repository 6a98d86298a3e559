/*
 * Disks as VMs get them: a raw image, and how fast it may be used.
 */
#ifndef FCVM_DISK_H
#define FCVM_DISK_H

#include <fcvm/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_DISK_READ_ONLY 1u
#define FCVM_DISK_CACHE_UNSAFE 2u /* contents need not survive a host crash */

typedef struct fcvm_rate_limit {
  uint32_t size;
  uint32_t reserved;
  uint64_t bytes_per_second; /* 0: unlimited */
  uint64_t bytes_burst;
  uint64_t operations_per_second;
  uint64_t operations_burst;
  /* Of a disk: for one direction, beside the above. A VMM that counts both together holds both to
   * the smallest that is given. */
  uint64_t read_bytes_per_second;
  uint64_t write_bytes_per_second;
  uint64_t read_operations_per_second;
  uint64_t write_operations_per_second;
} fcvm_rate_limit;

typedef struct fcvm_disk {
  uint32_t size;
  uint32_t flags;
  const char* id;   /* at most 20 of [a-z0-9-]; the disk's serial, where the VMM can give it one */
  const char* path; /* raw image, relative to the directory that the struct around it names */
  const fcvm_rate_limit* limit; /* or NULL */
} fcvm_disk;

#ifdef __cplusplus
}
#endif
#endif
