// The metadata service of firecracker_on_qemu: MMDS version 2, at its address in this process's own
// network namespace, which the guest's packets reach through the tap. Needs root there.
#include <arpa/inet.h>
#include <cstdlib>
#include <sstream>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "core/base/io/fd.hpp"
#include "tests/support/fake_firecracker/machine.hpp"

namespace fake {

namespace {

constexpr const char* kAddress = "169.254.169.254";
constexpr const char* kToken = "c3RhbmQtaW4=";

std::string answer(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " \r\nServer: Firecracker API\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string respond(const std::string& head, const Json& document) {
  std::istringstream first(head);
  std::string method;
  std::string path;
  first >> method >> path;
  if (method == "PUT" && path == "/latest/api/token") {
    const bool timed = head.find("X-metadata-token-ttl-seconds: ") != std::string::npos;
    return timed ? answer(200, kToken) : answer(400, "Token time to live value not found.");
  }
  if (head.find(std::string("X-metadata-token: ") + kToken + "\r\n") == std::string::npos) {
    return answer(401, "No MMDS token provided.");
  }
  const Json::json_pointer at(path);
  if (method != "GET" || !document.contains(at)) return answer(404, "Resource not found: " + path);
  return answer(200,
                document[at].is_string() ? document[at].get<std::string>() : document[at].dump());
}

void serve(const fcvm::Fd& client, const Json& document) {
  std::string head;
  for (char byte = 0; ::read(client.get(), &byte, 1) == 1;) {
    head += byte;
    if (head.size() < 4 || head.compare(head.size() - 4, 4, "\r\n\r\n") != 0) continue;
    const std::string text = respond(head, document);
    if (::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
    head.clear();
  }
}

}  // namespace

bool serve_metadata(const Json& document) {
  if (std::system("ip address add 169.254.169.254/32 dev lo") != 0) return false;
  fcvm::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  ::inet_pton(AF_INET, kAddress, &address.sin_addr);
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    return false;
  }
  std::thread([held = std::move(listener), document] {
    for (;;) {
      fcvm::Fd client(::accept4(held.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      std::thread([fd = std::move(client), &document] { serve(fd, document); }).detach();
    }
  }).detach();
  return true;
}

}  // namespace fake
