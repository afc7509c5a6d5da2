# Debian has manual pages and changelogs compressed, without the time.
file(GLOB_RECURSE files ${CPACK_TEMPORARY_DIRECTORY}/*.8 ${CPACK_TEMPORARY_DIRECTORY}/*/changelog)
execute_process(COMMAND gzip -9n ${files} COMMAND_ERROR_IS_FATAL ANY)
