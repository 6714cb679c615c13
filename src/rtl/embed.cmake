# cmake -DOUTPUT=x.cpp "-DFILES=a.sv|b.sv" [-DFUNCTION=f -DHEADER=h.h] -P embed.cmake: the texts of the files as a C++ table that
# the function f returns, declared in h.h.
if(NOT FUNCTION)
  set(FUNCTION source_texts)
  set(HEADER rtl/generate.h)
endif()
string(REPLACE "|" ";" files "${FILES}")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  string(APPEND rows "    {\"${name}\", R\"~text~(${text})~text~\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"${HEADER}\"

namespace systole::rtl {
namespace {
constexpr SourceText kTexts[] = {
${rows}};
}  // namespace
std::span<const SourceText> ${FUNCTION}() { return kTexts; }
}  // namespace systole::rtl
")
