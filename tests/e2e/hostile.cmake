# What is wrong on purpose: hosts, options, peers and files, against the release build, as root.
add_executable(refuse_perf refuse_perf.c)
target_link_libraries(refuse_perf PRIVATE triptych::options PkgConfig::seccomp)

# triptych_hostile_test(NAME SCRIPT ARGUMENTS...)
function(triptych_hostile_test name script)
	triptych_e2e_test(${name} ${PROJECT_SOURCE_DIR}/build/release ${script} ${ARGN})
	set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED release)
endfunction()
triptych_hostile_test(e2e_capabilities capabilities_test.py $<TARGET_FILE:refuse_perf>)
triptych_hostile_test(e2e_bad_input bad_input_test.py)
triptych_hostile_test(e2e_hostile_socket hostile_socket_test.py)
triptych_hostile_test(e2e_hostile_objects hostile_objects_test.py)
triptych_hostile_test(e2e_hung_file hung_file_test.py $<TARGET_FILE:hangfs>)
