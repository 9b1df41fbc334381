# Writes OUTPUT: one CTest test for each suite of the GoogleTest program PROGRAM. A process per case,
# as gtest_discover_tests() has it, takes longer than most cases do. With SHARDS, as many tests, among which
# the cases are dealt out: for programs that take longer to begin than most suites do.
execute_process(COMMAND ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)[^ \n]+\\.( |\n)" suites "${listing}")
if(NOT suites)
  message(FATAL_ERROR "${PROGRAM} has no tests")
endif()
set(tests)
if(SHARDS)
  set(suites)
  get_filename_component(name ${PROGRAM} NAME)
  foreach(shard RANGE 1 ${SHARDS})
    math(EXPR index "${shard} - 1")
    string(APPEND tests "add_test([==[${name}.${shard}_of_${SHARDS}]==] [==[${PROGRAM}]==])\n"
      "set_tests_properties([==[${name}.${shard}_of_${SHARDS}]==] PROPERTIES LABELS unit\n"
      "  ENVIRONMENT \"GTEST_TOTAL_SHARDS=${SHARDS};GTEST_SHARD_INDEX=${index}\")\n")
  endforeach()
endif()
foreach(suite IN LISTS suites)
  string(REGEX REPLACE "[\n ]" "" suite "${suite}")
  string(REGEX REPLACE "\\.$" "" name "${suite}")
  string(APPEND tests "add_test([==[${name}]==] [==[${PROGRAM}]==] [==[--gtest_filter=${suite}*]==])\n"
    "set_tests_properties([==[${name}]==] PROPERTIES LABELS unit)\n")
endforeach()
file(WRITE ${OUTPUT} "${tests}")
