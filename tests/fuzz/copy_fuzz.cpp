// Tar archives that a hostile guest could send to `fcvm cp`, unpacked for real: nothing beside the
// destination may change. The first byte says how the archive is cut, and what the rules are.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/copy/transfer.hpp"

namespace {

using namespace fcvm;

constexpr char kSecret[] = "secret";

void ignore(const std::string&) {}

tar::Source pieces(std::string_view bytes, std::size_t most) {
  return [bytes, most](std::span<char> into) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({into.size(), most, bytes.size()});
    std::memcpy(into.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    return size;
  };
}

struct Directory {
  base::TempDir temp = *base::TempDir::create();
  std::string target = temp.path() + "/outer/to";
  std::string secret = temp.path() + "/outer/secret";

  // Plainly: making each run's files durable would take most of its time.
  static bool write_secret(const std::string& path) {
    const auto file = base::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    return file && base::write_all(file->get(), kSecret).has_value();
  }

  Directory() {
    const bool made = base::make_directories(target).has_value() && write_secret(secret) &&
                      ::symlink("../secret", (target + "/link").c_str()) == 0 &&
                      ::symlink("..", (target + "/way").c_str()) == 0;
    if (!made) std::abort();
  }
  void check() const {
    struct stat status {};
    if (base::read_file(secret).value_or("") != kSecret || ::stat(secret.c_str(), &status) != 0 ||
        (status.st_mode & 07777) != 0600 || status.st_nlink != 1) {
      std::abort();
    }
    // Nothing but these two was there: else the last step fails.
    if (::unlink(secret.c_str()) != 0 ||
        ::rename(target.c_str(), (temp.path() + "/to").c_str()) != 0 ||
        ::rmdir((temp.path() + "/outer").c_str()) != 0) {
      std::abort();
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view archive(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t piece = (data[0] & 1) != 0 ? 1 << 20 : 100;
  copy::UnpackRules rules;
  rules.overwrite = (data[0] & 2) != 0;
  const Directory directory;
  Result<void> done;
  if ((data[0] & 4) != 0) {
    done = copy::receive_all(pieces(archive, piece), directory.target, rules, ignore);
  } else {
    const char* name = (data[0] & 8) != 0 ? "." : "d";
    done = copy::receive_one(pieces(archive, piece), directory.target, name, rules, ignore);
  }
  directory.check();
  return 0;
}
