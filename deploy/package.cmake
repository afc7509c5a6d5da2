# `cpack` in a build folder whose prefix is /usr, as preset release has it: a Debian package.
set(TRIPTYCH_MAINTAINER "Triptych <triptych@localhost.localdomain>" CACHE STRING
	"Who makes the Debian package")
configure_file(debian/changelog.in changelog @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/changelog debian/copyright
	DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/triptych)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME triptych)
set(CPACK_PACKAGE_VENDOR Triptych)
set(CPACK_PACKAGE_CONTACT "${TRIPTYCH_MAINTAINER}")
set(CPACK_SET_DESTDIR ON) # /etc is outside the prefix
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "whole-host eBPF CPU profiler in three processes")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/debian/compress.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "It samples every process of a host, names functions also of programs that are
gone, and pushes labelled profiles to Grafana Pyroscope or to a directory.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS
	"ca-certificates, systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
foreach(name conffiles postinst prerm postrm)
	list(APPEND CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_SOURCE_DIR}/debian/${name})
endforeach()
include(CPack)
