// See regex.hpp. Thompson's construction, and the automaton of sets of nodes, made lazily.
#include "plugins/readiness/common/regex.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "plugins/readiness/common/regex_parse.hpp"

namespace fcvm::readiness {
namespace {

using NodeKind = RegexNode::Kind;

/// Every byte costs at most so many steps.
constexpr std::size_t kMostNodes = 5000;
/// About a kilobyte each.
constexpr std::size_t kMostStates = 500;

/// Builds from the end: each part is given what follows it.
class Builder {
 public:
  explicit Builder(std::vector<RegexNode>& nodes) : nodes_(nodes) {}

  [[nodiscard]] bool is_full() const { return nodes_.size() >= kMostNodes; }

  std::uint32_t add(RegexNode node) {
    if (is_full()) return 0;
    nodes_.push_back(node);
    return static_cast<std::uint32_t>(nodes_.size() - 1);
  }

  std::uint32_t build(const Expression& part, std::uint32_t next) {
    switch (part.kind) {
      case Expression::Kind::kBytes:
        return add({.kind = NodeKind::kBytes, .next = next, .other = 0, .bytes = part.bytes});
      case Expression::Kind::kLineBegin:
        return add({.kind = NodeKind::kLineBegin, .next = next});
      case Expression::Kind::kLineEnd:
        return add({.kind = NodeKind::kLineEnd, .next = next});
      case Expression::Kind::kSequence:
        for (auto one = part.parts.rbegin(); one != part.parts.rend(); ++one) {
          next = build(*one, next);
        }
        return next;
      case Expression::Kind::kChoice:
        return build_choice(part, next);
      case Expression::Kind::kRepeat:
        return build_repeat(part, next);
    }
    return next;
  }

 private:
  std::uint32_t fork(std::uint32_t next, std::uint32_t other) {
    return add({.kind = NodeKind::kFork, .next = next, .other = other});
  }

  std::uint32_t build_choice(const Expression& part, std::uint32_t next) {
    std::uint32_t whole = build(part.parts.back(), next);
    for (std::size_t i = part.parts.size() - 1; i-- > 0;) {
      whole = fork(build(part.parts[i], next), whole);
    }
    return whole;
  }

  std::uint32_t build_repeat(const Expression& part, std::uint32_t next) {
    const Expression& inside = part.parts.front();
    std::uint32_t whole = next;
    if (!part.most) {
      whole = fork(0, next);
      const std::uint32_t body = build(inside, whole);
      if (is_full()) return whole;
      nodes_[whole].next = body;
    } else {
      for (unsigned i = part.least; i < *part.most && !is_full(); ++i) {
        whole = fork(build(inside, whole), next);
      }
    }
    for (unsigned i = 0; i < part.least && !is_full(); ++i) whole = build(inside, whole);
    return whole;
  }

  std::vector<RegexNode>& nodes_;
};

}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  const Expression tree = FCVM_TRY(parse_regex(pattern));
  Regex regex;
  Builder builder(regex.nodes_);
  const auto match = builder.add({.kind = NodeKind::kMatch});
  regex.start_ = builder.build(tree, match);
  if (builder.is_full()) {
    return fail(EINVAL, "a pattern that is too large: its repetitions multiply",
                "count less: .* in place of .{0,999}");
  }
  return regex;
}

RegexSearch::RegexSearch(const Regex& regex) : regex_(regex), visited_(regex.nodes().size()) {
  Nodes first;
  matched_ = !close({regex.start()}, true, false, first);
  now_ = state_of(std::move(first));
}

bool RegexSearch::close(const Nodes& nodes, bool at_begin, bool at_end, Nodes& into) {
  Nodes open = nodes;
  ++closing_;
  into.clear();
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    if (std::exchange(visited_[at], closing_) == closing_) continue;
    const RegexNode& node = regex_.nodes()[at];
    switch (node.kind) {
      case NodeKind::kMatch:
        return false;
      case NodeKind::kFork:
        open.push_back(node.next);
        open.push_back(node.other);
        break;
      case NodeKind::kLineBegin:
        if (at_begin) open.push_back(node.next);
        break;
      case NodeKind::kLineEnd:
        if (at_end) open.push_back(node.next);
        into.push_back(at);
        break;
      case NodeKind::kBytes:
        into.push_back(at);
        break;
    }
  }
  std::sort(into.begin(), into.end());
  return true;
}

bool RegexSearch::step(const Nodes& from, unsigned char byte, Nodes& to) {
  Nodes here = from;
  // What waits for a line's end goes on before the newline is eaten.
  if (byte == '\n' && !close(from, false, true, here)) return false;
  Nodes after{regex_.start()};
  for (const auto at : here) {
    const RegexNode& node = regex_.nodes()[at];
    if (node.kind == NodeKind::kBytes && node.bytes[byte]) after.push_back(node.next);
  }
  return close(after, byte == '\n', false, to);
}

std::int32_t RegexSearch::state_of(Nodes nodes) {
  if (const auto known = numbers_.find(nodes); known != numbers_.end()) return known->second;
  if (states_.size() >= kMostStates) {
    states_.clear();
    numbers_.clear();
  }
  const auto number = static_cast<std::int32_t>(states_.size());
  State& state = states_.emplace_back();
  state.after.fill(kUnknown);
  state.nodes = nodes;
  numbers_.emplace(std::move(nodes), number);
  return number;
}

bool RegexSearch::feed(std::string_view bytes) {
  if (matched_) return true;
  for (const char one : bytes) {
    const auto byte = static_cast<unsigned char>(one);
    const std::int32_t known = states_[static_cast<std::size_t>(now_)].after[byte];
    if (known == kFound) return matched_ = true;
    if (known != kUnknown) {
      now_ = known;
      continue;
    }
    Nodes next;
    if (!step(states_[static_cast<std::size_t>(now_)].nodes, byte, next)) {
      states_[static_cast<std::size_t>(now_)].after[byte] = kFound;
      return matched_ = true;
    }
    const auto before = states_.size();
    const std::int32_t to = state_of(std::move(next));
    // Unless all were forgotten, and this one with them.
    if (states_.size() >= before) states_[static_cast<std::size_t>(now_)].after[byte] = to;
    now_ = to;
  }
  return false;
}

bool RegexSearch::finish() {
  Nodes ignored;
  if (!matched_) {
    matched_ = !close(states_[static_cast<std::size_t>(now_)].nodes, false, true, ignored);
  }
  return matched_;
}

}  // namespace fcvm::readiness
