// See http_parser.hpp.
#include "plugins/vmm/firecracker/http_parser.hpp"

#include <algorithm>
#include <charconv>

namespace fcvm::firecracker {

namespace {

Unexpected malformed(const std::string& what) {
  return fail(EPROTO, "the answer is not HTTP: " + what);
}

bool is_token_char(char byte) {
  if (byte >= '0' && byte <= '9') return true;
  const char lower = static_cast<char>(byte | 0x20);
  if (lower >= 'a' && lower <= 'z') return true;
  return byte != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(byte) != std::string_view::npos;
}

bool is_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char byte) {
    const auto value = static_cast<unsigned char>(byte);
    return byte == '\t' || (value >= 0x20 && value != 0x7f);
  });
}

std::string lowered(std::string_view text) {
  std::string lower(text);
  for (char& byte : lower) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte | 0x20);
  }
  return lower;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Digits and nothing else: no sign, no blank, no overflow.
bool read_number(std::string_view text, int base, std::size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

Result<void> check_body_size(std::size_t size) {
  if (size <= ResponseParser::kMaxBody) return {};
  return fail(EMSGSIZE, "the answer is longer than " +
                            std::to_string(ResponseParser::kMaxBody >> 20) + " MiB");
}

}  // namespace

bool ResponseParser::in_line() const {
  return state_ != State::kBody && state_ != State::kChunkData && state_ != State::kDone;
}

Result<void> ResponseParser::feed(std::string_view bytes) {
  if (!bytes.empty()) untouched_ = false;
  while (!bytes.empty()) {
    if (state_ == State::kDone) return malformed("bytes follow it that nobody asked for");
    if (!in_line()) {
      bytes.remove_prefix(take_body(bytes));
      continue;
    }
    const std::size_t end = bytes.find('\n');
    const std::size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
    if (line_.size() + count > kMaxHead || (head_ += count) > kMaxHead) {
      return fail(EMSGSIZE, "the answer's headers are longer than " +
                                std::to_string(kMaxHead >> 10) + " KiB");
    }
    line_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    if (end == std::string_view::npos) return {};
    const std::string line = std::move(line_);
    line_.clear();
    if (line.size() < 2 || line[line.size() - 2] != '\r') {
      return malformed("a line ends without a carriage return");
    }
    FCVM_TRY(take_line(std::string_view(line).substr(0, line.size() - 2)));
  }
  return {};
}

std::size_t ResponseParser::take_body(std::string_view bytes) {
  const std::size_t count = std::min(length_, bytes.size());
  response_.body.append(bytes.substr(0, count));
  length_ -= count;
  if (length_ == 0) state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
  return count;
}

Result<void> ResponseParser::take_line(std::string_view line) {
  switch (state_) {
    case State::kStatus:
      return take_status(line);
    case State::kHeaders:
      return line.empty() ? end_headers() : take_header(line);
    case State::kChunkSize:
      return take_chunk_size(line);
    case State::kChunkEnd:
      if (!line.empty()) return malformed("a chunk is longer than it says");
      state_ = State::kChunkSize;
      return {};
    case State::kTrailers:
      if (line.empty()) state_ = State::kDone;
      return {};
    default:
      return malformed("a line where there is none");
  }
}

Result<void> ResponseParser::take_status(std::string_view line) {
  const bool versioned = line.substr(0, 9) == "HTTP/1.1 " || line.substr(0, 9) == "HTTP/1.0 ";
  std::size_t status = 0;
  if (!versioned || line.size() < 12 || !read_number(line.substr(9, 3), 10, status) ||
      status < 100 || status > 599 || (line.size() > 12 && line[12] != ' ') || !is_text(line)) {
    return malformed("its first line is not a status line");
  }
  if (status < 200) return malformed("status " + std::to_string(status) + ", which nobody asked");
  response_.status = static_cast<int>(status);
  response_.keep_alive = line[7] == '1';
  state_ = State::kHeaders;
  return {};
}

Result<void> ResponseParser::take_header(std::string_view line) {
  const auto colon = line.find(':');
  const bool named =
      colon != std::string_view::npos && colon > 0 &&
      std::all_of(line.begin(), line.begin() + static_cast<long>(colon), is_token_char);
  if (!named || !is_text(line)) return malformed("a header has no name");
  const std::string name = lowered(line.substr(0, colon));
  const std::string value = lowered(trimmed(line.substr(colon + 1)));
  if (name == "content-length") return take_length(value);
  if (name == "transfer-encoding") {
    if (value != "chunked" || chunked_) return malformed("an unknown transfer encoding");
    chunked_ = true;
  }
  if (name == "connection" && value == "close") response_.keep_alive = false;
  return {};
}

Result<void> ResponseParser::take_length(std::string_view value) {
  std::size_t length = 0;
  if (!read_number(value, 10, length)) return malformed("its length is not a number");
  if (has_length_ && length != length_) return malformed("it gives two lengths");
  has_length_ = true;
  length_ = length;
  return check_body_size(length);
}

Result<void> ResponseParser::end_headers() {
  const bool bodiless = response_.status == 204 || response_.status == 304;
  if (chunked_ && has_length_) return malformed("it has a length and chunks");
  if (bodiless && (chunked_ || length_ != 0)) return malformed("a body where there can be none");
  if (!bodiless && !chunked_ && !has_length_) return malformed("it does not say how long it is");
  if (chunked_) {
    state_ = State::kChunkSize;
  } else {
    state_ = length_ == 0 ? State::kDone : State::kBody;
  }
  return {};
}

Result<void> ResponseParser::take_chunk_size(std::string_view line) {
  const auto digits = trimmed(line.substr(0, line.find(';')));
  std::size_t size = 0;
  if (!read_number(digits, 16, size)) return malformed("a chunk's size is not a number");
  FCVM_TRY(check_body_size(size));
  FCVM_TRY(check_body_size(response_.body.size() + size));
  length_ = size;
  // Many chunks are no long head; what counts then is the body.
  head_ = 0;
  state_ = size == 0 ? State::kTrailers : State::kChunkData;
  return {};
}

}  // namespace fcvm::firecracker
