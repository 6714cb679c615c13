# What `cmake --install` puts down, so that an outside program says find_package(systole) and links systole::runtime:
#   bin/systole, lib/libsystole_<room>.a, include/systole/<room>/<header>.h, lib/cmake/systole/systoleConfig.cmake.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(SYSTOLE_INSTALL_INCLUDE ${CMAKE_INSTALL_INCLUDEDIR}/systole)
set(SYSTOLE_INSTALL_CMAKE ${CMAKE_INSTALL_LIBDIR}/cmake/systole)

# systole_install(TARGET NAME): exports the target as systole::NAME, in the build tree too.
function(systole_install target name)
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  add_library(systole::${name} ALIAS ${target})
  install(TARGETS ${target} EXPORT systole ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()

# systole_install_package(): the program and the package's files; called once every room is there.
function(systole_install_package)
  if(TARGET systole)
    install(TARGETS systole RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
  install(EXPORT systole FILE systoleTargets.cmake NAMESPACE systole:: DESTINATION ${SYSTOLE_INSTALL_CMAKE})
  configure_package_config_file(${CMAKE_CURRENT_SOURCE_DIR}/cmake/systoleConfig.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/systoleConfig.cmake INSTALL_DESTINATION ${SYSTOLE_INSTALL_CMAKE})
  write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/systoleConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/systoleConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/systoleConfigVersion.cmake
    DESTINATION ${SYSTOLE_INSTALL_CMAKE})
endfunction()
