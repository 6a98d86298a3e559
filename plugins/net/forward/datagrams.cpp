// See datagrams.hpp.
#include "plugins/net/forward/datagrams.hpp"

#include <cerrno>
#include <cstring>

namespace fcvm::forward {

namespace {

static_assert(sizeof(DatagramRoute) ==
              sizeof(sockaddr_in6) + sizeof(in6_pktinfo) + sizeof(std::uint32_t));
static_assert(CMSG_SPACE(sizeof(in6_pktinfo)) % alignof(cmsghdr) == 0);

template <typename Info>
void put_info(msghdr& message, int level, int type, const Info& info) {
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

/// The address to answer from; which interface that goes by is routing's business, unless the
/// address means something on one link only.
void take_info(DatagramRoute& route, const cmsghdr& header) {
  if (header.cmsg_level == IPPROTO_IP && header.cmsg_type == IP_PKTINFO) {
    in_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(&header), sizeof info);
    info.ipi_ifindex = 0;
    info.ipi_addr = {};
    std::memcpy(&route.local, &info, sizeof info);
  }
  if (header.cmsg_level == IPPROTO_IPV6 && header.cmsg_type == IPV6_PKTINFO) {
    std::memcpy(&route.local, CMSG_DATA(&header), sizeof route.local);
    if (!IN6_IS_ADDR_LINKLOCAL(&route.local.ipi6_addr)) route.local.ipi6_ifindex = 0;
  }
}

}  // namespace

Datagrams::Datagrams() : data_(new char[kMost * kLargest]) {}

std::size_t Datagrams::receive(int socket) {
  for (std::size_t i = 0; i < kMost; ++i) {
    pieces_[i] = {data_.get() + i * kLargest, kLargest};
    peers_[i] = {};
    msghdr& message = received_[i].msg_hdr;
    message = {};
    message.msg_name = &peers_[i];
    message.msg_namelen = sizeof peers_[i];
    message.msg_iov = &pieces_[i];
    message.msg_iovlen = 1;
    message.msg_control = controls_[i].data();
    message.msg_controllen = kControl;
  }
  // An error is what an earlier datagram met, such as a guest's closed port, and is over by asking.
  const int count = ::recvmmsg(socket, received_.data(), kMost, MSG_DONTWAIT, nullptr);
  for (int i = 0; i < count; ++i) {
    pieces_[static_cast<std::size_t>(i)].iov_len = received_[static_cast<std::size_t>(i)].msg_len;
  }
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

DatagramRoute Datagrams::route(std::size_t index) const {
  DatagramRoute route;
  const sockaddr_in6& peer = peers_[index];
  if (peer.sin6_family == AF_INET) {
    std::memcpy(&route.peer, &peer, sizeof(sockaddr_in));
  } else {
    route.peer = peer;
    route.peer.sin6_flowinfo = 0;
  }
  msghdr message = received_[index].msg_hdr;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    take_info(route, *header);
  }
  return route;
}

void Datagrams::send(int socket, std::size_t first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    sending_[i] = {};
    sending_[i].msg_hdr.msg_iov = &pieces_[first + i];
    sending_[i].msg_hdr.msg_iovlen = 1;
  }
  send_all(socket, count);
}

void Datagrams::send_back(int socket, std::size_t count, const DatagramRoute& route) {
  const bool v4 = route.peer.sin6_family == AF_INET;
  for (std::size_t i = 0; i < count; ++i) {
    peers_[i] = route.peer;
    sending_[i] = {};
    msghdr& message = sending_[i].msg_hdr;
    message.msg_name = &peers_[i];
    message.msg_namelen = v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    message.msg_iov = &pieces_[i];
    message.msg_iovlen = 1;
    message.msg_control = controls_[i].data();
    message.msg_controllen = kControl;
    if (v4) {
      in_pktinfo info{};
      std::memcpy(&info, &route.local, sizeof info);
      put_info(message, IPPROTO_IP, IP_PKTINFO, info);
    } else {
      put_info(message, IPPROTO_IPV6, IPV6_PKTINFO, route.local);
    }
  }
  send_all(socket, count);
}

void Datagrams::send_all(int socket, std::size_t count) {
  bool told_of_earlier = false;
  for (std::size_t done = 0; done < count;) {
    const int sent = ::sendmmsg(socket, sending_.data() + done, static_cast<unsigned>(count - done),
                                MSG_DONTWAIT);
    if (sent > 0) {
      done += static_cast<std::size_t>(sent);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno == ECONNREFUSED && !told_of_earlier) {
      told_of_earlier = true;  // of an earlier datagram: this one has not been tried
    } else if (errno != EINTR) {
      ++done;
    }
  }
}

}  // namespace fcvm::forward
