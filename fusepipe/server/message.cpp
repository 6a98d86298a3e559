// See message.hpp.
#include "fusepipe/server/message.hpp"

#include <algorithm>

namespace fcvm::fusepipe {

namespace {

std::optional<std::uint32_t> supplementary_group(Arguments extensions) {
  while (const auto header = extensions.take<fuse_ext_header>()) {
    if (header->size < sizeof *header) return std::nullopt;
    const std::size_t size = header->size - sizeof *header;
    const auto rest = extensions.rest();
    if (size > rest.size()) return std::nullopt;
    if (header->type == kExtensionGroups) {
      Arguments groups(rest.first(size));
      const auto count = groups.take<std::uint32_t>();
      return count && *count == 1 ? groups.take<std::uint32_t>() : std::nullopt;
    }
    extensions = Arguments(rest.subspan(size));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> Arguments::text() {
  const auto zero = std::find(rest_.begin(), rest_.end(), std::byte{0});
  if (zero == rest_.end()) return std::nullopt;
  const auto size = static_cast<std::size_t>(zero - rest_.begin());
  std::string value(reinterpret_cast<const char*>(rest_.data()), size);
  rest_ = rest_.subspan(size + 1);
  return value;
}

std::optional<std::string> Arguments::name() {
  auto value = text();
  if (!value || value->empty() || *value == "." || *value == "..") return std::nullopt;
  if (value->find('/') != std::string::npos) return std::nullopt;
  return value;
}

std::optional<Request> Request::parse(std::span<const std::byte> message) {
  Arguments all(message);
  const auto header = all.take<fuse_in_header>();
  if (!header) return std::nullopt;
  const std::size_t extensions = std::size_t{header->total_extlen} * 8;
  const auto rest = all.rest();
  if (extensions > rest.size()) return std::nullopt;
  Request request{*header, Arguments(rest.first(rest.size() - extensions)), std::nullopt};
  if (extensions > 0) request.group = supplementary_group(Arguments(rest.last(extensions)));
  return request;
}

Reply::Reply() : buffer_(new std::byte[kMaxMessage]) {}

std::span<std::byte> Reply::space(std::size_t size) {
  if (size > kMaxMessage - size_) return {};
  return {buffer_.get() + size_, size};
}

void Reply::add(std::span<const std::byte> bytes) {
  const auto into = space(bytes.size());
  if (into.empty()) return;
  std::copy(bytes.begin(), bytes.end(), into.begin());
  used(bytes.size());
}

std::span<const std::byte> Reply::finish(std::uint64_t unique, int error) {
  if (error != 0) clear();
  const fuse_out_header header{static_cast<std::uint32_t>(size_), -error, unique};
  std::memcpy(buffer_.get(), &header, sizeof header);
  return {buffer_.get(), size_};
}

}  // namespace fcvm::fusepipe
