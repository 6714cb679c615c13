# TinyTPU's hardware: a library of its own, in the order in which tools read the modules.
set(tinytpu_texts tinytpu_add tinytpu_multiply tinytpu_random tinytpu_products tinytpu_pe tinytpu_array tinytpu_vector_lane tinytpu_descent tinytpu_channel
    tinytpu_registers tinytpu_bank tinytpu_bank_server tinytpu_block_ram tinytpu_buffer tinytpu_program tinytpu_sequencer tinytpu tinytpu_probe)
list(TRANSFORM tinytpu_texts PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/sv/tinytpu/)
list(TRANSFORM tinytpu_texts APPEND .sv)
list(APPEND tinytpu_texts ${CMAKE_CURRENT_SOURCE_DIR}/sv/tinytpu/testbench.cpp ${CMAKE_CURRENT_SOURCE_DIR}/sv/fst_waves.h)
list(JOIN tinytpu_texts "|" tinytpu_joined)
add_custom_command(
  OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/tinytpu_texts.cpp
  COMMAND ${CMAKE_COMMAND} -DOUTPUT=${CMAKE_CURRENT_BINARY_DIR}/tinytpu_texts.cpp "-DFILES=${tinytpu_joined}" -DFUNCTION=tinytpu_texts
          -DHEADER=rtl/tinytpu.h -P ${CMAKE_CURRENT_SOURCE_DIR}/embed.cmake
  DEPENDS ${tinytpu_texts} ${CMAKE_CURRENT_SOURCE_DIR}/embed.cmake
  VERBATIM)
add_library(systole_tinytpu_rtl STATIC tinytpu.cpp tinytpu_check.cpp tinytpu_random.cpp verilate.cpp ${CMAKE_CURRENT_BINARY_DIR}/tinytpu_texts.cpp)
target_link_libraries(systole_tinytpu_rtl PUBLIC systole_options systole_tinytpu systole_chip systole_base fmt::fmt)
systole_install(systole_tinytpu_rtl tinytpu_rtl)
