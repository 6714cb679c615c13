# Synthesis: a library of its own, for only the command `synth` and its tests need it.
set(cell_files memory memory_map memory_timing)
list(TRANSFORM cell_files PREPEND ${CMAKE_CURRENT_LIST_DIR}/cells/)
list(TRANSFORM cell_files APPEND .v)
list(JOIN cell_files "|" cells_joined)
add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/cell_texts.cpp
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/cell_texts.cpp "-DFILES=${cells_joined}" -DFUNCTION=cell_texts
          -DHEADER=rtl/synth_tools.h -P ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
  DEPENDS ${cell_files} ${CMAKE_CURRENT_LIST_DIR}/embed.cmake
  VERBATIM)
add_library(systole_synth STATIC synth_fpga.cpp synth_gates.cpp synth_netlist.cpp synth_part.cpp synth_timing.cpp synth_tools.cpp ${CMAKE_CURRENT_BINARY_DIR}/cell_texts.cpp)
target_link_libraries(systole_synth PUBLIC systole_options systole_rtl systole_tinytpu_rtl systole_chip systole_base fmt::fmt
  PRIVATE nlohmann_json::nlohmann_json)
systole_install(systole_synth synth)
