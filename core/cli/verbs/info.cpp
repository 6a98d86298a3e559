// fcvm info: this host and this fcvm, as `podman info` tells them.
#include <filesystem>
#include <sstream>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fmt/core.h>

#include "core/base/io/file.hpp"
#include "core/cli/image_catalog.hpp"
#include "core/cli/text/json_template.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/image_json.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/plan/choose.hpp"
#include "core/setup/guest.hpp"

namespace fcvm::cli {
namespace {

using Json = nlohmann::ordered_json;

/// "Debian GNU/Linux 13 (trixie)".
std::string distribution() {
  std::istringstream lines(base::read_file("/etc/os-release").value_or(""));
  constexpr std::string_view kName = "PRETTY_NAME=";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(kName)) continue;
    std::erase(line, '"');
    return line.substr(kName.size());
  }
  return "Linux";
}

Json host_info() {
  struct utsname system {};
  struct sysinfo memory {};
  ::uname(&system);
  ::sysinfo(&memory);
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return {{"arch", system.machine},
          {"cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"hostname", name},
          {"kernel", system.release},
          {"kvm", ::access("/dev/kvm", R_OK | W_OK) == 0},
          {"memFree", std::uint64_t{memory.freeram} * memory.mem_unit},
          {"memTotal", std::uint64_t{memory.totalram} * memory.mem_unit},
          {"os", "linux"},
          {"distribution", distribution()},
          {"rootless", ::geteuid() != 0},
          {"uptimeSeconds", memory.uptime}};
}

/// What a run would choose by itself; why none, where there is none.
std::string chosen(const Result<std::string>& choice) {
  return choice ? *choice : "none: " + choice.error().message();
}

Result<Json> fcvm_info(Invocation& invocation) {
  const config::Config* config = FCVM_TRY(invocation.config());
  const plugin::Registry* registry = FCVM_TRY(invocation.registry());
  Json plugins = Json::object();
  for (const auto& entry : registry->entries()) {
    plugins[entry.descriptor.id] = entry.descriptor.version;
  }
  return Json{{"vmm", chosen(plan::choose_vmm(*config, *registry))},
              {"imageMode", chosen(plan::choose_image_plugin(*config, *registry))},
              {"network", config->text("run", "network")},
              {"plugins", std::move(plugins)}};
}

Json guest_info(const std::filesystem::path& guests) {
  const auto guest = setup::find_guest(guests);
  if (!guest) return nullptr;
  return {{"key", guest->key}, {"kernel", guest->kernel_version}, {"suite", guest->suite}};
}

Result<Json> store_info(Invocation& invocation) {
  const vm::Store* store = FCVM_TRY(invocation.store());
  std::size_t running = 0;
  std::size_t paused = 0;
  const auto records = FCVM_TRY(invocation.records());
  for (const auto& record : records) {
    const auto phase = record.effective_phase();
    paused += phase == vm::Phase::kPaused ? 1 : 0;
    running += phase != vm::Phase::kPaused && phase != vm::Phase::kExited ? 1 : 0;
  }
  auto catalog = FCVM_TRY(ImageCatalog::open(invocation));
  const auto images = FCVM_TRY(catalog->all());
  return Json{{"graphRoot", store->paths().data.string()},
              {"runRoot", store->paths().runtime.string()},
              {"containerStore",
               {{"number", records.size()},
                {"paused", paused},
                {"running", running},
                {"stopped", records.size() - running - paused}}},
              {"imageStore", {{"number", images.size()}}},
              {"guest", guest_info(store->paths().guests())}};
}

/// Maps only, which are all that there is here; a text is written as JSON has it, which YAML reads.
void print_yaml(const Json& map, int depth) {
  for (const auto& [name, value] : map.items()) {
    fmt::print("{:{}}{}:", "", 2 * depth, name);
    if (value.is_object() && !value.empty()) {
      fmt::print("\n");
      print_yaml(value, depth + 1);
    } else {
      fmt::print(" {}\n", json_text(value, -1));
    }
  }
}

Result<int> run(Invocation& invocation) {
  const auto format = invocation.value("format", invocation.flag("json") ? "json" : "");
  const Json info = {{"host", host_info()},
                     {"store", FCVM_TRY(store_info(invocation))},
                     {"fcvm", FCVM_TRY(fcvm_info(invocation))},
                     {"version", {{"Version", FCVM_VERSION}}}};
  if (format.empty()) {
    print_yaml(info, 0);
  } else if (format == "json") {
    fmt::print("{}\n", json_text(info));
  } else {
    FCVM_TRY(print_objects(Json::array({info}), format, "fcvm info shows all fields"));
  }
  return 0;
}

}  // namespace

Verb info_verb() {
  return {.name = "info",
          .aliases = {"system info", "podman info"},
          .arguments = "[--format TEMPLATE | --json]",
          .summary = "Show this host and this fcvm, as podman info does",
          .details =
              "Prints YAML; the keys are podman's where it has them. `fcvm doctor` says what this\n"
              "host lacks, and `fcvm config show` what is set.\n",
          .options = {{.name = "json", .type = config::Type::kBoolean, .help = "print JSON"},
                      {.name = "format", .help = "print by this Go template", .letter = 'f'}},
          .bears_mistakes = true,
          .run = run};
}

}  // namespace fcvm::cli
