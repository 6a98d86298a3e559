/*
 * readiness/1 (draft): one condition that makes a VM "ready".
 *
 * `--wait-ready mode=http,url=...` makes an instance whose settings are the gate's own options,
 * then waits. Several gates may be given; all must pass.
 */
#ifndef FCVM_READINESS_H
#define FCVM_READINESS_H

#include <fcvm/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_KIND_READINESS "readiness/1"

#define FCVM_READINESS_NEEDS_NETWORK (1ull << 0)

typedef struct fcvm_ready_target {
  uint32_t size;
  uint32_t reserved;
  const char* vm_id;
  const char* container; /* its name inside the guest */
} fcvm_ready_target;

typedef struct fcvm_readiness_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks] Returns 0 when the condition holds; -ETIMEDOUT at the deadline, with an error
   * that says what was last seen ("HTTP 503 from http://...", "no line matched"). Uses guest/1
   * only. */
  int32_t (*wait)(void* instance, const fcvm_ready_target* target, int64_t deadline,
                  fcvm_error* error);
} fcvm_readiness_v1;

#ifdef __cplusplus
}
#endif
#endif
