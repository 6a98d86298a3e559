/*
 * For plugins and hosts in C: filling in, checking and copying structs that grow. C++ has
 * fcvm/sdk/sized.hpp.
 *
 *   fcvm_process_spec spec = FCVM_INIT(fcvm_process_spec);
 *   if (FCVM_HAS(log, write)) log->write(host, FCVM_LOG_INFO, "hello");
 *   FCVM_TAKE(&mine, request);     an input, as far as both sides know it
 *   FCVM_GIVE(out, &attachment);   an answer, as much of it as the caller has room for
 */
#ifndef FCVM_GROWING_H
#define FCVM_GROWING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FCVM_INIT(type) \
  { .size = (uint32_t)sizeof(type) }

/* Whether a table or struct reaches as far as `field` and, where that is a pointer, has it. */
#define FCVM_HAS(table, field)                                                               \
  ((table) != NULL &&                                                                        \
   (table)->size >= (uint32_t)((const char*)(&(table)->field + 1) - (const char*)(table)) && \
   (table)->field != 0)

#define FCVM_TAKE(to, from) fcvm_take((to), sizeof *(to), (from))
#define FCVM_GIVE(to, from) fcvm_give((to), (from), sizeof *(from))

/* `size` is the first field of every struct. */
static inline uint32_t fcvm_size_of(const void* structure) {
  uint32_t size;
  memcpy(&size, structure, sizeof size);
  return size;
}

static inline void fcvm_take(void* to, size_t room, const void* from) {
  const uint32_t size = (uint32_t)room;
  memset(to, 0, room);
  if (from != NULL) memcpy(to, from, fcvm_size_of(from) < size ? fcvm_size_of(from) : size);
  memcpy(to, &size, sizeof size);
}

static inline void fcvm_give(void* to, const void* from, size_t length) {
  const uint32_t room = fcvm_size_of(to);
  memcpy(to, from, room < length ? room : length);
  memcpy(to, &room, sizeof room);
}

#endif
