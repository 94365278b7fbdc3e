# install.cmake: cmake --install; then find_package(cornu) gives cornu::cornu and cornu::static, pkg-config knows cornu.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cornu)

install(TARGETS cornu cornu_static EXPORT cornu
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/cornu.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY include/cornu DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT cornu NAMESPACE cornu:: FILE cornuTargets.cmake DESTINATION ${package_dir})
configure_package_config_file(cmake/cornuConfig.cmake.in cornuConfig.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 a new minor version may change the interface.
write_basic_package_version_file(cornuConfigVersion.cmake COMPATIBILITY SameMinorVersion)
# The prefix is where the file lies: `cmake --install build --prefix ANYWHERE`, and a folder that is moved, need no other file.
file(RELATIVE_PATH pc_to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(cmake/cornu.pc.in cornu.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cornuConfig.cmake ${PROJECT_BINARY_DIR}/cornuConfigVersion.cmake DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/cornu.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
