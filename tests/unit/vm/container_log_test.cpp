#include "core/vm/logs/container_log.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/core.h>

#include "core/vm/model/time_text.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

struct Streams {
  std::string bytes[2];
  std::size_t pieces = 0;
};

Streams read_back(const std::string& file, const LogQuery& query = {}) {
  Streams streams;
  must(read_container_log(file, query, [&](const LogLine& line) {
    auto& bytes = streams.bytes[static_cast<std::size_t>(line.stream)];
    bytes += line.text;
    if (line.complete) bytes += '\n';
    ++streams.pieces;
    return true;
  }));
  return streams;
}

TEST_CASE("bytes come back exactly, however they were cut, on each stream") {
  Scratch scratch;
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    const auto file = scratch.directory.path() + "/" + std::to_string(round);
    auto writer = must(ContainerLogWriter::open(file));
    std::string written[2];
    for (int i = 0; i < 30; ++i) {
      const auto stream = static_cast<LogStream>(random() % 2);
      std::string bytes = random_bytes(random, random() % (round % 3 == 0 ? 40'000 : 50));
      if (round % 2 == 0) std::replace(bytes.begin(), bytes.end(), '\n', '\0');
      must(writer.write(stream, bytes));
      written[static_cast<std::size_t>(stream)] += bytes;
    }
    must(writer.finish());
    const Streams read = read_back(file);
    CHECK(read.bytes[0] == written[0]);
    CHECK(read.bytes[1] == written[1]);
  }
}

TEST_CASE("a line as long as a piece is one line, and a longer one is cut") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  auto writer = must(ContainerLogWriter::open(file));
  const std::string piece(16 * 1024, 'x');
  must(writer.write(LogStream::kStdout, piece));
  must(writer.write(LogStream::kStdout, "\n" + piece + "\n" + piece + "y\n"));
  must(writer.finish());
  const Streams read = read_back(file);
  CHECK(read.pieces == 4);
  CHECK(read.bytes[0] == piece + "\n" + piece + "\n" + piece + "y\n");
  CHECK(read_back(file, {.tail = 1}).bytes[0] == piece + "y\n");
}

TEST_CASE("tail counts whole lines of both streams") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  auto writer = must(ContainerLogWriter::open(file));
  must(writer.write(LogStream::kStdout, "one\ntwo\n"));
  must(writer.write(LogStream::kStderr, "three\n"));
  must(writer.write(LogStream::kStdout, "four"));
  must(writer.finish());
  CHECK(read_back(file, {.tail = 0}).pieces == 0);
  CHECK(read_back(file, {.tail = 1}).bytes[0] == "four");
  CHECK(read_back(file, {.tail = 3}).bytes[0] == "two\nfour");
  CHECK(read_back(file, {.tail = 3}).bytes[1] == "three\n");
  CHECK(read_back(file, {.tail = 4}).pieces == 4);
  CHECK(read_back(file, {.tail = 400}).pieces == 4);
  CHECK(read_back(scratch.directory.path() + "/missing", {.tail = 1}).pieces == 0);
}

TEST_CASE("since and until cut by time, and foreign lines are skipped") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  std::ofstream(file) << rfc3339(1'000) << " stdout F a\ngarbage\n"
                      << rfc3339(2'000) << " stdout F b\n"
                      << "1970-01-01T02:00:00.000003+02:00 stderr F c\n"
                      << rfc3339(4'000) << " stdout X d\n"
                      << rfc3339(5'000) << " stdout F torn";
  CHECK(read_back(file).bytes[0] == "a\nb\n");
  CHECK(read_back(file, {.since_ns = 2'000}).bytes[0] == "b\n");
  CHECK(read_back(file, {.until_ns = 2'000}).bytes[0] == "a\nb\n");
  CHECK(read_back(file, {.until_ns = 2'000}).bytes[1].empty());
  CHECK(read_back(file).bytes[1] == "c\n");
}

TEST_CASE("the tail of fifty megabytes is there at once") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  {
    std::ofstream out(file);
    std::string block;
    for (int i = 0; i < 1000; ++i) {
      block +=
          rfc3339(i) + " stdout F a line of the usual length, or so: " + std::to_string(i) + "\n";
    }
    for (std::size_t size = 0; size < (50U << 20U); size += block.size()) out << block;
  }
  const auto begin = std::chrono::steady_clock::now();
  CHECK(read_back(file, {.tail = 100}).pieces == 100);
  const auto took = std::chrono::steady_clock::now() - begin;
  WARN("tail 100 of 50 MiB: " << std::chrono::duration_cast<std::chrono::microseconds>(took).count()
                              << " us");
  CHECK(took < std::chrono::milliseconds(500));
}

TEST_CASE("following sees what comes, also the last words, and ends when told") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  std::atomic<bool> running = true;
  std::thread container([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // no log yet
    auto writer = must(ContainerLogWriter::open(file));
    for (int i = 0; i < 200; ++i) must(writer.write(LogStream::kStdout, std::to_string(i) + "\n"));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    must(writer.write(LogStream::kStdout, "last words"));
    must(writer.finish());
    running = false;
  });
  const Streams read = read_back(file, {.follow = [&] { return running.load(); }});
  container.join();
  CHECK(read.pieces == 201);
  CHECK(read.bytes[0].ends_with("199\nlast words"));
}

TEST_CASE("a log that is full goes on in the next file, and the oldest is dropped") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  auto writer = must(ContainerLogWriter::open(file, {.max_size = 10'000, .max_files = 3}));
  const auto line = [](int i) { return fmt::format("line {:06}\n", i); };
  std::string said;
  int dropped = 0;
  LogQuery query{.on_dropped = [&] { ++dropped; }};
  for (int i = 0; i < 200; ++i) must(writer.write(LogStream::kStdout, line(i)));
  CHECK(read_back(file, query).pieces == 200);
  CHECK(read_back(file, {.tail = 150}).pieces == 150);
  CHECK(dropped == 0);
  for (int i = 200; i < 10'000; ++i) said += line(i);
  must(writer.write(LogStream::kStdout, said));  // more than a file holds, in one piece
  std::uintmax_t size = 0;
  for (const auto& entry : std::filesystem::directory_iterator(scratch.directory.path())) {
    CHECK(entry.file_size() <= 10'000);
    size += entry.file_size();
  }
  CHECK(size > 20'000);
  CHECK(size <= 30'000);
  const Streams read = read_back(file, query);
  CHECK(dropped == 1);
  CHECK(read.bytes[0].ends_with(line(9'998) + line(9'999)));
  CHECK(read.bytes[0].size() > 5'000);
  dropped = 0;
  query.tail = 250;
  CHECK(read_back(file, query).pieces == 250);
  CHECK(dropped == 0);
}

TEST_CASE("following goes on across full files, and tells what it was too slow for") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/log";
  auto writer = must(ContainerLogWriter::open(file, {.max_size = 10'000, .max_files = 3}));
  must(writer.write(LogStream::kStdout, "begin\n"));
  int turn = 0;
  int dropped = 0;
  int slow_from = 0;
  // Asked at the end of what there is: so each turn is read before the next is written.
  LogQuery query{.follow =
                     [&] {
                       const int lines = ++turn <= 50 ? 40 : 2'000;
                       if (turn == 51) slow_from = dropped;
                       for (int i = 0; i < lines && turn <= 52; ++i) {
                         must(writer.write(LogStream::kStdout, fmt::format("{:04}\n", i)));
                       }
                       return turn <= 52;
                     },
                 .on_dropped = [&] { ++dropped; }};
  const Streams read = read_back(file, query);
  CHECK(slow_from == 0);
  CHECK(dropped == 2);
  CHECK(read.pieces > 1 + 50 * 40 + 2 * 300);
  CHECK(read.bytes[0].ends_with("1999\n"));
}

}  // namespace
}  // namespace fcvm::vm
