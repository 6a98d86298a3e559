// See address.hpp.
#include "fusepipe/stream/address.hpp"

#include <cerrno>
#include <charconv>
#include <linux/vm_sockets.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"
#include "fusepipe/stream/given_stream.hpp"

namespace fcvm::fusepipe {

namespace {

constexpr std::string_view kForms = "it is unix:PATH, fd:N, given:N or vsock:[CID:]PORT";

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::vector<int>> numbers(std::string_view list) {
  std::vector<int> all;
  for (;;) {
    const std::size_t comma = list.find(',');
    const auto one = number(list.substr(0, comma));
    if (!one || *one > INT32_MAX) return std::nullopt;
    all.push_back(static_cast<int>(*one));
    if (comma == std::string_view::npos) return all;
    list.remove_prefix(comma + 1);
  }
}

Result<base::Fd> vsock(std::uint32_t cid, std::uint32_t port, bool listens) {
  base::Fd socket(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("making a vsock");
  sockaddr_vm name{};
  name.svm_family = AF_VSOCK;
  name.svm_cid = cid;
  name.svm_port = port;
  const auto* address = reinterpret_cast<const sockaddr*>(&name);
  if (listens) {
    if (::bind(socket.get(), address, sizeof name) != 0 || ::listen(socket.get(), SOMAXCONN) != 0) {
      return fail_errno("listening");
    }
  } else if (::connect(socket.get(), address, sizeof name) != 0) {
    return fail_errno("dialing");
  }
  return socket;
}

Result<base::Fd> listen_at_path(const std::string& path) {
  auto listener = base::listen_unix(path);
  if (listener || listener.error().code() != EADDRINUSE) return listener;
  const auto answered = base::connect_unix(path);
  if (answered || answered.error().code() != ECONNREFUSED) return listener;
  // No one is behind it any more: a server that was killed leaves it.
  if (::unlink(path.c_str()) != 0) return fail_errno("removing the dead socket " + path);
  return base::listen_unix(path);
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  Address address;
  address.text_ = text;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto wrong = [&]() -> Result<Address> {
    return fail(EINVAL, "\"" + std::string(text) + "\" is not a stream: " + std::string(kForms));
  };
  if (rest.empty()) return wrong();
  if (kind == "unix") {
    address.path_ = rest;
    return address;
  }
  if (kind == "fd" || kind == "given") {
    address.kind_ = kind == "fd" ? Kind::kFds : Kind::kGiven;
    auto fds = numbers(rest);
    if (!fds || (address.kind_ == Kind::kGiven && fds->size() != 1)) return wrong();
    address.fds_ = std::move(*fds);
    return address;
  }
  if (kind != "vsock") return wrong();
  address.kind_ = Kind::kVsock;
  const std::size_t second = rest.find(':');
  const bool has_cid = second != std::string_view::npos;
  const auto cid = has_cid ? number(rest.substr(0, second)) : VMADDR_CID_HOST;
  const auto port = number(has_cid ? rest.substr(second + 1) : rest);
  if (!cid || !port) return wrong();
  address.cid_ = *cid;
  address.port_ = *port;
  return address;
}

Result<base::Fd> Address::listen() const {
  auto listener = kind_ == Kind::kUnix ? listen_at_path(path_) : vsock(VMADDR_CID_ANY, port_, true);
  return std::move(listener) | context("listening at " + text_);
}

Result<base::Fd> Address::dial() const {
  if (kind_ == Kind::kGiven) {
    FCVM_TRY(ask_for_stream(giver()));
    return take_given_stream(giver());
  }
  auto stream = kind_ == Kind::kUnix ? base::connect_unix(path_) : vsock(cid_, port_, false);
  return std::move(stream) | context("dialing " + text_) |
         remedy("start the other side first: fusepipe serve DIR --listen " + text_);
}

bool is_listening(int fd) {
  int listens = 0;
  socklen_t size = sizeof listens;
  return ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

}  // namespace fcvm::fusepipe
