# The dependency rule between the parts, in one table, enforced three times:
#  - fcvm_part() refuses, at configure time, a part that is not in the table or links what it may
#    not use;
#  - CheckLayers.cmake refuses, at every build, an #include that crosses the table;
#  - the linker refuses the rest, since a part links nothing but what it declared.

# part: the folder it lives in, then the parts it may use directly.
set(FCVM_LAYERS
  "plugin-api:"
  "core/base:plugin-api"
  "core/digest:plugin-api"
  "core/elf:plugin-api"
  "core/log:core/base plugin-api"
  "core/wire:core/base plugin-api"
  "core/tar:core/base plugin-api"
  "core/copy:core/tar core/base plugin-api"
  "core/config:core/base plugin-api"
  "core/plugin:core/elf core/config core/log core/base plugin-api"
  "core/vm/model:core/config core/wire core/base plugin-api"
  "core/vm/host:core/vm/model core/log core/base plugin-api"
  "core/vm/logs:core/vm/model core/log core/base plugin-api"
  "core/vm/store:core/vm/logs core/vm/host core/vm/model core/plugin core/config core/log core/base plugin-api"
  "core/vm/control:core/vm/model core/base plugin-api"
  "core/vm/guest:core/vm/logs core/log core/wire core/base plugin-api"
  "core/vm/client:core/vm/guest core/vm/control core/vm/store core/vm/logs core/plugin core/log core/wire core/base plugin-api"
  "core/vm/supervisor:fusepipe/stream core/vm/client core/vm/guest core/vm/control core/vm/store core/vm/logs core/vm/host core/vm/model core/plugin core/digest core/config core/log core/wire core/base plugin-api"
  "core/image:core/vm/supervisor core/vm/client core/vm/guest core/vm/logs core/vm/host core/vm/model core/plugin core/digest core/config core/log core/wire core/base plugin-api"
  "core/snapshot:core/vm/control core/vm/store core/vm/model core/plugin core/digest core/log core/base plugin-api"
  "core/setup:core/tar core/elf core/digest core/config core/log core/base plugin-api"
  "core/plan:core/setup core/vm/logs core/vm/model core/plugin core/config core/log core/wire core/base plugin-api"
  "core/api:core/snapshot core/vm/client core/vm/guest core/vm/control core/vm/store core/vm/logs core/vm/model core/digest core/config core/log core/wire core/base plugin-api"
  "core/cli:core/api core/snapshot core/image core/plan core/setup core/vm/supervisor core/vm/client core/vm/guest core/vm/control core/vm/store core/vm/logs core/vm/host core/vm/model core/copy core/tar core/plugin core/config core/log core/wire core/base plugin-api"
  "plugins:core/tar core/digest core/wire core/base plugin-api"
  "agent:fusepipe/relay fusepipe/stream core/copy core/tar core/wire core/base plugin-api"
  "fusepipe/stream:core/base plugin-api"
  "fusepipe/relay:fusepipe/stream core/base plugin-api"
  "fusepipe/server:fusepipe/stream core/base plugin-api"
  "fusepipe/tool:fusepipe/relay fusepipe/server fusepipe/stream core/base plugin-api"
)

function(_fcvm_layer_uses part out)
  foreach(row IN LISTS FCVM_LAYERS)
    if(row MATCHES "^${part}:(.*)$")
      separate_arguments(uses UNIX_COMMAND "${CMAKE_MATCH_1}")
      set(${out} "${uses}" PARENT_SCOPE)
      return()
    endif()
  endforeach()
  message(FATAL_ERROR "${part} is not a part in FcvmLayers.cmake; add it there with what it may use")
endfunction()

# fcvm_part(core/base SOURCES ... USES plugin-api LINKS Boost::headers)
# makes the static library fcvm_core_base. USES names parts, LINKS names outside libraries.
function(fcvm_part part)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES;LINKS" ${ARGN})
  _fcvm_layer_uses(${part} allowed)
  string(REPLACE "/" "_" suffix "${part}")
  set(target fcvm_${suffix})
  add_library(${target} STATIC ${ARG_SOURCES})
  target_link_libraries(${target} PUBLIC fcvm_flags ${ARG_LINKS})
  foreach(use IN LISTS ARG_USES)
    if(NOT use IN_LIST allowed)
      message(FATAL_ERROR "${part} may not use ${use}: FcvmLayers.cmake allows it only: ${allowed}")
    endif()
    if(use STREQUAL "plugin-api")
      target_link_libraries(${target} PUBLIC fcvm::plugin-api)
    else()
      string(REPLACE "/" "_" use_suffix "${use}")
      target_link_libraries(${target} PUBLIC fcvm_${use_suffix})
    endif()
  endforeach()
  add_dependencies(${target} fcvm_layers)
  fcvm_precompile(${target} library)
endfunction()

add_custom_target(fcvm_layers
  COMMAND ${CMAKE_COMMAND} "-DROOT=${CMAKE_SOURCE_DIR}" "-DLAYERS=${FCVM_LAYERS}"
          -P "${CMAKE_CURRENT_LIST_DIR}/CheckLayers.cmake"
  COMMENT "Checking that no include crosses the layers"
  VERBATIM)
