// ELF files made of nothing, for the tests of whoever reads some.
#pragma once

#include <cstring>
#include <elf.h>
#include <string>

namespace fcvm {

template <typename T>
void put(std::string& bytes, std::size_t at, const T& value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

/// An ELF file with one section of content, named `section`.
inline std::string make_elf(const std::string& section, const std::string& content) {
  const std::string names = std::string(1, '\0') + section + '\0' + ".shstrtab" + '\0';
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_shoff = sizeof header + content.size() + names.size();
  Elf64_Shdr sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_offset = sizeof header;
  sections[1].sh_size = content.size();
  sections[2].sh_name = static_cast<Elf64_Word>(section.size() + 2);
  sections[2].sh_offset = sizeof header + content.size();
  sections[2].sh_size = names.size();
  std::string elf(sizeof header, '\0');
  put(elf, 0, header);
  elf += content + names;
  elf.append(sizeof sections, '\0');
  std::memcpy(elf.data() + header.e_shoff, sections, sizeof sections);
  return elf;
}

}  // namespace fcvm
