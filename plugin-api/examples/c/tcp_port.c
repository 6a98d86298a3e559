/*
 * readiness.tcp-port: ready once the guest accepts a connection on a TCP port. In plain C, to show
 * the ABI itself: whatever the C++ SDK does for its plugins is written out here.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <fcvm/growing.h>
#include <fcvm/host.h>
#include <fcvm/readiness.h>

struct instance {
  const fcvm_host* host;
  uint16_t port;
  int canceled; /* an eventfd: readable once canceled */
};

static int32_t fail(fcvm_error* error, int code, const char* message, const char* remedy) {
  fcvm_error mine = FCVM_INIT(fcvm_error);
  mine.code = -code;
  snprintf(mine.message, sizeof mine.message, "%s", message);
  snprintf(mine.remedy, sizeof mine.remedy, "%s", remedy);
  if (error != NULL) FCVM_GIVE(error, &mine);
  return -code;
}

static int64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* A service's table as far as both sides know it; a function the host lacks is NULL. */
static fcvm_guest_v1 guest_service(const fcvm_host* host) {
  fcvm_guest_v1 known;
  FCVM_TAKE(&known, FCVM_HAS(host, service) ? host->service(host, "guest/1") : NULL);
  return known;
}

static const fcvm_option port_option = {
    .size = sizeof(fcvm_option),
    .type = FCVM_OPTION_INTEGER,
    .name = "port",
    .help = "TCP port of the guest to wait for",
    .flags = FCVM_OPTION_REQUIRED,
};
static const fcvm_option* const options[] = {&port_option};

static int32_t describe(fcvm_descriptor* out, fcvm_error* error) {
  const fcvm_descriptor mine = {
      .size = sizeof mine,
      .abi_version = FCVM_ABI_VERSION,
      .id = "readiness.tcp-port",
      .kind = FCVM_KIND_READINESS,
      .version = "1.0.0",
      .summary = "ready once a TCP port of the guest accepts",
      .capabilities = FCVM_READINESS_NEEDS_NETWORK,
      .options = options,
      .option_count = 1,
      .draft = FCVM_DRAFT,
  };
  (void)error;
  if (out->size <= offsetof(fcvm_descriptor, preference)) return -ENOTSUP;  // a host of draft 1
  FCVM_GIVE(out, &mine);
  return 0;
}

static int32_t probe(const fcvm_host* host, const fcvm_settings* settings, int64_t deadline,
                     fcvm_probe* out, fcvm_error* error) {
  fcvm_probe mine = FCVM_INIT(fcvm_probe);
  mine.status = FCVM_PROBE_USABLE;
  mine.capabilities = FCVM_READINESS_NEEDS_NETWORK;
  (void)settings, (void)deadline, (void)error;
  if (guest_service(host).dial_tcp == NULL) {
    mine.status = FCVM_PROBE_UNUSABLE;
    snprintf(mine.reason, sizeof mine.reason, "this host cannot dial a guest's TCP port");
    snprintf(mine.remedy, sizeof mine.remedy, "use a newer fcvm");
  }
  FCVM_GIVE(out, &mine);
  return 0;
}

static void destroy(void** instance) {
  struct instance* self = *instance;
  if (self == NULL) return;
  close(self->canceled);
  free(self);
  *instance = NULL;
}

/* The host has checked names and types, but not that a number is a port. */
static int32_t read_port(const fcvm_settings* settings, uint16_t* port, fcvm_error* error) {
  for (uint32_t i = 0; settings != NULL && i < settings->count; ++i) {
    const fcvm_setting* setting = settings->items[i];
    const char* name = setting->name == NULL ? "" : setting->name;
    if (strcmp(name, "port") != 0) return fail(error, EINVAL, "unknown option", "");
    if (setting->type != FCVM_OPTION_INTEGER) return fail(error, EINVAL, "port: no integer", "");
    if (setting->number < 1 || setting->number > 65535) {
      return fail(error, ERANGE, "port: out of range", "set port to 1...65535");
    }
    *port = (uint16_t)setting->number;
  }
  return *port != 0 ? 0 : fail(error, EINVAL, "option \"port\" is required", "set port");
}

static int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                      fcvm_error* error) {
  uint16_t port = 0;
  const int32_t bad = read_port(settings, &port, error);
  if (bad != 0) return bad;
  struct instance* self = calloc(1, sizeof *self);
  if (self == NULL) return fail(error, ENOMEM, "out of memory", "");
  self->host = host;
  self->port = port;
  self->canceled = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (self->canceled < 0) {
    free(self);
    return fail(error, EMFILE, "making an eventfd", "");
  }
  *instance = self;
  return 0;
}

static void cancel(void* instance) {
  const uint64_t one = 1;
  struct instance* self = instance;
  if (self == NULL) return;
  if (write(self->canceled, &one, sizeof one) < 0) return; /* it is set already */
}

/* Sleeps up to 100 ms; -ECANCELED or -ETIMEDOUT when there is no point in another try. */
static int32_t pause_between_tries(const struct instance* self, int64_t deadline) {
  struct pollfd canceled = {.fd = self->canceled, .events = POLLIN};
  if (poll(&canceled, 1, 100) > 0) return -ECANCELED;
  return deadline != FCVM_NO_DEADLINE && now() >= deadline ? -ETIMEDOUT : 0;
}

static int32_t wait_ready(void* instance, const fcvm_ready_target* target, int64_t deadline,
                          fcvm_error* error) {
  struct instance* self = instance;
  const fcvm_guest_v1 guest = guest_service(self->host);
  uint64_t left_over;
  int32_t stop = 0;
  char message[128];
  (void)target;
  if (guest.dial_tcp == NULL) return fail(error, ENOTSUP, "no guest/1", "use a newer fcvm");
  while (read(self->canceled, &left_over, sizeof left_over) > 0) { /* of an earlier wait */
  }
  do {
    int32_t fd = -1;
    const int32_t answer = guest.dial_tcp(self->host, self->port, deadline, &fd, error);
    if (answer == 0) {
      close(fd);
      return 0;
    }
    if (answer != -ECONNREFUSED) return answer; /* the host filled in the error */
    stop = pause_between_tries(self, deadline);
  } while (stop == 0);
  snprintf(message, sizeof message, "guest port %u refused every connection so far",
           (unsigned)self->port);
  return fail(error, -stop, message, "");
}

static const void* verbs(const char* kind) {
  static const fcvm_readiness_v1 readiness = {.size = sizeof readiness, .wait = wait_ready};
  return kind != NULL && strcmp(kind, FCVM_KIND_READINESS) == 0 ? &readiness : NULL;
}

FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) {
  static const fcvm_plugin plugin = {
      .size = sizeof plugin,
      .describe = describe,
      .probe = probe,
      .create = create,
      .destroy = destroy,
      .cancel = cancel,
      .verbs = verbs,
  };
  return &plugin;
}
