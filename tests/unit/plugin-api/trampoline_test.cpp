// A C++ class behind the C tables: what crosses, and what never does.
#include <stdexcept>
#include <thread>

#include <fcvm/image.hpp>
#include <fcvm/memory.hpp>
#include <fcvm/net.hpp>
#include <fcvm/readiness.hpp>

#include "tests/support/catch.hpp"

namespace fcvm {
namespace {

struct Options {
  std::string mode = "wait";
  int tries = 0;
  static auto table() {
    return options(option("mode", &Options::mode, "what to do"),
                   option("tries", &Options::tries, "how often").required());
  }
};

class Moody : public ReadinessPlugin {
 public:
  using Options = ::fcvm::Options;
  static constexpr Info kInfo{"readiness.moody", "1.2.3", "misbehaves as told", 1};
  explicit Moody(Options options) : mode_(options.mode) {
    if (mode_ == "constructor") throw std::runtime_error("not today");
  }
  static Result<Probe> probe(Host, const Options& options, const Call&) {
    if (options.mode == "probe") throw 7;
    return Probe::degraded("slow", "buy a faster one", "found it");
  }
  Result<void> wait(const fcvm_ready_target&, const Call& call) {
    if (mode_ == "memory") throw std::bad_alloc();
    if (mode_ == "exception") throw std::runtime_error("boom");
    if (mode_ == "number") throw 7;
    if (mode_ == "error") return fail(EBUSY, "busy", "wait");
    return call.sleep(std::chrono::seconds(60));
  }

 private:
  std::string mode_;
};

class Quiet : public NetPlugin {
 public:
  static constexpr Info kInfo{"net.quiet", "1.0.0", "nothing"};
  Result<NetAttachment> attach(const fcvm_net_request&, const Call&) { return NetAttachment(); }
  Result<Fd> dial(std::uint32_t, std::uint16_t, const Call&) { return Fd(::dup(0)); }
};

/// Counts in `calls` what got through to it.
class Counting {
 public:
  static inline int calls = 0;

 protected:
  static Result<void> count() {
    ++calls;
    return {};
  }
};

class Pages : public MemoryPlugin, public Counting {
 public:
  static constexpr Info kInfo{"memory.pages", "1.0.0", "nothing"};
  Result<void> open(const fcvm_memory_request&, const Call&) { return count(); }
  Result<fcvm_memory_offer> attach_clone(const fcvm_memory_clone&, const Call&) {
    return sized<fcvm_memory_offer>();
  }
  Result<void> clone_started(std::string_view, int) { return count(); }
  Result<void> detach_clone(std::string_view, const Call&) { return count(); }
  Result<fcvm_memory_figures> figures() { return sized<fcvm_memory_figures>(); }
  Result<void> close(const Call&) { return {}; }
  Result<void> prefetch(std::string_view, const Call&) { return count(); }
  Result<void> working_set(std::string_view, int, const char*, const Call&) { return count(); }
};

class Pictures : public ImagePlugin, public Counting {
 public:
  static constexpr Info kInfo{"image.pictures", "1.0.0", "nothing"};
  Result<fcvm_image_identity> resolve(const fcvm_image_request&, const Call&) {
    return sized<fcvm_image_identity>();
  }
  Result<std::string> config(const fcvm_image_request&, std::string_view, const Call&) {
    FCVM_TRY(count());
    return std::string("{}");
  }
  Result<ImageDelivery> prepare(const fcvm_image_request&, std::string_view, const Call&) {
    FCVM_TRY(count());
    return ImageDelivery{FCVM_GUEST_LOAD_ARCHIVE, {{"/a", "docker-archive"}}};
  }
  Result<std::vector<std::string>> collect(int, const std::vector<std::string>& unwanted, const Call&) {
    FCVM_TRY(count());
    return unwanted;
  }
};

template <typename Plugin>
const fcvm_plugin& table_of() {
  return *sdk::CommonTable<Plugin, typename Plugin::Verbs>::table();
}

const fcvm_plugin& moody() { return table_of<Moody>(); }
const fcvm_plugin& quiet() { return table_of<Quiet>(); }

/// mode and tries, as the host would hand them over.
struct Settings {
  fcvm_setting mode = sized<fcvm_setting>();
  fcvm_setting tries = sized<fcvm_setting>();
  const fcvm_setting* items[2] = {&mode, &tries};
  fcvm_settings raw = sized<fcvm_settings>();
  explicit Settings(const char* what) {
    mode.name = "mode";
    mode.type = FCVM_OPTION_TEXT;
    mode.text = what;
    tries.name = "tries";
    tries.type = FCVM_OPTION_INTEGER;
    raw.items = items;
    raw.count = 2;
  }
};

struct Made {
  void* instance = nullptr;
  fcvm_error error = sized<fcvm_error>();
  std::int32_t code;
  explicit Made(const char* mode) {
    const Settings settings(mode);
    code = moody().create(nullptr, &settings.raw, &instance, &error);
  }
  Made(const Made&) = delete;
  ~Made() { moody().destroy(&instance); }
  std::int32_t wait(std::int64_t deadline = FCVM_NO_DEADLINE) {
    const auto target = sized<fcvm_ready_target>();
    const auto* verbs = static_cast<const fcvm_readiness_v1*>(moody().verbs("readiness/1"));
    return verbs->wait(instance, &target, deadline, &error);
  }
};

TEST_CASE("describe fills in a descriptor of the asker's size") {
  auto descriptor = sized<fcvm_descriptor>();
  REQUIRE(moody().describe(&descriptor, nullptr) == 0);
  CHECK(std::string(descriptor.id) == "readiness.moody");
  CHECK(std::string(descriptor.kind) == "readiness/1");
  CHECK(descriptor.capabilities == 1);
  CHECK(descriptor.option_count == 2);
  CHECK(descriptor.min_host_version == nullptr);

  CHECK(moody().describe(nullptr, nullptr) == -EINVAL);
}

TEST_CASE("describe refuses a host that compares no drafts") {
  auto descriptor = sized<fcvm_descriptor>();
  descriptor.size = offsetof(fcvm_descriptor, preference);
  auto error = sized<fcvm_error>();
  CHECK(moody().describe(&descriptor, &error) == -ENOTSUP);
  CHECK(std::string(error.message).find("a later draft") != std::string::npos);
  CHECK(descriptor.id == nullptr);
}

TEST_CASE("no exception crosses: it becomes an error") {
  CHECK(Made("memory").wait() == -ENOMEM);
  CHECK(Made("number").wait() == -EFAULT);
  Made thrown("exception");
  CHECK(thrown.wait() == -EFAULT);
  CHECK(text_of(thrown.error.message) == "exception: boom");

  const Made never("constructor");
  CHECK(never.code == -EFAULT);
  CHECK(never.instance == nullptr);

  const Settings settings("probe");
  auto probe = sized<fcvm_probe>();
  CHECK(moody().probe(nullptr, &settings.raw, FCVM_NO_DEADLINE, &probe, nullptr) == -EFAULT);
}

TEST_CASE("an error of a verb arrives whole") {
  Made made("error");
  CHECK(made.wait() == -EBUSY);
  CHECK(made.error.code == -EBUSY);
  CHECK(text_of(made.error.remedy) == "wait");
}

TEST_CASE("a deadline and a cancel reach the verb") {
  CHECK(Made("wait").wait(monotonic_now() + 20'000'000) == -ETIMEDOUT);
  Made made("wait");
  std::thread canceler([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    moody().cancel(made.instance);
  });
  CHECK(made.wait() == -ECANCELED);
  canceler.join();
  moody().cancel(nullptr);
}

TEST_CASE("probe is asked before anything is set, create is not") {
  auto probe = sized<fcvm_probe>();
  REQUIRE(moody().probe(nullptr, nullptr, FCVM_NO_DEADLINE, &probe, nullptr) == 0);
  CHECK(probe.status == FCVM_PROBE_DEGRADED);
  CHECK(text_of(probe.reason) == "slow");
  CHECK(text_of(probe.detail) == "found it");
  void* instance = nullptr;
  auto error = sized<fcvm_error>();
  CHECK(moody().create(nullptr, nullptr, &instance, &error) == -EINVAL);
  CHECK(text_of(error.message) == "option \"tries\" is required");
}

TEST_CASE("destroy twice, verbs on no instance, null places: all harmless") {
  Made made("wait");
  moody().destroy(&made.instance);
  CHECK(made.instance == nullptr);
  moody().destroy(&made.instance);
  moody().destroy(nullptr);
  CHECK(made.wait() == -EINVAL);
  CHECK(moody().create(nullptr, nullptr, nullptr, nullptr) == -EINVAL);
}

TEST_CASE("a plugin answers for its own kind only, and lacks the optional verbs it does not have") {
  CHECK(moody().verbs("net/1") == nullptr);
  CHECK(moody().verbs("readiness/2") == nullptr);
  CHECK(moody().verbs(nullptr) == nullptr);
  const auto* verbs = static_cast<const fcvm_net_v1*>(quiet().verbs("net/1"));
  CHECK(verbs->size == sizeof(fcvm_net_v1));
  CHECK(verbs->publish == nullptr);
  CHECK(verbs->health != nullptr);
}

TEST_CASE("a file descriptor that is handed over has nowhere to go without a place") {
  void* instance = nullptr;
  REQUIRE(quiet().create(nullptr, nullptr, &instance, nullptr) == 0);
  const auto* verbs = static_cast<const fcvm_net_v1*>(quiet().verbs("net/1"));
  std::int32_t fd = -1;
  CHECK(verbs->dial(instance, FCVM_PROTO_TCP, 1, FCVM_NO_DEADLINE, &fd, nullptr) == 0);
  CHECK(::close(fd) == 0);
  CHECK(verbs->dial(instance, FCVM_PROTO_TCP, 1, FCVM_NO_DEADLINE, nullptr, nullptr) == -EINVAL);
  CHECK(verbs->health(instance, &fd, nullptr) == 0);
  CHECK(fd == -1);
  quiet().destroy(&instance);
}

TEST_CASE("a memory verb on no clone, or without a place, never reaches the plugin") {
  void* instance = nullptr;
  REQUIRE(table_of<Pages>().create(nullptr, nullptr, &instance, nullptr) == 0);
  const auto* verbs = static_cast<const fcvm_memory_v1*>(table_of<Pages>().verbs("memory/1"));
  auto error = sized<fcvm_error>();
  Counting::calls = 0;
  CHECK(verbs->clone_started(instance, nullptr, -1, &error) == -EINVAL);
  CHECK(verbs->clone_health(instance, nullptr, &error) == -EINVAL);
  CHECK(text_of(error.message) == "no clone is named");
  CHECK(verbs->detach_clone(instance, nullptr, FCVM_NO_DEADLINE, &error) == -EINVAL);
  CHECK(verbs->prefetch(instance, nullptr, FCVM_NO_DEADLINE, &error) == -EINVAL);
  CHECK(verbs->working_set(instance, nullptr, -1, "set", FCVM_NO_DEADLINE, &error) == -EINVAL);
  CHECK(verbs->working_set(instance, "one", -1, nullptr, FCVM_NO_DEADLINE, &error) == -EINVAL);
  CHECK(text_of(error.message) == "no place for the working set");
  CHECK(Counting::calls == 0);

  CHECK(verbs->clone_started(instance, "one", -1, &error) == 0);
  CHECK(verbs->detach_clone(instance, "one", FCVM_NO_DEADLINE, &error) == 0);
  CHECK(verbs->prefetch(instance, "one", FCVM_NO_DEADLINE, &error) == 0);
  CHECK(verbs->working_set(instance, "one", -1, "set", FCVM_NO_DEADLINE, &error) == 0);
  CHECK(Counting::calls == 4);
  // As for every kind: an answer that nobody wants is left out.
  CHECK(verbs->open(instance, nullptr, FCVM_NO_DEADLINE, nullptr) == 0);
  CHECK(verbs->attach_clone(instance, nullptr, FCVM_NO_DEADLINE, nullptr, nullptr) == 0);
  CHECK(verbs->figures(instance, nullptr, nullptr) == 0);
  CHECK(verbs->health(instance, nullptr, nullptr) == 0);
  table_of<Pages>().destroy(&instance);
}

TEST_CASE("an image verb on no image, or without a place, never reaches the plugin") {
  void* instance = nullptr;
  REQUIRE(table_of<Pictures>().create(nullptr, nullptr, &instance, nullptr) == 0);
  const auto* verbs = static_cast<const fcvm_image_v1*>(table_of<Pictures>().verbs("image/1"));
  const fcvm_emit_fn take = [](void*, const char*, std::size_t) -> std::int32_t { return 0; };
  const fcvm_image_disk_fn take_disk = [](void*, const fcvm_image_disk*) -> std::int32_t {
    return 0;
  };
  const auto config = [&](const char* digest, fcvm_emit_fn emit) {
    return verbs->config(instance, nullptr, digest, FCVM_NO_DEADLINE, emit, nullptr, nullptr);
  };
  auto delivery = sized<fcvm_image_delivery>();
  const auto prepare = [&](const char* digest, fcvm_image_delivery* out, fcvm_image_disk_fn emit) {
    return verbs->prepare(instance, nullptr, digest, FCVM_NO_DEADLINE, out, emit, nullptr, nullptr);
  };
  const auto collect = [&](const char* const* keep, std::uint32_t count, fcvm_emit_fn emit) {
    return verbs->collect(instance, -1, keep, count, FCVM_NO_DEADLINE, emit, nullptr, nullptr);
  };
  const char* const kept[] = {"sha256:1", nullptr};
  Counting::calls = 0;
  CHECK(config(nullptr, take) == -EINVAL);
  CHECK(config("sha256:1", nullptr) == -EINVAL);
  CHECK(prepare(nullptr, &delivery, take_disk) == -EINVAL);
  CHECK(prepare("sha256:1", nullptr, take_disk) == -EINVAL);
  CHECK(prepare("sha256:1", &delivery, nullptr) == -EINVAL);
  CHECK(collect(nullptr, 1, take) == -EINVAL);
  CHECK(collect(kept, 2, take) == -EINVAL);
  CHECK(collect(kept, 1, nullptr) == -EINVAL);
  CHECK(Counting::calls == 0);

  CHECK(config("sha256:1", take) == 0);
  CHECK(prepare("sha256:1", &delivery, take_disk) == 0);
  CHECK(collect(nullptr, 0, take) == 0);
  CHECK(collect(kept, 1, take) == 0);
  CHECK(Counting::calls == 4);
  CHECK(verbs->resolve(instance, nullptr, FCVM_NO_DEADLINE, nullptr, nullptr) == 0);
  table_of<Pictures>().destroy(&instance);
}

}  // namespace
}  // namespace fcvm
