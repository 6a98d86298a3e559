// Instance: one made plugin, with the typed verbs of its kind. Everything that calls a plugin does
// so through `call`, which turns the ABI's answers into Results and checks the rules.
//
//   auto net = FCVM_TRY(Instance<fcvm_net_v1>::create(object, "net.rootless", settings, services));
//   FCVM_TRY(net->call({"detach"}, net->verbs().detach, deadline.as_ns()));
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <fcvm/abi.h>
#include <fcvm/image.h>
#include <fcvm/memory.h>
#include <fcvm/net.h>
#include <fcvm/readiness.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/sized.hpp>
#include <fcvm/vmm.h>

#include "core/plugin/blame.hpp"
#include "core/plugin/checks.hpp"
#include "core/plugin/host_table.hpp"
#include "core/plugin/loader.hpp"
#include "core/plugin/settings.hpp"

namespace fcvm::plugin {

template <typename Verbs>
inline constexpr const char* kKindOf = nullptr;
template <>
inline constexpr const char* kKindOf<fcvm_vmm_v1> = FCVM_KIND_VMM;
template <>
inline constexpr const char* kKindOf<fcvm_net_v1> = FCVM_KIND_NET;
template <>
inline constexpr const char* kKindOf<fcvm_image_v1> = FCVM_KIND_IMAGE;
template <>
inline constexpr const char* kKindOf<fcvm_memory_v1> = FCVM_KIND_MEMORY;
template <>
inline constexpr const char* kKindOf<fcvm_readiness_v1> = FCVM_KIND_READINESS;

template <typename Verbs>
class Instance {
 public:
  static Result<std::unique_ptr<Instance>> create(Object object, const std::string& plugin_id,
                                                  const Settings& settings, Services services) {
    const void* verbs = object.table().verbs(kKindOf<Verbs>);
    if (verbs == nullptr) {
      return fail(EPROTO, "plugin " + plugin_id + " does not implement " + kKindOf<Verbs>,
                  "fcvm-plugin-check on its file tells more");
    }
    std::unique_ptr<Instance> made(new Instance(std::move(object), plugin_id, services,
                                                sized_copy(static_cast<const Verbs*>(verbs))));
    auto error = sized<fcvm_error>();
    const auto code = [&] {
      const VerbScope scope(made->plugin_id(), "create");
      return made->object_.table().create(made->host_.get(), settings.get(), &made->instance_,
                                          &error);
    }();
    if (code != 0) return unexpected(take_error(code, error).context("plugin " + plugin_id));
    return made;
  }

  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() {
    host_.end_subscriptions();  // a line would come to a context that is gone
    const VerbScope scope(plugin_id(), "destroy");
    object_.table().destroy(&instance_);
  }

  [[nodiscard]] const Verbs& verbs() const { return verbs_; }
  [[nodiscard]] const std::string& plugin_id() const { return host_.plugin_id(); }

  /// Calls a verb with its arguments, all but the instance and the error.
  template <typename Function, typename... Arguments>
  Result<void> call(const VerbRule& rule, Function* verb, Arguments... arguments) {
    if (verb == nullptr) {
      return fail(ENOTSUP, plugin_id() + " cannot " + std::string(rule.name));
    }
    auto error = sized<fcvm_error>();
    checks_.enter(rule);
    const std::int32_t code = [&] {
      const VerbScope scope(plugin_id(), rule.name);
      return verb(instance_, arguments..., &error);
    }();
    checks_.leave(rule, code == 0);
    if (code != 0) return unexpected(take_error(code, error).context(plugin_id()));
    return {};
  }

  /// [any] Ends the blocking verbs that are under way, and the service calls in which they wait.
  void cancel() {
    const VerbScope scope(plugin_id(), "cancel");
    host_.calls().cancel();
    object_.table().cancel(instance_);
  }

 private:
  Instance(Object object, const std::string& plugin_id, Services services, const Verbs& verbs)
      : object_(std::move(object)), host_(plugin_id, services), verbs_(verbs), checks_(plugin_id) {}

  Object object_;
  HostTable host_;
  Verbs verbs_;
  VerbChecks checks_;
  void* instance_ = nullptr;
};

}  // namespace fcvm::plugin
