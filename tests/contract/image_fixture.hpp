// What the tests of the image plugins share: the plugin as an object file, images, programs that
// stand for skopeo, and a builder that needs no VM.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

#include <openssl/evp.h>

#include <fcvm/image.hpp>

#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/temp_dir.hpp"
#include "core/base/process/spawn.hpp"
#include "core/plugin/instance.hpp"
#include "core/plugin/probe.hpp"
#include "core/plugin/process_keeper.hpp"
#include "core/plugin/registry.hpp"
#include "core/plugin/scan.hpp"
#include "core/tar/archive.hpp"
#include "tests/support/must.hpp"
#include "tests/support/shell_code.hpp"

namespace fcvm::tests {

inline std::string sha256(std::string_view bytes) {
  unsigned char raw[32];
  EVP_Digest(bytes.data(), bytes.size(), raw, nullptr, EVP_sha256(), nullptr);
  std::string text;
  for (const unsigned char c : raw) {
    char hex[3];
    std::snprintf(hex, sizeof hex, "%02x", c);
    text += hex;
  }
  return text;
}

struct TinyImage {
  std::string config;
  std::string archive;
};

/// One layer with one file that holds `content`.
inline TinyImage tiny_image(const std::string& content) {
  const std::string layer = tar::Archive().add_file("hello", content).bytes();
  const std::string config =
      R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/hello"],"Env":["A=b"]},)"
      R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
      sha256(layer) + R"("]},"history":[{"created":"2020-01-01T00:00:00Z"}]})";
  const std::string config_name = sha256(config) + ".json";
  const std::string manifest = R"([{"Config":")" + config_name +
                               R"(","RepoTags":["example.org/tiny:1"],"Layers":["layer.tar"]}])";
  return {config, tar::Archive()
                      .add_file("layer.tar", layer)
                      .add_file(config_name, config)
                      .add_file("manifest.json", manifest)
                      .bytes()};
}

inline void make_file(const std::string& path, std::string_view bytes, mode_t mode = 0644) {
  must(base::write_file_atomic(path, bytes, mode));
}

inline std::string content_of(const std::string& path) {
  return must(base::read_file(path, 64 << 20));
}

struct Ran {
  int code;
  std::string output;
};

/// A program to its end, both of its outputs together.
inline Ran run(const std::vector<std::string>& arguments) {
  base::Pipe pipe = must(base::Pipe::create());
  base::SpawnOptions options;
  options.argv = arguments;
  options.stdout_fd = options.stderr_fd = pipe.write_end.get();
  base::Child child = must(base::spawn(options));
  pipe.write_end.reset();
  std::string output = must(base::read_all(pipe.read_end.get(), 1 << 20));
  return {shell_code(must(child.wait())), std::move(output)};
}

/// Progress as the host would show it.
struct Bars : plugin::ProgressService {
  std::uint64_t begin(const std::string& what, std::uint64_t, const std::string&) override {
    names.push_back(what);
    return names.size();
  }
  void update(std::uint64_t, std::uint64_t done) override { last = done; }
  void end(std::uint64_t, bool good) override { succeeded = good; }

  std::vector<std::string> names;
  std::uint64_t last = 0;
  bool succeeded = false;
};

/// In a builder VM's place: writes some bytes of its own to the last disk.
struct FakeBuilder : plugin::BuilderService {
  Result<int> run(const Build& build, const Call& call,
                  const plugin::GuestService::OutputHandler& output) override {
    ++runs;
    last = build;
    if (on_run) FCVM_TRY(on_run(call));
    const Fd disk = FCVM_TRY(base::open_file(build.disks.back().path, O_WRONLY));
    FCVM_TRY(base::write_all(disk.get(), std::string(8192, 's')));
    output(FCVM_OUTPUT_STDERR, errors);
    output(FCVM_OUTPUT_STDOUT, said);
    return exit_code;
  }

  Result<std::string> guest() override { return guest_name; }

  std::atomic<int> runs = 0;
  std::string guest_name = "one";
  Build last;
  std::function<Result<void>(const Call&)> on_run;
  std::string said = "bytes 8192\n";
  std::string errors;
  int exit_code = 0;
};

/// Described once, while this process has one thread: describing forks.
inline const plugin::Entry* described() {
  static const plugin::Entry entry = [] {
    auto found = plugin::scan({FCVM_TEST_IMAGE_PLUGIN});
    return plugin::Entry{must(std::move(found.front().descriptor)), FCVM_TEST_IMAGE_PLUGIN};
  }();
  return &entry;
}

/// The plugin in this process, with a cache of its own or a shared one.
class Images {
 public:
  using Values = std::vector<std::pair<std::string, std::string>>;

  explicit Images(const std::string& cache, const Values& options = {}) {
    must(base::make_directories(cache));
    const plugin::Entry* entry = described();
    const auto settings = must(plugin::Settings::from_values(entry->descriptor.options, options));
    plugin_ = must(plugin::Instance<fcvm_image_v1>::create(
        must(plugin::Registry::load(*entry)), entry->descriptor.id, settings,
        {.process = &processes_, .progress = &bars, .builder = &builder}));
    cache_ = must(base::open_file(cache, O_RDONLY | O_DIRECTORY));
  }

  Result<fcvm_image_identity> resolve(const std::string& reference) {
    const auto request = request_for(reference);
    auto identity = sized<fcvm_image_identity>();
    FCVM_TRY(plugin_->call({"resolve"}, plugin_->verbs().resolve, &request, deadline.as_ns(),
                           &identity));
    return identity;
  }
  Result<std::string> config(const std::string& reference, const std::string& digest) {
    const auto request = request_for(reference);
    std::vector<std::string> lines;
    FCVM_TRY(plugin_->call({"config"}, plugin_->verbs().config, &request, digest.c_str(),
                           deadline.as_ns(), append, static_cast<void*>(&lines)));
    return lines.empty() ? "" : lines.front();
  }
  Result<ImageDelivery> prepare(const std::string& reference, const std::string& digest) {
    const auto request = request_for(reference);
    auto raw = sized<fcvm_image_delivery>();
    ImageDelivery delivery;
    FCVM_TRY(plugin_->call({"prepare"}, plugin_->verbs().prepare, &request, digest.c_str(),
                           deadline.as_ns(), &raw, +keep_disk,
                           static_cast<void*>(&delivery.disks)));
    delivery.how = raw.how;
    return delivery;
  }
  Result<ImageDelivery> prepare(const std::string& reference) {
    const auto identity = FCVM_TRY(resolve(reference));
    return prepare(reference, identity.digest);
  }
  Result<std::vector<std::string>> collect(const std::vector<std::string>& unwanted) {
    std::vector<const char*> digests;
    for (const auto& one : unwanted) digests.push_back(one.c_str());
    std::vector<std::string> gone;
    FCVM_TRY(plugin_->call({"collect"}, plugin_->verbs().collect, cache_.get(), digests.data(),
                           static_cast<std::uint32_t>(digests.size()), deadline.as_ns(), append,
                           static_cast<void*>(&gone)));
    return gone;
  }
  /// An empty digest takes the name away.
  Result<void> name(const std::string& name, const std::string& digest) {
    return plugin_->call({"name"}, plugin_->verbs().name, cache_.get(), name.c_str(),
                         digest.empty() ? nullptr : digest.c_str(), deadline.as_ns());
  }
  void cancel() { plugin_->cancel(); }

  std::uint32_t pull = FCVM_PULL_MISSING;
  base::Deadline deadline = base::Deadline::in(std::chrono::seconds(60));
  Bars bars;
  FakeBuilder builder;

 private:
  static std::int32_t append(void* context, const char* text, std::uint64_t length) {
    static_cast<std::vector<std::string>*>(context)->emplace_back(text, length);
    return 0;
  }
  static std::int32_t keep_disk(void* context, const fcvm_image_disk* raw) {
    const auto disk = sized_copy(raw);
    static_cast<std::vector<ImageDisk>*>(context)->push_back(
        {disk.path, disk.format, disk.content_bytes, disk.flags});
    return 0;
  }
  [[nodiscard]] fcvm_image_request request_for(const std::string& reference) const {
    auto request = sized<fcvm_image_request>();
    request.pull = pull;
    request.reference = reference.c_str();
    request.platform = "linux/amd64";
    request.cache_fd = cache_.get();
    return request;
  }

  plugin::ProcessKeeper processes_;
  Fd cache_;
  std::unique_ptr<plugin::Instance<fcvm_image_v1>> plugin_;
};

inline struct stat look_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) FAIL("no " << path);
  return status;
}

/// What lies in a cache besides its index and its archives.
inline std::vector<std::string> litter(const std::string& cache) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(cache)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("index.") && !name.ends_with(".tar")) names.push_back(name);
  }
  return names;
}

inline bool says(const Error& error, std::string_view words) {
  INFO(error.message() << " -- " << error.remedy());
  CHECK((error.message() + "\n" + error.remedy()).find(words) != std::string::npos);
  return (error.message() + "\n" + error.remedy()).find(words) != std::string::npos;
}

}  // namespace fcvm::tests
