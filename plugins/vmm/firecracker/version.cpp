// See version.hpp.
#include "plugins/vmm/firecracker/version.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "core/base/printable.hpp"

namespace fcvm::firecracker {

namespace {

constexpr std::string_view kBefore = "Firecracker v";
constexpr std::string_view kName = "firecracker ";

/// "1.16" of "1.16.1".
std::string series(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

}  // namespace

Result<Version> parse_version(const std::string& output) {
  Version version;
  const auto at = output.find(kBefore);
  if (at != std::string::npos) {
    const auto begin = at + kBefore.size();
    version.text = output.substr(begin, output.find_first_of(" \r\n", begin) - begin);
  }
  int patch = 0;
  if (version.text.size() > 40 ||
      std::sscanf(version.text.c_str(), "%d.%d.%d", &version.major, &version.minor, &patch) != 3) {
    return fail(
        EPROTO,
        "it does not say which version of Firecracker it is: \"" +
            base::printable(output.substr(0, std::min<std::size_t>(80, output.find('\n')))) + "\"",
        kInstall);
  }
  return version;
}

Error too_old(const std::string& binary, const Version& version) {
  return Error(ENOTSUP,
               binary + " is Firecracker " + version.text + ", but fcvm needs 1.10 or newer",
               kInstall);
}

std::string parse_snapshot_format(const std::string& output) {
  int parts[3];
  const std::string word = output.substr(0, output.find_first_of(" \r\n"));
  const char* digits = word.c_str() + (word.rfind('v', 0) == 0 ? 1 : 0);
  const bool known =
      word.size() < 32 && std::sscanf(digits, "%d.%d.%d", &parts[0], &parts[1], &parts[2]) == 3;
  return known ? word : "";
}

Result<void> check_snapshot_version(const std::string& made_by, const std::string& format,
                                    const Version& version) {
  if (made_by.empty() || made_by == std::string(kName) + version.text) return {};
  if (made_by.rfind(kName, 0) != 0) {
    return fail(EINVAL, "the snapshot was made by " + made_by + ", which Firecracker cannot load",
                "restore it with the VMM that made it (--vmm)");
  }
  const std::string other = made_by.substr(kName.size());
  const bool same_format = !format.empty() && format == version.snapshot_format;
  if (same_format && series(other) == series(version.text)) return {};
  const auto named = [](const std::string& text, const std::string& its_format) {
    return text + (its_format.empty() ? "" : " (snapshot format " + its_format + ")");
  };
  return fail(EINVAL,
              "the snapshot was made by Firecracker " + named(other, format) + ", and this is " +
                  named(version.text, version.snapshot_format) +
                  ": one version's snapshots do not load in another",
              "set plugin.\"vmm.firecracker\".binary to Firecracker " + other +
                  ", or make the snapshot again");
}

}  // namespace fcvm::firecracker
