include(${CMAKE_CURRENT_LIST_DIR}/install.cmake)

# Flags and helpers shared by every room. -ffp-contract=off everywhere, in outside programs too (headers have inline
# arithmetic): the order of roundings is part of the contract. Warnings are ours alone.
add_library(systole_options INTERFACE)
target_compile_features(systole_options INTERFACE cxx_std_20)
target_compile_options(systole_options INTERFACE
  "$<BUILD_INTERFACE:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion>" -ffp-contract=off -fno-fast-math)
if(SYSTOLE_WERROR)
  target_compile_options(systole_options INTERFACE $<BUILD_INTERFACE:-Werror>)
endif()
if(SYSTOLE_SANITIZE)
  target_compile_options(systole_options INTERFACE -fsanitize=${SYSTOLE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(systole_options INTERFACE -fsanitize=${SYSTOLE_SANITIZE})
endif()
target_include_directories(systole_options INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${SYSTOLE_INSTALL_INCLUDE}>)
systole_install(systole_options options)

# systole_room(NAME SOURCES a.cpp b.cpp DEPS systole_base fmt::fmt)
#   One static library per room, systole::NAME; headers are included as "room/header.h", installed ones too.
function(systole_room name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(systole_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(systole_${name} PUBLIC systole_options ${ARG_DEPS})
  systole_install(systole_${name} ${name})
  install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/ DESTINATION ${SYSTOLE_INSTALL_INCLUDE}/${name} FILES_MATCHING PATTERN "*.h")
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
