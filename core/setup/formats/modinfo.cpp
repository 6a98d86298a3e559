#include "core/setup/formats/modinfo.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <elf.h>
#include <optional>

namespace fcvm::setup {
namespace {

/// Everything here comes from a file: each access is checked against its size.
template <typename T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t at) {
  if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string_view slice(std::string_view bytes, std::uint64_t at, std::uint64_t size) {
  if (at > bytes.size() || bytes.size() - at < size) return {};
  return bytes.substr(at, size);
}

std::string_view text_at(std::string_view strings, std::uint64_t at) {
  if (at >= strings.size()) return {};
  const auto text = strings.substr(at);
  return text.substr(0, text.find('\0'));
}

Result<std::string_view> find_section(std::string_view elf, std::string_view wanted) {
  const auto header = read_at<Elf64_Ehdr>(elf, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return fail(ENOEXEC, "not a 64-bit ELF file");
  }
  const auto section = [&](std::uint64_t index) {
    return read_at<Elf64_Shdr>(elf, header->e_shoff + index * sizeof(Elf64_Shdr));
  };
  const auto names_header = section(header->e_shstrndx);
  if (header->e_shentsize != sizeof(Elf64_Shdr) || !names_header) {
    return fail(ENOEXEC, "its table of sections is cut off");
  }
  const auto names = slice(elf, names_header->sh_offset, names_header->sh_size);
  for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
    const auto found = section(i);
    if (!found) return fail(ENOEXEC, "its table of sections is cut off");
    if (text_at(names, found->sh_name) == wanted) {
      return slice(elf, found->sh_offset, found->sh_size);
    }
  }
  return fail(ENOENT, "it has no section " + std::string(wanted));
}

std::vector<std::string> split_names(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    if (comma > 0) names.push_back(module_name(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return names;
}

}  // namespace

std::string module_name(std::string_view file_or_name) {
  std::string name(file_or_name.substr(0, file_or_name.find(".ko")));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

Result<ModInfo> read_modinfo(std::string_view elf) {
  std::string_view section = FCVM_TRY(find_section(elf, ".modinfo"));
  ModInfo info;
  while (!section.empty()) {
    const auto line = text_at(section, 0);
    if (line.starts_with("name=")) info.name = module_name(line.substr(5));
    if (line.starts_with("depends=")) info.depends = split_names(line.substr(8));
    section.remove_prefix(std::min(line.size() + 1, section.size()));
  }
  return info;
}

}  // namespace fcvm::setup
