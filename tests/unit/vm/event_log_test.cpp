#include "core/vm/logs/event_log.hpp"

#include <chrono>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/pipe.hpp"
#include "core/vm/model/time_text.hpp"
#include "tests/unit/vm/support.hpp"

namespace fcvm::vm {
namespace {

std::vector<LoggedEvent> all_events(const std::string& file, std::int64_t since = 0) {
  std::vector<LoggedEvent> events;
  must(read_events(file, {.since_ns = since, .until_ns = now_ns()}, [&](const LoggedEvent& event) {
    events.push_back(event);
    return true;
  }));
  return events;
}

LoggedEvent numbered(int number) {
  return {.time_ns = now_ns(),
          .type = "die",
          .id = "0123456789ab",
          .name = std::to_string(number),
          .image = "x",
          .attributes = {{"exitCode", "3"}, {"raw", "\xff\n"}}};
}

TEST_CASE("events come back, and torn or foreign lines cost only themselves") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/events";
  CHECK(all_events(file).empty());
  must(log_event(file, numbered(1)));
  std::ofstream(file, std::ios::app) << "foreign\n{}\n\n{\"time_ns\":12,\"ty";  // torn by a crash
  must(log_event(file, numbered(2)));
  const auto events = all_events(file);
  REQUIRE(events.size() == 2);
  CHECK(events[0].attributes.at("raw") == "\xff\n");
  CHECK(events[1].name == "2");
  CHECK(all_events(file, events[1].time_ns).size() == 1);
}

TEST_CASE(
    "twenty writers lose nothing and mix nothing, and a follower sees all, in spite of cuts") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/events";
  constexpr int kWriters = 20;
  constexpr int kEach = 60;
  const std::string padding(4000, 'p');  // 4.8 MB in all: the file is cut once
  std::multiset<std::string> seen;
  // The writers are forked before there is a second thread, whose locks they would inherit; they
  // begin when the follower does.
  auto start = must(base::Pipe::create());
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t child = ::fork();
    if (child == 0) {
      start.write_end.reset();
      char byte = 0;
      if (::read(start.read_end.get(), &byte, 1) != 0) ::_exit(2);
      for (int i = 0; i < kEach; ++i) {
        auto event = numbered(writer * kEach + i);
        event.image = padding;
        if (!log_event(file, event)) ::_exit(1);
      }
      ::_exit(0);
    }
    writers.push_back(child);
  }
  std::thread follower([&] {
    must(read_events(file, {}, [&](const LoggedEvent& event) {
      seen.insert(event.name);
      return event.name != "end";
    }));
  });
  start.write_end.reset();
  for (const pid_t child : writers) {
    int status = 0;
    ::waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  auto end = numbered(0);
  end.name = "end";
  must(log_event(file, end));
  follower.join();
  CHECK(seen.size() == kWriters * kEach + 1);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == seen.size());
  CHECK(std::filesystem::file_size(file) < 4U << 20U);
  CHECK(all_events(file).size() > 300);
}

TEST_CASE("following ends at its time") {
  Scratch scratch;
  const auto file = scratch.directory.path() + "/events";
  must(log_event(file, numbered(1)));
  const auto begin = std::chrono::steady_clock::now();
  int count = 0;
  must(read_events(file, {.until_ns = now_ns() + 200'000'000}, [&](const LoggedEvent&) {
    ++count;
    return true;
  }));
  CHECK(count == 1);
  CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(190));
}

}  // namespace
}  // namespace fcvm::vm
