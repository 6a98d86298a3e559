// What the tests of core/setup share: kernels and modules made of nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/io/file.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/setup/program.hpp"
#include "tests/support/make_elf.hpp"
#include "tests/support/must.hpp"

namespace fcvm::setup {

/// What `sh -c script` prints, bytes and all.
inline std::string shell(const std::string& script) {
  return must(output_of({"sh", "-c", script}));
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
