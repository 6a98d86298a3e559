// Linux kernel images: what is packed in an x86 bzImage, since Firecracker boots only the ELF file
// inside it. Knows the setup header of the x86 boot protocol, 2.08 and younger.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::setup {

struct BzImage {
  std::string version{};       // "6.12.1-cloud-amd64", as uname -r will say; may be empty
  std::string_view payload{};  // compressed; points into the image
};

/// Fails with ENOEXEC when it is none, or is cut off.
[[nodiscard]] Result<BzImage> parse_bzimage(std::string_view image);

/// The ELF file of a kernel image; an image that is ELF already is returned as it is. `scratch` is
/// a directory for files of passage.
[[nodiscard]] Result<std::string> extract_vmlinux(std::string_view image,
                                                  const std::filesystem::path& scratch);

}  // namespace fcvm::setup
