// See publisher.hpp.
#include "plugins/net/common/publisher.hpp"

#include <algorithm>
#include <iterator>
#include <sys/socket.h>

#include "core/base/io/socket_pair.hpp"
#include "plugins/net/common/confinement.hpp"
#include "plugins/net/common/helper_program.hpp"

namespace fcvm::net {

namespace {

constexpr const char* kProgram = "fcvm-forward";

/// How many of the listeners, from the first, one request can carry: their guest ports follow each
/// other.
std::size_t run_length(std::span<const Listener> listeners) {
  std::size_t length = 1;
  while (length < listeners.size() && length < forward::kMostPorts &&
         listeners[length].guest_port == listeners[length - 1].guest_port + 1) {
    ++length;
  }
  return length;
}

Result<Fd> duplicate(int fd) {
  if (fd < 0) return Fd();
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("keeping a namespace for the port forwarder");
  return copy;
}

/// Of the listeners of one range.
Published as_taken(const std::vector<Listener>& bound) {
  const Listener& first = bound.front();
  return {first.key.protocol, first.key.address, first.key.port, first.guest_port,
          static_cast<std::uint16_t>(bound.size())};
}

Unexpected published_already(const PortKey& key) {
  return fail(EADDRINUSE, "publishing " + describe(key) + ": this VM publishes that port already",
              "give each port of the host once");
}

}  // namespace

Result<void> Publisher::reserve(const fcvm_net_request& request) {
  const std::string vm_id = request.vm_id == nullptr ? "" : request.vm_id;
  LoopbackAddress own = FCVM_TRY(LoopbackAddress::take(vm_id));
  if (!own.is_locked()) {
    host_.warning(
        "somebody holds the names by which VMs share loopback addresses out; this VM takes " +
        own.text() + " all the same, which may be another VM's");
  }
  {
    const std::lock_guard lock(mutex_);
    own_address_ = std::move(own);
  }
  for (std::uint32_t i = 0; i < request.publish_count; ++i) {
    auto range = parse_range(sized_copy(request.publish[i]), own_address_.text());
    auto bound = range ? bind_all(*range) : unexpected(std::move(range).error());
    if (!bound) {
      stop();
      return unexpected(std::move(bound).error());
    }
    reserved_ports_.push_back(as_taken(*bound));
    std::move(bound->begin(), bound->end(), std::back_inserter(reserved_));
  }
  return {};
}

Result<std::vector<Listener>> Publisher::bind_all(const PortRange& range) const {
  for (std::uint16_t i = 0; i < range.count && range.host_port != 0; ++i) {
    const PortKey key = range.key(i);
    const bool ours = published_.count(key) != 0 ||
                      std::any_of(reserved_.begin(), reserved_.end(),
                                  [&](const Listener& one) { return one.key == key; });
    if (ours) return published_already(key);
  }
  return bind_range(range);
}

Result<void> Publisher::start(const ForwardTarget& target, const Call& call) {
  auto started = keep(target);
  if (started && !reserved_.empty()) started = hand_over(reserved_, call);
  reserved_.clear();
  if (!started) stop();
  return started;
}

/// Remembers whom to forward to, since the first port may be published much later.
Result<void> Publisher::keep(const ForwardTarget& target) {
  guest_addresses_.clear();
  for (const std::string& address : {target.guest_ipv4, target.guest_ipv6}) {
    if (!address.empty()) guest_addresses_.push_back(address.substr(0, address.find('/')));
  }
  user_namespace_ = FCVM_TRY(duplicate(target.user_namespace_fd));
  net_namespace_ = FCVM_TRY(duplicate(target.net_namespace_fd));
  return {};
}

Result<Published> Publisher::publish(const fcvm_publish& wanted, const Call& call) {
  if (!net_namespace_) return fail(EINVAL, "publishing a port of a VM without a network");
  const PortRange range = FCVM_TRY(parse_range(wanted, own_address_.text()));
  const std::vector<Listener> bound = FCVM_TRY(bind_all(range));
  FCVM_TRY(hand_over(bound, call));
  return as_taken(bound);
}

/// All or nothing. What is ours is closed by the caller: the forwarder has its own copies.
Result<void> Publisher::hand_over(const std::vector<Listener>& listeners, const Call& call) {
  if (!forwarder_) FCVM_TRY(spawn_forwarder(call));
  const std::uint32_t first_id = last_id_ + 1;
  last_id_ += static_cast<std::uint32_t>(listeners.size());
  for (std::size_t done = 0; done < listeners.size();) {
    const auto rest = std::span(listeners).subspan(done);
    const auto run = rest.first(run_length(rest));
    const auto added = add(run, first_id + static_cast<std::uint32_t>(done), call);
    done += run.size();
    if (added) continue;
    // The last run too: its reply may just have come too late.
    withdraw(first_id, static_cast<std::uint16_t>(done));
    return added;
  }
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    published_[listeners[i].key] = {listeners[i].guest_port,
                                    first_id + static_cast<std::uint32_t>(i)};
  }
  return {};
}

Result<void> Publisher::unpublish(const fcvm_publish& unwanted, const Call& call) {
  const PortRange range = FCVM_TRY(parse_range(unwanted, own_address_.text()));
  for (std::uint16_t i = 0; i < range.count; ++i) {
    const auto found = published_.find(range.key(i));
    if (found == published_.end() || found->second.guest_port != range.guest_port + i) {
      return fail(ENOENT,
                  describe(range.key(i)) + " does not lead to port " +
                      std::to_string(range.guest_port + i) + " of this VM",
                  "`fcvm port` lists what is published");
    }
  }
  for (std::uint16_t done = 0; done < range.count;) {
    const std::uint32_t id = published_.at(range.key(done)).id;
    std::uint16_t run = 1;  // ports published together have names that follow each other
    while (done + run < range.count &&
           published_.at(range.key(static_cast<std::uint16_t>(done + run))).id == id + run) {
      ++run;
    }
    FCVM_TRY(remove(id, run, call));
    const std::lock_guard lock(mutex_);
    for (; run > 0; --run) published_.erase(range.key(done++));
  }
  return {};
}

void Publisher::stop() {
  Process ending;
  {
    const std::lock_guard lock(mutex_);
    ending = std::move(forwarder_);
    published_.clear();
    own_address_ = {};
  }
  ending.stop(std::chrono::nanoseconds(0));
  reserved_.clear();
  reserved_ports_.clear();
  control_.reset();
  user_namespace_.reset();
  net_namespace_.reset();
}

std::string Publisher::host_address() const {
  const std::lock_guard lock(mutex_);
  return own_address_.text();
}

std::vector<Published> Publisher::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<Published> ports;
  for (const auto& [key, forwarded] : published_) {
    ports.push_back({key.protocol, key.address, key.port, forwarded.guest_port});
  }
  return ports;
}

Result<int> Publisher::health() const {
  const std::lock_guard lock(mutex_);
  if (!forwarder_) return -1;
  if (forwarder_.status().running == 0) return unexpected(ended());
  return forwarder_.pidfd();
}

Error Publisher::ended() const {
  const auto status = forwarder_.status();
  std::string how = "it has closed its control socket";
  if (status.exit_signal != 0) how = "signal " + std::to_string(status.exit_signal) + " ended it";
  if (status.running == 0 && status.exit_signal == 0)
    how = "it exited with " + std::to_string(status.exit_code);
  return Error(EPIPE, std::string("the port forwarder (") + kProgram + ") is gone: " + how,
               "start the VM again: its published ports cannot be reached");
}

Result<void> Publisher::spawn_forwarder(const Call& call) {
  FCVM_TRY(call.check());
  const std::string program = FCVM_TRY(helper_program(kProgram));
  auto ends = FCVM_TRY(base::SocketPair::create(SOCK_SEQPACKET));
  std::vector<std::string> words = {program};
  words.insert(words.end(), guest_addresses_.begin(), guest_addresses_.end());
  const fcvm_passed_fd passed[] = {{ends.second.get(), forward::kControlFd}};
  ProcessSpec spec;
  spec.name = kProgram;
  // Root enters the network's directly: in the user namespace there is nobody but root to be.
  if (!may_enter_namespaces()) spec.in_user_namespace(user_namespace_.get());
  spec.in_net_namespace(net_namespace_.get());
  spec.passed = passed;
  spec.passed_count = 1;
  Process started = FCVM_TRY(host_.spawn(words, spec) | context("starting the port forwarder"));
  control_ = std::move(ends.first);
  const std::lock_guard lock(mutex_);
  forwarder_ = std::move(started);
  return {};
}

Result<void> Publisher::add(std::span<const Listener> listeners, std::uint32_t id,
                            const Call& call) {
  forward::Request request;
  request.verb = forward::Verb::kAdd;
  request.id = id;
  request.guest_port = listeners.front().guest_port;
  request.count = static_cast<std::uint16_t>(listeners.size());
  std::vector<int> sockets;
  for (const Listener& listener : listeners) sockets.push_back(listener.socket.get());
  return ask(request, sockets, call) | context("publishing " + describe(listeners.front().key));
}

Result<void> Publisher::remove(std::uint32_t id, std::uint16_t count, const Call& call) {
  forward::Request request;
  request.verb = forward::Verb::kRemove;
  request.id = id;
  request.count = count;
  return ask(request, {}, call) | context("taking back a published port");
}

/// Without waiting, since the deadline may have passed: the reply is skipped by the next request.
void Publisher::withdraw(std::uint32_t id, std::uint16_t count) {
  forward::Request request;
  request.verb = forward::Verb::kRemove;
  request.sequence = ++last_sequence_;
  request.id = id;
  request.count = count;
  const std::string bytes = forward::encode(request);
  [[maybe_unused]] const auto sent =
      ::send(control_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

Result<void> Publisher::ask(forward::Request request, std::span<const int> sockets,
                            const Call& call) {
  request.sequence = ++last_sequence_;
  FCVM_TRY(call.wait(control_.get(), POLLOUT));
  auto sent = base::send_fds(control_.get(), forward::encode(request), sockets);
  if (!sent && (sent.error().code() == EPIPE || sent.error().code() == ECONNRESET)) {
    return unexpected(ended());
  }
  FCVM_TRY(std::move(sent));
  return await_reply(request.sequence, call);
}

Result<void> Publisher::await_reply(std::uint32_t sequence, const Call& call) {
  for (;;) {
    FCVM_TRY(call.wait(control_.get(), POLLIN) | context("waiting for the port forwarder"));
    auto received = base::receive_fds(control_.get(), sizeof(forward::Reply), 0);
    if (!received || received->bytes.empty()) return unexpected(ended());
    const auto reply = forward::decode<forward::Reply>(received->bytes);
    if (!reply) return fail(EPROTO, "the port forwarder sent a reply that is none");
    if (reply->sequence != 0 && reply->sequence != sequence) continue;  // of one that was given up
    if (reply->error == 0) return {};
    return fail(reply->error,
                std::string("the port forwarder refused: ") + std::strerror(reply->error));
  }
}

}  // namespace fcvm::net
