# cmake -DOUTPUT=x.cpp "-DFILES=a.sv|b.sv" -P embed.cmake: the texts of the files as a C++ table.
string(REPLACE "|" ";" files "${FILES}")
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" text)
  string(APPEND rows "    {\"${name}\", R\"~text~(${text})~text~\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"rtl/generate.h\"

namespace systole::rtl {
namespace {
constexpr SourceText kTexts[] = {
${rows}};
}  // namespace
std::span<const SourceText> source_texts() { return kTexts; }
}  // namespace systole::rtl
")
