#include "core/setup/formats/bzimage.hpp"

#include <cstdint>
#include <cstring>
#include <optional>

#include <fmt/core.h>

#include "core/elf/elf.hpp"
#include "core/setup/formats/decompress.hpp"

namespace fcvm::setup {
namespace {

constexpr std::size_t kSector = 512;
// Offsets in the setup header: Documentation/arch/x86/boot.rst of the kernel.
constexpr std::size_t kSetupSectors = 0x1f1;
constexpr std::size_t kMagic = 0x202;
constexpr std::size_t kProtocol = 0x206;
constexpr std::size_t kVersion = 0x20e;
constexpr std::size_t kPayloadOffset = 0x248;
constexpr std::size_t kPayloadLength = 0x24c;
constexpr std::uint16_t kOldestProtocol = 0x208;
// A build appends the unpacked size, which is not part of the stream; in gzip it already is.
constexpr std::size_t kAppendedSize = 4;

template <typename T>
std::optional<T> number_at(std::string_view image, std::size_t at) {
  if (image.size() < at + sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, image.data() + at, sizeof value);
  return value;
}

std::string version_of(std::string_view image) {
  const auto at = number_at<std::uint16_t>(image, kVersion).value_or(0);
  if (at == 0 || image.size() < at + kSector) return {};
  auto text = image.substr(at + kSector, 200);
  text = text.substr(0, text.find('\0'));
  return std::string(text.substr(0, text.find(' ')));
}

}  // namespace

Result<BzImage> parse_bzimage(std::string_view image) {
  if (image.size() < kPayloadLength + 4 || image.substr(kMagic, 4) != "HdrS") {
    return fail(ENOEXEC, "it is not an x86 kernel image (bzImage)");
  }
  const auto protocol = *number_at<std::uint16_t>(image, kProtocol);
  if (protocol < kOldestProtocol) {
    return fail(ENOEXEC, fmt::format("its boot protocol {}.{:02} is older than 2.08", protocol >> 8,
                                     protocol & 255));
  }
  const auto sectors = static_cast<unsigned char>(image[kSetupSectors]);
  const std::uint64_t start = (sectors == 0 ? 5U : sectors + 1U) * kSector +
                              std::uint64_t{*number_at<std::uint32_t>(image, kPayloadOffset)};
  const std::uint64_t length = *number_at<std::uint32_t>(image, kPayloadLength);
  if (length <= kAppendedSize || start > image.size() || image.size() - start < length) {
    return fail(ENOEXEC, "the image is cut off: its payload lies beyond its end");
  }
  return BzImage{version_of(image), image.substr(start, length)};
}

Result<std::string> extract_vmlinux(std::string_view image, const std::filesystem::path& scratch) {
  if (elf::is_elf(image)) return std::string(image);
  const BzImage parsed = FCVM_TRY(parse_bzimage(image));
  const Compression compression = compression_of(parsed.payload);
  auto payload = parsed.payload;
  if (compression != Compression::kGzip) payload.remove_suffix(kAppendedSize);
  std::string plain = FCVM_TRY(decompress(payload, compression, scratch) |
                               context("unpacking the kernel's payload"));
  if (!elf::is_elf(plain)) {
    return fail(ENOEXEC, fmt::format("the kernel's payload ({}) holds no ELF file",
                                     compression == Compression::kNone ? "of unknown compression"
                                                                       : tool_of(compression)));
  }
  return plain;
}

}  // namespace fcvm::setup
