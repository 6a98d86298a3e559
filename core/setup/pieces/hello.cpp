#include "core/setup/pieces/hello.hpp"

#include <nlohmann/json.hpp>

#include "core/base/io/file.hpp"
#include "core/digest/sha256.hpp"
#include "core/tar/archive.hpp"

namespace fcvm::setup {
namespace {

using nlohmann::ordered_json;

// One archive for one busybox, whenever it is made.
constexpr std::string_view kCreated = "1970-01-01T00:00:00Z";

std::string layer(std::string_view busybox, const std::vector<std::string>& applets) {
  tar::Archive archive;
  for (const char* directory : {"bin", "dev", "etc", "proc", "root", "run", "sys", "var"}) {
    archive.add_directory(directory);
  }
  archive.add_directory("tmp", 01777);
  archive.add_file("bin/busybox", busybox, 0755);
  archive.add_file("bin/hello", hello_script(), 0755);
  for (const auto& applet : applets) {
    if (applet != "busybox") archive.add_symlink("bin/" + applet, "busybox");
  }
  archive.add_file("etc/passwd",
                   "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n");
  archive.add_file("etc/group", "root:x:0:\nnogroup:x:65534:\n");
  return archive.bytes();
}

}  // namespace

std::string_view hello_script() {
  return R"sh(#!/bin/sh
echo "Hello from fcvm: this container has a machine of its own."
echo "  host name  $(hostname)"
echo "  kernel     $(uname -s -r -m)"
echo "  VMM        ${FCVM_VMM:-not known (FCVM_VMM)}"
echo "  agent      ${FCVM_AGENT:-not known (FCVM_AGENT)}"
echo "  machine    $(nproc) CPU(s), $(awk '/^MemTotal/ { print int($2 / 1024) }' /proc/meminfo) MiB of memory"
echo "  running    for $(cut -d ' ' -f 1 /proc/uptime) s"
echo
echo "Now try:  fcvm run --rm fcvm/hello sh -c 'uname -a; ps'"
)sh";
}

std::string hello_archive(std::string_view busybox, const std::vector<std::string>& applets,
                          std::string_view architecture) {
  const std::string content = layer(busybox, applets);
  const std::string layer_digest = digest::sha256(content);
  const ordered_json config = {
      {"architecture", architecture},
      {"os", "linux"},
      {"created", kCreated},
      {"config", {{"Env", {"PATH=/bin"}}, {"Cmd", {"/bin/hello"}}, {"WorkingDir", "/"}}},
      {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + layer_digest}}}},
      {"history", ordered_json::array({{{"created", kCreated}, {"created_by", kHelloHistory}}})}};
  const std::string config_text = config.dump();
  const std::string config_name = digest::sha256(config_text) + ".json";
  const ordered_json manifest = ordered_json::array({{{"Config", config_name},
                                                      {"RepoTags", {kHelloImage}},
                                                      {"Layers", {layer_digest + ".tar"}}}});
  tar::Archive archive;
  archive.add_file("manifest.json", manifest.dump());
  archive.add_file(config_name, config_text);
  archive.add_file(layer_digest + ".tar", content);
  return archive.bytes();
}

Result<Piece> make_hello(const Job& job, const Piece& rootfs) {
  const auto busybox = FCVM_TRY(base::read_file(rootfs.directory / "busybox"));
  const auto applets = FCVM_TRY(read_lines(rootfs.directory / "applets"));
  Piece piece{.name = "hello", .key = job.plan.hello.key};
  piece.facts = {{"image", std::string(kHelloImage)}};
  return install_file(job, std::move(piece), "hello.tar",
                      hello_archive(busybox, applets, job.plan.architecture));
}

}  // namespace fcvm::setup
