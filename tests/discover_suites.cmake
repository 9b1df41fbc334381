# Writes OUTPUT: one CTest test for each suite of the GoogleTest program PROGRAM. A process per case,
# as gtest_discover_tests() has it, takes longer than most cases do.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[^ \n]+\\.( |\n)" suites "${listing}")
set(tests)
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "[\n ]" "" suite "${suite}")
  string(REGEX REPLACE "\\.$" "" name "${suite}")
  string(APPEND tests "add_test([==[${name}]==] [==[${PROGRAM}]==] [==[--gtest_filter=${suite}*]==])\n"
    "set_tests_properties([==[${name}]==] PROPERTIES LABELS unit)\n")
endforeach()
if(NOT tests)
  message(FATAL_ERROR "${PROGRAM} has no tests")
endif()
file(WRITE ${OUTPUT} "${tests}")
