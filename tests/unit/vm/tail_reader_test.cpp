#include "core/vm/logs/tail_reader.hpp"

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <thread>

#include "core/base/io/fd.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

/// NAME.0, NAME.1 and so on; each ends when there is the next one.
class Numbered : public GrowingFiles {
 public:
  explicit Numbered(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] std::string file(int number) const { return name_ + "." + std::to_string(number); }
  void append(int number, const std::string& text) const {
    std::ofstream(file(number), std::ios::app | std::ios::binary) << text;
  }

  Result<bool> open() override {
    auto fd = base::open_file(file(number_), O_RDONLY);
    if (!fd && fd.error().code() == ENOENT) return false;
    fd_ = FCVM_TRY(std::move(fd));
    return true;
  }
  [[nodiscard]] bool is_open() const override { return fd_.valid(); }
  [[nodiscard]] int fd() const override { return fd_.get(); }
  [[nodiscard]] bool complete() const override {
    return std::filesystem::exists(file(number_ + 1));
  }
  Result<bool> go_on() override {
    ++number_;
    return open();
  }

 private:
  std::string name_;
  int number_ = 0;
  Fd fd_;
};

std::optional<base::Deadline> not_at_all() { return std::nullopt; }

TEST_CASE("lines are whole, in all files, and without what has no end") {
  const Scratch scratch;
  Numbered files(scratch.directory.path() + "/log");
  files.append(0, "one\n\n" + std::string(300'000, 'x') + "\ntorn");
  files.append(1, std::string(2 << 20, 'y'));
  files.append(1, "rest of what is too long\ntwo\nunfinished");
  std::vector<std::string> lines;
  TailReader reader(files.file(0), files);
  must(reader.lines(not_at_all, [&](std::string_view line) -> Result<bool> {
    lines.emplace_back(line);
    return true;
  }));
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "one");
  CHECK(lines[1].empty());
  CHECK(lines[2] == std::string(300'000, 'x'));
  CHECK(lines[3].size() < 1 << 20);
  CHECK(lines[4] == "two");
}

TEST_CASE("bytes come as they are, and a handler may end it or fail") {
  const Scratch scratch;
  Numbered files(scratch.directory.path() + "/log");
  files.append(0, "some");
  files.append(1, " bytes");
  std::string all;
  must(TailReader(files.file(0), files).bytes(not_at_all, [&](std::string_view bytes) {
    all += bytes;
    return Result<bool>(true);
  }));
  CHECK(all == "some bytes");
  Numbered again(scratch.directory.path() + "/log");
  int calls = 0;
  must(TailReader(again.file(0), again).bytes(not_at_all, [&](std::string_view) {
    ++calls;
    return Result<bool>(false);
  }));
  CHECK(calls == 1);
  Numbered third(scratch.directory.path() + "/log");
  const auto failed =
      TailReader(third.file(0), third).lines(not_at_all, [](std::string_view) -> Result<bool> {
        return true;
      });
  CHECK(failed);
  Numbered fourth(scratch.directory.path() + "/log");
  CHECK(TailReader(fourth.file(0), fourth)
            .bytes(not_at_all,
                   [](std::string_view) -> Result<bool> { return fail(EIO, "the pipe is broken"); })
            .error()
            .message() == "the pipe is broken");
}

/// Reads lines until the last of twenty; it waits for each, and is not asked to look again.
class Follower {
 public:
  explicit Follower(const std::string& log)
      : files_(log), reads_([this] {
          const auto patience = [this]() -> std::optional<base::Deadline> {
            ++looks;
            return base::Deadline::in(std::chrono::seconds(60));
          };
          must(TailReader(files_.file(0), files_).lines(patience, [this](std::string_view line) {
            all += std::string(line) + ",";
            ++count;
            return Result<bool>(count < 20);
          }));
        }) {}

  std::string finish() {
    reads_.join();
    return all;
  }

  std::atomic<int> looks{0};
  std::atomic<int> count{0};

 private:
  std::string all;
  Numbered files_;
  std::thread reads_;
};

TEST_CASE("a follower sees a file appear, grow and be followed by another") {
  const Scratch scratch;
  const Numbered writer(scratch.directory.path() + "/log");
  Follower follower(scratch.directory.path() + "/log");
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    writer.append(i / 5, std::to_string(i) + "\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CHECK(follower.finish() == "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,");
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(50));
}

TEST_CASE("what grows beside a log does not wake its follower") {
  const Scratch scratch;
  const Numbered writer(scratch.directory.path() + "/log");
  writer.append(0, "0\n");
  std::ofstream disk(scratch.directory.path() + "/disk.img");
  Follower follower(scratch.directory.path() + "/log");
  while (follower.count == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  for (int i = 0; i < 100; ++i) {
    disk << "a block" << std::flush;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(follower.looks < 10);
  for (int i = 1; i < 20; ++i) writer.append(0, std::to_string(i) + "\n");
  CHECK(follower.finish().ends_with("18,19,"));
}

}  // namespace
}  // namespace fcvm::vm
