// See arguments.hpp.
#include "tests/support/vmm_driver/arguments.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

namespace driver {

namespace {

constexpr const char* kUsage = R"(usage: vmm_driver --plugin FILE [OPTION...] VERB...

  --set NAME=VALUE     a setting of the plugin, as in TOML; a list's items one by one
  --kernel FILE  --kernel-elf FILE  --initrd FILE  --append TEXT
  --disk ID=FILE[:ro]  writable ones are snapshotted and cloned too
  --cpus N  --memory MIB  --seconds N (for each verb)

verbs, done in this order; each prints a line of JSON, and the first that fails ends the program:
  start DIR            boots a VM in this directory
  hello                waits until the guest's agent answers on its control port
  pause  resume  kill
  snapshot DIR         makes a full snapshot here
  diff DIR             makes a diff snapshot here
  restore FROM DIR     a VM in DIR from the snapshot in FROM, its memory mapped privately
  restore-paused FROM DIR
  clone PLUGIN FROM DIR  the same through a memory plugin (memory.uffd), which lies beside the VMM's
  record               writes what the clone has used into FROM; later clones get it before they run
  balloon MIB          asks the guest for so much, and waits until it has given it
  status
  fails VERB ...       the verb has to fail; what it says is printed

Several VMs may be started and restored: pause, hello and so on mean the last. Those before live on.
)";

[[noreturn]] void misused(const std::string& why) {
  std::fprintf(stderr, "vmm_driver: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

std::pair<std::string, std::string> split(const std::string& text) {
  const auto at = text.find('=');
  if (at == std::string::npos) misused(text + " is not a NAME=VALUE");
  return {text.substr(0, at), text.substr(at + 1)};
}

Disk disk_of(const std::string& text) {
  auto [id, path] = split(text);
  const bool read_only = path.size() > 3 && path.compare(path.size() - 3, 3, ":ro") == 0;
  if (read_only) path.resize(path.size() - 3);
  return {id, path, read_only};
}

std::uint32_t number(const std::string& text) {
  return static_cast<std::uint32_t>(std::strtoul(text.c_str(), nullptr, 10));
}

}  // namespace

Arguments read_arguments(int argc, char** argv) {
  Arguments made;
  const std::map<std::string, std::function<void(const std::string&)>> options = {
      {"--plugin", [&](const std::string& value) { made.plugin = value; }},
      {"--set", [&](const std::string& value) { made.settings.push_back(split(value)); }},
      {"--kernel", [&](const std::string& value) { made.kernel = value; }},
      {"--kernel-elf", [&](const std::string& value) { made.kernel_elf = value; }},
      {"--initrd", [&](const std::string& value) { made.initrd = value; }},
      {"--append", [&](const std::string& value) { made.command_line = value; }},
      {"--disk", [&](const std::string& value) { made.disks.push_back(disk_of(value)); }},
      {"--cpus", [&](const std::string& value) { made.cpus = number(value); }},
      {"--memory",
       [&](const std::string& value) { made.memory_bytes = std::uint64_t{number(value)} << 20; }},
      {"--seconds", [&](const std::string& value) { made.seconds = number(value); }}};
  int i = 1;
  for (; i < argc && argv[i][0] == '-'; i += 2) {
    const auto option = options.find(argv[i]);
    if (option == options.end()) misused(std::string("there is no option ") + argv[i]);
    if (i + 1 == argc) misused(std::string(argv[i]) + " wants a value");
    option->second(argv[i + 1]);
  }
  for (; i < argc; ++i) made.verbs.emplace_back(argv[i]);
  if (made.plugin.empty() || made.verbs.empty()) misused("a plugin and a verb are needed");
  return made;
}

}  // namespace driver
