// Writing a memory/1 plugin in C++: derive from fcvm::MemoryPlugin, give it `kInfo` and
//
//   Result<void> open(const fcvm_memory_request&, const fcvm::Call&);
//   Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone&, const fcvm::Call&);
//   Result<void> detach_clone(std::string_view clone_id);
//   Result<fcvm_memory_figures> figures();   // from several threads
//   Result<void> close();
#pragma once

#include <fcvm/memory.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {
namespace sdk {

struct MemoryVerbs {
  static constexpr const char* kKind = FCVM_KIND_MEMORY;

  template <typename Plugin>
  static const fcvm_memory_v1* table() {
    static const fcvm_memory_v1 verbs = [] {
      auto made = sized<fcvm_memory_v1>();
      made.open = [](void* self, const fcvm_memory_request* request, std::int64_t deadline,
                     fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.open(sized_copy(request), call);
        });
      };
      made.attach_clone = [](void* self, const fcvm_memory_clone* clone, std::int64_t deadline,
                             fcvm_memory_offer* out, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return store(out, plugin.attach_clone(sized_copy(clone), call));
        });
      };
      made.detach_clone = [](void* self, const char* clone_id, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error,
                                 [&](Plugin& plugin) { return plugin.detach_clone(clone_id); });
      };
      made.figures = [](void* self, fcvm_memory_figures* out, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error,
                                 [&](Plugin& plugin) { return store(out, plugin.figures()); });
      };
      made.close = [](void* self, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error, [&](Plugin& plugin) { return plugin.close(); });
      };
      return made;
    }();
    return &verbs;
  }
};

}  // namespace sdk

class MemoryPlugin {
 public:
  using Verbs = sdk::MemoryVerbs;
};

}  // namespace fcvm
