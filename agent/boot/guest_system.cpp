// See guest_system.hpp.
#include "agent/boot/guest_system.hpp"

#include <csignal>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "agent/boot/freezer.hpp"
#include "agent/boot/identity.hpp"
#include "agent/boot/inherited.hpp"
#include "agent/boot/kernel_files.hpp"
#include "agent/boot/network.hpp"
#include "agent/boot/root.hpp"
#include "agent/container/fast/fast_start.hpp"
#include "agent/container/podman.hpp"
#include "agent/transport/greeting.hpp"

namespace fcvm::agent {
namespace {

Result<void> set_identity(const wire::BootPlan& plan) {
  FCVM_TRY(set_clock(plan.realtime_ns));
  return add_entropy(plan.entropy);
}

Result<void> set_names(const wire::BootPlan& plan) {
  FCVM_TRY(set_hostname(plan.hostname));
  return set_machine_id(plan.machine_id);
}

Result<void> set_sysctls(const wire::BootPlan& plan) {
  for (const auto& sysctl : plan.sysctls) {
    const auto equals = sysctl.find('=');
    if (equals == std::string::npos) return fail(EINVAL, "sysctl " + sysctl + ": it has no value");
    std::string path = "/proc/sys/" + sysctl.substr(0, equals);
    for (char& c : path) {
      if (c == '.') c = '/';
    }
    FCVM_TRY(write_file(path, sysctl.substr(equals + 1)));
  }
  return {};
}

/// What a clone shares with its source and must not use: connections, and names.
Result<void> leave_to_source(const wire::Resumed& news, pid_t container) {
  FCVM_TRY(break_connections());
  const std::string resolvers = news.network.dns.empty() ? "" : resolv_conf(news.network);
  const std::string hosts = hosts_file(news.network, news.hostname);
  FCVM_TRY(write_file("/etc/hosts", hosts));
  if (!resolvers.empty()) FCVM_TRY(write_file("/etc/resolv.conf", resolvers));
  if (container <= 0) return {};
  return rename_in_container(container, {news.hostname, hosts, resolvers, news.machine_id});
}

class GuestSystem : public System {
 public:
  std::vector<Stage> stages() override {
    return {
        {"identity", set_identity},
        {"root", enter_root},
        {"names", set_names},
        {"network",
         [](const wire::BootPlan& plan) { return configure_network(plan.network, plan.hostname); }},
        {"sysctl", set_sysctls},
        {"mounts", mount_extras},
        {"podman", configure_podman}};
  }

  Result<void> freeze() override { return freeze_containers(); }
  Result<void> thaw() override { return thaw_containers(); }

  // In this order, so that no program sees the new time with the old randomness for long.
  Result<void> resumed(const wire::Resumed& news, pid_t container) override {
    FCVM_TRY(set_clock(news.realtime_ns));
    FCVM_TRY(add_entropy(news.entropy));
    FCVM_TRY(set_hostname(news.hostname));
    if (!news.machine_id.empty()) FCVM_TRY(set_machine_id(news.machine_id));
    for (const auto& interface : news.interfaces) FCVM_TRY(configure_interface(interface));
    if (news.is_clone) FCVM_TRY(leave_to_source(news, container));
    if (!news.entropy.empty()) Greeting::instance() = random_name();
    return {};
  }

  Result<std::vector<std::string>> load_command(const wire::BootPlan& plan) override {
    return podman_load(plan);
  }
  Result<std::unique_ptr<PreparedStart>> prepare_start(const wire::BootPlan& plan) override {
    if (plan.container.again) return fail(EALREADY, "it is started again");
    return fast::prepare_start(plan);
  }
  std::vector<std::string> run_command(const wire::BootPlan& plan) override {
    return plan.container.again ? podman_start(plan.container) : podman_run(plan.container);
  }
  std::string pid_file() override { return kPidFile; }
  std::vector<std::string> began_command(const wire::BootPlan& plan) override {
    return {"podman", "inspect", "--format", "{{.State.StartedAt.Unix}}", plan.container.name};
  }
  int stop_signal(pid_t pid) override { return read_stop_signal(pid); }
  Result<OciConfig> container_config(pid_t pid) override { return read_oci_config(pid); }
  void sync() override { ::sync(); }

  // A machine without ACPI ends by a reset, which its VMM takes for the end.
  void power_off() override {
    ::kill(-1, SIGKILL);
    ::sync();
    static_cast<void>(::mount("", kWritableDisk, nullptr, MS_REMOUNT | MS_RDONLY, nullptr));
    ::sync();
    ::reboot(kernel_parameter("fcvm.poweroff") == "reboot" ? RB_AUTOBOOT : RB_POWER_OFF);
    for (;;) ::pause();
  }
};

}  // namespace

System& guest_system() {
  static GuestSystem system;
  return system;
}

}  // namespace fcvm::agent
