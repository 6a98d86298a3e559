// See archive.hpp.
#include "core/tar/archive.hpp"

#include "core/tar/header.hpp"

namespace fcvm::tar {

Archive& Archive::add_directory(std::string_view name, mode_t mode) {
  Entry entry;
  entry.kind = Kind::kDirectory;
  entry.name = name;
  entry.mode = mode;
  bytes_ += encode_header(entry);
  return *this;
}

Archive& Archive::add_file(std::string_view name, std::string_view content, mode_t mode) {
  Entry entry;
  entry.name = name;
  entry.mode = mode;
  entry.size = content.size();
  bytes_.append(encode_header(entry)).append(content).append(padding_after(content.size()), '\0');
  return *this;
}

Archive& Archive::add_symlink(std::string_view name, std::string_view target) {
  Entry entry;
  entry.kind = Kind::kSymlink;
  entry.name = name;
  entry.link = target;
  entry.mode = 0777;
  bytes_ += encode_header(entry);
  return *this;
}

std::string Archive::bytes() const { return bytes_ + std::string(2 * kBlock, '\0'); }

}  // namespace fcvm::tar
