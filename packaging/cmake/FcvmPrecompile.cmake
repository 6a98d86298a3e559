# Precompiled headers: those that nearly every source has are read once for all sources that are
# compiled alike. No source may lean on them: each includes what it uses, and -DFCVM_PCH=OFF builds the
# same. But for <fcvm/result.hpp>, which all parts have, no header of ours is among them.

option(FCVM_PCH "Precompile the headers that nearly every source has" ON)

set(FCVM_COMMON_HEADERS
  <algorithm> <array> <atomic> <cerrno> <charconv> <chrono> <cstdint> <cstdlib> <cstring> <deque> <filesystem>
  <functional> <map> <memory> <mutex> <optional> <set> <span> <string> <string_view> <thread> <utility>
  <variant> <vector> <fcvm/result.hpp>)

# fcvm_precompiled(NAME [PROGRAM|PLUGIN] HEADERS header... [LINKS target...])
# makes a set of headers for the sources of libraries, of programs, or of what fcvm_add_plugin() makes.
function(fcvm_precompiled name)
  cmake_parse_arguments(ARG "PROGRAM;PLUGIN" "" "HEADERS;LINKS" ${ARGN})
  if(NOT FCVM_PCH)
    return()
  endif()
  set(target fcvm_precompiled_${name})
  set(source "${CMAKE_BINARY_DIR}/precompiled/${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "")
  add_library(${target} OBJECT EXCLUDE_FROM_ALL "${source}")
  set_target_properties(${target} PROPERTIES CXX_CLANG_TIDY "")
  target_link_libraries(${target} PRIVATE fcvm_flags fcvm::plugin-api ${ARG_LINKS})
  if(ARG_PROGRAM)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(${target} PRIVATE ${CMAKE_CXX_COMPILE_OPTIONS_PIE})
  endif()
  if(ARG_PLUGIN)
    set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  endif()
  target_precompile_headers(${target} PRIVATE ${ARG_HEADERS})
endfunction()

# fcvm_precompile(TARGET NAME) lets a target use a set; OWN is one for its own options. A compiler that
# finds a set made by other options says so, and our presets take that for an error.
function(fcvm_precompile target name)
  if(NOT FCVM_PCH)
    return()
  endif()
  if(name STREQUAL "OWN")
    target_precompile_headers(${target} PRIVATE ${FCVM_COMMON_HEADERS})
  else()
    target_precompile_headers(${target} REUSE_FROM fcvm_precompiled_${name})
  endif()
  # With the first, ccache can tell what GCC takes from where. The others are false: GCC 12 forgets which
  # lines of the standard library are not to be warned of. FCVM_PCH=OFF has these warnings.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE
      -fpch-preprocess -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
  endif()
endfunction()

fcvm_precompiled(library HEADERS ${FCVM_COMMON_HEADERS})
fcvm_precompiled(plugin PLUGIN HEADERS ${FCVM_COMMON_HEADERS})
fcvm_precompiled(program PROGRAM HEADERS ${FCVM_COMMON_HEADERS})
