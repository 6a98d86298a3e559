#include "core/setup/formats/tar.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/core.h>

namespace fcvm::setup {
namespace {

constexpr std::size_t kBlock = 512;

// Where the fields of a USTAR header lie, and how long they are.
struct Field {
  std::size_t at;
  std::size_t size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kTime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kTarget{157, 100}, kMagic{257, 8},
    kUserName{265, 32}, kGroupName{297, 32};

void put(std::string& header, Field field, std::string_view text) {
  header.replace(field.at, std::min(text.size(), field.size), text.substr(0, field.size));
}

void put_octal(std::string& header, Field field, std::uint64_t number) {
  put(header, field, fmt::format("{:0{}o}", number, field.size - 1));
}

}  // namespace

void TarArchive::add(std::string_view name, char type, std::uint32_t mode, std::string_view bytes,
                     std::string_view target) {
  std::string header(kBlock, '\0');
  put(header, kName, name);
  put_octal(header, kMode, mode);
  put_octal(header, kUid, 0);
  put_octal(header, kGid, 0);
  put_octal(header, kSize, bytes.size());
  put_octal(header, kTime, 0);
  put(header, kType, {&type, 1});
  put(header, kTarget, target);
  put(header, kMagic, {"ustar\00000", kMagic.size});
  put(header, kUserName, "root");
  put(header, kGroupName, "root");
  // The checksum counts its own field as spaces.
  put(header, kChecksum, "        ");
  const unsigned sum = std::accumulate(
      header.begin(), header.end(), 0U,
      [](unsigned so_far, char c) { return so_far + static_cast<unsigned char>(c); });
  put(header, kChecksum, {fmt::format("{:06o}", sum).append(1, '\0').append(1, ' ')});
  bytes_ += header;
  bytes_ += bytes;
  bytes_.append((kBlock - bytes_.size() % kBlock) % kBlock, '\0');
}

void TarArchive::add_directory(std::string_view name, std::uint32_t mode) {
  add(std::string(name) + '/', '5', mode, {}, {});
}

void TarArchive::add_file(std::string_view name, std::string_view bytes, std::uint32_t mode) {
  add(name, '0', mode, bytes, {});
}

void TarArchive::add_symlink(std::string_view name, std::string_view target) {
  add(name, '2', 0777, {}, target);
}

std::string TarArchive::finish() && {
  bytes_.append(2 * kBlock, '\0');
  return std::move(bytes_);
}

}  // namespace fcvm::setup
