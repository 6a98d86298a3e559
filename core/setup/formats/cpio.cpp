#include "core/setup/formats/cpio.hpp"

#include <sys/stat.h>

#include <fmt/core.h>

namespace fcvm::setup {
namespace {

constexpr std::size_t kHeaderAlignment = 4;
constexpr std::size_t kArchiveAlignment = 512;

}  // namespace

void CpioArchive::pad_to(std::size_t alignment) {
  bytes_.append((alignment - bytes_.size() % alignment) % alignment, '\0');
}

void CpioArchive::add(std::string_view name, std::uint32_t mode, std::string_view bytes,
                      Device device) {
  // magic, inode, mode, uid, gid, links, time, size, device, rdevice, length of name, checksum
  bytes_ += fmt::format("070701{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}{:08X}",
                        ++inode_, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, bytes.size(), 0, 0,
                        device.major, device.minor);
  bytes_ += fmt::format("{:08X}{:08X}", name.size() + 1, 0);
  bytes_ += name;
  bytes_ += '\0';
  pad_to(kHeaderAlignment);
  bytes_ += bytes;
  pad_to(kHeaderAlignment);
}

void CpioArchive::add_directory(std::string_view name, std::uint32_t mode) {
  add(name, S_IFDIR | mode, {});
}

void CpioArchive::add_file(std::string_view name, std::string_view bytes, std::uint32_t mode) {
  add(name, S_IFREG | mode, bytes);
}

void CpioArchive::add_character_device(std::string_view name, std::uint32_t mode,
                                       std::uint32_t major, std::uint32_t minor) {
  add(name, S_IFCHR | mode, {}, {major, minor});
}

std::string CpioArchive::finish() && {
  add("TRAILER!!!", 0, {});
  pad_to(kArchiveAlignment);
  return std::move(bytes_);
}

}  // namespace fcvm::setup
