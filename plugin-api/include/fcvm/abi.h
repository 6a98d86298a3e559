/*
 * The fcvm plugin ABI, version 1: what is common to every kind of plugin.
 *
 * Pure C11, fixed-width integers, no enum, no bool. The law (growth, threads, ownership, errors) is
 * in plugin-api/DESIGN.md; the short of it:
 *
 *  - Every struct begins with `uint32_t size`, set by whoever fills it in to its own sizeof. Fields
 *    are only ever appended. A reader copies min(size, its sizeof) into a zeroed struct of its own.
 *  - An array of structs is an array of pointers, so that its elements can grow too.
 *  - A verb returns 0 or a negative errno and, when it failed, fills the caller's fcvm_error.
 *  - Zero is absent. A descriptor, a user id and whatever else has a meaning at 0 is read only when
 *    its bit in the struct's `flags` is set (FCVM_..._HAS_...): a zeroed struct asks for nothing.
 *  - Inputs are borrowed for the call. Lists come back through `emit`. fds that a verb hands over
 *    are CLOEXEC, are not O_NONBLOCK, and belong to the receiver. Nothing else crosses; nobody
 *    frees the other's memory.
 *  - A comment begins with tags. [worker] is called on a pool thread of the host, one call per
 *    instance at a time; [any] on any thread, beside other calls. `quick` returns at once: it waits
 *    for no process, peer, disk or lock that is held over such a wait; with [any] it may be called
 *    on the host's control thread. `blocks` may wait until its deadline; `cancel` ends it early.
 *  - Deadlines are absolute CLOCK_MONOTONIC nanoseconds; FCVM_NO_DEADLINE is none.
 */
#ifndef FCVM_ABI_H
#define FCVM_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_ABI_VERSION 1u
/* The revision of all these headers while their kinds are drafts. Host and plugin must have the
 * same: the host compares, and refuses a plugin of another by naming both. Revision 1 did not say
 * its number, nor compare: a plugin refuses a host whose descriptor ends before `preference`. */
#define FCVM_DRAFT 2u
#define FCVM_ENTRY_SYMBOL "fcvm_plugin_entry_v1"
#define FCVM_NO_DEADLINE INT64_MAX

#if defined(__GNUC__)
#define FCVM_EXPORT __attribute__((visibility("default")))
#else
#define FCVM_EXPORT
#endif

/* Filled in by a failing call: a message that says what was tried, on what, and why it failed, and
 * a remedy: a command or an instruction, or "". Both are NUL-terminated UTF-8. */
typedef struct fcvm_error {
  uint32_t size;
  int32_t code; /* the negative errno that the call returns */
  char message[1024];
  char remedy[512];
} fcvm_error;

/* Receives one item of a list, `length` bytes that need not end in a NUL; the text is borrowed for
 * the call. A non-zero return asks the producer to stop early. */
typedef int32_t (*fcvm_emit_fn)(void* context, const char* text, uint64_t length);

/* --- options: the table from which TOML, the command line, --help and the manual are made --- */

#define FCVM_OPTION_TEXT 1u
#define FCVM_OPTION_BOOLEAN 2u
#define FCVM_OPTION_INTEGER 3u
#define FCVM_OPTION_SIZE 4u     /* bytes, written with K, M or G */
#define FCVM_OPTION_DURATION 5u /* nanoseconds, written with ms, s or m; bare: seconds */
#define FCVM_OPTION_LIST 6u     /* of text */

#define FCVM_OPTION_REQUIRED 1u
#define FCVM_OPTION_SECRET 2u /* never shown or logged */

typedef struct fcvm_option {
  uint32_t size;
  uint32_t type; /* FCVM_OPTION_TEXT ... */
  /* 1 to 64 of a-z, 0-9 and '-': NAME in TOML, --set <id>.NAME=... on the command line */
  const char* name;
  /* as on the command line: bare text, a list with commas; NULL for none */
  const char* default_value;
  const char* help;    /* one sentence of at most 1024 bytes, without control characters */
  const char* choices; /* "copy|minor", or NULL when any value will do */
  /* an environment variable that sets it, besides FCVM_PLUGIN_..., or NULL: 1 to 64 of A-Z, 0-9 and
   * '_', no digit first */
  const char* variable;
  uint32_t flags; /* FCVM_OPTION_REQUIRED | FCVM_OPTION_SECRET */
  uint32_t reserved;
} fcvm_option;

/* A validated value. The host has checked it against the option table and filled in defaults, so a
 * plugin never parses TOML. An option without default that nobody set is absent. */
typedef struct fcvm_setting {
  uint32_t size;
  uint32_t type;
  const char* name;
  const char* text;         /* the value as text, for every type but LIST */
  int64_t number;           /* BOOLEAN 0/1, INTEGER, SIZE in bytes, DURATION in nanoseconds */
  const char* const* items; /* LIST */
  uint32_t item_count;
  uint32_t reserved;
} fcvm_setting;

typedef struct fcvm_settings {
  uint32_t size;
  uint32_t count;
  const fcvm_setting* const* items;
} fcvm_settings;

/* --- descriptor --- */

typedef struct fcvm_descriptor {
  uint32_t size;
  uint32_t abi_version; /* FCVM_ABI_VERSION */
  /* "<family>.<name>", e.g. "net.rootless", a name as an option's; [plugin.<id>] in TOML */
  const char* id;
  const char* kind;             /* "vmm/1" "net/1" "image/1" "memory/1" "readiness/1" */
  const char* version;          /* of the plugin: "1.2.3" */
  const char* summary;          /* one line of at most 160 bytes, without control characters */
  const char* min_host_version; /* the oldest fcvm that will do, or NULL */
  uint64_t capabilities;        /* FCVM_<KIND>_CAN_... of the kind's header: the most that it can */
  const fcvm_option* const* options;
  uint32_t option_count; /* at most 256 */
  uint32_t draft;        /* FCVM_DRAFT */
  int32_t preference;    /* the most that `probe` will answer */
  uint32_t reserved;
} fcvm_descriptor;

/* --- probe --- */

#define FCVM_PROBE_USABLE 1u
#define FCVM_PROBE_DEGRADED 2u /* works, but say why it is not at its best */
#define FCVM_PROBE_UNUSABLE 3u

typedef struct fcvm_probe {
  uint32_t size;
  uint32_t status;       /* FCVM_PROBE_... */
  char reason[1024];     /* why not, or what limits it; "" when usable */
  char remedy[512];      /* what fixes it */
  char detail[256];      /* what was found: "Firecracker 1.16.1 at /usr/bin/firecracker" */
  uint64_t capabilities; /* those of the descriptor that are to be had on this host, now */
  /* Where the user leaves the choice to fcvm ("auto"), the usable plugin with the highest is taken,
   * by id among equals. 0 or less: only when it is named. */
  int32_t preference;
  uint32_t reserved;
} fcvm_probe;

/* --- the host --- */

/* What the host offers. `service` gives the function table of a service (host.h) or NULL when this
 * host does not have it; a plugin must cope with NULL. [any, quick] */
typedef struct fcvm_host {
  uint32_t size;
  uint32_t reserved;
  const char* version; /* of fcvm: "1.2.3" */
  void* context;
  const void* (*service)(const struct fcvm_host* host, const char* id);
} fcvm_host;

/* --- the plugin --- */

/* What the entry symbol returns: a table that lives as long as the object is loaded. */
typedef struct fcvm_plugin {
  uint32_t size;
  uint32_t reserved;

  /* [any, quick] Pure, under 100 ms: no file, no process, no environment. The strings it points to
   * live as long as the object is loaded. */
  int32_t (*describe)(fcvm_descriptor* out, fcvm_error* error);

  /* [worker, blocks] "Can you work here? If not, why, and what fixes it?" Changes nothing on the
   * host. 0 with a status in `out`; an error only when the question itself could not be answered.
   */
  int32_t (*probe)(const fcvm_host* host, const fcvm_settings* settings, int64_t deadline,
                   fcvm_probe* out, fcvm_error* error);

  /* [worker, quick] Makes an instance: cheap, and makes nothing on the host that a crash would
   * leave. The host table outlives the instance. */
  int32_t (*create)(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                    fcvm_error* error);

  /* [worker] Ends the instance and sets *instance to NULL; undoes what its verbs made and nobody
   * undid, which may take a moment: a host in no hurry has called the verb that ends things before.
   * On a NULL *instance it does nothing, so calling it twice is harmless. */
  void (*destroy)(void** instance);

  /* [any, quick] Makes each verb that blocks on this instance now return -ECANCELED within 100 ms.
   * A verb that begins later is not concerned. */
  void (*cancel)(void* instance);

  /* [any, quick] The verbs of a kind ("net/1"), or of an extension of it ("net.migrate/1"): a
   * pointer to its struct (const fcvm_net_v1 * ...), or NULL for what this plugin does not
   * implement. Every verb that the kind's header does not call optional must be there. */
  const void* (*verbs)(const char* id);

  /* [worker, blocks] Undoes what an instance recorded through state/1 (`list` of `host` gives it)
   * and could not undo itself, since its process was killed: `forget` what is undone. There is no
   * instance, and nobody uses any more what was recorded. 0 also when there is nothing, or it is
   * gone already. NULL for a plugin that records nothing; what such a plugin has recorded is never
   * forgotten. */
  int32_t (*recover)(const fcvm_host* host, const fcvm_settings* settings, int64_t deadline,
                     fcvm_error* error);
} fcvm_plugin;

/* The one exported symbol. Returns the same table at each call, and NULL never. [any, quick] */
typedef const fcvm_plugin* (*fcvm_plugin_entry_fn)(void);
FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void);

#ifdef __cplusplus
}
#endif
#endif
