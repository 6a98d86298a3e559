// See pending.hpp.
#include "fusepipe/relay/pending.hpp"

namespace fcvm::fusepipe {

namespace {

/// Lost FORGETs cost the server memory, and no more: so they may cost us only so much.
constexpr std::size_t kMostNotes = 256 << 10;

}  // namespace

void Pending::sent(const fuse_in_header& header, Bytes message) {
  const std::uint64_t number = sent_++;
  if (!has_reply(header.opcode)) {
    notes_.push_back({number, {message.begin(), message.end()}});
    notes_size_ += message.size();
    while (notes_size_ > kMostNotes) {
      notes_size_ -= notes_.front().message.size();
      notes_.pop_front();
    }
    return;
  }
  Request& request = requests_[header.unique];
  request.soon = !may_wait(header.opcode);
  if (request.soon) {
    request.message = message;
    ++soon_;
  } else {
    request.own.assign(message.begin(), message.end());
    request.message = request.own;
  }
}

bool Pending::answered(std::uint64_t unique) {
  const auto found = requests_.find(unique);
  if (found == requests_.end()) return false;
  const bool was_soon = found->second.soon;
  requests_.erase(found);
  if (was_soon && --soon_ == 0) {
    // The server takes messages in order, so it has had every note before this request, and there
    // is none after it.
    notes_.clear();
    notes_size_ = 0;
  }
  return true;
}

std::vector<Pending::Bytes> Pending::resume(std::uint64_t received, bool same_server) {
  // What another server never knew, it cannot forget.
  std::erase_if(notes_, [&](const Note& note) { return !same_server || note.number < received; });
  std::vector<Bytes> again;
  sent_ = received;
  notes_size_ = 0;
  for (Note& note : notes_) {
    note.number = sent_++;
    notes_size_ += note.message.size();
    again.emplace_back(note.message);
  }
  for (const auto& [unique, request] : requests_) {
    again.push_back(request.message);
    ++sent_;
  }
  return again;
}

std::vector<std::uint64_t> Pending::give_up() {
  std::vector<std::uint64_t> uniques;
  for (const auto& [unique, request] : requests_) uniques.push_back(unique);
  requests_.clear();
  soon_ = 0;
  return uniques;
}

}  // namespace fcvm::fusepipe
