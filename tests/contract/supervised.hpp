// A whole supervisor on a thread, with a guest that needs no VM: the VMM plugin here starts a
// program that serves the guest's ports on Unix sockets, fc-agent or one that means harm.
#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fcvm/image.hpp>
#include <fcvm/net.hpp>

#include "core/base/io/temp_dir.hpp"
#include "core/config/load.hpp"
#include "core/vm/control/control_protocol.hpp"
#include "core/vm/supervisor/supervisor.hpp"
#include "tests/support/hosted_vmm.hpp"
#include "tests/support/must.hpp"

namespace fcvm::vm {

using namespace std::chrono_literals;

// As fcvm does: whoever writes to a peer that has gone gets an error.
[[maybe_unused]] inline const auto kIgnoredBefore = std::signal(SIGPIPE, SIG_IGN);

/// More than any step here takes on a loaded machine, less than the supervisor's own limits add up
/// to when one is waited out.
inline constexpr auto kPatience = 60s;

// What the plugins below are to do, and have done.
inline std::vector<std::string> guest_program{};  // it listens in its working directory
inline std::string resolve_lingers{};             // it makes this file; what comes next waits
inline std::atomic<bool> resolve_fails = false;
inline std::string attach_hangs{};  // it makes this file, and then never returns
inline std::atomic<int> dials = 0;
inline std::atomic<bool> detached_beneath_a_dial = false;

/// Besides those below.
inline std::vector<const fcvm_plugin*> extra_plugins{};

/// A VM as vmm.hosted was told to start it.
struct HostedVm {
  std::string id;
  std::vector<std::string> disks;  // "id target flags"
};
inline std::mutex hosted_mutex{};
inline std::vector<HostedVm> hosted_vms{};

inline void note_hosted(const fcvm_vm_spec& spec) {
  HostedVm vm{spec.vm_id, {}};
  for (const auto& disk : sized_elements(spec.disks, spec.disk_count)) {
    char target[4096];
    const auto length = ::readlinkat(spec.directory_fd, disk.path, target, sizeof target);
    vm.disks.push_back(std::string(disk.id) + " " +
                       std::string(target, length < 0 ? 0 : static_cast<std::size_t>(length)) +
                       " " + std::to_string(disk.flags));
  }
  const std::lock_guard lock(hosted_mutex);
  hosted_vms.push_back(std::move(vm));
}

class Hosted : public tests::HostedVmm {
 public:
  static constexpr Info kInfo{"vmm.hosted", "1.0.0", "an agent that is a process of the host"};

  explicit Hosted(Host host) : HostedVmm(host, guest_program) {}
  Result<void> start(const fcvm_vm_spec& spec, const Call& call) {
    note_hosted(spec);
    return HostedVmm::start(spec, call);
  }
};

class Nothing : public ImagePlugin {
 public:
  static constexpr Info kInfo{"image.nothing", "1.0.0", "an image that nobody looks at"};

  Result<fcvm_image_identity> resolve(const fcvm_image_request&, const Call&) {
    if (!resolve_lingers.empty()) {
      (void)base::write_file_atomic(resolve_lingers, "");
      std::this_thread::sleep_for(300ms);
    }
    if (resolve_fails) return fail(ENOENT, "there is no such image");
    auto identity = sized<fcvm_image_identity>();
    put_text(identity.digest, "sha256:00");
    return identity;
  }
  Result<std::string> config(const fcvm_image_request&, std::string_view, const Call&) {
    return std::string("{}");
  }
  Result<ImageDelivery> prepare(const fcvm_image_request&, std::string_view, const Call& call) {
    if (!resolve_lingers.empty()) FCVM_TRY(call.sleep(kPatience));
    return ImageDelivery{FCVM_GUEST_LOAD_ARCHIVE, {{"/dev/null", "docker-archive"}}};
  }
  Result<std::vector<std::string>> collect(int, const std::vector<std::string>&, const Call&) {
    return std::vector<std::string>();
  }
};

/// Whoever dials waits until the deadline, or the cancel.
class Silent : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.silent", "1.0.0", "a network in which nobody answers"};

  Result<NetAttachment> attach(const fcvm_net_request&, const Call&) {
    if (!attach_hangs.empty()) (void)base::write_file_atomic(attach_hangs, "");
    while (!attach_hangs.empty()) ::pause();
    return NetAttachment();
  }
  Result<void> detach(const Call&) {
    if (dials > 0) detached_beneath_a_dial = true;
    return {};
  }
  Result<Fd> dial(std::uint32_t, std::uint16_t, const Call& call) {
    ++dials;
    const auto waited = call.wait(call.cancel_fd(), POLLIN);
    --dials;
    return waited ? fail(ECANCELED, "canceled") : Result<Fd>(unexpected(waited.error()));
  }
};

template <typename Plugin>
const fcvm_plugin* table_of() {
  return sdk::CommonTable<Plugin, typename Plugin::Verbs>::table();
}

/// A supervisor on a thread of its own, which stands for the process that `fcvm run` is.
class Supervised {
 public:
  using Adjust = std::function<void(RunPlan&)>;

  explicit Supervised(const std::string& script, Fd attached = {}, const Adjust& adjust = {}) {
    for (const auto* table : {table_of<Hosted>(), table_of<Nothing>(), table_of<Silent>()}) {
      REQUIRE(registry_.add_table(table));
    }
    for (const auto* table : extra_plugins) REQUIRE(registry_.add_table(table));
    config::LoadRequest request;
    request.environment = config::Environment({{"FCVM_CONFIG_ROOT", directory_.path()}});
    request.plugins = registry_.tables();
    config_.emplace(must(config::load(request)));
    RunPlan plan;
    plan.name = "box";
    plan.vmm = "vmm.hosted";
    plan.image_plugin = "image.nothing";
    plan.network.plugin = "net.silent";
    plan.assets = {"/dev/null", "", "/dev/null", "/dev/null"};
    plan.container.command = {"/bin/sh", "-c", script};
    plan.container.interactive = attached.valid();
    plan.detached = !attached.valid();
    if (adjust) adjust(plan);
    outcome_ = std::async(
        std::launch::async, [this, plan = std::move(plan), stream = std::move(attached)]() mutable {
          Supervisor supervisor(
              {.store = store_,
               .registry = registry_,
               .config = *config_,
               .make_disk = [](const auto&, std::uint64_t) { return Result<void>(); },
               .on_started = [this](const auto& record) { started_.set_value(record); },
               .on_ready = [this](const auto&) { ready_.set_value(); },
               .on_never_ready = [this](const auto& why) { never_ready_ = why; },
               .attached = std::move(stream)},
              std::move(plan));
          return supervisor.run();
        });
  }

  Record started() {
    auto record = started_.get_future();
    if (record.wait_for(kPatience) != std::future_status::ready) {
      FAIL("it does not start" << (ended() ? ": " + outcome().error().message() : ""));
    }
    return find();
  }
  bool is_ready_within(std::chrono::milliseconds time) {
    return is_ready_.wait_for(time) == std::future_status::ready;
  }
  /// Why, once it has ended.
  [[nodiscard]] const std::string& never_ready() const { return never_ready_; }
  Record find() { return must(store_.find("box")); }
  template <typename Request>
  Result<typename Request::Answer> ask(const Request& request) {
    return ask_supervisor(store_.paths(), find().id, request, base::Deadline::in(kPatience));
  }
  bool ended() { return outcome_.wait_for(kPatience) == std::future_status::ready; }
  Result<int> outcome() { return outcome_.get(); }
  Store& store() { return store_; }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  base::TempDir directory_ = *base::TempDir::create();
  Store store_{Paths{directory_.path() + "/data", directory_.path() + "/run"}};
  plugin::Registry registry_;
  std::optional<config::Config> config_;
  std::promise<Record> started_;
  std::promise<void> ready_;
  std::future<void> is_ready_ = ready_.get_future();
  std::string never_ready_;
  std::future<Result<int>> outcome_;
};

}  // namespace fcvm::vm
