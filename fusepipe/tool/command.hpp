// The commands of `fusepipe`, and what they share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

#include "core/base/io/fd.hpp"

namespace fcvm::fusepipe {

using Words = std::vector<std::string>;

/// fusepipe serve DIR --listen STREAM ...: until a signal comes, or all its streams have ended.
Result<void> serve(const Words& words);
/// fusepipe mount STREAM MOUNTPOINT ...: until a signal comes, or the mount or the server has gone.
Result<void> mount(const Words& words);

inline constexpr std::string_view kServeUsage =
    "fusepipe serve DIR --listen STREAM [--ro] [--cache auto|always|none]\n"
    "               [--uidmap GUEST:HOST:COUNT] [--gidmap GUEST:HOST:COUNT]";
inline constexpr std::string_view kMountUsage =
    "fusepipe mount STREAM MOUNTPOINT [--ro] [--queues N] [--dev] [--suid]\n"
    "               [--persistent]";

/// An option's value, "--name VALUE" or "--name=VALUE". EINVAL when it is missing.
class Options {
 public:
  explicit Options(const Words& words) : words_(words) {}

  /// The next word, taken apart; false at the end.
  bool next();
  /// "--name", or empty for a word that is no option.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& word() const noexcept { return words_[at_ - 1]; }
  [[nodiscard]] Result<std::string> value();

 private:
  const Words& words_;
  std::size_t at_ = 0;
  std::string name_;
  std::string inline_value_;
  bool has_inline_value_ = false;
};

/// Readable once one of the signals has come that ask a program to end; they are blocked from now
/// on, in this thread and in those that it starts.
Result<base::Fd> ending_signals();

}  // namespace fcvm::fusepipe
