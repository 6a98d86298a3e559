#include "core/elf/elf.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/make_elf.hpp"

namespace fcvm::elf {
namespace {

const std::string kFile = make_elf(".data", "some content");

/// kFile with another value in its header.
template <typename Field, typename Value>
std::string with(Field Elf64_Ehdr::*field, Value value) {
  std::string file = kFile;
  Elf64_Ehdr header{};
  std::memcpy(&header, file.data(), sizeof header);
  header.*field = static_cast<Field>(value);
  put(file, 0, header);
  return file;
}

std::string with_ident(std::size_t at, int value) {
  std::string file = kFile;
  file[at] = static_cast<char>(value);
  return file;
}

/// kFile with another value in the header of a section: 1 is .data, 2 holds the names.
template <typename Field, typename Value>
std::string with_section(std::size_t index, Field Elf64_Shdr::*field, Value value) {
  std::string file = kFile;
  const std::size_t at = file.size() - (3 - index) * sizeof(Elf64_Shdr);
  Elf64_Shdr section{};
  std::memcpy(&section, file.data() + at, sizeof section);
  section.*field = static_cast<Field>(value);
  put(file, at, section);
  return file;
}

int code_of(std::string_view file, std::string_view name = ".data") {
  const auto found = read_section(file, name);
  return found ? 0 : found.error().code();
}

}  // namespace

TEST_CASE("a section is found by its name") {
  CHECK(read_section(kFile, ".data").value() == "some content");
  CHECK(code_of(kFile, ".dat") == ENOENT);
  CHECK(code_of(kFile, ".data2") == ENOENT);
}

TEST_CASE("a file cut off anywhere is refused, and so is what is no ELF file") {
  for (std::size_t size = 0; size < kFile.size(); ++size) {
    CAPTURE(size);
    // A string of its own, so that a sanitizer sees whoever reads beyond its end.
    const std::string cut = kFile.substr(0, size);
    CHECK(code_of(cut) == ENOEXEC);
    CHECK(is_elf(cut) == (size >= 4));
    CHECK(machine_of(cut).has_value() == (size >= 20));
  }
  CHECK(code_of("a text which is long enough to hold the header of an ELF file, but is none") ==
        ENOEXEC);
}

TEST_CASE("the beginning of a file and its size are enough for its header") {
  const std::string_view head = std::string_view(kFile).substr(0, kHeaderSize);
  CHECK(read_header(head, kFile.size()));
  CHECK_FALSE(read_header(head, kFile.size() - 1));
  CHECK_FALSE(read_header(head.substr(1), kFile.size()));
  CHECK_FALSE(read_header(head.substr(0, kHeaderSize - 1), kFile.size()));
}

TEST_CASE("32-bit and big-endian files are refused, and still tell their machine") {
  for (const auto& file : {with_ident(EI_CLASS, ELFCLASS32), with_ident(EI_CLASS, ELFCLASSNONE),
                           with_ident(EI_CLASS, 0xff), with_ident(EI_DATA, ELFDATA2MSB),
                           with_ident(EI_DATA, ELFDATANONE)}) {
    CHECK(code_of(file) == ENOEXEC);
  }
  CHECK(machine_of(with(&Elf64_Ehdr::e_machine, EM_AARCH64)) == EM_AARCH64);
  std::string big = with_ident(EI_DATA, ELFDATA2MSB);
  big[18] = 0;
  big[19] = EM_S390;
  CHECK(machine_of(big) == EM_S390);
}

TEST_CASE("offsets and counts that are too large are refused, however they overflow") {
  for (const std::uint64_t at : {std::uint64_t{kFile.size()}, std::uint64_t{kFile.size() - 1},
                                 UINT64_MAX, UINT64_MAX - 63, std::uint64_t{1} << 63}) {
    CAPTURE(at);
    CHECK(code_of(with(&Elf64_Ehdr::e_shoff, at)) == ENOEXEC);
    CHECK(code_of(with_section(1, &Elf64_Shdr::sh_offset, at)) == ENOEXEC);
    CHECK(code_of(with_section(1, &Elf64_Shdr::sh_size, at)) == ENOEXEC);
    CHECK(code_of(with_section(2, &Elf64_Shdr::sh_offset, at)) == ENOEXEC);
    CHECK(code_of(with_section(2, &Elf64_Shdr::sh_size, at)) == ENOEXEC);
  }
  CHECK(code_of(with(&Elf64_Ehdr::e_shnum, 4)) == ENOEXEC);
  CHECK(code_of(with(&Elf64_Ehdr::e_shnum, 0xffff)) == ENOEXEC);
  CHECK(code_of(with(&Elf64_Ehdr::e_phnum, 1)) == ENOEXEC);  // entries of size 0
  CHECK(code_of(with(&Elf64_Ehdr::e_shentsize, 1)) == ENOEXEC);
  CHECK(code_of(with(&Elf64_Ehdr::e_shentsize, 0xffff)) == ENOEXEC);
  CHECK(code_of(with(&Elf64_Ehdr::e_shstrndx, 3)) == ENOEXEC);
  CHECK(code_of(with(&Elf64_Ehdr::e_shstrndx, SHN_XINDEX)) == ENOEXEC);
}

TEST_CASE("names beyond the table of names, and a table without a last NUL, are no name") {
  CHECK(code_of(with_section(1, &Elf64_Shdr::sh_name, UINT32_MAX)) == ENOENT);
  CHECK(code_of(with_section(2, &Elf64_Shdr::sh_size, 0)) == ENOENT);
  CHECK(code_of(with_section(2, &Elf64_Shdr::sh_size, 4)) == ENOENT);
  // ".data" without its NUL.
  CHECK(read_section(with_section(2, &Elf64_Shdr::sh_size, 6), ".data"));
}

TEST_CASE("sections that overlap anything are only read") {
  const std::string whole = with_section(1, &Elf64_Shdr::sh_offset, 0);
  CHECK(read_section(whole, ".data").value() == whole.substr(0, 12));
  const std::string all = with_section(1, &Elf64_Shdr::sh_offset, kFile.size() - 12);
  CHECK(read_section(all, ".data").value().size() == 12);
  // Their table as the table of names.
  CHECK(code_of(with_section(2, &Elf64_Shdr::sh_offset, kFile.size() - 100)) == ENOENT);
}

TEST_CASE("a section without content in the file is empty, whatever its size") {
  std::string file = with_section(1, &Elf64_Shdr::sh_type, SHT_NOBITS);
  CHECK(read_section(file, ".data").value().empty());
}

TEST_CASE("a file without sections has none") {
  CHECK(read_header(with(&Elf64_Ehdr::e_shnum, 0), kFile.size()));
  CHECK_FALSE(read_section(with(&Elf64_Ehdr::e_shnum, 0), ".data"));
}

}  // namespace fcvm::elf
