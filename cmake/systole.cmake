# Flags and helpers shared by every room. -ffp-contract=off everywhere: the order of roundings is part of the contract.
add_library(systole_options INTERFACE)
target_compile_options(systole_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -ffp-contract=off -fno-fast-math)
if(SYSTOLE_WERROR)
  target_compile_options(systole_options INTERFACE -Werror)
endif()
if(SYSTOLE_SANITIZE)
  target_compile_options(systole_options INTERFACE -fsanitize=${SYSTOLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(systole_options INTERFACE -fsanitize=${SYSTOLE_SANITIZE})
endif()
target_include_directories(systole_options INTERFACE ${CMAKE_SOURCE_DIR}/src)

# systole_room(NAME SOURCES a.cpp b.cpp DEPS systole_base fmt::fmt)
#   One static library per room; the room includes its headers as "room/header.h".
function(systole_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(systole_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(systole_${name} PUBLIC systole_options ${ARG_DEPS})
endfunction()

# systole_test(NAME SOURCES a_test.cpp DEPS systole_base)
#   A GoogleTest program build/<preset>/tests/<room>/NAME whose cases are found at test time.
function(systole_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE SYSTOLE_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST)
endfunction()
