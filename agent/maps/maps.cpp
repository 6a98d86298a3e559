// See maps.hpp.
#include "agent/maps/maps.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <sys/epoll.h>
#include <utility>

#include "agent/log.hpp"
#include "core/wire/map.hpp"
#include "fusepipe/stream/given_stream.hpp"

namespace fcvm::agent {

Maps::~Maps() {
  for (const auto& map : maps_) {
    forget(*map);
    if (map->process.pid > 0) ::kill(map->process.pid, SIGKILL);
  }
}

void Maps::mount(const std::vector<wire::Map>& maps, OnMounted on_mounted) {
  on_mounted_ = std::move(on_mounted);
  for (std::size_t number = 0; number < maps.size(); ++number) {
    if (auto started = start(number, maps[number].read_only); !started) {
      return tell(std::move(started));
    }
  }
  if (maps.empty()) tell({});
}

Result<void> Maps::start(std::size_t number, bool read_only) {
  Map& map = *maps_.emplace_back(std::make_unique<Map>());
  map.process = FCVM_TRY(start_map_process(wire::map_mountpoint(number), read_only));
  FCVM_TRY(loop_.watch(map.process.control.get(), EPOLLIN,
                       [this, &map](Loop::Events) { on_request(map); }));
  return loop_.watch(map.process.failure.get(), EPOLLIN,
                     [this, &map](Loop::Events) { on_failure_text(map); });
}

void Maps::on_request(Map& map) {
  const auto more = fusepipe::take_requests(map.process.control.get());
  if (!more) {
    // It has ended, and with it the mount.
    log_line("a map's process has ended");
    forget(map);
    return;
  }
  map.wanted += *more;
  hand_over(map);
}

Result<void> Maps::give(std::uint32_t number, base::Fd stream) {
  if (number >= maps_.size()) return fail(EINVAL, "there is no map " + std::to_string(number));
  Map& map = *maps_[number];
  if (map.streams.size() >= kMostWaiting) return fail(EBUSY, "too many streams wait for a map");
  map.streams.push_back(std::move(stream));
  hand_over(map);
  return {};
}

void Maps::hand_over(Map& map) {
  for (; map.wanted > 0 && !map.streams.empty() && map.process.control; --map.wanted) {
    const base::Fd stream = std::move(map.streams.front());
    map.streams.pop_front();
    if (!fusepipe::give_stream(map.process.control.get(), stream.get())) return;
  }
}

void Maps::on_failure_text(Map& map) {
  constexpr std::size_t kMostText = 4096;
  std::array<char, 512> text{};
  const auto got = base::read_some(map.process.failure.get(), std::span(text));
  if (got && *got > 0) {
    map.failure.append(text.data(), std::min(*got, kMostText - map.failure.size()));
    return;
  }
  loop_.forget(map.process.failure.get());
  map.process.failure = base::Fd();
  if (!map.failure.empty()) return tell(fail(EIO, map.failure));
  map.is_mounted = true;
  if (std::all_of(maps_.begin(), maps_.end(), [](const auto& each) { return each->is_mounted; })) {
    tell({});
  }
}

void Maps::forget(Map& map) {
  for (base::Fd* fd : {&map.process.control, &map.process.failure}) {
    if (*fd) loop_.forget(fd->get());
    *fd = base::Fd();
  }
}

void Maps::tell(Result<void> how) {
  loop_.soon([on_mounted = std::exchange(on_mounted_, nullptr), how = std::move(how)] {
    if (on_mounted) on_mounted(how);
  });
}

}  // namespace fcvm::agent
