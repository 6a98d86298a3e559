// fcvm setup: makes what VMs are made from.
#include "core/setup/setup.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "core/cli/invocation.hpp"
#include "core/cli/text/json_text.hpp"
#include "core/cli/verbs/verbs.hpp"
#include "core/config/load.hpp"
#include "core/config/tables.hpp"
#include "core/setup/storage.hpp"

namespace fcvm::cli {
namespace {

using nlohmann::ordered_json;

/// The configuration, in which the options of this command line count as [setup]'s.
Result<config::Config> load_configuration(const Invocation& invocation) {
  auto request = FCVM_TRY(invocation.load_request());
  for (const auto& option : config::core_table("setup")->options) {
    if (invocation.given(option.name)) {
      request.command_line.push_back(
          {"setup", option.name, invocation.value(option.name), "--" + option.name});
    }
  }
  return config::load(request);
}

setup::Settings settings_of(const config::Config& config, const Invocation& invocation,
                            const std::filesystem::path& data) {
  setup::Settings settings;
  settings.suite = config.text("setup", "suite");
  settings.mirror = config.text("setup", "mirror");
  settings.kernel = config.text("setup", "kernel");
  settings.kernel_path = config.text("setup", "kernel-path");
  settings.kernel_modules = config.text("setup", "kernel-modules");
  settings.kernel_url = config.text("setup", "kernel-url");
  settings.kernel_sha256 = config.text("setup", "kernel-sha256");
  settings.guests = data / "guests";
  settings.agent = invocation.layout().libexec / "fc-agent";
  return settings;
}

void print(const ordered_json& json) { fmt::print("{}\n", json_text(json)); }

Result<int> dry_run(const setup::Settings& settings, bool force, bool json) {
  const auto plan = FCVM_TRY(setup::make_plan(settings));
  ordered_json pieces = ordered_json::array();
  if (!json) fmt::print("in {}:\n", settings.guests.string());
  for (const auto* piece : plan.pieces()) {
    const bool make = force || !piece->done;
    pieces.push_back(
        {{"name", piece->name}, {"key", piece->key}, {"from", piece->from}, {"make", make}});
    if (!json) {
      fmt::print("  {:<8} {}  {}  ({})\n", piece->name, piece->key,
                 make ? "to be made" : "is there  ", piece->from);
    }
  }
  if (json) {
    print({{"dry-run", true},
           {"guests", settings.guests.string()},
           {"inputs", plan.key},
           {"architecture", plan.architecture},
           {"pieces", pieces}});
  }
  return 0;
}

void print_outcome(const setup::Outcome& outcome, bool json) {
  const setup::Guest& guest = outcome.guest;
  bool made = false;
  ordered_json pieces = ordered_json::array();
  for (const auto& piece : outcome.pieces) {
    made = made || piece.made;
    pieces.push_back({{"name", piece.name},
                      {"key", piece.key},
                      {"made", piece.made},
                      {"seconds", piece.seconds}});
  }
  if (json) {
    print({{"key", guest.key},
           {"directory", guest.directory.string()},
           {"suite", guest.suite},
           {"kernel", guest.kernel_version},
           {"made", made},
           {"pieces", pieces}});
    return;
  }
  fmt::print("{}: Debian {}, Linux {}\n  in {}\n",
             made ? "the guest is made" : "the guest was there already", guest.suite,
             guest.kernel_version, guest.directory.string());
}

Result<void> make_storage(const Invocation& invocation, const std::filesystem::path& data) {
  const auto& size = invocation.positionals();
  const auto kind = invocation.value("storage");
  if (kind == "none") return setup::remove_storage(data);
  const config::Option option{.name = "SIZE", .type = config::Type::kSize, .unit = config::kGiB};
  const auto bytes =
      FCVM_TRY(config::parse(option, size.empty() ? "20G" : size.front()) | context("SIZE"));
  return setup::make_storage(data, kind, std::get<config::Size>(bytes).bytes);
}

Result<int> run(Invocation& invocation) {
  const auto config = FCVM_TRY(load_configuration(invocation));
  const vm::Store* store = FCVM_TRY(invocation.store());
  const auto data = store->paths().data;
  const bool json = invocation.flag("json");
  const bool force = invocation.flag("force");
  const auto settings = settings_of(config, invocation, data);
  if (!invocation.given("storage") && !invocation.positionals().empty()) {
    return fail(EINVAL, "a SIZE belongs to --storage", "fcvm setup --storage btrfs 20G");
  }
  if (invocation.flag("dry-run")) return dry_run(settings, force, json);
  if (invocation.given("storage")) {
    FCVM_TRY(make_storage(invocation, data));
    if (invocation.value("storage") == "none") return 0;
  }
  setup::Progress progress(setup::Progress::style_of());
  const auto outcome = FCVM_TRY(setup::run_setup(settings, force, progress));
  print_outcome(outcome, json);
  return 0;
}

/// The rows of [setup], and what only the command line has. A default is the configuration's to
/// give, so it is not a default here.
std::vector<config::Option> options() {
  auto all = config::core_table("setup")->options;
  const auto flag = [](const char* name, const char* help) {
    return config::Option{.name = name, .type = config::Type::kBoolean, .help = help};
  };
  all.push_back(flag("force", "make every piece again, from the packages of today"));
  all.push_back(flag("dry-run", "print what would be made, and make nothing"));
  all.push_back(flag("json", "print JSON"));
  all.push_back({.name = "storage",
                 .help = "put the data directory on a file system with reflinks (as root)",
                 .choices = {"none", "btrfs", "xfs"}});
  return all;
}

constexpr char kDetails[] =
    "Makes what every VM is made from, in the data directory (/var/lib/fcvm for root,\n"
    "$XDG_DATA_HOME/fcvm for a user; FCVM_DATA_DIR names another), below guests:\n"
    "  rootfs   a read-only root file system with podman, by mmdebstrap from one Debian suite\n"
    "  kernel   the kernel: the suite's (default), the host's, a file's, or a URL's\n"
    "  initrd   the guest agent and the modules that it needs first\n"
    "  hello    the image localhost/fcvm/hello, so that a first run needs no registry\n"
    "Each is named by a hash of what it is made from and made only when it is missing: a second\n"
    "run takes milliseconds, a new agent costs a new initrd. Neither two setups at once nor a\n"
    "killed one do harm. Root is not needed; a user needs subordinate ids (/etc/subuid).\n"
    "What the tools say goes to guests/setup.log.\n"
    "\n"
    "Options that have a place in [setup] of the configuration are taken from there when they are\n"
    "not given here.\n"
    "\n"
    "--storage btrfs|xfs [SIZE] makes the file DATA-DIRECTORY.img of that size (20G), a file\n"
    "system in it, and mounts it over the data directory, so that the disks of VMs are copied by\n"
    "reference. Nothing requires it. The directory must hold nothing but guests, which are moved\n"
    "into it. After a reboot, run the same again: a file that is there is only mounted.\n"
    "--storage none unmounts it and leaves the file.\n"
    "\n"
    "Examples:\n"
    "  fcvm setup\n"
    "  fcvm setup --suite bookworm\n"
    "  fcvm setup --kernel path --kernel-path ./bzImage\n"
    "  fcvm setup --kernel url --kernel-url file:///srv/vmlinuz --kernel-sha256 DIGEST\n"
    "  sudo fcvm setup --storage btrfs 50G\n";

}  // namespace

Verb setup_verb() {
  return {.name = "setup",
          .arguments = "[OPTION...] [SIZE]",
          .summary = "Make the kernel, initrd and root file system that VMs run",
          .details = kDetails,
          .options = options(),
          .positionals = {.max = 1},
          .run = run};
}

}  // namespace fcvm::cli
