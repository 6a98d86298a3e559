// FakeSkopeo: owns a script in skopeo's place, so that a test decides what a registry says.
#pragma once

#include <string>
#include <thread>

#include "tests/contract/image_fixture.hpp"

namespace fcvm::tests {

using namespace std::chrono_literals;

/// A program that answers as skopeo would from the files beside it, and notes how it was called.
struct FakeSkopeo {
  base::TempDir directory = must(base::TempDir::create());
  std::string cache = directory.path() + "/cache";
  std::string program = directory.path() + "/skopeo";
  TinyImage image = tiny_image("pulled\n");
  std::string manifest = R"({"schemaVersion":2})";

  FakeSkopeo() {
    put("manifest", manifest);
    put("archive", image.archive);
    put("config", image.config);
    make_file(program, R"(#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
[ -e "$here/complaint" ] && { cat "$here/complaint" >&2; exit 1; }
for last; do :; done
for registry in $(cat "$here/unknown" 2>/dev/null); do
  case "$last" in docker://$registry/*) echo "manifest unknown" >&2; exit 1 ;; esac
done
case "$*" in
*--version*) echo "skopeo version 9.8.7 commit: none" ;;
*--config*) cat "$here/config" ;;
*inspect*) cat "$here/manifest" ;;
*copy*)
  file=${last#docker-archive:}
  file=${file%%:*}
  head -c 3000 "$here/archive" >"$file"
  [ -e "$here/stuck" ] && { echo $$ >"$here/pid"; exec sleep 600; }
  sleep 0.3
  cp "$here/archive" "$file" ;;
esac
)",
              0755);
  }
  void put(const std::string& name, const std::string& content) const {
    make_file(directory.path() + "/" + name, content);
  }
  void remove(const std::string& name) const {
    std::filesystem::remove(directory.path() + "/" + name);
  }
  void complain(const std::string& words) const {
    put("complaint",
        "time=\"now\" level=info msg=\"first\"\ntime=\"now\" level=fatal msg=\"" + words + "\"\n");
  }
  [[nodiscard]] Images images(const std::string& registry = "docker.io") const {
    return Images(cache, {{"skopeo", program}, {"registry", registry}});
  }
  [[nodiscard]] std::string calls() const {
    const auto text = base::read_file(directory.path() + "/calls");
    return text ? *text : "";
  }
  [[nodiscard]] std::size_t count(const std::string& word) const {
    const std::string text = calls();
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(word, at)) != text.npos; at += word.size()) ++count;
    return count;
  }
  /// Waits until the script hangs in its copy, and says who it is.
  [[nodiscard]] pid_t stuck() const {
    for (int i = 0; i < 1000; ++i, std::this_thread::sleep_for(10ms)) {
      const auto pid = base::read_file(directory.path() + "/pid");
      if (pid && !pid->empty()) return std::stoi(*pid);
    }
    FAIL("the script was not started");
    return -1;
  }
};

}  // namespace fcvm::tests
