// For tests of agent/files: a directory of the test's own, and an answer that is read back.
#pragma once

#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "agent/files/answer.hpp"
#include "agent/files/entries.hpp"
#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/wire/files.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/must.hpp"

namespace fcvm::agent {

struct Files {
  Files() { ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK); }

  [[nodiscard]] std::string at(const std::string& name) const {
    return directory.path() + "/" + name;
  }
  void put(const std::string& name, const std::string& text) const {
    must(base::make_directories(at(name).substr(0, at(name).rfind('/'))));
    must(base::write_file_atomic(at(name), text));
  }
  [[nodiscard]] std::string text_of(const std::string& name) const {
    return must(base::read_file(at(name)));
  }
  [[nodiscard]] bool has(const std::string& name) const {
    struct stat status {};
    return ::lstat(at(name).c_str(), &status) == 0;
  }
  /// All that was answered since.
  std::string answered() {
    std::string all;
    char piece[4096];
    for (ssize_t got = 0; (got = ::read(pipe.read_end.get(), piece, sizeof piece)) > 0;) {
      all.append(piece, static_cast<std::size_t>(got));
    }
    return all;
  }
  template <typename Message>
  std::vector<Message> messages() {
    wire::FrameBuffer frames(wire::kMaxFileAnswer);
    frames.append(answered());
    std::vector<Message> all;
    while (const auto frame = must(frames.next()))
      all.push_back(must(wire::decode<Message>(*frame)));
    return all;
  }

  base::TempDir directory = must(base::TempDir::create());
  base::Pipe pipe = must(base::Pipe::create());
  Answer answer{pipe.write_end.get()};
  Entries entries;
};

}  // namespace fcvm::agent
