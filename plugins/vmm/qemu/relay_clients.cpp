// The guest socket of relay.hpp: Firecracker's words, "CONNECT <port>\n" and "OK <n>\n".
#include <charconv>
#include <sys/socket.h>

#include "plugins/vmm/qemu/relay.hpp"

namespace fcvm::qemu {

namespace {

constexpr std::string_view kConnect = "CONNECT ";
constexpr std::size_t kLongestLine = 32;

}  // namespace

void Relay::accept_client() {
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (fd) {
    clients_[++last_client_].fd = std::move(fd);
  } else if (errno == EMFILE || errno == ENFILE) {
    no_descriptors_ = true;  // the client stays in the backlog; look again a little later
  }
}

/// Byte by byte: what follows the line is the stream's.
void Relay::read_client(std::uint32_t id) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  for (char byte = 0; byte != '\n';) {
    const ssize_t count = ::recv(client.fd.get(), &byte, 1, MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0 || client.line.size() >= kLongestLine) {
      clients_.erase(found);
      return;
    }
    client.line += byte;
  }
  (void)connect_client(client);  // one that was not connected is closed, which is how it is told
  clients_.erase(found);
}

bool Relay::connect_client(Client& client) {
  const std::string_view line(client.line);
  if (line.substr(0, kConnect.size()) != kConnect) return false;
  std::uint32_t port = 0;
  const char* end = line.data() + line.size() - 1;
  const auto parsed = std::from_chars(line.data() + kConnect.size(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return false;
  const auto id = mux_.open(port);
  if (id) streams_[*id].fd = std::move(client.fd);
  return id.has_value();
}

}  // namespace fcvm::qemu
