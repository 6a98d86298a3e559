// Regex: regular expressions over bytes, in time linear in what is searched, whatever a guest
// writes, and in bounded memory. Text comes in pieces of any size.
//
// The syntax is the usual one without what needs backtracking: . [] () (?:) | * + ? {m,n} ^ $,
// \d \w \s \D \W \S \n \t \r \xHH, [[:alpha:]], and (?i) at the beginning. ^ and $ are the
// beginning and end of a line, and . is any byte but the line's end.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include <fcvm/result.hpp>

namespace fcvm::readiness {

using ByteSet = std::bitset<256>;

/// What a pattern is compiled to: a graph whose edges eat a byte, or stand for something else.
struct RegexNode {
  enum class Kind : std::uint8_t { kBytes, kFork, kLineBegin, kLineEnd, kMatch };
  Kind kind = Kind::kMatch;
  std::uint32_t next = 0;
  std::uint32_t other = 0;  // of a fork
  ByteSet bytes{};          // that lead to `next`
};

class Regex {
 public:
  /// EINVAL says what is wrong with the pattern, and where.
  [[nodiscard]] static Result<Regex> compile(std::string_view pattern);

  [[nodiscard]] const std::vector<RegexNode>& nodes() const { return nodes_; }
  [[nodiscard]] std::uint32_t start() const { return start_; }

 private:
  std::vector<RegexNode> nodes_;
  std::uint32_t start_ = 0;
};

/// One search, for a match anywhere. It makes the automaton's states as the text asks for them, and
/// forgets them when there are many.
class RegexSearch {
 public:
  /// The regex has to outlive it.
  explicit RegexSearch(const Regex& regex);

  /// The next piece of the text. True once there was a match, and then always.
  bool feed(std::string_view bytes);
  /// The text ends here: what only its end could match.
  bool finish();
  [[nodiscard]] bool matched() const { return matched_; }

 private:
  static constexpr std::int32_t kUnknown = -1;
  static constexpr std::int32_t kFound = -2;
  using Nodes = std::vector<std::uint32_t>;
  struct State {
    Nodes nodes;  // sorted: those that wait for a byte, or for a line's end
    std::array<std::int32_t, 256> after;
  };

  /// Where `nodes` lead without a byte; false where that is a match.
  bool close(const Nodes& nodes, bool at_begin, bool at_end, Nodes& into);
  /// False: a match.
  bool step(const Nodes& from, unsigned char byte, Nodes& to);
  std::int32_t state_of(Nodes nodes);

  const Regex& regex_;
  std::vector<State> states_;
  std::map<Nodes, std::int32_t> numbers_;
  std::vector<std::uint32_t> visited_;  // by node: the closing in which it was met
  std::uint32_t closing_ = 0;
  std::int32_t now_ = 0;
  bool matched_ = false;
};

}  // namespace fcvm::readiness
