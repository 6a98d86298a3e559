// Writing a memory/1 plugin in C++: derive from fcvm::MemoryPlugin, give it `kInfo` and
//
//   Result<void> open(const fcvm_memory_request&, const fcvm::Call&);
//   Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone&, const fcvm::Call&);
//   Result<void> clone_started(std::string_view clone_id, int vmm_pidfd);
//   Result<void> detach_clone(std::string_view clone_id, const fcvm::Call&);
//   Result<fcvm::MemoryHealth> health();     // from several threads
//   Result<void> clone_health(std::string_view clone_id);   // from several threads
//   Result<fcvm_memory_figures> figures();   // from several threads
//   Result<void> close(const fcvm::Call&);
//   // optional, from several threads:
//   Result<void> prefetch(std::string_view clone_id, const fcvm::Call&);
//   Result<void> working_set(std::string_view clone_id, int directory_fd, const char* path,
//                            const fcvm::Call&);
//
// MemoryPlugin has what a plugin that only hands out files need not have: clone_started, and both
// kinds of health.
#pragma once

#include <string_view>

#include <fcvm/memory.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {

/// All clones can be served; `watch` as in NetHealth.
struct MemoryHealth {
  int watch = -1;
};

namespace sdk {

inline Result<std::string_view> need_clone(const char* id) {
  return need_text(id, "no clone is named");
}

FCVM_HAS_VERB(prefetch);
FCVM_HAS_VERB(working_set);

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
      made.clone_started = [](void* self, const char* clone_id, std::int32_t vmm_pidfd,
                              fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error, [&](Plugin& plugin) -> Result<void> {
          return plugin.clone_started(FCVM_TRY(need_clone(clone_id)), vmm_pidfd);
        });
      };
      made.detach_clone = [](void* self, const char* clone_id, std::int64_t deadline,
                             fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error,
                               [&](Plugin& plugin, const Call& call) -> Result<void> {
                                 return plugin.detach_clone(FCVM_TRY(need_clone(clone_id)), call);
                               });
      };
      made.health = [](void* self, std::int32_t* fd, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error, [&](Plugin& plugin) -> Result<void> {
          const MemoryHealth health = FCVM_TRY(plugin.health());
          if (fd != nullptr) *fd = health.watch;
          return {};
        });
      };
      made.clone_health = [](void* self, const char* clone_id, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error, [&](Plugin& plugin) -> Result<void> {
          return plugin.clone_health(FCVM_TRY(need_clone(clone_id)));
        });
      };
      made.figures = [](void* self, fcvm_memory_figures* out, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error,
                                 [&](Plugin& plugin) { return store(out, plugin.figures()); });
      };
      made.close = [](void* self, std::int64_t deadline, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.close(call);
        });
      };
      if constexpr (Has_prefetch<Plugin>::value) {
        made.prefetch = [](void* self, const char* clone_id, std::int64_t deadline,
                           fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(self, deadline, error,
                                 [&](Plugin& plugin, const Call& call) -> Result<void> {
                                   return plugin.prefetch(FCVM_TRY(need_clone(clone_id)), call);
                                 });
        };
      }
      if constexpr (Has_working_set<Plugin>::value) {
        made.working_set = [](void* self, const char* clone_id, std::int32_t directory_fd,
                              const char* path, std::int64_t deadline,
                              fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(self, deadline, error,
                                 [&](Plugin& plugin, const Call& call) -> Result<void> {
                                   const auto id = FCVM_TRY(need_clone(clone_id));
                                   if (path == nullptr)
                                     return fail(EINVAL, "no place for the working set");
                                   return plugin.working_set(id, directory_fd, path, call);
                                 });
        };
      }
      return made;
    }();
    return &verbs;
  }
};

}  // namespace sdk

class MemoryPlugin {
 public:
  using Verbs = sdk::MemoryVerbs;
  Result<void> clone_started(std::string_view, int) { return {}; }
  Result<MemoryHealth> health() { return MemoryHealth{}; }
  Result<void> clone_health(std::string_view) { return {}; }
};

}  // namespace fcvm
