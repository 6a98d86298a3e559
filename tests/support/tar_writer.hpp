// TarWriter: a tar archive in memory, for tests that need an image. Regular files alone.
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

namespace fcvm::tests {

class TarWriter {
 public:
  TarWriter& add(std::string_view name, std::string_view content) {
    char header[512] = {};
    std::memcpy(header, name.data(), name.size());
    std::snprintf(header + 100, 8, "%07o", 0644);
    std::snprintf(header + 108, 8, "%07o", 0);
    std::snprintf(header + 116, 8, "%07o", 0);
    std::snprintf(header + 124, 12, "%011zo", content.size());
    std::snprintf(header + 136, 12, "%011o", 0);
    std::memset(header + 148, ' ', 8);
    header[156] = '0';
    std::memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(header + 148, 7, "%06o", sum);
    bytes_.append(header, sizeof header);
    bytes_.append(content);
    bytes_.resize((bytes_.size() + 511) / 512 * 512, '\0');
    return *this;
  }

  /// Ended by two empty blocks.
  [[nodiscard]] std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

}  // namespace fcvm::tests
