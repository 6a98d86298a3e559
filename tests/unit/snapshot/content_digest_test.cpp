#include "core/snapshot/content_digest.hpp"

#include <set>
#include <unistd.h>

#include "tests/unit/snapshot/support.hpp"

namespace fcvm::snapshot {
namespace {

constexpr off_t kSize = 5 * (64 << 10) + 100;

class SparseFile {
 public:
  SparseFile() : fd_(must(base::open_file(directory_.path() + "/file", O_RDWR | O_CREAT))) {
    REQUIRE(::ftruncate(fd_.get(), kSize) == 0);
  }
  void put(const std::string& bytes, off_t at) const {
    REQUIRE(::pwrite(fd_.get(), bytes.data(), bytes.size(), at) ==
            static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] std::string digest() const { return must(content_digest(fd_.get())); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  base::TempDir directory_ = must(base::TempDir::create());
  Fd fd_;
};

TEST_CASE("zeros count as holes do") {
  const SparseFile holes;
  const SparseFile zeros;
  zeros.put(std::string(kSize, '\0'), 0);
  CHECK(holes.digest() == zeros.digest());
}

TEST_CASE("each byte, its place and the length count") {
  const std::string empty = SparseFile().digest();
  std::set<std::string> seen = {empty};
  for (const off_t at : {off_t{0}, off_t{65535}, off_t{65536}, off_t{200'000}, kSize - 1}) {
    const SparseFile file;
    file.put("x", at);
    CHECK(seen.insert(file.digest()).second);
  }
  const SparseFile longer;
  REQUIRE(::ftruncate(longer.fd(), kSize + 1) == 0);
  CHECK(seen.insert(longer.digest()).second);
}

}  // namespace
}  // namespace fcvm::snapshot
