#include "core/setup/formats/bzimage.hpp"

#include "core/setup/formats/decompress.hpp"
#include "tests/unit/setup/support.hpp"

namespace fcvm::setup {
namespace {

const std::string& kernel() {
  static const std::string elf = make_elf(".text", std::string(100'000, 'k'));
  return elf;
}

std::string packed_by(const std::string& command) {
  const base::TempDir dir = must(base::TempDir::create());
  must(base::write_file_atomic(dir.path() + "/elf", kernel()));
  return shell(command + " <" + dir.path() + "/elf");
}

/// As the kernel's build does, except for gzip.
std::string with_size(std::string packed) {
  const auto size = static_cast<std::uint32_t>(kernel().size());
  return packed.append(reinterpret_cast<const char*>(&size), sizeof size);
}

}  // namespace

TEST_CASE("the ELF kernel comes out of a bzImage of each compression") {
  const base::TempDir dir = must(base::TempDir::create());
  const auto extract = [&](const std::string& payload) {
    return must(extract_vmlinux(make_bzimage(payload, "6.1.0-x #1"), dir.path()));
  };
  CHECK(extract(packed_by("gzip -9")) == kernel());
  CHECK(extract(with_size(packed_by("xz --check=crc32"))) == kernel());
  CHECK(extract(with_size(packed_by("zstd -q -19"))) == kernel());
  CHECK(extract(with_size(packed_by("lz4 -q -l -9 - -"))) == kernel());
  CHECK(extract(with_size(packed_by("bzip2 -9"))) == kernel());
  CHECK(extract(with_size(packed_by("xz --format=lzma"))) == kernel());
}

TEST_CASE("an ELF kernel is returned as it is") {
  CHECK(must(extract_vmlinux(kernel(), "/nonexistent")) == kernel());
}

TEST_CASE("a bzImage tells its version") {
  const std::string image = make_bzimage("payload", "6.12.1-cloud-amd64 (a@b) #1 SMP");
  CHECK(must(parse_bzimage(image)).version == "6.12.1-cloud-amd64");
  CHECK(must(parse_bzimage(image)).payload == "payload");
}

TEST_CASE("what is not a kernel is refused, cut off at any place too") {
  const std::string image = make_bzimage(with_size(packed_by("gzip")), "6.1");
  const base::TempDir dir = must(base::TempDir::create());
  for (std::size_t size = 0; size < image.size() - 100; size += 37) {
    const auto cut = extract_vmlinux(image.substr(0, size), dir.path());
    REQUIRE_FALSE(cut);
    CHECK(cut.error().code() == ENOEXEC);
  }
  std::string far = image;
  put(far, 0x248, std::uint32_t{0xffffffff});
  CHECK(extract_vmlinux(far, dir.path()).error().code() == ENOEXEC);
  std::string old = image;
  put(old, 0x206, std::uint16_t{0x204});
  CHECK(extract_vmlinux(old, dir.path()).error().message().find("2.04") != std::string::npos);
}

TEST_CASE("a payload that is not ELF, or is broken, is an error") {
  const base::TempDir dir = must(base::TempDir::create());
  CHECK_FALSE(extract_vmlinux(make_bzimage("unknown payload", "6.1"), dir.path()));
  std::string broken = packed_by("gzip");
  broken.resize(broken.size() / 2);
  const auto failed = extract_vmlinux(make_bzimage(broken, "6.1"), dir.path());
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message().find("gzip") != std::string::npos);
}

}  // namespace fcvm::setup
