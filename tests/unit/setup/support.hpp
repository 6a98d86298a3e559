// What the tests of core/setup share: kernels and modules made of nothing.
#pragma once

#include <cstdint>
#include <cstring>
#include <elf.h>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/setup/program.hpp"
#include "tests/support/must.hpp"

namespace fcvm::setup {

/// What `sh -c script` prints, bytes and all.
inline std::string shell(const std::string& script) {
  return must(output_of({"sh", "-c", script}));
}

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

inline std::string make_module(const std::string& name, const std::string& depends) {
  using namespace std::string_literals;
  return make_elf(".modinfo", "license=GPL\0\0depends="s + depends + "\0name="s + name + "\0"s);
}

/// A bzImage with this payload, as it lies in the image.
inline std::string make_bzimage(std::string_view payload, const std::string& version) {
  constexpr std::size_t kSectors = 3;
  constexpr std::uint32_t kOffset = 64;
  std::string image((kSectors + 1) * 512 + kOffset, '\0');
  image[0x1f1] = kSectors;
  image.replace(0x202, 4, "HdrS");
  put(image, 0x206, std::uint16_t{0x20f});
  put(image, 0x20e, std::uint16_t{0x300});
  image.replace(0x300 + 512, version.size(), version);
  put(image, 0x248, kOffset);
  put(image, 0x24c, static_cast<std::uint32_t>(payload.size()));
  return image.append(payload).append(100, 'x');
}

}  // namespace fcvm::setup
