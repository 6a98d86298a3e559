// From a C++ class to the C tables: one static function per entry of the ABI. No exception leaves.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fcvm/abi.h>
#include <fcvm/sdk/call.hpp>
#include <fcvm/sdk/host.hpp>
#include <fcvm/sdk/options.hpp>
#include <fcvm/sdk/sized.hpp>

namespace fcvm {

/// What a plugin class says of itself, as `static constexpr fcvm::Info kInfo{...}`.
struct Info {
  const char* id;
  const char* version;
  const char* summary;
  std::uint64_t capabilities = 0;
  /// Above 0: "auto" may choose it, the highest first.
  std::int32_t preference = 0;
  const char* min_host_version = nullptr;
};

/// What probe() returns: usable() or, with the reason and what fixes it, one of the others. What of
/// kInfo's capabilities and preference is not to be had on this host, it takes away.
struct Probe {
  std::uint32_t status;
  std::string reason;
  std::string remedy;
  std::string detail;
  std::uint64_t without = 0;  // capabilities
  std::optional<std::int32_t> preference;

  static Probe usable(std::string detail = {}) {
    return {FCVM_PROBE_USABLE, {}, {}, std::move(detail), 0, {}};
  }
  static Probe degraded(std::string reason, std::string remedy, std::string detail = {}) {
    return {FCVM_PROBE_DEGRADED, std::move(reason), std::move(remedy), std::move(detail), 0, {}};
  }
  static Probe unusable(std::string reason, std::string remedy) {
    return {FCVM_PROBE_UNUSABLE, std::move(reason), std::move(remedy), {}, 0, {}};
  }
};

namespace sdk {

// --- what a plugin class has -------------------------------------------------------------------

template <typename Plugin, typename = void>
struct OptionsOf {
  using type = NoOptions;
};
template <typename Plugin>
struct OptionsOf<Plugin, std::void_t<typename Plugin::Options>> {
  using type = typename Plugin::Options;
};

template <typename Plugin, typename = void>
struct HasProbe : std::false_type {};
template <typename Plugin>
struct HasProbe<Plugin, std::void_t<decltype(&Plugin::probe)>> : std::true_type {};

template <typename Plugin, typename = void>
struct HasRecover : std::false_type {};
template <typename Plugin>
struct HasRecover<Plugin, std::void_t<decltype(&Plugin::recover)>> : std::true_type {};

/// `static const void* extension(std::string_view id)`: the verbs of an extension, or null.
template <typename Plugin, typename = void>
struct HasExtension : std::false_type {};
template <typename Plugin>
struct HasExtension<Plugin, std::void_t<decltype(&Plugin::extension)>> : std::true_type {};

/// True when Plugin has a method of its own for an optional verb: FCVM_HAS_VERB(publish).
#define FCVM_HAS_VERB(verb)                   \
  template <typename Plugin, typename = void> \
  struct Has_##verb : std::false_type {};     \
  template <typename Plugin>                  \
  struct Has_##verb<Plugin, std::void_t<decltype(&Plugin::verb)>> : std::true_type {}

// --- running a verb ------------------------------------------------------------------------------

/// What a `void *instance` points to.
template <typename Plugin>
struct Instance {
  CancelSource cancel;
  Plugin plugin;

  template <typename... Arguments>
  explicit Instance(Arguments&&... arguments) : plugin(std::forward<Arguments>(arguments)...) {}
};

/// Runs `body`, which returns Result<void>, and turns whatever happens into the ABI's answer.
template <typename Body>
std::int32_t guarded(fcvm_error* error, Body&& body) noexcept {
  try {
    const Result<void> result = body();
    return result ? 0 : put_error(error, result.error());
  } catch (const std::bad_alloc&) {
    return put_error(error, Error(ENOMEM, "out of memory"));
  } catch (const std::exception& thrown) {
    return put_error(error, Error(EFAULT, std::string("exception: ") + thrown.what()));
  } catch (...) {
    return put_error(error, Error(EFAULT, "unknown exception"));
  }
}

/// Runs a verb on an instance; `body` takes the plugin.
template <typename Plugin, typename Body>
std::int32_t on_plugin(void* instance, fcvm_error* error, Body&& body) noexcept {
  return guarded(error, [&]() -> Result<void> {
    if (instance == nullptr) return fail(EINVAL, "a verb on no instance");
    return body(static_cast<Instance<Plugin>*>(instance)->plugin);
  });
}

/// Runs a blocking verb; `body` takes the plugin and the Call.
template <typename Plugin, typename Body>
std::int32_t on_call(void* instance, std::int64_t deadline, fcvm_error* error,
                     Body&& body) noexcept {
  return guarded(error, [&]() -> Result<void> {
    if (instance == nullptr) return fail(EINVAL, "a verb on no instance");
    auto* self = static_cast<Instance<Plugin>*>(instance);
    const Call call(self->cancel, deadline);
    return body(self->plugin, call);
  });
}

/// Stores a Result's value in an out parameter of the other side's size.
template <typename T>
Result<void> store(T* out, Result<T>&& result) {
  const T value = FCVM_TRY(std::move(result));
  if (out != nullptr) sized_assign(out, value);
  return {};
}

/// Hands an owned fd over.
template <typename Owner>
Result<void> hand_over(std::int32_t* out, Result<Owner>&& result) {
  Owner fd = FCVM_TRY(std::move(result));
  if (out == nullptr) return fail(EINVAL, "no place for the file descriptor");
  *out = fd.release();
  return {};
}

/// A text that a verb cannot do without; `missing` says so where there is none.
inline Result<std::string_view> need_text(const char* text, const char* missing) {
  if (text == nullptr) return fail(EINVAL, missing);
  return std::string_view(text);
}

// --- the common table --------------------------------------------------------------------------

template <typename Plugin, typename Verbs>
class CommonTable {
 public:
  static const fcvm_plugin* table() {
    static const fcvm_plugin plugin = [] {
      auto made = sized<fcvm_plugin>();
      made.describe = describe;
      made.probe = probe;
      made.create = create;
      made.destroy = destroy;
      made.cancel = cancel;
      made.verbs = verbs;
      if constexpr (HasRecover<Plugin>::value) made.recover = recover;
      return made;
    }();
    return &plugin;
  }

 private:
  using Options = typename OptionsOf<Plugin>::type;

  static std::int32_t describe(fcvm_descriptor* out, fcvm_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
      static const OptionTable<Options> options;
      const Info info = Plugin::kInfo;
      auto descriptor = sized<fcvm_descriptor>();
      descriptor.abi_version = FCVM_ABI_VERSION;
      descriptor.id = info.id;
      descriptor.kind = Verbs::kKind;
      descriptor.version = info.version;
      descriptor.summary = info.summary;
      descriptor.min_host_version = info.min_host_version;
      descriptor.capabilities = info.capabilities;
      descriptor.preference = info.preference;
      descriptor.draft = FCVM_DRAFT;
      descriptor.options = options.data();
      descriptor.option_count = options.size();
      if (out == nullptr) return fail(EINVAL, "no place for the descriptor");
      // It does not compare drafts, and would call verbs that take other arguments.
      if (out->size <= offsetof(fcvm_descriptor, preference)) {
        return fail(ENOTSUP, std::string(info.id) + " is built for a later draft of the interface",
                    "use a newer fcvm, or a plugin that was built for this one");
      }
      sized_assign(out, descriptor);
      return {};
    });
  }

  static std::int32_t probe(const fcvm_host* host, const fcvm_settings* settings,
                            std::int64_t deadline, fcvm_probe* out, fcvm_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
      const Options options = FCVM_TRY(read_settings<Options>(settings));
      Probe found = Probe::usable();
      if constexpr (HasProbe<Plugin>::value) {
        CancelSource nobody;
        const Call call(nobody, deadline);
        found = FCVM_TRY(Plugin::probe(Host(host), options, call));
      }
      auto answer = sized<fcvm_probe>();
      answer.status = found.status;
      put_text(answer.reason, found.reason);
      put_text(answer.remedy, found.remedy);
      put_text(answer.detail, found.detail);
      answer.capabilities = Plugin::kInfo.capabilities & ~found.without;
      answer.preference = found.preference.value_or(Plugin::kInfo.preference);
      if (out == nullptr) return fail(EINVAL, "no place for the answer");
      sized_assign(out, answer);
      return {};
    });
  }

  static std::int32_t create(const fcvm_host* host, const fcvm_settings* settings, void** instance,
                             fcvm_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
      if (instance == nullptr) return fail(EINVAL, "no place for the instance");
      *instance = FCVM_TRY(make(host, settings)).release();
      return {};
    });
  }

  static Result<std::unique_ptr<Instance<Plugin>>> make(const fcvm_host* host,
                                                        const fcvm_settings* settings) {
    Options options = FCVM_TRY(read_settings<Options>(settings));
    FCVM_TRY(check_required<Options>(settings));
    if constexpr (std::is_constructible_v<Plugin, Host, Options>) {
      return std::make_unique<Instance<Plugin>>(Host(host), std::move(options));
    } else if constexpr (std::is_constructible_v<Plugin, Options>) {
      return std::make_unique<Instance<Plugin>>(std::move(options));
    } else if constexpr (!std::is_same_v<Options, NoOptions>) {
      static_assert(kUnsupported<Plugin>,
                    "a plugin with Options takes (Host, Options) or (Options)");
    } else if constexpr (std::is_constructible_v<Plugin, Host>) {
      return std::make_unique<Instance<Plugin>>(Host(host));
    } else {
      return std::make_unique<Instance<Plugin>>();
    }
  }

  /// On an object of its own, which no host sees.
  static std::int32_t recover(const fcvm_host* host, const fcvm_settings* settings,
                              std::int64_t deadline, fcvm_error* error) noexcept {
    return guarded(error, [&]() -> Result<void> {
      const auto made = FCVM_TRY(make(host, settings));
      const Call call(made->cancel, deadline);
      return made->plugin.recover(call);
    });
  }

  static void destroy(void** instance) noexcept {
    if (instance == nullptr) return;
    delete static_cast<Instance<Plugin>*>(*instance);
    *instance = nullptr;
  }

  static void cancel(void* instance) noexcept {
    if (instance != nullptr) static_cast<Instance<Plugin>*>(instance)->cancel.cancel();
  }

  static const void* verbs(const char* id) noexcept {
    const std::string_view wanted = id == nullptr ? "" : id;
    if (wanted == Verbs::kKind) return Verbs::template table<Plugin>();
    if constexpr (HasExtension<Plugin>::value) return Plugin::extension(wanted);
    return nullptr;
  }
};

}  // namespace sdk
}  // namespace fcvm

/// At the end of a plugin's one source file: makes the entry symbol.
#define FCVM_EXPORT_PLUGIN(Plugin)                                            \
  extern "C" FCVM_EXPORT const fcvm_plugin* fcvm_plugin_entry_v1(void) {      \
    return ::fcvm::sdk::CommonTable<Plugin, typename Plugin::Verbs>::table(); \
  }                                                                           \
  static_assert(true, "")
