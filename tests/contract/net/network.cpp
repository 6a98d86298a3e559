// See network.hpp.
#include "tests/contract/net/network.hpp"

#include <algorithm>
#include <dlfcn.h>

#include "core/base/io/file.hpp"
#include "core/base/io/pipe.hpp"
#include "core/base/io/poll.hpp"
#include "core/base/io/socket_pair.hpp"
#include "core/base/net/address.hpp"
#include "core/base/process/spawn.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/shell_code.hpp"

namespace fcvm::test {

namespace {

constexpr int kHelperSocket = 3;

template <typename T>
T must(Result<T> result) {
  if (!result) FAIL(result.error().message());
  return *std::move(result);
}
/// One for all: libnftables knows no descriptor beyond 1023, and tests have a hundred networks.
plugin::ProcessKeeper& keeper() {
  static plugin::ProcessKeeper all;
  return all;
}

void must(Result<void> result) {
  if (!result) FAIL(result.error().message());
}

const fcvm_plugin* plugin_at(const std::string& object) {
  void* handle = ::dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) FAIL(::dlerror());
  return reinterpret_cast<fcvm_plugin_entry_fn>(::dlsym(handle, FCVM_ENTRY_SYMBOL))();
}

const char* text_or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

void await_ok(const base::Fd& socket) {
  must(base::wait_readable(socket.get(), base::Deadline::in(std::chrono::seconds(60))));
  REQUIRE(must(base::receive_fds(socket.get(), 1, 0)).bytes == "k");
}

base::Fd open_tap_of(const Network& network) {
  auto sockets = must(base::SocketPair::create(SOCK_SEQPACKET));
  base::SpawnOptions options;
  options.argv = {FCVM_TEST_FAKE_GUEST, "tap", network.attachment().tap};
  options.namespaces = network.namespaces();
  options.extra_fds = {{sockets.second.get(), kHelperSocket}};
  base::Child child = must(base::spawn(options));
  sockets.second.reset();
  auto received = must(base::receive_fds(sockets.first.get(), 1, 1));
  REQUIRE(received.fds.size() == 1);
  must(child.wait());
  return std::move(received.fds.front());
}

}  // namespace

Result<void> MemoryState::put(std::string_view, const std::string& key, const std::string& value) {
  const auto at =
      std::find_if(entries.begin(), entries.end(), [&](auto& e) { return e.first == key; });
  if (at == entries.end()) {
    entries.emplace_back(key, value);
  } else {
    at->second = value;
  }
  return {};
}

Result<void> MemoryState::forget(std::string_view, const std::string& key) {
  std::erase_if(entries, [&](const auto& entry) { return entry.first == key; });
  return {};
}

std::vector<std::pair<std::string, std::string>> MemoryState::list(std::string_view) {
  return entries;
}

Result<base::Fd> MemoryState::directory() { return fail(ENOTSUP, "this test has no directory"); }

Result<void> FileState::put(std::string_view, const std::string& key, const std::string& value) {
  return base::write_file_atomic(path_, key + "\n" + value);
}

MemoryState read_state(const std::string& path) {
  MemoryState state;
  const auto text = base::read_file(path);
  if (!text) return state;
  const auto line = text->find('\n');
  state.entries.emplace_back(text->substr(0, line), text->substr(line + 1));
  return state;
}

Network::Network(const Backend& backend, MemoryState* state)
    : host_("net." + backend.name,
            {&keeper(), nullptr, state == nullptr ? &own_state_ : state, nullptr}),
      texts_(backend.texts),
      plugin_(plugin_at(backend.object)) {
  take_settings();
  verbs_ = sized_copy(static_cast<const fcvm_net_v1*>(plugin_->verbs(FCVM_KIND_NET)));
  error_ = sized<fcvm_error>();
  attachment_ = sized<fcvm_net_attachment>();
  REQUIRE(plugin_->create(host_.get(), &settings_, &instance_, &error_) == 0);
}

void Network::take_settings() {
  for (const auto& [name, value] : texts_) {
    auto row = sized<fcvm_setting>();
    row.name = name.c_str();
    row.type = FCVM_OPTION_TEXT;
    row.text = value.c_str();
    setting_rows_.push_back(row);
  }
  for (const auto& row : setting_rows_) setting_pointers_.push_back(&row);
  settings_ = sized<fcvm_settings>();
  settings_.items = setting_pointers_.data();
  settings_.count = static_cast<std::uint32_t>(setting_pointers_.size());
}

Network::~Network() {
  plugin_->destroy(&instance_);
  close_namespaces();
}

void Network::close_namespaces() {
  base::Fd(net_namespace()).reset();
  base::Fd(user_namespace()).reset();
  attachment_.flags = 0;
}

int Network::attach(const Request& request, std::int64_t deadline_ms) {
  auto raw = sized<fcvm_net_request>();
  raw.flags = request.flags;
  raw.vm_id = request.vm_id.c_str();
  raw.mac = text_or_null(request.mac);
  raw.ipv4 = text_or_null(request.ipv4);
  raw.ipv6 = text_or_null(request.ipv6);
  raw.mtu = request.mtu;
  std::vector<const char*> dns;
  for (const auto& server : request.dns) dns.push_back(server.c_str());
  raw.dns = dns.data();
  raw.dns_count = static_cast<std::uint32_t>(dns.size());
  std::vector<const fcvm_publish*> publish;
  for (const auto& one : request.publish) publish.push_back(&one);
  raw.publish = publish.data();
  raw.publish_count = static_cast<std::uint32_t>(publish.size());
  std::vector<const fcvm_net_opening*> openings;
  for (const auto& one : request.openings) openings.push_back(&one);
  raw.openings = openings.data();
  raw.opening_count = static_cast<std::uint32_t>(openings.size());
  raw.rate_in = request.rate_in;
  raw.rate_out = request.rate_out;
  raw.ipv6_prefix = text_or_null(request.ipv6_prefix);
  dns_.clear();
  published_.clear();
  auto given = sized<fcvm_net_attachment>();
  const auto report = this->report();
  const int code = verbs_.attach(instance_, &raw, in_ms(deadline_ms), &given, &report, &error_);
  if (code != 0) return code;
  close_namespaces();
  attachment_ = given;
  return 0;
}

int Network::detach(std::int64_t deadline_ms) {
  close_namespaces();
  return verbs_.detach(instance_, in_ms(deadline_ms), &error_);
}

int Network::recover() {
  if (plugin_->recover == nullptr) return 0;  // it records nothing
  return plugin_->recover(host_.get(), &settings_, in_ms(kLongMs), &error_);
}

int Network::dial(std::uint32_t protocol, std::uint16_t port, base::Fd& fd,
                  std::int64_t deadline_ms) {
  std::int32_t raw = -1;
  auto error = sized<fcvm_error>();  // of this thread's own
  const int code = verbs_.dial(instance_, protocol, port, in_ms(deadline_ms), &raw, &error);
  if (code == 0) fd = base::Fd(raw);
  return code;
}

int Network::publish(const fcvm_publish& wanted) {
  const auto report = this->report();
  return verbs_.publish(instance_, &wanted, in_ms(kLongMs), &report, &error_);
}

fcvm_net_report Network::report() {
  auto made = sized<fcvm_net_report>();
  made.context = this;
  made.dns = [](void* context, const char* server) {
    static_cast<Network*>(context)->dns_.emplace_back(server);
  };
  made.published = [](void* context, const fcvm_published* raw) {
    const auto port = sized_copy(raw);
    static_cast<Network*>(context)->published_.push_back(
        {port.protocol, port.address, port.host_port, port.guest_port, port.count});
  };
  return made;
}

int Network::net_namespace() const {
  return fd_of(attachment_.flags, FCVM_NET_HAS_NET_NAMESPACE, attachment_.net_namespace_fd);
}

int Network::user_namespace() const {
  return fd_of(attachment_.flags, FCVM_NET_HAS_USER_NAMESPACE, attachment_.user_namespace_fd);
}

int Network::unpublish(const fcvm_publish& unwanted) {
  return verbs_.unpublish(instance_, &unwanted, in_ms(kLongMs), &error_);
}

int Network::health(int& fd) {
  fd = -1;
  return verbs_.health(instance_, &fd, &error_);
}

fcvm_probe Network::probe() {
  auto answer = sized<fcvm_probe>();
  REQUIRE(plugin_->probe(host_.get(), &settings_, in_ms(kLongMs), &answer, &error_) == 0);
  return answer;
}

std::vector<base::NamespaceFd> Network::namespaces() const {
  std::vector<base::NamespaceFd> entered;
  if (user_namespace() >= 0) {
    entered.push_back({base::NamespaceKind::kUser, user_namespace()});
  }
  entered.push_back({base::NamespaceKind::kNet, net_namespace()});
  return entered;
}

FakeGuest::FakeGuest(const Network& network) {
  const auto& given = network.attachment();
  auto sockets = must(base::SocketPair::create(SOCK_SEQPACKET));
  base::SpawnOptions options;
  options.argv = {FCVM_TEST_FAKE_GUEST,      "guest",          given.mac,
                  std::to_string(given.mtu), given.guest_ipv4, given.gateway_ipv4};
  if (given.guest_ipv6[0] != '\0') {
    options.argv.insert(options.argv.end(), {given.guest_ipv6, given.gateway_ipv6});
  }
  options.extra_fds = {{sockets.second.get(), kHelperSocket}};
  child_ = std::make_unique<base::Child>(must(base::spawn(options)));
  sockets.second.reset();
  socket_ = std::move(sockets.first);
  await_ok(socket_);
  move_to(network);
}

void FakeGuest::move_to(const Network& network) {
  must(base::send_fds(socket_.get(), "u", {}));
  await_ok(socket_);
  const base::Fd tap = open_tap_of(network);
  const int fds[] = {tap.get()};
  must(base::send_fds(socket_.get(), "p", fds));
  await_ok(socket_);
}

FakeGuest::Output FakeGuest::run(const std::vector<std::string>& words) {
  auto pipe = must(base::Pipe::create());
  const auto net = must(base::Namespace::of_process(child_->pid(), base::NamespaceKind::kNet));
  const auto user = must(base::Namespace::of_process(child_->pid(), base::NamespaceKind::kUser));
  const auto mine = must(base::Namespace::of_this_thread(base::NamespaceKind::kUser));
  base::SpawnOptions options;
  options.argv = words;
  options.stdin_fd = base::kDevNull;
  options.stdout_fd = options.stderr_fd = pipe.write_end.get();
  if (!must(user.same_as(mine))) options.namespaces.push_back(user.borrow());
  options.namespaces.push_back(net.borrow());
  base::Child child = must(base::spawn(options));
  pipe.write_end.reset();
  std::string text = must(base::read_all(pipe.read_end.get(), 1 << 20));
  return {std::move(text), shell_code(must(child.wait()))};
}

std::string FakeGuest::ask_stream(const std::string& address, std::uint16_t port) {
  const std::string where = address + "/" + std::to_string(port);
  return shell("exec timeout 60 bash -c 'exec 3<>/dev/tcp/" + where + " && cat <&3'").text;
}

std::string FakeGuest::ask_datagram(const std::string& address, std::uint16_t port) {
  const std::string where = address + "/" + std::to_string(port);
  return shell("exec 3<>/dev/udp/" + where +
               " && for i in 1 2 3 4 5 6; do echo q >&3; "
               "timeout 5 dd bs=65536 count=1 status=none <&3 && break; done")
      .text;
}

fcvm_publish port(std::uint16_t host, std::uint32_t protocol, const char* address) {
  auto one = sized<fcvm_publish>();
  one.protocol = protocol;
  one.address = address;
  one.host_port = host;
  one.guest_port = kEcho;
  one.count = 1;
  return one;
}

std::string through(const std::string& address, std::uint16_t number, std::uint32_t protocol) {
  const auto to = base::IpAddress::parse(address);
  REQUIRE(to);
  sockaddr_storage raw;
  const socklen_t length = to->to_sockaddr(number, raw);
  const int type = protocol == FCVM_PROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
  const base::Fd socket(::socket(to->family, type | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&raw), length) != 0) return {};
  return exchange(socket, "published", 9);
}

std::string exchange(const base::Fd& stream, const std::string& said, std::size_t size) {
  must(base::write_all(stream.get(), said));
  std::string heard;
  const auto deadline = base::Deadline::in(std::chrono::seconds(30));
  while (heard.size() < size) {
    char buffer[65536];
    must(base::wait_readable(stream.get(), deadline));
    const ssize_t got = ::read(stream.get(), buffer, std::min(sizeof buffer, size - heard.size()));
    if (got <= 0) break;
    heard.append(buffer, static_cast<std::size_t>(got));
  }
  return heard;
}

}  // namespace fcvm::test
