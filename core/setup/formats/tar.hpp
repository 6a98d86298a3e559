// TarArchive: owns the bytes of a plain USTAR archive while it is written. All entries belong to
// root and carry time stamp 0, so that the same entries give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fcvm::setup {

class TarArchive {
 public:
  // Names are relative, at most 100 bytes.
  void add_directory(std::string_view name, std::uint32_t mode = 0755);
  void add_file(std::string_view name, std::string_view bytes, std::uint32_t mode = 0644);
  void add_symlink(std::string_view name, std::string_view target);

  /// Ends the archive; nothing can be added after.
  [[nodiscard]] std::string finish() &&;

 private:
  void add(std::string_view name, char type, std::uint32_t mode, std::string_view bytes,
           std::string_view target);

  std::string bytes_;
};

}  // namespace fcvm::setup
