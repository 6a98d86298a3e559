// Writing a readiness/1 plugin in C++: derive from fcvm::ReadinessPlugin, give it `kInfo` and
//
//   Result<void> wait(const fcvm_ready_target&, const fcvm::Call&);
#pragma once

#include <fcvm/readiness.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {
namespace sdk {

struct ReadinessVerbs {
  static constexpr const char* kKind = FCVM_KIND_READINESS;

  template <typename Plugin>
  static const fcvm_readiness_v1* table() {
    static const fcvm_readiness_v1 verbs = [] {
      auto made = sized<fcvm_readiness_v1>();
      made.wait = [](void* self, const fcvm_ready_target* target, std::int64_t deadline,
                     fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.wait(sized_copy(target), call);
        });
      };
      return made;
    }();
    return &verbs;
  }
};

}  // namespace sdk

class ReadinessPlugin {
 public:
  using Verbs = sdk::ReadinessVerbs;
};

}  // namespace fcvm
