// A plugin as the cases use it: loaded, described, and with settings to make an instance of it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcvm/abi.h>
#include <fcvm/result.hpp>
#include <fcvm/sdk/sized.hpp>

#include "plugin-api/check/case.hpp"
#include "plugin-api/check/settings.hpp"

namespace fcvm::check {

/// dlopen as the core does it.
[[nodiscard]] Result<void*> load_object(const std::string& path);
/// The table behind the entry symbol of a loaded object.
[[nodiscard]] Result<const fcvm_plugin*> entry_table(void* object);

struct Loaded {
  void* object = nullptr;
  /// As far as the plugin's reaches: what it does not have is null.
  std::shared_ptr<const fcvm_plugin> table;
  fcvm_descriptor descriptor{};
  std::vector<fcvm_option> options;
  Guessed guessed;

  [[nodiscard]] Settings settings(std::size_t tail = 0) const {
    return make_settings(guessed.values, tail);
  }
};

/// For every case after `descriptor`.
[[nodiscard]] Result<Loaded> load(const Target& target);

/// An fcvm_error whose texts are full of garbage, so that a missing terminator shows.
[[nodiscard]] fcvm_error dirty_error();
/// "-22 (Invalid argument): message" of a failed call.
[[nodiscard]] std::string told(std::int32_t code, const fcvm_error& error);

/// Owns an instance; destroys it once.
class Instance {
 public:
  Instance(std::shared_ptr<const fcvm_plugin> table, void* raw)
      : table_(std::move(table)), raw_(raw) {}
  Instance(Instance&& other) noexcept
      : table_(std::move(other.table_)), raw_(std::exchange(other.raw_, nullptr)) {}
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance() { destroy(); }

  [[nodiscard]] void* get() const { return raw_; }
  void destroy() {
    void* raw = std::exchange(raw_, nullptr);
    if (raw != nullptr) table_->destroy(&raw);
  }

 private:
  std::shared_ptr<const fcvm_plugin> table_;
  void* raw_;
};

/// Whose fault it is when create refuses: the plugin's, unless it was never seen to take the values
/// that were made up for its required options.
enum class Blame { kPlugin, kGuesses };
/// Creates with the guessed settings.
[[nodiscard]] Result<Instance> create(const Loaded& plugin, const fcvm_host* host,
                                      std::size_t tail = 0, Blame blame = Blame::kPlugin);

}  // namespace fcvm::check
