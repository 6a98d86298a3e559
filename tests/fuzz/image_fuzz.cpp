// What a registry or a file of the user's could hold: manifests and configurations of images, the
// index of the cache, and docker-archives. The first byte says which.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include <fcvm/sdk/call.hpp>

#include "core/base/io/fd.hpp"
#include "plugins/image/common/archive.hpp"
#include "plugins/image/common/documents.hpp"

namespace {

using namespace fcvm;

void read_as_archive(std::string_view bytes) {
  static const base::Fd file(::memfd_create("archive", MFD_CLOEXEC));
  static CancelSource source;
  const Call call(source, FCVM_NO_DEADLINE);
  if (::ftruncate(file.get(), 0) != 0 || ::lseek(file.get(), 0, SEEK_SET) != 0 ||
      !base::write_all(file.get(), bytes)) {
    std::abort();
  }
  if (const auto found = archive::Archive::open(file.get(), call)) {
    static_cast<void>(found->has_its_layers(call));
  }
}

// What the cache writes, it reads.
void read_as_index(std::string_view text) {
  const auto index = archive::Index::from_json(text);
  if (index && !archive::Index::from_json(index->to_json())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      static_cast<void>(
          archive::choose_manifest(text, *archive::Platform::parse("linux/arm64/v8")));
      break;
    case 1:
      static_cast<void>(archive::parse_archive_manifest(text));
      break;
    case 2:
      static_cast<void>(archive::parse_config(text));
      break;
    case 3:
      read_as_index(text);
      break;
    default:
      read_as_archive(text);
  }
  return 0;
}
