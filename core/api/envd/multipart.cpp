// See multipart.hpp.
#include "core/api/envd/multipart.hpp"

#include <algorithm>
#include <cstring>

#include "core/api/http/message.hpp"

namespace fcvm::api::envd {
namespace {

constexpr std::size_t kLargestBoundary = 70;  // RFC 2046

constexpr std::string_view kSpaces = " \t";

std::string_view trimmed(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(kSpaces), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

/// Takes the value of a parameter off the front: a word, or a text in quotes. Of backslashes only
/// those count that stand before a quote or another one: browsers send names as they are.
std::string take_value(std::string_view& rest) {
  std::string value;
  if (!rest.starts_with('"')) {
    value = trimmed(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(rest.find(';'), rest.size()));
    return value;
  }
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    const bool escapes = rest.starts_with("\\\"") || rest.starts_with("\\\\");
    if (escapes) rest.remove_prefix(1);
    value += rest.front();
    rest.remove_prefix(1);
  }
  rest.remove_prefix(std::min<std::size_t>(1, rest.size()));
  return value;
}

/// Of `form-data; name="a"; filename="b"`.
std::optional<std::string> parameter_of(std::string_view header, std::string_view wanted) {
  std::string_view rest = header;
  for (;;) {
    const auto next = rest.find(';');
    if (next == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(next + 1);
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = trimmed(rest.substr(0, equals));
    rest = rest.substr(equals + 1);
    auto value = take_value(rest);
    if (http::same_name(name, wanted)) return value;
  }
}

/// The value of a header among the lines of a part's.
std::string_view header_of(std::string_view lines, std::string_view wanted) {
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(line.size() + 2, lines.size()));
    const auto colon = std::min(line.find(':'), line.size());
    if (http::same_name(trimmed(line.substr(0, colon)), wanted)) {
      return trimmed(line.substr(std::min(colon + 1, line.size())));
    }
  }
  return {};
}

Unexpected cut_off() {
  return fail(EINVAL, "the form ends in the middle of a part: its last boundary is missing");
}

}  // namespace

Result<std::string> Multipart::boundary_of(std::string_view content_type) {
  const auto boundary = parameter_of(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kLargestBoundary) {
    return fail(EINVAL, "Content-Type: multipart/form-data names no boundary of 1 to 70 letters");
  }
  return *boundary;
}

// A boundary at the very beginning has no line before it.
Multipart::Multipart(ByteSource source, std::string_view boundary)
    : source_(std::move(source)), delimiter_("\r\n--" + std::string(boundary)), buffer_("\r\n") {}

/// False at the end of the body.
Result<bool> Multipart::fill() {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPiece);
  const auto got = source_({buffer_.data() + before, kPiece});
  buffer_.resize(before + (got ? *got : 0));
  if (!got) return unexpected(got.error());
  return *got > 0;
}

Result<void> Multipart::need(std::size_t size) {
  while (buffer_.size() < size) {
    if (!FCVM_TRY(fill())) return cut_off();
  }
  return {};
}

Result<std::size_t> Multipart::read(std::span<char> into) {
  if (!in_part_) return std::size_t{0};
  FCVM_TRY(need(delimiter_.size()));
  const auto end = buffer_.find(delimiter_);
  if (end == 0) {
    buffer_.erase(0, delimiter_.size());
    in_part_ = false;
    return std::size_t{0};
  }
  // What may be the beginning of a boundary waits for the rest of it.
  const auto sure = end != std::string::npos ? end : buffer_.size() - delimiter_.size() + 1;
  const auto size = std::min(into.size(), sure);
  std::memcpy(into.data(), buffer_.data(), size);
  buffer_.erase(0, size);
  return size;
}

Result<void> Multipart::pass_over() {
  std::string unwanted(kPiece, '\0');
  while (FCVM_TRY(read(unwanted)) > 0) {
  }
  return {};
}

Result<std::string> Multipart::take_headers() {
  for (;;) {
    const auto end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos && end <= kMostHeaderBytes) {
      auto headers = buffer_.substr(0, end);
      buffer_.erase(0, end + 4);
      return headers;
    }
    if (buffer_.size() >= kMostHeaderBytes + 4) {
      return fail(EINVAL, "a part of the form has more than 16 KiB of headers");
    }
    if (!FCVM_TRY(fill())) return cut_off();
  }
}

Result<std::optional<Multipart::Part>> Multipart::next() {
  if (!ended_) FCVM_TRY(pass_over());
  if (!ended_) FCVM_TRY(need(2));
  ended_ = ended_ || buffer_.starts_with("--");
  if (ended_) return std::optional<Part>();
  const auto headers = FCVM_TRY(take_headers());
  const auto disposition = header_of(headers, "Content-Disposition");
  in_part_ = true;
  return std::optional(Part{parameter_of(disposition, "name").value_or(""),
                            parameter_of(disposition, "filename").value_or("")});
}

}  // namespace fcvm::api::envd
