// See regex_parse.hpp. By recursive descent: choice, sequence, repetition, atom.
#include "plugins/readiness/common/regex_parse.hpp"

#include <cctype>
#include <string>
#include <utility>

namespace fcvm::readiness {
namespace {

using Form = Expression::Kind;

constexpr std::size_t kLongestPattern = 4096;
constexpr unsigned kMostRepeats = 1000;
constexpr int kDeepest = 100;

template <typename Holds>
ByteSet bytes_that(Holds holds) {
  ByteSet set;
  for (int byte = 0; byte < 256; ++byte) set[static_cast<std::size_t>(byte)] = holds(byte);
  return set;
}

bool is_ascii(int byte) { return byte < 128; }
bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }
bool is_word(int byte) {
  return is_digit(byte) || byte == '_' || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}
bool is_space(int byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

std::optional<ByteSet> escaped_class(char letter) {
  switch (letter) {
    case 'd':
      return bytes_that(is_digit);
    case 'D':
      return ~bytes_that(is_digit);
    case 'w':
      return bytes_that(is_word);
    case 'W':
      return ~bytes_that(is_word);
    case 's':
      return bytes_that(is_space);
    case 'S':
      return ~bytes_that(is_space);
    default:
      return std::nullopt;
  }
}

std::optional<ByteSet> named_class(std::string_view name) {
  // The C locale's, whatever the host's is.
  const auto of = [](int (*holds)(int)) {
    return bytes_that([holds](int byte) { return is_ascii(byte) && holds(byte) != 0; });
  };
  if (name == "alpha") return of(std::isalpha);
  if (name == "digit") return of(std::isdigit);
  if (name == "alnum") return of(std::isalnum);
  if (name == "upper") return of(std::isupper);
  if (name == "lower") return of(std::islower);
  if (name == "space") return of(std::isspace);
  if (name == "punct") return of(std::ispunct);
  if (name == "xdigit") return of(std::isxdigit);
  if (name == "print") return of(std::isprint);
  return std::nullopt;
}

ByteSet one(char byte) { return ByteSet().set(static_cast<unsigned char>(byte)); }

class Parser {
 public:
  explicit Parser(std::string_view pattern) : rest_(pattern), length_(pattern.size()) {}

  Result<Expression> parse() {
    if (length_ > kLongestPattern) return wrong("it is longer than 4096 bytes");
    if (rest_.substr(0, 4) == "(?i)") {
      folds_ = true;
      rest_.remove_prefix(4);
    }
    auto whole = FCVM_TRY(choice());
    if (!rest_.empty()) return wrong("a ) without its (");
    return whole;
  }

 private:
  [[nodiscard]] Unexpected wrong(const std::string& what) const {
    return fail(EINVAL, "a pattern that cannot be understood, at its byte " +
                            std::to_string(length_ - rest_.size() + 1) + ": " + what);
  }
  [[nodiscard]] bool next_is(char byte) const { return !rest_.empty() && rest_.front() == byte; }
  bool take(char byte) {
    if (!next_is(byte)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  char take_any() {
    const char byte = rest_.front();
    rest_.remove_prefix(1);
    return byte;
  }

  Result<Expression> choice() {
    if (++depth_ > kDeepest) return wrong("its parentheses are nested too deep");
    Expression whole{.kind = Form::kChoice};
    do {
      whole.parts.push_back(FCVM_TRY(sequence()));
    } while (take('|'));
    --depth_;
    if (whole.parts.size() > 1) return whole;
    Expression only = std::move(whole.parts.front());
    return only;
  }

  Result<Expression> sequence() {
    Expression whole{.kind = Form::kSequence};
    while (!rest_.empty() && !next_is('|') && !next_is(')')) {
      auto part = FCVM_TRY(atom());
      whole.parts.push_back(FCVM_TRY(repeated(std::move(part))));
    }
    return whole;
  }

  Result<Expression> repeated(Expression part) {
    for (;;) {
      Expression more{.kind = Form::kRepeat};
      if (take('*')) {
        more.least = 0;
      } else if (take('+')) {
        more.least = 1;
      } else if (take('?')) {
        more.most = 1;
      } else if (next_is('{')) {
        FCVM_TRY(counts(more));
      } else {
        return part;
      }
      take('?');  // the shortest match or the longest: there is one either way
      more.parts.push_back(std::move(part));
      part = std::move(more);
    }
  }

  Result<void> counts(Expression& into) {
    take('{');
    into.least = FCVM_TRY(number());
    into.most = into.least;
    if (take(',')) {
      into.most.reset();
      if (!next_is('}')) into.most = FCVM_TRY(number());
    }
    if (!take('}')) return wrong("a { without its }; a literal one is written \\{");
    if (into.most && *into.most < into.least) return wrong("more at least than at most");
    return {};
  }

  Result<unsigned> number() {
    unsigned value = 0;
    if (rest_.empty() || !is_digit(rest_.front())) {
      return wrong("a number is missing; a literal { is written \\{");
    }
    while (!rest_.empty() && is_digit(rest_.front())) {
      value = value * 10 + static_cast<unsigned>(take_any() - '0');
      if (value > kMostRepeats) return wrong("more than 1000 repetitions");
    }
    return value;
  }

  [[nodiscard]] Expression bytes(ByteSet set) const {
    if (folds_) {
      for (int letter = 'a'; letter <= 'z'; ++letter) {
        const auto small = static_cast<std::size_t>(letter);
        const auto large = static_cast<std::size_t>(letter - 'a' + 'A');
        if (set[small] || set[large]) set.set(small).set(large);
      }
    }
    return {.kind = Form::kBytes, .bytes = set};
  }

  Result<Expression> atom() {
    const char byte = take_any();
    switch (byte) {
      case '.':
        return bytes(~one('\n'));
      case '^':
        return Expression{.kind = Form::kLineBegin};
      case '$':
        return Expression{.kind = Form::kLineEnd};
      case '(':
        return group();
      case '[':
        return bytes(FCVM_TRY(bracket()));
      case '\\':
        return bytes(FCVM_TRY(escape()));
      case '*':
      case '+':
      case '?':
        return wrong(std::string("a ") + byte +
                     " that repeats nothing; a literal one is written \\" + byte);
      default:
        return character(byte);
    }
  }

  /// All bytes of a character of UTF-8, so that what repeats it repeats it whole.
  Expression character(char first) {
    const auto is_more = [&] {
      return !rest_.empty() && (static_cast<unsigned char>(rest_.front()) & 0xc0U) == 0x80U;
    };
    if (static_cast<unsigned char>(first) < 0xc0 || !is_more()) return bytes(one(first));
    Expression whole{.kind = Form::kSequence};
    whole.parts.push_back(bytes(one(first)));
    while (is_more()) whole.parts.push_back(bytes(one(take_any())));
    return whole;
  }

  Result<Expression> group() {
    if (take('?') && !take(':')) {
      return wrong("of the groups that begin with (? only (?:...) is known, and (?i) in front");
    }
    auto inside = FCVM_TRY(choice());
    if (!take(')')) return wrong("a ( without its )");
    return inside;
  }

  Result<ByteSet> escape() {
    if (rest_.empty()) return wrong("it ends in a \\");
    const char letter = take_any();
    if (const auto set = escaped_class(letter)) return *set;
    switch (letter) {
      case 'n':
        return one('\n');
      case 't':
        return one('\t');
      case 'r':
        return one('\r');
      case 'x':
        return one(FCVM_TRY(hexadecimal()));
      default:
        break;
    }
    if (is_word(static_cast<unsigned char>(letter))) {
      return wrong(std::string("\\") + letter + " is not known here");
    }
    return one(letter);
  }

  Result<char> hexadecimal() {
    unsigned value = 0;
    for (int digit = 0; digit < 2; ++digit) {
      const int byte = rest_.empty() ? 0 : static_cast<unsigned char>(rest_.front());
      if (std::isxdigit(byte) == 0) return wrong("\\x wants two hexadecimal digits");
      take_any();
      const int worth = is_digit(byte) ? byte - '0' : (byte | 0x20) - 'a' + 10;
      value = value * 16 + static_cast<unsigned>(worth);
    }
    return static_cast<char>(value);
  }

  /// [...], of which the first bracket was taken.
  Result<ByteSet> bracket() {
    const bool negated = take('^');
    ByteSet set;
    for (bool first = true; first || !next_is(']'); first = false) {
      if (rest_.empty()) return wrong("a [ without its ]");
      set |= FCVM_TRY(bracket_item());
    }
    take(']');
    return negated ? ~set : set;
  }

  Result<ByteSet> bracket_item() {
    if (rest_.substr(0, 2) == "[:") {
      const auto end = rest_.find(":]");
      const auto set = named_class(rest_.substr(2, end == rest_.npos ? 0 : end - 2));
      if (!set) return wrong("a class that is not known, such as [:alpha:] is");
      rest_.remove_prefix(end + 2);
      return *set;
    }
    const char first = take_any();
    const ByteSet from = first == '\\' ? FCVM_TRY(escape()) : one(first);
    if (!is_ascii(static_cast<unsigned char>(first))) {
      return wrong("between brackets stand ASCII characters alone");
    }
    if (rest_.size() < 2 || rest_[0] != '-' || rest_[1] == ']') return from;
    take('-');
    const char last = take_any();
    const ByteSet to = last == '\\' ? FCVM_TRY(escape()) : one(last);
    if (from.count() != 1 || to.count() != 1) return wrong("a class cannot end a range");
    const ByteSet range = bytes_that([&](int byte) {
      const auto below = [](const ByteSet& single) { return single._Find_first(); };
      const auto at = static_cast<std::size_t>(byte);
      return at >= below(from) && at <= below(to);
    });
    if (range.none()) return wrong("a range that ends before it begins");
    return range;
  }

  std::string_view rest_;
  const std::size_t length_;
  bool folds_ = false;
  int depth_ = 0;
};

}  // namespace

Result<Expression> parse_regex(std::string_view pattern) { return Parser(pattern).parse(); }

}  // namespace fcvm::readiness
