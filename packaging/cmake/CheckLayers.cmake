# cmake -DROOT=... -DLAYERS=... -P CheckLayers.cmake
# Reads every project include below each part and fails on one that the part may not use.
# Project includes are written from the root ("core/base/io/fd.hpp"), so one look tells the part: the
# longest one that is the beginning of the path.

cmake_minimum_required(VERSION 3.25)

set(violations "")
set(parts "")
foreach(row IN LISTS LAYERS)
  string(REGEX REPLACE ":.*$" "" part "${row}")
  list(APPEND parts "${part}")
endforeach()

function(part_of header out)
  set(at "${header}")
  while(at MATCHES "/" AND NOT at IN_LIST parts)
    string(REGEX REPLACE "/[^/]*$" "" at "${at}")
  endwhile()
  set(${out} "${at}" PARENT_SCOPE)
endfunction()

foreach(row IN LISTS LAYERS)
  string(REGEX MATCH "^([^:]+):(.*)$" _ "${row}")
  set(part "${CMAKE_MATCH_1}")
  separate_arguments(allowed UNIX_COMMAND "${CMAKE_MATCH_2}")
  file(GLOB_RECURSE files "${ROOT}/${part}/*.hpp" "${ROOT}/${part}/*.cpp" "${ROOT}/${part}/*.h"
       "${ROOT}/${part}/*.c")
  foreach(file IN LISTS files)
    file(STRINGS "${file}" includes REGEX "^[ \t]*#[ \t]*include[ \t]*[\"<]")
    foreach(line IN LISTS includes)
      string(REGEX MATCH "[\"<]([^\">]+)" _ "${line}")
      set(header "${CMAKE_MATCH_1}")
      if(header MATCHES "\\.\\./")
        list(APPEND violations "${file}: \"${header}\" climbs with ../; include from the root")
      elseif(header MATCHES "^(core|plugins|agent|fusepipe|tests)/")
        part_of("${header}" used)
        if(NOT used STREQUAL part AND NOT used IN_LIST allowed)
          list(APPEND violations "${file}: includes \"${header}\", but ${part} may not use ${used}")
        endif()
      elseif(header MATCHES "^fcvm/" AND NOT part STREQUAL "plugin-api"
             AND NOT "plugin-api" IN_LIST allowed)
        list(APPEND violations "${file}: includes <${header}>, but ${part} may not use plugin-api")
      endif()
    endforeach()
  endforeach()
endforeach()

if(violations)
  list(JOIN violations "\n  " text)
  message(FATAL_ERROR "includes that cross the layers (packaging/cmake/FcvmLayers.cmake):\n  ${text}")
endif()
