// See test_system.hpp.
#include "tests/support/hosted_agent/test_system.hpp"

#include <csignal>
#include <unistd.h>

#include "core/base/io/file.hpp"

namespace fcvm::tests {
namespace {

using namespace agent;

class TestSystem : public System {
 public:
  std::vector<Stage> stages() override {
    return {{"nothing", [](const wire::BootPlan& plan) -> Result<void> {
               if (plan.hostname == "fail") return fail(EIO, "failing as asked to");
               return {};
             }}};
  }
  Result<void> freeze() override { return {}; }
  Result<void> thaw() override { return {}; }
  Result<void> resumed(const wire::Resumed&, pid_t /*container*/) override { return {}; }
  Result<std::vector<std::string>> load_command(const wire::BootPlan&) override {
    return std::vector<std::string>{};
  }
  Result<std::unique_ptr<PreparedStart>> prepare_start(const wire::BootPlan&) override {
    return fail(ENOSYS, "there is no store");
  }
  std::vector<std::string> run_command(const wire::BootPlan& plan) override {
    return plan.container.command;
  }
  std::string pid_file() override { return {}; }
  std::vector<std::string> began_command(const wire::BootPlan&) override { return {}; }
  // The container is a child of ours, so it has our identity, and whatever the test gave us.
  int stop_signal(pid_t /*pid*/) override { return SIGTERM; }
  Result<OciConfig> container_config(pid_t pid) override {
    const std::string proc = "/proc/" + std::to_string(pid);
    const std::string variables = FCVM_TRY(base::read_file(proc + "/environ"));
    OciConfig config;
    for (std::size_t at = 0; at < variables.size();) {
      const auto end = std::min(variables.find('\0', at), variables.size());
      config.environment.push_back(variables.substr(at, end - at));
      at = end + 1;
    }
    config.uid = ::getuid();
    config.gid = ::getgid();
    config.capabilities.bounding = bounding_capabilities();
    return config;
  }
  void sync() override {}
  void power_off() override { ::_exit(0); }
};

}  // namespace

agent::System& test_system() {
  static TestSystem system;
  return system;
}

}  // namespace fcvm::tests
