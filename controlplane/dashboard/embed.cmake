# cmake -DOUTPUT=FILE.cpp -DDIRECTORY=HERE -DNAMES=A,B -P embed.cmake: makes the definitions of
# rest/dashboard_files.h of these files.
string(REPLACE "," ";" names "${NAMES}")
set(all "")
foreach(name IN LISTS names)
  file(SHA256 "${DIRECTORY}/${name}" hash)
  string(APPEND all "${name} ${hash}\n")
endforeach()
string(SHA256 version "${all}")
string(SUBSTRING "${version}" 0 16 version)

file(WRITE "${OUTPUT}.new" "#include \"controlplane/rest/dashboard_files.h\"\n\n"
  "namespace vipgate {\nnamespace {\n\nconstexpr DashboardFile kDashboardFiles[] = {\n")
foreach(name IN LISTS names)
  file(READ "${DIRECTORY}/${name}" text)
  if(name STREQUAL "index.html")
    string(REPLACE "{version}" "${version}" text "${text}")
  endif()
  file(APPEND "${OUTPUT}.new" "    {\"${name}\", R\"file(${text})file\"},\n")
endforeach()
file(APPEND "${OUTPUT}.new" "};\n\n}  // namespace\n\n"
  "std::span<const DashboardFile> dashboard_files() { return kDashboardFiles; }\n\n"
  "std::string_view dashboard_version() { return \"${version}\"; }\n\n}  // namespace vipgate\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
