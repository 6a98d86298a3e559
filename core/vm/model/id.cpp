// See id.hpp.
#include "core/vm/model/id.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sys/random.h>

namespace fcvm::vm {
namespace {

constexpr std::array<std::string_view, 64> kAdjectives = {
    "able",   "agile",  "amber",  "ample",  "azure",  "bold",   "brave",   "brief",
    "bright", "brisk",  "calm",   "candid", "clever", "cosmic", "crisp",   "daring",
    "deft",   "eager",  "early",  "fair",   "fleet",  "fond",   "frank",   "fresh",
    "gentle", "glad",   "golden", "grand",  "happy",  "hardy",  "honest",  "humble",
    "jolly",  "keen",   "kind",   "light",  "lively", "loyal",  "lucid",   "lucky",
    "merry",  "mild",   "modest", "neat",   "nimble", "noble",  "patient", "plain",
    "proud",  "quick",  "quiet",  "ready",  "royal",  "sharp",  "shy",     "silent",
    "smart",  "steady", "swift",  "tidy",   "vivid",  "warm",   "wise",    "witty"};

constexpr std::array<std::string_view, 64> kNouns = {
    "acorn",  "badger", "beacon", "birch", "bison", "brook",  "cedar",   "cliff",
    "clover", "comet",  "condor", "coral", "crane", "delta",  "dolphin", "eagle",
    "ember",  "falcon", "fern",   "finch", "fjord", "fox",    "glacier", "grove",
    "harbor", "hare",   "hawk",   "hazel", "heron", "island", "ivy",     "jaguar",
    "koala",  "lagoon", "lark",   "lemur", "lynx",  "maple",  "marten",  "meadow",
    "moose",  "oak",    "orchid", "otter", "owl",   "panda",  "pebble",  "pine",
    "puffin", "quartz", "raven",  "reef",  "river", "robin",  "seal",    "sparrow",
    "spruce", "stork",  "summit", "tiger", "tulip", "walrus", "willow",  "wren"};

template <typename T>
Result<T> random_number() {
  T number = 0;
  // Fewer than 256 bytes come in one piece.
  if (::getrandom(&number, sizeof number, 0) != sizeof number) {
    return fail_errno("drawing a random number");
  }
  return number;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_id(std::string_view text) {
  return text.size() == kIdLength && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<std::string> random_id() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  auto number = FCVM_TRY(random_number<std::uint64_t>());
  std::string id;
  for (std::size_t i = 0; i < kIdLength; ++i, number >>= 4U) id += kDigits[number & 15U];
  return id;
}

Result<void> check_name(std::string_view name) {
  constexpr std::size_t kLongest = 128;
  const auto fits = [](char c) {
    return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-';
  };
  if (!name.empty() && name.size() <= kLongest && is_letter_or_digit(name.front()) &&
      std::all_of(name.begin(), name.end(), fits)) {
    return {};
  }
  return fail(EINVAL, "\"" + std::string(name) + "\" cannot be the name of a VM",
              "use letters, digits, _ . and -, at most 128, the first a letter or digit");
}

Result<std::string> random_name() {
  const auto number = FCVM_TRY(random_number<std::uint32_t>());
  return std::string(kAdjectives[number % kAdjectives.size()]) + '-' +
         std::string(kNouns[number / kAdjectives.size() % kNouns.size()]);
}

}  // namespace fcvm::vm
