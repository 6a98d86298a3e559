// See session.hpp.
#include "fusepipe/server/session.hpp"

#include <cerrno>
#include <vector>

#include "fusepipe/server/operations/operations.hpp"

namespace fcvm::fusepipe {

namespace {

/// Whether an answer must not be worked out twice.
bool is_kept(std::uint32_t opcode) { return opcode != FUSE_READ && opcode != FUSE_READDIR; }

}  // namespace

int Session::run(Request request, Reply& reply) {
  const OperationEntry entry = find_operation(request.header.opcode);
  if (entry.run == nullptr) return ENOSYS;
  if (entry.changes && mount_->directory.options().read_only) return EROFS;
  return entry.run(*mount_, request, reply);
}

void Session::wait_for(Queue& queue, std::span<const std::byte> message, Request request) {
  const std::uint64_t unique = request.header.unique;
  // Its own copy: the stream's memory goes on to the next message.
  std::vector<std::byte> own(message.begin(), message.end());
  const auto call = [this, own = std::move(own)] {
    const auto copy = Request::parse(own);
    Reply nothing;
    return copy ? run(*copy, nothing) : EINVAL;
  };
  const auto answer = [&queue, unique](int error) {
    Reply reply;
    queue.answer(unique, reply.finish(unique, error), true);
  };
  if (!blocking_.start(unique, call, answer)) answer(ENOLCK);
}

bool Session::take(Queue& queue, const Queue::Stream& stream, std::span<const std::byte> message,
                   Reply& reply) {
  auto request = Request::parse(message);
  if (!request) return false;
  const std::uint32_t opcode = request->header.opcode;
  const std::uint64_t unique = request->header.unique;
  switch (queue.begin(stream, unique, has_reply(opcode))) {
    case Queue::Begin::kReplaced:
      return false;
    case Queue::Begin::kKnown:
      return true;
    case Queue::Begin::kNew:
      break;
  }
  if (opcode == FUSE_INTERRUPT) {
    const auto in = request->arguments.take<fuse_interrupt_in>();
    if (in) blocking_.interrupt(in->unique);
    return true;
  }
  if (may_wait(opcode)) {
    // Most often there is nothing to wait for, and no thread is needed.
    Request at_once = *request;
    at_once.header.opcode = FUSE_SETLK;
    reply.clear();
    const int error = run(at_once, reply);
    if (error == EAGAIN || error == EACCES) {
      wait_for(queue, message, *request);
    } else {
      queue.answer(unique, reply.finish(unique, error), true);
    }
    return true;
  }
  reply.clear();
  const int error = run(*request, reply);
  if (has_reply(opcode)) queue.answer(unique, reply.finish(unique, error), is_kept(opcode));
  return true;
}

}  // namespace fcvm::fusepipe
