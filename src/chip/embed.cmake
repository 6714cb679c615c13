# cmake -DOUTPUT=x.cpp "-DFILES=a.yaml|b.yaml" -P embed.cmake: the texts of the files as a C++ table.
string(REPLACE "|" ";" files "${FILES}")
list(SORT files)
set(rows "")
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WLE)
  file(READ "${file}" text)
  string(APPEND rows "    {\"${name}\", R\"~yaml~(${text})~yaml~\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "#include \"chip/catalogue.h\"

namespace systole {
namespace {
constexpr CatalogueEntry kEntries[] = {
${rows}};
}  // namespace
std::span<const CatalogueEntry> catalogue_entries() { return kEntries; }
}  // namespace systole
")
