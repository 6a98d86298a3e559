#include "core/elf/elf.hpp"

#include <cstring>
#include <string>

namespace fcvm::elf {
namespace {

template <typename T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// A table of `count` entries. Their number and size have 16 bits each, so the product cannot
/// overflow.
Result<void> check_table(std::uint64_t at, std::uint64_t count, std::uint64_t entry_size,
                         std::uint64_t expected_size, std::uint64_t file_size) {
  if (count == 0) return {};
  if (entry_size != expected_size) return fail(ENOEXEC, "it has tables of unknown entries");
  if (at > file_size || count * entry_size > file_size - at) {
    return fail(ENOEXEC, "it is truncated: its tables lie beyond its end");
  }
  return {};
}

Result<std::string_view> content_of(std::string_view file, const Elf64_Shdr& section) {
  if (section.sh_type == SHT_NOBITS) return std::string_view();
  if (section.sh_offset > file.size() || section.sh_size > file.size() - section.sh_offset) {
    return fail(ENOEXEC, "it is truncated: a section lies beyond its end");
  }
  return file.substr(section.sh_offset, section.sh_size);
}

/// The text that begins at `at`, up to its NUL or the end of the table.
std::string_view text_at(std::string_view strings, std::uint64_t at) {
  if (at >= strings.size()) return {};
  const auto text = strings.substr(at);
  return text.substr(0, text.find('\0'));
}

/// `header` is what read_header() gave, so whatever is in the table is in the file.
Result<Elf64_Shdr> section_at(std::string_view file, const Elf64_Ehdr& header,
                              std::uint64_t index) {
  if (index >= header.e_shnum) return fail(ENOEXEC, "it names a section that it does not have");
  return *read_at<Elf64_Shdr>(file, header.e_shoff + index * sizeof(Elf64_Shdr));
}

}  // namespace

bool is_elf(std::string_view head) { return head.starts_with(std::string_view(ELFMAG, SELFMAG)); }

std::optional<unsigned> machine_of(std::string_view head) {
  constexpr std::size_t kAt = offsetof(Elf64_Ehdr, e_machine);
  static_assert(kAt == offsetof(Elf32_Ehdr, e_machine), "one place for both classes");
  if (!is_elf(head) || head.size() < kAt + 2) return std::nullopt;
  const unsigned first = static_cast<unsigned char>(head[kAt]);
  const unsigned second = static_cast<unsigned char>(head[kAt + 1]);
  return head[EI_DATA] == ELFDATA2MSB ? first << 8 | second : second << 8 | first;
}

Result<Elf64_Ehdr> read_header(std::string_view head, std::uint64_t file_size) {
  if (!is_elf(head)) return fail(ENOEXEC, "it is not an ELF file");
  const auto header = read_at<Elf64_Ehdr>(head, 0);
  if (!header) return fail(ENOEXEC, "it is truncated within its header");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return fail(ENOEXEC, "it is not a 64-bit little-endian ELF file");
  }
  FCVM_TRY(check_table(header->e_phoff, header->e_phnum, header->e_phentsize, sizeof(Elf64_Phdr),
                       file_size));
  FCVM_TRY(check_table(header->e_shoff, header->e_shnum, header->e_shentsize, sizeof(Elf64_Shdr),
                       file_size));
  return *header;
}

Result<std::string_view> read_section(std::string_view file, std::string_view name) {
  const Elf64_Ehdr header = FCVM_TRY(read_header(file, file.size()));
  const Elf64_Shdr names_section = FCVM_TRY(section_at(file, header, header.e_shstrndx));
  const std::string_view names = FCVM_TRY(content_of(file, names_section));
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    const Elf64_Shdr section = FCVM_TRY(section_at(file, header, i));
    if (text_at(names, section.sh_name) == name) return content_of(file, section);
  }
  return fail(ENOENT, "it has no section " + std::string(name));
}

}  // namespace fcvm::elf
