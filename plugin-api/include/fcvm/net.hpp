// Writing a net/1 plugin in C++:
//
//   class MyNet : public fcvm::NetPlugin {
//    public:
//     static constexpr fcvm::Info kInfo{"net.mine", "1.0.0", "what it is"};
//     Result<fcvm::NetAttachment> attach(const fcvm_net_request&, const fcvm::Call&);
//     Result<void> detach(const fcvm::Call&);
//     Result<fcvm::Fd> dial(std::uint32_t protocol, std::uint16_t port, const fcvm::Call&);
//     Result<fcvm::NetHealth> health();
//     // optional, both or neither:
//     Result<fcvm::Published> publish(const fcvm_publish&, const fcvm::Call&);
//     Result<void> unpublish(const fcvm_publish&, const fcvm::Call&);
//   };
//   FCVM_EXPORT_PLUGIN(MyNet);
//
// NetPlugin has harmless defaults for detach and health.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <fcvm/net.h>
#include <fcvm/sdk/trampoline.hpp>

namespace fcvm {

/// A working network; `watch` is a borrowed fd that becomes readable when asking again is worth it.
struct NetHealth {
  int watch = -1;
};

/// A port as it was published; `address` is the host's.
struct Published {
  std::uint32_t protocol = FCVM_PROTO_TCP;
  std::string address;
  std::uint16_t host_port = 0;
  std::uint16_t guest_port = 0;
  std::uint16_t count = 1;
};

/// What attach() has made. The namespaces are handed over to the host; empty ones are none.
struct NetAttachment {
  /// The texts and the MTU.
  fcvm_net_attachment given = sized<fcvm_net_attachment>();
  Fd net_namespace;
  Fd user_namespace;
  std::vector<std::string> dns;
  std::vector<Published> published;
};

namespace sdk {

inline void report_published(const fcvm_net_report& report, const Published& port) {
  if (report.published == nullptr) return;
  auto raw = sized<fcvm_published>();
  raw.protocol = port.protocol;
  raw.address = port.address.c_str();
  raw.host_port = port.host_port;
  raw.guest_port = port.guest_port;
  raw.count = port.count;
  report.published(report.context, &raw);
}

inline Result<void> hand_over(fcvm_net_attachment* out, const fcvm_net_report* to,
                              NetAttachment made) {
  if (out == nullptr) return fail(EINVAL, "no place for the attachment");
  const auto report = sized_copy(to);
  for (const auto& server : made.dns) {
    if (report.dns != nullptr) report.dns(report.context, server.c_str());
  }
  for (const Published& port : made.published) report_published(report, port);
  put_fd(made.given.flags, FCVM_NET_HAS_NET_NAMESPACE, made.given.net_namespace_fd,
         made.net_namespace.release());
  put_fd(made.given.flags, FCVM_NET_HAS_USER_NAMESPACE, made.given.user_namespace_fd,
         made.user_namespace.release());
  sized_assign(out, made.given);
  return {};
}

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
                       fcvm_net_attachment* out, const fcvm_net_report* report,
                       fcvm_error* error) -> std::int32_t {
        return on_call<Plugin>(
            self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
              return hand_over(out, report, FCVM_TRY(plugin.attach(sized_copy(request), call)));
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
                          const fcvm_net_report* report, fcvm_error* error) -> std::int32_t {
          return on_call<Plugin>(
              self, deadline, error, [&](Plugin& plugin, const Call& call) -> Result<void> {
                const auto taken = FCVM_TRY(plugin.publish(sized_copy(publish), call));
                report_published(sized_copy(report), taken);
                return {};
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
