// See netlink.hpp.
#include "core/base/net/netlink.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

namespace fcvm::base {

namespace {

/// The kernel's dumps come in pieces of at most 32 KiB.
constexpr std::size_t kLargestPacket = 64 * 1024;
/// So that the answers fit into a socket's default receive buffer.
constexpr std::size_t kMostAtOnce = 64;
constexpr int kMostDumps = 10;

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// What an NLMSG_ERROR message says; code 0 is success.
struct Answer {
  int code = 0;
  std::string explanation;
};

Answer read_answer(const NetlinkReply& reply) {
  const auto error = netlink_body<nlmsgerr>(reply.body);
  Answer answer{-error.error, {}};
  if ((reply.flags & NLM_F_ACK_TLVS) == 0) return answer;
  // The request is quoted before the explanation, whole or, with NLM_F_CAPPED, by its header alone.
  std::size_t quoted = sizeof(nlmsgerr);
  if ((reply.flags & NLM_F_CAPPED) == 0) {
    quoted += NLMSG_ALIGN(std::max<std::size_t>(error.msg.nlmsg_len, NLMSG_HDRLEN)) - NLMSG_HDRLEN;
  }
  const std::string_view body = reply.body;
  answer.explanation =
      NetlinkAttributes(body.substr(std::min(quoted, body.size()))).text(NLMSGERR_ATTR_MSG);
  return answer;
}

Unexpected failed(const Answer& answer, const std::string& doing) {
  std::string text = doing + ": " + std::strerror(answer.code);
  if (!answer.explanation.empty()) text += " (" + answer.explanation + ")";
  return fail(answer.code, std::move(text));
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::string_view body) {
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
  append(bytes_of(header));
  append(body);
}

void NetlinkMessage::append(std::string_view bytes) {
  bytes_.append(bytes);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  const auto length = static_cast<std::uint32_t>(bytes_.size());
  std::memcpy(bytes_.data(), &length, sizeof length);
}

void NetlinkMessage::add_flags(std::uint16_t flags) {
  auto header = netlink_body<nlmsghdr>(bytes_);
  header.nlmsg_flags = static_cast<std::uint16_t>(header.nlmsg_flags | flags);
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkMessage::set_sequence(std::uint32_t sequence) {
  auto header = netlink_body<nlmsghdr>(bytes_);
  header.nlmsg_seq = sequence;
  std::memcpy(bytes_.data(), &header, sizeof header);
}

void NetlinkMessage::attribute(std::uint16_t type, std::string_view bytes) {
  const nlattr header{static_cast<std::uint16_t>(sizeof header + bytes.size()), type};
  append(std::string(bytes_of(header)).append(bytes));
}

void NetlinkMessage::number(std::uint16_t type, std::uint32_t value) {
  attribute(type, bytes_of(value));
}

void NetlinkMessage::byte(std::uint16_t type, std::uint8_t value) {
  attribute(type, bytes_of(value));
}

void NetlinkMessage::text(std::uint16_t type, const std::string& value) {
  attribute(type, {value.c_str(), value.size() + 1});
}

void NetlinkMessage::nested(std::uint16_t type, const std::function<void()>& fill,
                            std::string_view header) {
  const std::size_t start = bytes_.size();
  attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), header);
  fill();
  const auto length = static_cast<std::uint16_t>(bytes_.size() - start);
  std::memcpy(bytes_.data() + start, &length, sizeof length);
}

std::optional<std::string_view> NetlinkAttributes::find(std::uint16_t type) const {
  for (std::string_view rest = bytes_; rest.size() >= sizeof(nlattr);) {
    const auto header = netlink_body<nlattr>(rest);
    if (header.nla_len < sizeof header || header.nla_len > rest.size()) break;
    if ((header.nla_type & NLA_TYPE_MASK) == type) {
      return rest.substr(sizeof header, header.nla_len - sizeof header);
    }
    rest.remove_prefix(std::min<std::size_t>(NLA_ALIGN(header.nla_len), rest.size()));
  }
  return std::nullopt;
}

std::uint32_t NetlinkAttributes::number(std::uint16_t type) const {
  const auto found = find(type);
  return found && found->size() == 4 ? netlink_body<std::uint32_t>(*found) : 0;
}

std::string NetlinkAttributes::text(std::uint16_t type) const {
  const auto found = find(type);
  return found ? std::string(found->substr(0, found->find('\0'))) : std::string();
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!socket) return fail_errno("opening a netlink socket");
  // Multicasts do not reach a socket without a number of its own.
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno("binding a netlink socket");
  }
  return adopt(std::move(socket));
}

Result<NetlinkSocket> NetlinkSocket::adopt(Fd socket) {
  // Both only make errors better and shorter: kernels before 4.12 have none.
  const int on = 1;
  (void)::setsockopt(socket.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  (void)::setsockopt(socket.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return NetlinkSocket(std::move(socket));
}

Result<void> NetlinkSocket::send(std::string_view bytes, const std::string& doing) {
  if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno(doing);
  return {};
}

Result<std::vector<NetlinkReply>> NetlinkSocket::receive() {
  buffer_.resize(kLargestPacket);
  ssize_t size = -1;
  do {
    size = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail_errno("reading from the kernel by netlink");
  if (static_cast<std::size_t>(size) > buffer_.size()) {
    return fail(EMSGSIZE, "reading from the kernel by netlink: a packet is too long");
  }
  std::vector<NetlinkReply> replies;
  std::string_view rest(buffer_.data(), static_cast<std::size_t>(size));
  while (rest.size() >= sizeof(nlmsghdr)) {
    const auto header = netlink_body<nlmsghdr>(rest);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size()) {
      return fail(EPROTO, "reading from the kernel by netlink: a message is cut");
    }
    replies.push_back({header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq,
                       std::string(rest.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN))});
    rest.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
  }
  return replies;
}

Result<void> NetlinkSocket::commit(std::span<NetlinkRequest> requests) {
  for (std::size_t done = 0; done < requests.size(); done += kMostAtOnce) {
    FCVM_TRY(commit_some(requests.subspan(done, std::min(kMostAtOnce, requests.size() - done))));
  }
  return {};
}

Result<void> NetlinkSocket::commit_some(std::span<NetlinkRequest> requests) {
  const std::uint32_t first = sequence_ + 1;
  std::string packet;
  for (NetlinkRequest& request : requests) {
    request.message.add_flags(NLM_F_ACK);
    request.message.set_sequence(++sequence_);
    packet += request.message.bytes();
  }
  FCVM_TRY(send(packet, requests.front().doing));
  std::vector<Answer> answers(requests.size());
  for (std::size_t missing = requests.size(); missing > 0;) {
    for (const NetlinkReply& reply : FCVM_TRY(receive())) {
      const std::size_t index = reply.sequence - first;  // an older answer wraps far beyond
      if (reply.type != NLMSG_ERROR || index >= answers.size()) continue;
      answers[index] = read_answer(reply);
      --missing;
    }
  }
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].code != 0) return failed(answers[i], requests[i].doing);
  }
  return {};
}

Result<void> NetlinkSocket::transact(std::span<NetlinkMessage> batch, const std::string& doing) {
  const std::uint32_t first = sequence_ + 1;
  // Errors come unasked, and before this answer: the last message but the end's is of the batch.
  batch[batch.size() - 2].add_flags(NLM_F_ACK);
  std::string packet;
  for (NetlinkMessage& message : batch) {
    message.set_sequence(++sequence_);
    packet += message.bytes();
  }
  FCVM_TRY(send(packet, doing));
  for (;;) {
    for (const NetlinkReply& reply : FCVM_TRY(receive())) {
      const std::size_t index = reply.sequence - first;  // an older answer wraps far beyond
      if (reply.type != NLMSG_ERROR || index >= batch.size()) continue;
      const Answer answer = read_answer(reply);
      if (answer.code != 0) return failed(answer, doing);
      if (index + 2 == batch.size()) return {};
    }
  }
}

Result<std::vector<NetlinkReply>> NetlinkSocket::dump(NetlinkRequest request) {
  request.message.add_flags(NLM_F_DUMP);
  for (int attempt = 0; attempt < kMostDumps; ++attempt) {
    std::vector<NetlinkReply> replies;
    if (FCVM_TRY(dump_once(request, replies))) return replies;
  }
  return fail(EAGAIN, request.doing + ": the network changes faster than it can be read");
}

/// False when the dump is not of one moment.
Result<bool> NetlinkSocket::dump_once(NetlinkRequest& request, std::vector<NetlinkReply>& replies) {
  request.message.set_sequence(++sequence_);
  FCVM_TRY(send(request.message.bytes(), request.doing));
  bool consistent = true;
  for (;;) {
    for (NetlinkReply& reply : FCVM_TRY(receive())) {
      if (reply.sequence != sequence_) continue;
      if ((reply.flags & NLM_F_DUMP_INTR) != 0) consistent = false;
      if (reply.type == NLMSG_DONE) return consistent;
      if (reply.type == NLMSG_ERROR) return failed(read_answer(reply), request.doing);
      replies.push_back(std::move(reply));
    }
  }
}

Result<std::optional<NetlinkReply>> NetlinkSocket::get(NetlinkRequest request) {
  request.message.set_sequence(++sequence_);
  FCVM_TRY(send(request.message.bytes(), request.doing));
  for (;;) {
    for (NetlinkReply& reply : FCVM_TRY(receive())) {
      if (reply.sequence != sequence_) continue;
      if (reply.type != NLMSG_ERROR) return std::optional(std::move(reply));
      const Answer answer = read_answer(reply);
      if (answer.code == ENODEV || answer.code == ENOENT) return std::optional<NetlinkReply>();
      return failed(answer, request.doing);
    }
  }
}

Result<void> NetlinkSocket::subscribe(unsigned group) {
  if (::setsockopt(socket_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    return fail_errno("listening to changes of the network");
  }
  return {};
}

}  // namespace fcvm::base
