// Owns the reading of ELF headers and the dynamic symbol table.
#include "plugin-api/check/elf.hpp"

#include <cstring>
#include <elf.h>
#include <fstream>
#include <iterator>
#include <link.h>

#include "plugin-api/check/case.hpp"

namespace fcvm::check {
namespace {

using Header = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);
using Symbol = ElfW(Sym);

std::string read_all(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The checker's own header says what this machine loads.
Header own_header() {
  Header header{};
  std::ifstream("/proc/self/exe", std::ios::binary)
      .read(reinterpret_cast<char*>(&header), sizeof header);
  return header;
}

bool is_exported(const Symbol& symbol) {
  const auto bind = ELF64_ST_BIND(symbol.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  const bool reachable = bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE;
  const bool visible = visibility == STV_DEFAULT || visibility == STV_PROTECTED;
  // SHN_ABS: the name of a version node, not a thing.
  return reachable && visible && symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS;
}

}  // namespace

template <typename T>
T ElfFile::at(std::size_t offset) const {
  T value{};
  if (offset <= bytes_.size() && bytes_.size() - offset >= sizeof value) {
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
  }
  return value;
}

template <typename T>
std::vector<T> ElfFile::table(std::size_t offset, std::size_t count) const {
  std::vector<T> rows;
  const std::size_t room = offset < bytes_.size() ? (bytes_.size() - offset) / sizeof(T) : 0;
  for (std::size_t i = 0; i < count && i < room; ++i) rows.push_back(at<T>(offset + i * sizeof(T)));
  return rows;
}

Result<ElfFile> ElfFile::open(const std::string& path) {
  ElfFile file(read_all(path));
  FCVM_TRY(file.check_header());
  FCVM_TRY(file.check_whole());
  return file;
}

Result<void> ElfFile::check_header() const {
  const auto own = own_header();
  const auto header = at<Header>(0);
  const char* const rebuild = "build it with fcvm_add_plugin() on this machine's architecture";
  if (bytes_.size() < EI_NIDENT || std::memcmp(bytes_.data(), ELFMAG, SELFMAG) != 0) {
    return broken("it is not an ELF file", rebuild);
  }
  if (bytes_[EI_CLASS] != own.e_ident[EI_CLASS] || bytes_[EI_DATA] != own.e_ident[EI_DATA]) {
    return broken("its ELF class or byte order is not this machine's", rebuild);
  }
  if (bytes_.size() < sizeof(Header)) return broken("it is truncated in its ELF header", rebuild);
  if (header.e_machine != own.e_machine) {
    return broken("it is for machine " + std::to_string(header.e_machine) + ", and this is " +
                      std::to_string(own.e_machine) + " (e_machine, see elf.h)",
                  rebuild);
  }
  for (const auto& segment : table<Segment>(header.e_phoff, header.e_phnum)) {
    if (segment.p_type == PT_INTERP) return broken("it is a program, not a shared object", rebuild);
  }
  return header.e_type == ET_DYN ? Result<void>() : broken("it is not a shared object", rebuild);
}

Result<void> ElfFile::check_whole() const {
  const auto header = at<Header>(0);
  std::size_t end = header.e_shoff + std::size_t{header.e_shnum} * sizeof(Section);
  for (const auto& segment : table<Segment>(header.e_phoff, header.e_phnum)) {
    if (segment.p_type == PT_LOAD)
      end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
  }
  if (end <= bytes_.size()) return {};
  return broken("it is truncated: it has " + std::to_string(bytes_.size()) + " of at least " +
                    std::to_string(end) + " bytes",
                "copy or install it again");
}

std::vector<std::string> ElfFile::exported() const {
  std::vector<std::string> names;
  const auto header = at<Header>(0);
  const auto sections = table<Section>(header.e_shoff, header.e_shnum);
  for (const auto& section : sections) {
    if (section.sh_type != SHT_DYNSYM || section.sh_link >= sections.size()) continue;
    const std::size_t strings = sections[section.sh_link].sh_offset;
    for (const auto& symbol : table<Symbol>(section.sh_offset, section.sh_size / sizeof(Symbol))) {
      const std::size_t name = strings + symbol.st_name;
      if (!is_exported(symbol) || name >= bytes_.size()) continue;
      names.emplace_back(bytes_.data() + name,
                         ::strnlen(bytes_.data() + name, bytes_.size() - name));
    }
  }
  return names;
}

}  // namespace fcvm::check
