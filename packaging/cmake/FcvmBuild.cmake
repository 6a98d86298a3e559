# How everything is compiled and where it lands. The build tree has the layout of an installation
# (bin, lib/fcvm/plugins, libexec/fcvm, share/fcvm), so programs find their parts relative to
# themselves in both.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(FCVM_CHECKED "Check at run time which thread and state a plugin is called in" OFF)
option(FCVM_COVERAGE "Instrument for gcov" OFF)
option(FCVM_TIDY "Run clang-tidy on every file" OFF)
option(FCVM_FUZZ "Build the fuzzers (clang only)" OFF)
set(FCVM_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, e.g. address,undefined")

set(FCVM_BIN_DIR "${CMAKE_BINARY_DIR}/bin")
set(FCVM_PLUGIN_DIR "${CMAKE_BINARY_DIR}/lib/fcvm/plugins")
set(FCVM_EXAMPLE_PLUGIN_DIR "${CMAKE_BINARY_DIR}/lib/fcvm/examples")
set(FCVM_LIBEXEC_DIR "${CMAKE_BINARY_DIR}/libexec/fcvm")
set(FCVM_SHARE_DIR "${CMAKE_BINARY_DIR}/share/fcvm")
# The same literal paths under the prefix, on every distribution: plugins are no libraries to link.
set(FCVM_INSTALL_PLUGIN_DIR "lib/fcvm/plugins")
set(FCVM_INSTALL_LIBEXEC_DIR "libexec/fcvm")
set(FCVM_INSTALL_SHARE_DIR "share/fcvm")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${FCVM_BIN_DIR}")

add_library(fcvm_flags INTERFACE)
target_compile_options(fcvm_flags INTERFACE -Wall -Wextra -Wshadow
                       $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
                       $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
# GCC 12 takes the inactive alternatives of a moved std::variant for uninitialized reads, and GCC 14
# takes them for memory that is freed and was never allocated.
target_compile_options(fcvm_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized -Wno-free-nonheap-object>)
option(FCVM_WERROR "Treat warnings as errors, as our presets do" OFF)
if(FCVM_WERROR)
  target_compile_options(fcvm_flags INTERFACE -Werror)
endif()
target_compile_definitions(fcvm_flags INTERFACE FCVM_VERSION="${PROJECT_VERSION}"
                           $<$<BOOL:${FCVM_CHECKED}>:FCVM_CHECKED=1>)
target_include_directories(fcvm_flags INTERFACE "${CMAKE_SOURCE_DIR}")

# A distribution's own flags say the same; they come later, and count.
option(FCVM_HARDEN "Compile and link as distributions do against errors of memory" ON)
if(FCVM_HARDEN AND NOT FCVM_SANITIZE AND NOT FCVM_FUZZ AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    add_compile_options(-fcf-protection)
  endif()
  add_link_options(-Wl,-z,relro,-z,now)
endif()
# Two checkouts make the same objects, and none names the builder's directories.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")

if(FCVM_SANITIZE)
  add_compile_options(-fsanitize=${FCVM_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FCVM_SANITIZE})
endif()
# A fuzzer finds its way by the coverage of the code under test, so all of it is instrumented.
if(FCVM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(FCVM_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()
if(FCVM_TIDY)
  set(CMAKE_CXX_CLANG_TIDY clang-tidy --quiet)
endif()

find_program(FCVM_CCACHE ccache)
if(FCVM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER "${FCVM_CCACHE}")
  # What it asks for before it caches sources with precompiled headers.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${FCVM_CCACHE}")
endif()
