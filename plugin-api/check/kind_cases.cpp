// unknown-kind, half-implemented: the tables of verbs.
#include <cstddef>
#include <cstring>
#include <map>

#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/vmm.h>

#include "plugin-api/check/loaded.hpp"

namespace fcvm::check {
namespace {

struct Verb {
  const char* name;
  std::size_t offset;
  bool optional = false;
  std::uint64_t capabilities = 0;  // an optional verb is there exactly when one of these is claimed
  const char* partner = nullptr;   // both or neither
};

struct Kind {
  std::vector<Verb> verbs;
  std::uint64_t known_capabilities;
};

#define FCVM_VERB(kind, verb) \
  { #verb, offsetof(fcvm_##kind##_v1, verb) }
#define FCVM_OPTIONAL(kind, verb, capabilities, partner) \
  { #verb, offsetof(fcvm_##kind##_v1, verb), true, capabilities, partner }

const std::map<std::string, Kind>& kinds() {
  static const std::map<std::string, Kind> table = {
      {FCVM_KIND_VMM,
       {{FCVM_VERB(vmm, start), FCVM_VERB(vmm, pause), FCVM_VERB(vmm, resume),
         FCVM_VERB(vmm, connect), FCVM_VERB(vmm, status), FCVM_VERB(vmm, kill),
         FCVM_OPTIONAL(vmm, restore, FCVM_VMM_CAN_RESTORE_FILE | FCVM_VMM_CAN_RESTORE_UFFD,
                       nullptr),
         FCVM_OPTIONAL(vmm, snapshot, FCVM_VMM_CAN_SNAPSHOT | FCVM_VMM_CAN_SNAPSHOT_DIFF, nullptr),
         FCVM_OPTIONAL(vmm, set_balloon, FCVM_VMM_CAN_BALLOON, "balloon"),
         FCVM_OPTIONAL(vmm, balloon, FCVM_VMM_CAN_BALLOON, "set_balloon"),
         FCVM_OPTIONAL(vmm, set_metadata, FCVM_VMM_CAN_METADATA, nullptr)},
        (FCVM_VMM_IS_EMULATED << 1) - 1}},
      {FCVM_KIND_NET,
       {{FCVM_VERB(net, attach), FCVM_VERB(net, detach), FCVM_VERB(net, dial),
         FCVM_VERB(net, health), FCVM_OPTIONAL(net, publish, FCVM_NET_CAN_PUBLISH, "unpublish"),
         FCVM_OPTIONAL(net, unpublish, FCVM_NET_CAN_PUBLISH, "publish")},
        (FCVM_NET_TAKES_IPV6_PREFIX << 1) - 1}},
      {FCVM_KIND_IMAGE,
       {{FCVM_VERB(image, resolve), FCVM_VERB(image, config), FCVM_VERB(image, prepare),
         FCVM_VERB(image, collect), FCVM_OPTIONAL(image, list, FCVM_IMAGE_CAN_LIST, "name"),
         FCVM_OPTIONAL(image, name, FCVM_IMAGE_CAN_LIST, "list")},
        (FCVM_IMAGE_CAN_LIST << 1) - 1}},
      {FCVM_KIND_MEMORY,
       {{FCVM_VERB(memory, open), FCVM_VERB(memory, attach_clone), FCVM_VERB(memory, clone_started),
         FCVM_VERB(memory, detach_clone), FCVM_VERB(memory, health), FCVM_VERB(memory, figures),
         FCVM_VERB(memory, close), FCVM_VERB(memory, clone_health),
         FCVM_OPTIONAL(memory, prefetch, FCVM_MEMORY_CAN_PREFETCH, nullptr),
         FCVM_OPTIONAL(memory, working_set, FCVM_MEMORY_CAN_RECORD, nullptr)},
        (FCVM_MEMORY_CAN_HUGEPAGES << 1) - 1}},
      {FCVM_KIND_READINESS,
       {{FCVM_VERB(readiness, wait)}, (FCVM_READINESS_NEEDS_NETWORK << 1) - 1}},
  };
  return table;
}

#undef FCVM_VERB
#undef FCVM_OPTIONAL

/// Whether a table, of whatever size, has the function at `offset`.
bool has_verb(const void* table, std::size_t offset) {
  std::uint32_t size = 0;
  std::memcpy(&size, table, sizeof size);
  void* function = nullptr;
  if (size < offset + sizeof function) return false;
  std::memcpy(&function, static_cast<const char*>(table) + offset, sizeof function);
  return function != nullptr;
}

bool has_verb(const Kind& kind, const void* table, const std::string& name) {
  for (const Verb& verb : kind.verbs) {
    if (verb.name == name) return has_verb(table, verb.offset);
  }
  return false;
}

Result<void> check_optional(const Kind& kind, const void* table, const Verb& verb,
                            std::uint64_t claimed) {
  const std::string name = verb.name;
  const bool there = has_verb(table, verb.offset);
  if (verb.partner != nullptr && there != has_verb(kind, table, verb.partner)) {
    return broken("of " + name + " and " + verb.partner + " there is only one",
                  "implement both or neither");
  }
  if (there == ((claimed & verb.capabilities) != 0)) return {};
  return there ? broken(name + " is there, but no capability claims it",
                        "set its FCVM_..._CAN_ bit in the descriptor's capabilities")
               : broken("a capability claims " + name + ", but the verb is not there",
                        "implement it, or do not claim it");
}

Result<void> check_half_implemented(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  const Kind& kind = kinds().at(plugin.descriptor.kind);
  const void* const table = plugin.table->verbs(plugin.descriptor.kind);
  if (table == nullptr) {
    return broken(std::string("verbs(\"") + plugin.descriptor.kind + "\") returned NULL",
                  "return the table of the kind that the descriptor names");
  }
  for (const Verb& verb : kind.verbs) {
    if (verb.optional) {
      FCVM_TRY(check_optional(kind, table, verb, plugin.descriptor.capabilities));
    } else if (!has_verb(table, verb.offset)) {
      return broken(std::string("the required verb ") + verb.name + " is not there",
                    "implement it; returning -ENOTSUP with a message is allowed");
    }
  }
  if ((plugin.descriptor.capabilities & ~kind.known_capabilities) != 0) {
    return warn("it claims capabilities that this fcvm does not know", "use the kind's own bits");
  }
  return {};
}

Result<void> check_unknown_kind(const Target& target) {
  const auto plugin = FCVM_TRY(load(target));
  if (plugin.table->verbs("nonsense/9") != nullptr) {
    return broken("verbs(\"nonsense/9\") returned a table",
                  "compare the whole kind, version included, and return NULL for any other");
  }
  if (plugin.table->verbs("") != nullptr || plugin.table->verbs(nullptr) != nullptr) {
    return broken("verbs of an empty kind or of NULL returned a table", "return NULL");
  }
  return {};
}

}  // namespace

void add_kind_cases(std::vector<Case>& cases) {
  cases.push_back({"unknown-kind",
                   "Growth",
                   "a kind that the plugin does not implement has no verbs",
                   {"descriptor"},
                   check_unknown_kind});
  cases.push_back({"half-implemented",
                   "Descriptor and options",
                   "every required verb is there, and the optional ones as the capabilities claim",
                   {"descriptor"},
                   check_half_implemented});
}

}  // namespace fcvm::check
