# fcvm_add_plugin(NAME SOURCES file... [LINKS library...])
#
# Builds NAME.so as fcvm loads it: hidden visibility, a version script that exports the one entry
# symbol (without it two plugins share their inline statics), and no undefined symbol left.
# By custom NAME is the plugin's id: net.rootless.so.

# Where a plugin is installed, under the prefix of the fcvm that is to find it.
set(FCVM_PLUGIN_INSTALL_DIR "lib/fcvm/plugins")

function(fcvm_add_plugin name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT ARG_SOURCES)
    message(FATAL_ERROR "fcvm_add_plugin(${name}): SOURCES is missing")
  endif()
  set(script "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/fcvm-plugin.map")
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES
    PREFIX "" SUFFIX ".so"
    C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    POSITION_INDEPENDENT_CODE ON
    LINK_DEPENDS "${script}")
  target_link_options(${name} PRIVATE "LINKER:--version-script=${script}")
  # clang's sanitizer runtimes live in the program, so a sanitized plugin has undefined symbols.
  if(NOT (FCVM_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES "Clang"))
    target_link_options(${name} PRIVATE "LINKER:-z,defs")
  endif()
  target_link_libraries(${name} PRIVATE fcvm::plugin-api ${ARG_LINKS})
endfunction()
