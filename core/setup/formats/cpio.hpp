// CpioArchive: owns the bytes of an initramfs (cpio "newc") while it is written.
//
// The kernel unpacks it before any user space runs, so it needs no tool here and none there. Every
// time stamp is 0 and inodes are counted: the same entries give the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fcvm::setup {

class CpioArchive {
 public:
  void add_directory(std::string_view name, std::uint32_t mode = 0755);
  void add_file(std::string_view name, std::string_view bytes, std::uint32_t mode = 0644);
  void add_character_device(std::string_view name, std::uint32_t mode, std::uint32_t major,
                            std::uint32_t minor);

  /// Ends the archive; nothing can be added after.
  [[nodiscard]] std::string finish() &&;

 private:
  struct Device {
    std::uint32_t major;
    std::uint32_t minor;
  };

  void add(std::string_view name, std::uint32_t mode, std::string_view bytes,
           Device device = {0, 0});
  void pad_to(std::size_t alignment);

  std::string bytes_;
  std::uint32_t inode_ = 0;
};

}  // namespace fcvm::setup
