// The kernel's calls without libc: fc-enter has none, so that nothing runs before its first
// statement, and nothing is in its memory but what it was handed.
#pragma once

#include <asm/unistd.h>

namespace fcvm::agent::enter {

/// A negative errno when it fails.
inline long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#else
#error "fcvm runs on x86-64 and aarch64"
#endif
}

template <typename T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] inline void leave(int code) {
  for (;;) system_call(__NR_exit_group, code);
}

}  // namespace fcvm::agent::enter
