// Writing a net/1 plugin in C++:
//
//   class MyNet : public fcvm::NetPlugin {
//    public:
//     static constexpr fcvm::Info kInfo{"net.mine", "1.0.0", "what it is"};
//     Result<fcvm_net_attachment> attach(const fcvm_net_request&, const fcvm::Call&);
//     Result<void> detach(const fcvm::Call&);
//     Result<fcvm::Fd> dial(std::uint32_t protocol, std::uint16_t port, const fcvm::Call&);
//     Result<fcvm::NetHealth> health();
//     // optional, both or neither:
//     Result<void> publish(const fcvm_publish&, const fcvm::Call&);
//     Result<void> unpublish(const fcvm_publish&, const fcvm::Call&);
//   };
//   FCVM_EXPORT_PLUGIN(MyNet);
//
// NetPlugin has harmless defaults for detach and health.
#pragma once

#include <fcvm/net.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {

/// A working network; `watch` is a borrowed fd that becomes readable when asking again is worth it.
struct NetHealth {
  int watch = -1;
};

/// An attachment without namespaces or addresses, to fill in.
[[nodiscard]] inline fcvm_net_attachment net_attachment() {
  auto attachment = sized<fcvm_net_attachment>();
  attachment.net_namespace_fd = attachment.user_namespace_fd = -1;
  return attachment;
}

namespace sdk {

FCVM_HAS_VERB(publish);
FCVM_HAS_VERB(unpublish);

struct NetVerbs {
  static constexpr const char* kKind = FCVM_KIND_NET;

  template <typename Plugin>
  static const fcvm_net_v1* table() {
    static_assert(Has_publish<Plugin>::value == Has_unpublish<Plugin>::value,
                  "publish and unpublish: both or neither");
    static const fcvm_net_v1 verbs = [] {
      auto made = sized<fcvm_net_v1>();
      made.attach = [](void* self, const fcvm_net_request* request, std::int64_t deadline,
                       fcvm_net_attachment* out, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return store(out, plugin.attach(sized_copy(request), call));
        });
      };
      made.detach = [](void* self, std::int64_t deadline, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return plugin.detach(call);
        });
      };
      made.dial = [](void* self, std::uint32_t protocol, std::uint16_t port, std::int64_t deadline,
                     std::int32_t* fd, fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
          return hand_over(fd, plugin.dial(protocol, port, call));
        });
      };
      if constexpr (Has_publish<Plugin>::value) {
        made.publish = [](void* self, const fcvm_publish* publish, std::int64_t deadline,
                          fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
            return plugin.publish(sized_copy(publish), call);
          });
        };
        made.unpublish = [](void* self, const fcvm_publish* publish, std::int64_t deadline,
                            fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(self, deadline, error, [&](Plugin& plugin, const Call& call) {
            return plugin.unpublish(sized_copy(publish), call);
          });
        };
      }
      made.health = [](void* self, std::int32_t* fd, fcvm_error* error) -> std::int32_t {
        return on_plugin<Plugin>(self, error, [&](Plugin& plugin) -> Result<void> {
          const NetHealth health = FCVM_TRY(plugin.health());
          if (fd != nullptr) *fd = health.watch;
          return {};
        });
      };
      return made;
    }();
    return &verbs;
  }
};

}  // namespace sdk

class NetPlugin {
 public:
  using Verbs = sdk::NetVerbs;
  Result<void> detach(const Call&) { return {}; }
  Result<NetHealth> health() { return NetHealth{}; }
};

}  // namespace fcvm
