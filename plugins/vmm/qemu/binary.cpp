// See binary.hpp.
#include "plugins/vmm/qemu/binary.hpp"

#include <cstdio>
#include <tuple>

#include "plugins/vmm/common/program.hpp"
#include "plugins/vmm/qemu/options.hpp"

namespace fcvm::qemu {

std::string Version::text() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(micro);
}

bool Version::old() const { return std::tie(major, minor) < std::tie(kOldestMajor, kOldestMinor); }

bool Version::translates_safely() const { return std::tuple(major, minor) >= std::tuple(8, 1); }

Result<std::string> find_binary(const std::string& name) {
  return vmm::find_program(name, kPackage);
}

Result<Version> parse_version(const std::string& text) {
  Version version;
  const auto at = text.find("version ");
  if (at == std::string::npos || std::sscanf(text.c_str() + at, "version %d.%d.%d", &version.major,
                                             &version.minor, &version.micro) < 2) {
    return fail(EPROTO,
                "it does not say which version of QEMU it is: \"" + text.substr(0, 80) + "\"",
                "set plugin.\"vmm.qemu\".binary to a QEMU program");
  }
  return version;
}

Result<Version> ask_version(const Host& host, const std::string& binary, const Call& call) {
  const std::string output = FCVM_TRY(vmm::version_output(host, binary, call));
  return parse_version(output) | context("asking " + binary + " for its version");
}

Result<void> check_sandbox(const Host& host, const std::string& binary, const Call& call) {
  auto answer = host.capture({binary, "-sandbox", kSandbox, "--version"}, call);
  if (answer) return {};
  if (answer.error().code() != EIO) return unexpected(std::move(answer).error());
  return fail(ENOTSUP, binary + " does not know the seccomp filter \"-sandbox " + kSandbox + "\"",
              "use a QEMU with seccomp; or, to run it without a filter of its own, set "
              "plugin.\"vmm.qemu\".sandbox = false");
}

Error too_old(const std::string& binary, const Version& version) {
  return Error(ENOTSUP,
               binary + " is QEMU " + version.text() + ", but fcvm needs " +
                   std::to_string(kOldestMajor) + "." + std::to_string(kOldestMinor) + " or newer",
               kPackage);
}

}  // namespace fcvm::qemu
