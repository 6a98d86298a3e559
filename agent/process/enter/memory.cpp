// What a compiler may call in any program, libc or not: it decides when. Built without loops being
// recognised as these very calls.
#include <cstddef>

extern "C" void* memset(void* to, int value, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<unsigned char>(value);
  return to;
}

extern "C" void* memcpy(void* to, const void* from, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = source[i];
  return to;
}

extern "C" std::size_t strlen(const char* text) {
  std::size_t size = 0;
  while (text[size] != '\0') ++size;
  return size;
}
