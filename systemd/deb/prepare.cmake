# SPDX-License-Identifier: GPL-2.0-or-later
# What Debian asks of the files: cpack runs this when they are in place, before it packs them.
if(NOT CPACK_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "Not for ${CPACK_INSTALL_PREFIX}: configure with -DCMAKE_INSTALL_PREFIX=/usr")
endif()
find_program(shlibdeps dpkg-shlibdeps)
find_program(file file)
if(NOT shlibdeps OR NOT file)
  message(FATAL_ERROR "A package is made with the help of dpkg-dev and file: install them")
endif()

set(root ${CPACK_TEMPORARY_INSTALL_DIRECTORY})
set(doc ${root}/usr/share/doc/ctwatch)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/copyright ${CMAKE_CURRENT_LIST_DIR}/changelog
  ${CMAKE_CURRENT_LIST_DIR}/../../README.md DESTINATION ${doc}
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

# The time that cpack gives to all files, so that the same sources make the same package.
execute_process(COMMAND dpkg-parsechangelog -l ${CMAKE_CURRENT_LIST_DIR}/changelog -S Timestamp
  OUTPUT_VARIABLE time OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(ENV{SOURCE_DATE_EPOCH} ${time})

file(GLOB programs ${root}/usr/bin/* ${root}/usr/sbin/*)
execute_process(COMMAND strip --remove-section=.comment --remove-section=.note ${programs}
  COMMAND_ERROR_IS_FATAL ANY)

file(GLOB pages ${root}/usr/share/man/man*/*.[1-9])
execute_process(COMMAND gzip -9n ${doc}/changelog ${pages} COMMAND_ERROR_IS_FATAL ANY)

# What the configuration is like as shipped is only of use to systemd/install; dpkg knows by itself.
file(REMOVE ${root}/usr/share/ctwatch/ctwatch.conf)
