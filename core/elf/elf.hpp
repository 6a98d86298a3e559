// Reading ELF files, which nobody has vouched for: no number in them is used before it has been
// checked against the size of the file. 64-bit little-endian ones only, which is what fcvm runs on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <elf.h>
#include <optional>
#include <string_view>

#include <fcvm/result.hpp>

namespace fcvm::elf {

/// As much of the beginning of a file as its header takes.
inline constexpr std::size_t kHeaderSize = sizeof(Elf64_Ehdr);

/// Whether the bytes begin as an ELF file does: of any machine, and maybe cut off.
[[nodiscard]] bool is_elf(std::string_view head);

/// Whom it is built for (EM_...), for messages about files that read_header() refuses too: of any
/// class and byte order. Nothing when it is no ELF file, or is cut off before that.
[[nodiscard]] std::optional<unsigned> machine_of(std::string_view head);

/// The header, of which both tables lie within the file. `head` is the beginning of the file, or
/// all of it. ENOEXEC says what is wrong.
[[nodiscard]] Result<Elf64_Ehdr> read_header(std::string_view head, std::uint64_t file_size);

/// What a section holds: a view of `file`, which is the whole file. ENOENT when there is no section
/// of that name.
[[nodiscard]] Result<std::string_view> read_section(std::string_view file, std::string_view name);

}  // namespace fcvm::elf
