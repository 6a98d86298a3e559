// The time limits of the interface, and how much slower everything may be under a sanitizer.
#pragma once

#include <cstdint>

namespace fcvm::check {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FCVM_CHECK_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FCVM_CHECK_SANITIZED 1
#endif
#endif

#ifdef FCVM_CHECK_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kScanLimit = (kSanitized ? 1000 : 100) * kMillisecond;
/// What a busy machine may add to a limit before it is called a violation.
inline constexpr std::int64_t kSlack = (kSanitized ? 400 : 150) * kMillisecond;
inline constexpr std::int64_t kCancelLimit = 100 * kMillisecond;

}  // namespace fcvm::check
