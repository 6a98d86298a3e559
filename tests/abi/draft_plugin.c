/* A whole plugin as it was written for an earlier draft of the interface. */
#include <string.h>

#include <fcvm/abi.h>
#include <fcvm/readiness.h>

static int32_t describe(fcvm_descriptor* out, fcvm_error* error) {
  fcvm_descriptor mine;
  const uint32_t room = out->size;
  (void)error;
  memset(&mine, 0, sizeof mine);
  mine.size = sizeof mine;
  mine.abi_version = FCVM_ABI_VERSION;
  mine.id = "readiness.draft";
  mine.kind = FCVM_KIND_READINESS;
  mine.version = "1.0.0";
  mine.summary = "made for an earlier draft";
  memcpy(out, &mine, room < sizeof mine ? room : sizeof mine);
  out->size = room;
  return 0;
}

static int32_t probe(const fcvm_host* host, const fcvm_settings* settings, int64_t deadline,
                     fcvm_probe* out, fcvm_error* error) {
  (void)host, (void)settings, (void)deadline, (void)error;
  out->status = FCVM_PROBE_USABLE;
  return 0;
}

static int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                      fcvm_error* error) {
  static int anything;
  (void)host, (void)settings, (void)error;
  *instance = &anything;
  return 0;
}

static void destroy(void** instance) { *instance = NULL; }
static void cancel(void* instance) { (void)instance; }

static int32_t wait_ready(void* instance, const fcvm_ready_target* target, int64_t deadline,
                          fcvm_error* error) {
  (void)instance, (void)target, (void)deadline, (void)error;
  return 0;
}

static const void* verbs(const char* kind) {
  static fcvm_readiness_v1 readiness = {sizeof readiness, 0, wait_ready};
  return kind != NULL && strcmp(kind, FCVM_KIND_READINESS) == 0 ? &readiness : NULL;
}

FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) {
  static fcvm_plugin plugin;
  plugin.size = sizeof plugin;
  plugin.describe = describe;
  plugin.probe = probe;
  plugin.create = create;
  plugin.destroy = destroy;
  plugin.cancel = cancel;
  plugin.verbs = verbs;
  return &plugin;
}
