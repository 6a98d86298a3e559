// fcvm::Host: the host's services as C++ calls. Each copes with a host that does not offer it.
#pragma once

#include <algorithm>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcvm/host.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/fd.hpp>
#include <fcvm/sdk/process.hpp>
#include <fcvm/sdk/sized.hpp>

namespace fcvm {

class Host {
 public:
  explicit Host(const fcvm_host* host) : host_(host) {}

  [[nodiscard]] const fcvm_host* raw() const { return host_; }

  void debug(const std::string& message) const { log(FCVM_LOG_DEBUG, message); }
  void info(const std::string& message) const { log(FCVM_LOG_INFO, message); }
  void warning(const std::string& message) const { log(FCVM_LOG_WARNING, message); }
  void log(std::uint32_t level, const std::string& message) const {
    const auto api = service<fcvm_log_v1>("log/1");
    if (api.write != nullptr) api.write(host_, level, message.c_str());
  }

  Result<Process> spawn(const fcvm_process_spec& spec) const {
    const auto api = FCVM_TRY(need("process/1", &fcvm_process_v1::spawn));
    std::uint64_t handle = 0;
    auto error = sized<fcvm_error>();
    const auto code = api.spawn(host_, &spec, &handle, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return Process(host_, api, handle);
  }
  /// The same from a list of words, the program first; `spec` says the rest.
  Result<Process> spawn(const std::vector<std::string>& words,
                        fcvm_process_spec spec = ProcessSpec()) const {
    if (words.empty()) return fail(EINVAL, "starting a program without naming it");
    const auto argv = sdk::argument_vector(words);
    spec.program = argv.front();
    if (spec.name == nullptr) spec.name = spec.program;
    spec.arguments = argv.data();
    return spawn(spec);
  }
  /// Runs a program on the host to its end and returns what it wrote to its standard output; an
  /// exit status other than 0 is an error. What it says on standard error is in the log.
  Result<std::string> capture(const std::vector<std::string>& words, const Call& call) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("making a pipe");
    const Fd output(ends[0]);
    Fd input(ends[1]);
    const auto child = FCVM_TRY(spawn(words, ProcessSpec().to(input.get())));
    input.reset();
    auto text = FCVM_TRY(sdk::read_to_end(output, call) | context("running " + words.front()));
    const auto ended = FCVM_TRY(child.wait(call) | context("running " + words.front()));
    if (ended.exit_code == 0 && ended.exit_signal == 0) return text;
    return fail(EIO, words.front() + (ended.exit_signal != 0
                                          ? ": ended by signal " + std::to_string(ended.exit_signal)
                                          : ": exit status " + std::to_string(ended.exit_code)));
  }

  /// `within` bounds this attempt beside the verb's own deadline.
  Result<Fd> dial_guest(std::uint32_t port, const Call& call,
                        std::optional<std::chrono::nanoseconds> within = {}) const {
    const auto api = FCVM_TRY(need("guest/1", &fcvm_guest_v1::dial));
    return take_fd([&](std::int32_t* fd, fcvm_error* error) {
      return api.dial(host_, port, call.deadline(within), fd, error);
    });
  }
  Result<Fd> dial_guest_tcp(std::uint16_t port, const Call& call,
                            std::optional<std::chrono::nanoseconds> within = {}) const {
    const auto api = FCVM_TRY(need("guest/1", &fcvm_guest_v1::dial_tcp));
    return take_fd([&](std::int32_t* fd, fcvm_error* error) {
      return api.dial_tcp(host_, port, call.deadline(within), fd, error);
    });
  }

  /// A command in the guest, or with FCVM_EXEC_IN_CONTAINER in the container.
  struct Exec {
    std::vector<std::string> arguments{};
    std::uint32_t flags = FCVM_EXEC_IN_CONTAINER;
    std::vector<std::string> environment{};
    std::string user{};
    std::string directory{};
    std::string input{};
  };
  struct ExecResult {
    int exit_code = 0;
    std::string output;
    std::string errors;
    /// It wrote more than kMostOutput to one of the two: the rest was dropped.
    bool cut = false;
  };
  static constexpr std::size_t kMostOutput = 64 * 1024;
  Result<ExecResult> exec(const Exec& command, const Call& call,
                          std::optional<std::chrono::nanoseconds> within = {}) const {
    const auto api = FCVM_TRY(need("guest/1", &fcvm_guest_v1::exec));
    const auto argv = sdk::argument_vector(command.arguments);
    const auto environment = sdk::argument_vector(command.environment);
    auto raw = sized<fcvm_guest_exec>();
    raw.flags = command.flags;
    raw.arguments = argv.data();
    raw.environment = environment.data();
    raw.user = command.user.empty() ? nullptr : command.user.c_str();
    raw.directory = command.directory.empty() ? nullptr : command.directory.c_str();
    raw.input = command.input.data();
    raw.input_length = command.input.size();
    ExecResult result;
    auto error = sized<fcvm_error>();
    const auto code = api.exec(host_, &raw, call.deadline(within), keep_output, &result,
                               &result.exit_code, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return result;
  }

  /// A command as root in a VM of its own, with these disks and nothing else; the VM is gone when
  /// it returns.
  struct Build {
    struct Disk {
      std::string id;    // found in the guest at /dev/disk/by-id/virtio-<id>
      std::string path;  // relative to the directory
      std::uint32_t flags = 0;
    };
    std::vector<std::string> arguments{};
    std::vector<std::string> environment{};
    std::vector<Disk> disks{};
    int directory = -1;              // borrowed
    std::uint32_t cpus = 0;          // 0: the host's choice
    std::uint64_t memory_bytes = 0;  // likewise
  };
  Result<ExecResult> build(const Build& build, const Call& call,
                           std::optional<std::chrono::nanoseconds> within = {}) const {
    const auto api = FCVM_TRY(need("builder/1", &fcvm_builder_v1::run));
    const auto argv = sdk::argument_vector(build.arguments);
    const auto environment = sdk::argument_vector(build.environment);
    std::vector<fcvm_disk> disks;
    for (const auto& disk : build.disks) {
      disks.push_back(sized<fcvm_disk>());
      disks.back().id = disk.id.c_str();
      disks.back().path = disk.path.c_str();
      disks.back().flags = disk.flags;
    }
    std::vector<const fcvm_disk*> pointers;
    for (const auto& disk : disks) pointers.push_back(&disk);
    auto raw = sized<fcvm_build>();
    put_fd(raw.flags, FCVM_BUILD_HAS_DIRECTORY, raw.directory_fd, build.directory);
    raw.cpus = build.cpus;
    raw.memory_bytes = build.memory_bytes;
    raw.arguments = argv.data();
    raw.environment = environment.data();
    raw.disks = pointers.data();
    raw.disk_count = static_cast<std::uint32_t>(pointers.size());
    ExecResult result;
    auto error = sized<fcvm_error>();
    const auto code = api.run(host_, &raw, call.deadline(within), keep_output, &result,
                              &result.exit_code, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return result;
  }

  /// The name of the guest that runs builds and VMs.
  Result<std::string> builder_guest() const {
    const auto api = FCVM_TRY(need("builder/1", &fcvm_builder_v1::guest));
    std::string name;
    const auto keep = [](void* to, const char* text, std::uint64_t length) -> std::int32_t {
      static_cast<std::string*>(to)->assign(text, length);
      return 0;
    };
    auto error = sized<fcvm_error>();
    const auto code = api.guest(host_, keep, &name, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return name;
  }

  /// Lines of the console or the container, from the first that is still kept; ends with the
  /// object.
  class [[nodiscard]] Subscription {
   public:
    using Handler = std::function<void(const fcvm_line& line)>;
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;
    Subscription(Subscription&& other) noexcept
        : host_(std::exchange(other.host_, nullptr)),
          api_(other.api_),
          id_(other.id_),
          handler_(std::move(other.handler_)) {}
    Subscription& operator=(Subscription&&) = delete;
    ~Subscription() {
      if (host_ != nullptr) api_.unsubscribe(host_, id_);
    }

   private:
    friend class Host;
    Subscription(const fcvm_host* host, const fcvm_guest_v1& api, Handler handler)
        : host_(host), api_(api), handler_(std::make_unique<Handler>(std::move(handler))) {}
    const fcvm_host* host_;
    fcvm_guest_v1 api_;
    std::uint64_t id_ = 0;
    std::unique_ptr<Handler> handler_;
  };
  Result<Subscription> subscribe(std::uint32_t source, Subscription::Handler handler) const {
    const auto api = FCVM_TRY(need("guest/1", &fcvm_guest_v1::subscribe));
    Subscription subscription(host_, api, std::move(handler));
    auto error = sized<fcvm_error>();
    const auto deliver = [](void* context, const fcvm_line* line) {
      (*static_cast<Subscription::Handler*>(context))(sized_copy(line));
    };
    const auto code = api.subscribe(host_, source, deliver, subscription.handler_.get(),
                                    &subscription.id_, &error);
    if (code != 0) {
      subscription.host_ = nullptr;
      return unexpected(take_error(code, error));
    }
    return subscription;
  }

  /// Records what must be undone, durably; a host without the service loses crash recovery only.
  Result<void> remember(const std::string& key, const std::string& value) const {
    const auto api = service<fcvm_state_v1>("state/1");
    if (api.put == nullptr) return {};
    auto error = sized<fcvm_error>();
    const auto code = api.put(host_, key.c_str(), value.c_str(), &error);
    if (code != 0) return unexpected(take_error(code, error));
    return {};
  }
  Result<void> forget(const std::string& key) const {
    const auto api = service<fcvm_state_v1>("state/1");
    if (api.forget == nullptr) return {};
    auto error = sized<fcvm_error>();
    const auto code = api.forget(host_, key.c_str(), &error);
    if (code != 0) return unexpected(take_error(code, error));
    return {};
  }
  Result<std::vector<std::pair<std::string, std::string>>> remembered() const {
    std::vector<std::pair<std::string, std::string>> records;
    const auto api = service<fcvm_state_v1>("state/1");
    if (api.list == nullptr) return records;
    auto error = sized<fcvm_error>();
    const auto collect = [](void* context, const char* key, const char* value) -> std::int32_t {
      static_cast<decltype(records)*>(context)->emplace_back(key, value);
      return 0;
    };
    const auto code = api.list(host_, collect, &records, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return records;
  }

  /// The progress bar of one long step; `done` counts up to `total`.
  class [[nodiscard]] Progress {
   public:
    Progress(const fcvm_host* host, const fcvm_progress_v1& api, const std::string& what,
             std::uint64_t total, const char* unit)
        : host_(host), api_(api) {
      if (api_.begin != nullptr) id_ = api_.begin(host_, what.c_str(), total, unit);
    }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() {
      if (api_.end != nullptr) api_.end(host_, id_, succeeded_ ? 1 : 0);
    }
    void update(std::uint64_t done) {
      if (api_.update != nullptr) api_.update(host_, id_, done);
    }
    void succeeded() { succeeded_ = true; }

   private:
    const fcvm_host* host_;
    fcvm_progress_v1 api_;
    std::uint64_t id_ = 0;
    bool succeeded_ = false;
  };
  [[nodiscard]] Progress progress(const std::string& what, std::uint64_t total,
                                  const char* unit) const {
    return Progress(host_, service<fcvm_progress_v1>("progress/1"), what, total, unit);
  }

 private:
  /// An fcvm_output_fn into an ExecResult.
  static std::int32_t keep_output(void* context, std::uint32_t source, const char* bytes,
                                  std::uint64_t length) {
    auto& kept = *static_cast<ExecResult*>(context);
    std::string& text = source == FCVM_OUTPUT_STDERR ? kept.errors : kept.output;
    const std::size_t taken = std::min<std::size_t>(length, kMostOutput - text.size());
    text.append(bytes, taken);
    kept.cut = kept.cut || taken < length;
    return 0;
  }
  /// The host's own table, or nullptr; an older host's struct may end before `service`.
  [[nodiscard]] const void* find(const char* id) const {
    const auto offer = sized_copy(host_).service;
    return offer == nullptr ? nullptr : offer(host_, id);
  }
  template <typename Api>
  [[nodiscard]] Api service(const char* id) const {
    return sized_copy(static_cast<const Api*>(find(id)));
  }
  /// The service's table, with at least this function: an older host may have a shorter table.
  template <typename Api, typename Function>
  [[nodiscard]] Result<Api> need(const char* id, Function Api::*function) const {
    const Api api = service<Api>(id);
    if (api.*function != nullptr) return api;
    return fail(ENOTSUP, std::string("this host does not offer the service ") + id,
                "use a newer fcvm");
  }
  template <typename Dial>
  static Result<Fd> take_fd(Dial dial) {
    std::int32_t fd = -1;
    auto error = sized<fcvm_error>();
    const auto code = dial(&fd, &error);
    if (code != 0) return unexpected(take_error(code, error));
    return Fd(fd);
  }

  const fcvm_host* host_;
};

}  // namespace fcvm
