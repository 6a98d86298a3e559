/*
 * net/1 (draft): one VM's network.
 *
 * One instance serves one VM. `attach` makes the namespaces and the tap; everything a crash could
 * leave behind is recorded through state/1 before it is made.
 */
#ifndef FCVM_NET_H
#define FCVM_NET_H

#include <fcvm/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FCVM_KIND_NET "net/1"

#define FCVM_NET_CAN_IPV6 (1ull << 0)
#define FCVM_NET_CAN_PUBLISH (1ull << 1)
#define FCVM_NET_CAN_PUBLISH_UDP (1ull << 2)
#define FCVM_NET_CAN_CHOOSE_ADDRESS (1ull << 3)
#define FCVM_NET_CAN_REATTACH (1ull << 4)
#define FCVM_NET_NEEDS_ROOT (1ull << 5)
/* Keeps closed what it was not asked to open: the host's loopback, the host's own addresses but for
 * published ports and DNS, and link-local addresses, cloud metadata included. */
#define FCVM_NET_KEEPS_CLOSED (1ull << 6)
#define FCVM_NET_CAN_LIMIT_RATE (1ull << 7)
#define FCVM_NET_TAKES_IPV6_PREFIX (1ull << 8)

#define FCVM_PROTO_TCP 6u
#define FCVM_PROTO_UDP 17u

/* Of a port at the host's loopback: it is for programs of the host, and not for guests, whose
 * gateway may lead there. A network in which only guests that may reach the host's loopback can
 * call it has nothing to do. */
#define FCVM_PUBLISH_HOST_ONLY 1u

typedef struct fcvm_publish {
  uint32_t size;
  uint32_t protocol;   /* FCVM_PROTO_... */
  const char* address; /* on the host, or NULL for the VM's own */
  uint16_t host_port;  /* 0 in a request: a free one, the plugin's choice; of a range, its first */
  uint16_t guest_port;
  uint16_t count; /* a range of that many ports */
  uint16_t flags; /* FCVM_PUBLISH_... */
} fcvm_publish;

/* What was published, as it was taken. */
typedef struct fcvm_published {
  uint32_t size;
  uint32_t protocol;
  const char* address; /* on the host */
  uint16_t host_port;
  uint16_t guest_port;
  uint16_t count;
  uint16_t reserved;
} fcvm_published;

/* Where `attach` and `publish` put what may be several. A function that is null is not interested.
 */
typedef struct fcvm_net_report {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /* A resolver for the guest. */
  void (*dns)(void* context, const char* address);
  void (*published)(void* context, const fcvm_published* published);
} fcvm_net_report;

#define FCVM_NET_WANT_IPV6 1u
#define FCVM_NET_NO_HOST_LOOPBACK 2u
#define FCVM_NET_REATTACH 4u   /* the guest already has these addresses inside: keep them exactly */
#define FCVM_NET_LINK_LOCAL 8u /* open: link-local addresses, cloud metadata included */
#define FCVM_NET_HOST_ADDRESSES 16u /* open: the host's own addresses, all ports */

#define FCVM_OPEN_HOST_LOOPBACK 1u  /* although FCVM_NET_NO_HOST_LOOPBACK is said */
#define FCVM_OPEN_HOST_ADDRESSES 2u /* each of the host's own addresses */
#define FCVM_OPEN_ADDRESS 3u        /* `address` alone, wherever it lies */

/* Ports that the guest may reach where the rest is closed. */
typedef struct fcvm_net_opening {
  uint32_t size;
  uint32_t what;       /* FCVM_OPEN_... */
  const char* address; /* FCVM_OPEN_ADDRESS; else NULL */
  uint32_t protocol;   /* FCVM_PROTO_...; 0: both */
  uint16_t first_port;
  uint16_t count;
} fcvm_net_opening;

typedef struct fcvm_net_request {
  uint32_t size;
  uint32_t flags;
  const char* vm_id;
  const char* mac;  /* wanted, or NULL */
  const char* ipv4; /* wanted or kept guest address "10.0.2.100/24", or NULL */
  const char* ipv6;
  uint32_t mtu; /* 0: the backend's choice */
  uint32_t dns_count;
  const char* const* dns; /* wanted resolvers; none means the host's */
  const fcvm_publish* const* publish;
  uint32_t publish_count;
  uint32_t opening_count;
  const fcvm_net_opening* const* openings;
  uint64_t rate_in;        /* bytes per second towards the guest; 0: no limit */
  uint64_t rate_out;       /* and from it */
  const char* ipv6_prefix; /* whose addresses VMs are given, or NULL for the backend's own choice */
} fcvm_net_request;

#define FCVM_NET_HAS_NET_NAMESPACE (1u << 8)
#define FCVM_NET_HAS_USER_NAMESPACE (1u << 9)

/* What the guest is told, and where the VMM runs. Addresses are text; "" is none. Without a tap the
 * VM is given no NIC. */
typedef struct fcvm_net_attachment {
  uint32_t size;
  uint32_t flags;            /* FCVM_NET_HAS_... */
  int32_t net_namespace_fd;  /* handed over */
  int32_t user_namespace_fd; /* handed over */
  char tap[16];
  char mac[18];
  char guest_ipv4[20]; /* with prefix length */
  char gateway_ipv4[16];
  char guest_ipv6[52]; /* with prefix length */
  char gateway_ipv6[46];
  char host_address[46]; /* where published ports are reached on the host */
  char host_gateway[46]; /* the guest's name for the host's loopback, or "" */
  uint32_t mtu;
} fcvm_net_attachment;

typedef struct fcvm_net_v1 {
  uint32_t size;
  uint32_t reserved;
  /* [worker, blocks; detached] All or nothing: a failed attach has left nothing behind. */
  int32_t (*attach)(void* instance, const fcvm_net_request* request, int64_t deadline,
                    fcvm_net_attachment* out, const fcvm_net_report* report, fcvm_error* error);
  /* [worker, blocks; any state] Removes all that attach and publish made. Twice is harmless. */
  int32_t (*detach)(void* instance, int64_t deadline, fcvm_error* error);
  /* [any, blocks; attached] A connection to a guest port, made inside the namespace. For UDP a
   * connected socket. */
  int32_t (*dial)(void* instance, uint32_t protocol, uint16_t port, int64_t deadline, int32_t* fd,
                  fcvm_error* error);
  /* [worker, blocks; attached] Optional, with unpublish. Reports what it took, once. */
  int32_t (*publish)(void* instance, const fcvm_publish* publish, int64_t deadline,
                     const fcvm_net_report* report, fcvm_error* error);
  /* [worker, blocks; attached] The same port, with the numbers that were reported. */
  int32_t (*unpublish)(void* instance, const fcvm_publish* publish, int64_t deadline,
                       fcvm_error* error);
  /* [any, quick; attached] 0 while the network works; else what broke ("pasta ended: ..."). `*fd`,
   * when `fd` is not NULL, receives a borrowed fd to poll, readable when asking again is worthwhile
   * (an epoll fd where there are several things to watch), or -1. */
  int32_t (*health)(void* instance, int32_t* fd, fcvm_error* error);
} fcvm_net_v1;

#ifdef __cplusplus
}
#endif
#endif
