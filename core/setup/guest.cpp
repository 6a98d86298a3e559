#include "core/setup/guest.hpp"

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"

namespace fcvm::setup {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kRemedy[] = "fcvm setup";

Result<json> read_manifest(const fs::path& path) {
  const auto text = base::read_file(path);
  if (!text && text.error().code() == ENOENT) {
    return fail(ENOENT, "there is no guest to run in (looked for " + path.string() + ")", kRemedy);
  }
  if (!text) return fail(text.error().code(), text.error().message());
  auto parsed = json::parse(*text, nullptr, false);
  if (parsed.is_discarded()) return fail(EBADMSG, path.string() + " is not JSON", kRemedy);
  return parsed;
}

Result<Guest> read_guest(const fs::path& directory) {
  Guest guest;
  guest.directory = directory;
  guest.manifest = directory / "guest.json";
  const json manifest = FCVM_TRY(read_manifest(guest.manifest));
  try {
    guest.key = manifest.at("key").get<std::string>();
    guest.suite = manifest.at("suite").get<std::string>();
    guest.architecture = manifest.at("architecture").get<std::string>();
    guest.kernel_version = manifest.at("kernel").at("version").get<std::string>();
    guest.kernel_source = manifest.at("kernel").at("source").get<std::string>();
    guest.agent_sha256 = manifest.at("agent").at("sha256").get<std::string>();
    if (manifest.at("files").contains("vmlinux")) guest.kernel_elf = directory / "vmlinux";
  } catch (const json::exception&) {
    return fail(EBADMSG, guest.manifest.string() + " is not as fcvm setup writes it", kRemedy);
  }
  guest.kernel = directory / "vmlinuz";
  guest.initrd = directory / "initrd";
  guest.base_image = directory / "base.ext4";
  guest.hello_archive = directory / "hello.tar";
  for (const auto& file : {guest.kernel, guest.initrd, guest.base_image, guest.hello_archive}) {
    std::error_code error;
    if (!fs::exists(file, error)) {
      return fail(ENOENT, "a part of the guest is gone: " + file.string(), kRemedy);
    }
  }
  return guest;
}

}  // namespace

Result<Guest> find_guest(const fs::path& guests) {
  // Resolved once: a setup that ends meanwhile must not give two halves.
  std::error_code error;
  const fs::path target = fs::read_symlink(guests / "current", error);
  if (error == std::errc::permission_denied) {
    return fail(EACCES, "reading " + (guests / "current").string() + ": " + error.message());
  }
  return read_guest(guests / (error ? fs::path("current") : target));
}

Result<Guest> find_guest(const fs::path& guests, const std::string& key) {
  return read_guest(guests / key);
}

}  // namespace fcvm::setup
