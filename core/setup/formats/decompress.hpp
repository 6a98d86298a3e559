// Decompressing kernels and modules, by the distribution's own tools: that happens once per kernel,
// so fcvm, which starts for every VM, links no decompressor for it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::setup {

enum class Compression { kNone, kGzip, kXz, kZstd, kLz4, kBzip2, kLzma };

/// By the magic number at the beginning.
[[nodiscard]] Compression compression_of(std::string_view bytes);

/// "xz": the program, and the name in messages.
[[nodiscard]] std::string_view tool_of(Compression compression);

/// `scratch` is a directory for a file of passage. kNone returns the bytes as they are.
[[nodiscard]] Result<std::string> decompress(std::string_view bytes, Compression compression,
                                             const std::filesystem::path& scratch);

}  // namespace fcvm::setup
