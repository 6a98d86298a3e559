// Writing a vmm/1 plugin in C++: derive from fcvm::VmmPlugin, give it `kInfo` and
//
//   Result<void> start(const fcvm_vm_spec&, const fcvm::Call&);
//   Result<void> pause(const fcvm::Call&);      Result<void> resume(const fcvm::Call&);
//   Result<fcvm::Fd> connect(std::uint32_t port, const fcvm::Call&);   // from several threads
//   Result<fcvm_vm_status> status();                                   // from several threads
//   Result<void> kill(const fcvm::Call&);                              // from several threads
//   // optional:
//   Result<void> restore(const fcvm_vm_spec&, const fcvm_vm_restore&, const fcvm::Call&);
//   Result<void> snapshot(const fcvm_vm_snapshot&, const fcvm::Call&);
//   Result<void> set_balloon(std::uint64_t bytes, const fcvm::Call&);
//   Result<void> set_metadata(const char* json, const fcvm::Call&);
//   Result<fcvm_vm_balloon> balloon(const fcvm::Call&);
#pragma once

#include <fcvm/sdk/trampoline.hpp>
#include <fcvm/vmm.h>

namespace fcvm {

namespace sdk {

FCVM_HAS_VERB(restore);
FCVM_HAS_VERB(snapshot);
FCVM_HAS_VERB(set_balloon);
FCVM_HAS_VERB(set_metadata);
FCVM_HAS_VERB(balloon);

struct VmmVerbs {
  static constexpr const char* kKind = FCVM_KIND_VMM;

  template <typename Plugin>
  static const fcvm_vmm_v1* table() {
    static const fcvm_vmm_v1 verbs = [] {
      auto made = sized<fcvm_vmm_v1>();
      required<Plugin>(made);
      optional<Plugin>(made);
      return made;
    }();
    return &verbs;
  }

 private:
  template <typename Plugin>
  static void required(fcvm_vmm_v1& made) {
    made.start = [](void* self, const fcvm_vm_spec* spec, std::int64_t deadline,
                    fcvm_error* error) -> std::int32_t {
      return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
        return plugin.start(sized_copy(spec), call);
      });
    };
    made.pause = [](void* self, std::int64_t deadline, fcvm_error* error) -> std::int32_t {
      return on_call<Plugin>(self, deadline, error,
                             [&](Plugin& plugin, const Call& call) { return plugin.pause(call); });
    };
    made.resume = [](void* self, std::int64_t deadline, fcvm_error* error) -> std::int32_t {
      return on_call<Plugin>(self, deadline, error,
                             [&](Plugin& plugin, const Call& call) { return plugin.resume(call); });
    };
    made.connect = [](void* self, std::uint32_t port, std::int64_t deadline, std::int32_t* fd,
                      fcvm_error* error) -> std::int32_t {
      return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
        return hand_over(fd, plugin.connect(port, call));
      });
    };
    made.status = [](void* self, fcvm_vm_status* out, fcvm_error* error) -> std::int32_t {
      return on_plugin<Plugin>(self, error,
                               [&](Plugin& plugin) { return store(out, plugin.status()); });
    };
    made.kill = [](void* self, std::int64_t deadline, fcvm_error* error) -> std::int32_t {
      return on_call<Plugin>(self, deadline, error,
                             [&](Plugin& plugin, const Call& call) { return plugin.kill(call); });
    };
  }

  template <typename Plugin>
  static void optional(fcvm_vmm_v1& made) {
    if constexpr (Has_restore<Plugin>::value) {
      made.restore = [](void* self, const fcvm_vm_spec* spec, const fcvm_vm_restore* from,
                        std::int64_t deadline, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.restore(sized_copy(spec), sized_copy(from), call);
        });
      };
    }
    if constexpr (Has_snapshot<Plugin>::value) {
      made.snapshot = [](void* self, const fcvm_vm_snapshot* snapshot, std::int64_t deadline,
                         fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.snapshot(sized_copy(snapshot), call);
        });
      };
    }
    if constexpr (Has_set_balloon<Plugin>::value) {
      made.set_balloon = [](void* self, std::uint64_t bytes, std::int64_t deadline,
                            fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.set_balloon(bytes, call);
        });
      };
    }
    if constexpr (Has_set_metadata<Plugin>::value) {
      made.set_metadata = [](void* self, const char* json, std::int64_t deadline,
                             fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.set_metadata(json, call);
        });
      };
    }
    if constexpr (Has_balloon<Plugin>::value) {
      made.balloon = [](void* self, std::int64_t deadline, fcvm_vm_balloon* out,
                        fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return store(out, plugin.balloon(call));
        });
      };
    }
  }
};

}  // namespace sdk

class VmmPlugin {
 public:
  using Verbs = sdk::VmmVerbs;
};

}  // namespace fcvm
