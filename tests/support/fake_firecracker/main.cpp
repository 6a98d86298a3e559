// A program that passes for Firecracker before the plugin: its command line, its API socket, its
// refusals. `--fake MINOR:MODE[:REQUEST]`, put first by the tests' wrapper, chooses the version
// 1.MINOR.1 (with MINOR "17-dev": 1.17.1-dev) and how it misbehaves:
//   well              not at all
//   die               exits before it opens its socket
//   no-socket         never opens its socket
//   driverless        its guest never takes its devices
//   die-at:REQUEST    exits instead of answering, e.g. "PATCH /vm"
//   mute-at:REQUEST   does not answer it
//   close-at:REQUEST, garbage-at:, flood-at:, drip-at:
//                     closes the connection instead, or answers with noise, with headers without
//                     end, or with a byte now and then
// Every request goes to requests.log in its working directory.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/io/unix_socket.hpp"
#include "tests/support/fake_firecracker/machine.hpp"

namespace {

struct Arguments {
  int minor = 16;
  std::string suffix;  // of the version
  std::string mode = "well";
  std::string request;  // at which it misbehaves
  std::string socket = "/run/firecracker.socket";
  bool version = false;
  bool snapshot_version = false;
};

[[noreturn]] void refuse_argument(const std::string& argument) {
  std::fprintf(stderr, "Error: ParseArguments(UnexpectedArgument(\"%s\"))\n", argument.c_str());
  std::exit(153);
}

void read_fake(const std::string& text, Arguments& arguments) {
  std::istringstream stream(text);
  std::string minor;
  std::getline(stream, minor, ':');
  std::getline(stream, arguments.mode, ':');
  std::getline(stream, arguments.request);
  arguments.minor = std::atoi(minor.c_str());
  arguments.suffix = minor.substr(std::min(minor.find('-'), minor.size()));
}

Arguments read_arguments(int argc, char** argv) {
  static const std::set<std::string> kValues = {"--fake",
                                                "--id",
                                                "--api-sock",
                                                "--log-path",
                                                "--level",
                                                "--metrics-path",
                                                "--http-api-max-payload-size",
                                                "--mmds-size-limit"};
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool takes_value = kValues.count(name) != 0;
    if (takes_value && i + 1 == argc) refuse_argument(name);
    const std::string value = takes_value ? argv[++i] : "";
    if (name == "--fake") {
      read_fake(value, arguments);
    } else if (name == "--api-sock") {
      arguments.socket = value;
    } else if (name == "--version") {
      arguments.version = true;
    } else if (name == "--snapshot-version") {
      arguments.snapshot_version = true;
    } else if (name == "--id") {
      if (value.empty() || value.size() > 64) refuse_argument(name);
    } else if (!takes_value && name != "--no-seccomp" &&
               !(name == "--enable-pci" && arguments.minor >= 13)) {
      refuse_argument(name);
    }
  }
  return arguments;
}

/// One request; false at the end of the connection.
bool read_request(int fd, std::string& head, std::string& body) {
  head.clear();
  for (char byte = 0; head.find("\r\n\r\n") == std::string::npos;) {
    if (::read(fd, &byte, 1) != 1) return false;
    head += byte;
  }
  const auto at = head.find("Content-Length: ");
  const std::size_t length =
      at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 16, nullptr, 10);
  body.resize(length);
  for (std::size_t done = 0; done < length;) {
    const ssize_t count = ::read(fd, body.data() + done, length - done);
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool send_all(int fd, const std::string& bytes) {
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

/// As a Firecracker would whom its guest has taken over; true when the connection is to be closed.
bool misbehave(int fd, const Arguments& arguments, const std::string& request) {
  if (arguments.request != request) return false;
  if (arguments.mode == "die-at") {
    std::fputs("thread 'main' panicked at fake\n", stderr);
    std::exit(1);
  }
  if (arguments.mode == "mute-at") ::pause();
  if (arguments.mode == "garbage-at") {
    std::minstd_rand noise;
    std::string bytes(4096, '\0');
    for (char& byte : bytes) byte = static_cast<char>(noise());
    (void)send_all(fd, bytes);
  }
  if (arguments.mode == "flood-at" && send_all(fd, "HTTP/1.1 200 \r\n")) {
    while (send_all(fd, "X-More: " + std::string(1000, 'x') + "\r\n")) continue;
  }
  if (arguments.mode == "drip-at" && send_all(fd, "HTTP/1.1 200 \r\nX-Slow: ")) {
    while (send_all(fd, "x")) ::usleep(10'000);
  }
  return true;
}

void answer(int fd, const fake::Answer& given) {
  std::string text = given.status == 204   ? "HTTP/1.1 204 \r\n"
                     : given.status == 200 ? "HTTP/1.1 200 \r\n"
                                           : "HTTP/1.1 400 \r\n";
  text += "Server: Firecracker API\r\nConnection: keep-alive\r\n";
  if (!given.body.empty()) {
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(given.body.size()) +
        "\r\n";
  }
  text += "\r\n" + given.body;
  (void)::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
  if (given.then_exit) std::exit(1);
}

void serve(int fd, fake::Machine& machine, const Arguments& arguments) {
  std::string head;
  std::string body;
  while (read_request(fd, head, body)) {
    std::istringstream first(head);
    std::string method;
    std::string path;
    first >> method >> path;
    std::ofstream("requests.log", std::ios::app) << method << " " << path << " " << body << "\n";
    if (misbehave(fd, arguments, method + " " + path)) return;
    std::optional<fake::Json> json;
    if (!body.empty()) json = fake::Json::parse(body, nullptr, false);
    answer(fd, machine.handle(method, path, json));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = read_arguments(argc, argv);
  const std::string version = "1." + std::to_string(arguments.minor) + ".1" + arguments.suffix;
  if (arguments.version) {
    std::printf("Firecracker v%s\n\n", version.c_str());
    return 0;
  }
  if (arguments.snapshot_version) {
    std::printf("v%d.0.0\n", arguments.minor);
    return 0;
  }
  if (arguments.mode == "die") {
    std::fputs("Error: SeccompFilter(the fake dies)\n", stderr);
    return 1;
  }
  if (arguments.mode == "no-socket") ::pause();
  std::puts("the fake's serial console");
  std::fflush(stdout);
  auto listener = fcvm::base::listen_unix(arguments.socket);
  if (!listener) {
    std::fputs("Error: RunWithApi(FailedToBindSocket(\"Address in use\"))\n", stderr);
    return 1;
  }
  fake::Machine machine(arguments.minor, version,
                        fake::Table::load(FAKE_FIRECRACKER_TABLE, arguments.minor),
                        arguments.mode != "driverless");
  while (auto client = fcvm::base::accept_connection(listener->get())) {
    serve(client->get(), machine, arguments);
  }
  return 0;
}
