// See response.hpp.
#include "plugins/readiness/http/response.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <utility>

namespace fcvm::readiness {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& one : out) {
    one = static_cast<char>(std::tolower(static_cast<unsigned char>(one)));
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

template <typename Number>
std::optional<Number> whole_number(std::string_view text, int base) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number, base);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace

Result<void> Response::feed(std::string_view bytes) {
  while (!bytes.empty() && part_ != Part::kDone) {
    if (part_ == Part::kBody || part_ == Part::kChunk) {
      bytes.remove_prefix(FCVM_TRY(take_body(bytes)));
      continue;
    }
    const auto newline = bytes.find('\n');
    line_.append(bytes.substr(0, newline));
    head_bytes_ += std::min(bytes.size(), newline);
    if (head_bytes_ > kMostHead) return fail(EMSGSIZE, "the answer's head is larger than 32 KiB");
    if (newline == std::string_view::npos) return {};
    bytes.remove_prefix(newline + 1);
    std::string line = std::exchange(line_, {});
    if (line.ends_with('\r')) line.pop_back();
    FCVM_TRY(take_line(std::move(line)));
  }
  return {};
}

Result<void> Response::take_line(std::string line) {
  switch (part_) {
    case Part::kHead:
      if (!status_ && !interim_) return take_status(line);
      if (!line.empty()) return take_field(line);
      head_ends();
      return {};
    case Part::kChunkSize:
      return take_chunk_size(line);
    case Part::kChunkEnd:
      if (!line.empty()) return fail(EPROTO, "a chunk of the answer is longer than it says");
      part_ = Part::kChunkSize;
      return {};
    case Part::kTrailer:
      if (line.empty()) part_ = Part::kDone;
      return {};
    case Part::kBody:
    case Part::kChunk:
    case Part::kDone:
      return {};
  }
  return {};
}

Result<void> Response::take_status(std::string_view line) {
  const bool is_http = line.substr(0, 7) == "HTTP/1." && line.size() >= 12 && line[8] == ' ' &&
                       (line.size() == 12 || line[12] == ' ');
  const auto status = is_http ? whole_number<int>(line.substr(9, 3), 10) : std::nullopt;
  if (!status || *status < 100) return fail(EPROTO, "the answer is no HTTP");
  interim_ = *status < 200 && *status != 101;
  if (!interim_) status_ = status;
  return {};
}

Result<void> Response::take_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail(EPROTO, "the answer's head has a line that is no field");
  }
  const std::string name = lower(line.substr(0, colon));
  const std::string value = lower(trimmed(line.substr(colon + 1)));
  if (name == "transfer-encoding") chunked_ = value.ends_with("chunked");
  if (name != "content-length") return {};
  length_ = whole_number<std::uint64_t>(value, 10);
  if (!length_) return fail(EPROTO, "the answer's Content-Length is no number");
  return {};
}

void Response::head_ends() {
  if (std::exchange(interim_, false)) {
    chunked_ = false;
    length_.reset();
    return;
  }
  const bool has_none = *status_ == 204 || *status_ == 304 || *status_ == 101;
  if (has_none || (!chunked_ && length_ == 0)) {
    part_ = Part::kDone;
  } else if (chunked_) {
    part_ = Part::kChunkSize;
  } else {
    left_ = length_.value_or(UINT64_MAX);  // else it is what comes until the end
    part_ = Part::kBody;
  }
}

Result<void> Response::take_chunk_size(std::string_view line) {
  const auto size = whole_number<std::uint64_t>(trimmed(line.substr(0, line.find(';'))), 16);
  if (!size) return fail(EPROTO, "the size of a chunk of the answer is no number");
  left_ = *size;
  part_ = left_ == 0 ? Part::kTrailer : Part::kChunk;
  return {};
}

Result<std::size_t> Response::take_body(std::string_view bytes) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_));
  body_bytes_ += size;
  if (body_bytes_ > kMostBody) return fail(EMSGSIZE, "the answer's body is larger than 1 MiB");
  on_body_(bytes.substr(0, size));
  left_ -= size;
  if (left_ == 0) part_ = part_ == Part::kBody ? Part::kDone : Part::kChunkEnd;
  return size;
}

Result<void> Response::finish() {
  const bool lasts_to_the_end = part_ == Part::kBody && !length_;
  if (lasts_to_the_end) part_ = Part::kDone;
  if (complete()) return {};
  return fail(EPROTO, head_bytes_ == 0 ? "the connection was closed without an answer"
                                       : "the connection was closed in the middle of the answer");
}

}  // namespace fcvm::readiness
