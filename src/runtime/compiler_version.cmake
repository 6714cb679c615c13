# cmake -DROOT=src -DOUTPUT=x.cpp -P compiler_version.cmake: one hash over the sources that decide what a program is.
set(hashes "")
foreach(room base numeric tensor graph frontend transform chip isa timing compile)
  file(GLOB sources ${ROOT}/${room}/*.cpp ${ROOT}/${room}/*.h)
  list(SORT sources)
  foreach(source IN LISTS sources)
    file(SHA256 ${source} hash)
    get_filename_component(name ${source} NAME)
    string(APPEND hashes "${room}/${name} ${hash}\n")
  endforeach()
endforeach()
string(SHA256 version "${hashes}")
set(text "#include \"runtime/cache.h\"

namespace systole::runtime {
std::string_view compiler_version() { return \"${version}\"; }
}  // namespace systole::runtime
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
