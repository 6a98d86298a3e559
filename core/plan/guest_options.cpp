// See guest_options.hpp.
#include "core/plan/guest_options.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "core/base/process/capability_names.hpp"

namespace fcvm::plan {
namespace {

using Judge = Result<void> (*)(const std::string& value);

bool consists_of(std::string_view text, int (*belongs)(int)) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [&](unsigned char c) { return belongs(c) != 0; });
}

Result<void> anything(const std::string& /*value*/) { return {}; }

Result<void> check_tmpfs(const std::string& value) {
  if (value.starts_with('/')) return {};
  return fail(EINVAL, fmt::format("\"{}\" does not begin with a path of the container", value),
              "write /PATH[:OPTIONS], such as /run/cache:size=64m,mode=1777");
}

constexpr std::string_view kLimits[] = {"core",    "cpu",      "data",   "fsize",      "locks",
                                        "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                        "rss",     "rtprio",   "rttime", "sigpending", "stack"};

/// "nofile=1024:2048"
Result<void> check_ulimit(const std::string& value) {
  const auto equals = value.find('=');
  const auto name = value.substr(0, equals);
  if (value == "host") {
    return fail(ENOTSUP, "the host's limits mean nothing in a VM", "write NAME=SOFT[:HARD]");
  }
  std::string_view limits =
      equals == std::string::npos ? "" : std::string_view(value).substr(equals + 1);
  const auto is_limit = [](std::string_view limit) {
    return limit == "-1" || limit == "unlimited" ||
           consists_of(limit, [](int c) { return std::isdigit(c); });
  };
  const auto colon = limits.find(':');
  const bool numbers = is_limit(limits.substr(0, colon)) &&
                       (colon == std::string_view::npos || is_limit(limits.substr(colon + 1)));
  if (!numbers) {
    return fail(EINVAL, fmt::format("\"{}\" is not a limit", value),
                "write NAME=SOFT[:HARD], such as nofile=1024:2048");
  }
  if (std::ranges::find(kLimits, name) != std::end(kLimits)) return {};
  return fail(EINVAL, fmt::format("there is no limit \"{}\"", name),
              fmt::format("those there are: {}", fmt::join(kLimits, " ")));
}

/// As podman takes it: in either case, with or without CAP_.
bool is_capability(std::string word) {
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::toupper(c); });
  return word == "ALL" || base::capability_number(word) || base::capability_number("CAP_" + word);
}

Result<void> check_capability(const std::string& value) {
  for (std::size_t at = 0; at <= value.size();) {
    const auto end = std::min(value.find(',', at), value.size());
    if (!is_capability(value.substr(at, end - at))) {
      return fail(EINVAL, fmt::format("\"{}\" is not a capability", value.substr(at, end - at)),
                  "write CAP_NET_ADMIN, net_admin or all");
    }
    at = end + 1;
  }
  return {};
}

Result<void> check_security(const std::string& value) {
  const auto key = value.substr(0, value.find_first_of("=:"));
  if (key == "no-new-privileges" || key == "mask" || key == "unmask" || key == "proc-opts" ||
      value == "seccomp=unconfined") {
    return {};
  }
  if (key == "seccomp") {
    return fail(ENOTSUP, fmt::format("\"{}\": a profile of the host is not in the guest", value),
                "give seccomp=unconfined: what the container may do ends at its VM");
  }
  return fail(ENOTSUP, fmt::format("the guest has no \"{}\"", key),
              "no-new-privileges, seccomp=unconfined, mask=, unmask= and proc-opts= are there");
}

/// "/dev/fuse:/dev/fuse:rw"
Result<void> check_device(const std::string& value) {
  if (value.starts_with("/dev/") && value.find("..") == std::string::npos) return {};
  return fail(ENOTSUP,
              fmt::format("\"{}\" is no device of the guest's: a VM has none of its host's", value),
              "name one below /dev of the guest, such as /dev/fuse");
}

/// A name or a number, as podman takes it: with or without SIG, and SIGRTMIN+3.
Result<void> check_signal(const std::string& value) {
  const auto belongs = [](int c) -> int { return std::isalnum(c) || c == '+' || c == '-'; };
  if (consists_of(value, belongs)) return {};
  return fail(EINVAL, fmt::format("\"{}\" is not a signal", value), "write SIGQUIT, quit or 3");
}

/// A file below zoneinfo, and nothing above it.
Result<void> check_time_zone(const std::string& value) {
  if (value == "local") {
    return fail(ENOTSUP, "the guest's time is UTC, and it knows no other as its own",
                "name the zone, such as Europe/Berlin");
  }
  if (!value.starts_with('/') && value.find("..") == std::string::npos) return {};
  return fail(EINVAL, fmt::format("\"{}\" is not a time zone", value),
              "name one of /usr/share/zoneinfo, such as Europe/Berlin");
}

Result<void> check_umask(const std::string& value) {
  const bool octal = consists_of(value, [](int c) -> int { return c >= '0' && c <= '7'; });
  if (octal && value.size() <= 4) return {};
  return fail(EINVAL, fmt::format("\"{}\" is not a file mode", value), "write 0022");
}

struct Passed {
  const char* name;
  Judge judge;
};

constexpr Passed kLists[] = {
    {"tmpfs", check_tmpfs},         {"ulimit", check_ulimit},         {"cap-add", check_capability},
    {"cap-drop", check_capability}, {"security-opt", check_security}, {"group-add", anything},
    {"device", check_device},       {"unsetenv", anything},
};
constexpr Passed kTexts[] = {
    {"umask", check_umask}, {"stop-signal", check_signal}, {"tz", check_time_zone}};
constexpr const char* kFlags[] = {"read-only", "no-hosts", "unsetenv-all", "init"};

/// Those that a container has for itself; each other is its kernel's.
constexpr std::string_view kOfContainers[] = {"kernel.msg", "kernel.sem", "kernel.shm",
                                              "fs.mqueue."};

bool is_of_container(std::string_view sysctl) {
  return std::any_of(std::begin(kOfContainers), std::end(kOfContainers),
                     [&](std::string_view prefix) { return sysctl.starts_with(prefix); });
}

/// "net.core.somaxconn=1024"
Result<void> check_sysctl(const std::string& value) {
  const auto name = value.substr(0, value.find('='));
  const auto belongs = [](int c) -> int {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-' || c == '/';
  };
  const bool named = consists_of(name, belongs) && name.find("..") == std::string::npos &&
                     name.find_first_of("./") != std::string::npos;
  if (named && name.size() + 1 < value.size()) return {};
  return fail(EINVAL, fmt::format("\"{}\" does not set a sysctl", value),
              "write NAME=VALUE, such as net.core.somaxconn=1024");
}

}  // namespace

Result<std::vector<std::string>> guest_options(const config::Config& config) {
  std::vector<std::string> options;
  const auto pass = [&](const Passed& option, const std::string& value) -> Result<void> {
    FCVM_TRY(option.judge(value) | context(fmt::format("--{}", option.name)));
    options.push_back(fmt::format("--{}={}", option.name, value));
    return {};
  };
  for (const auto& option : kLists) {
    for (const auto& value : config.list("run", option.name)) FCVM_TRY(pass(option, value));
  }
  for (const auto& option : kTexts) {
    const auto& value = config.text("run", option.name);
    if (!value.empty()) FCVM_TRY(pass(option, value));
  }
  for (const char* flag : kFlags) {
    if (config.boolean("run", flag)) options.push_back(fmt::format("--{}", flag));
  }
  for (const auto& [key, value] : config.map("run", "annotation")) {
    options.push_back(fmt::format("--annotation={}={}", key, value));
  }
  for (const auto& [key, value] : config.map("run", "sysctl")) {
    const std::string sysctl = fmt::format("{}={}", key, value);
    FCVM_TRY(check_sysctl(sysctl) | context("--sysctl"));
    if (is_of_container(key)) options.push_back("--sysctl=" + sysctl);
  }
  if (config.is_set("run", "shm-size")) {
    options.push_back(fmt::format("--shm-size={}b", config.size("run", "shm-size")));
  }
  return options;
}

Result<vm::RestartPolicy> restart_policy(const config::Config& config) {
  auto policy =
      FCVM_TRY(vm::parse_restart_policy(config.text("run", "restart")) | context("--restart"));
  // As podman has it: one that fails is removed once it has failed for good.
  const bool forever = policy.when == vm::RestartPolicy::When::kAlways;
  if (!forever || !config.boolean("run", "rm")) return policy;
  return fail(EINVAL, fmt::format("--restart {} and --rm contradict each other", policy.name),
              "leave one out, or give --restart on-failure");
}

std::vector<std::string> guest_sysctls(const config::Config& config) {
  std::vector<std::string> sysctls;
  for (const auto& [key, value] : config.map("run", "sysctl")) {
    if (!is_of_container(key)) sysctls.push_back(fmt::format("{}={}", key, value));
  }
  return sysctls;
}

}  // namespace fcvm::plan
