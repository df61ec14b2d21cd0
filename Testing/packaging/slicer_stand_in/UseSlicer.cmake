include_guard()

function(_install_listed folder)
  foreach(name ${ARGN})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${name})
      message(FATAL_ERROR "The list names ${name}, which is not there.")
    endif()
    get_filename_component(inner ${name} DIRECTORY)
    install(FILES ${name} DESTINATION ${folder}/${inner})
  endforeach()
endfunction()

macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MODULE "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  _install_listed(${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR}
    ${MODULE_SCRIPTS} ${MODULE_RESOURCES})
endmacro()

macro(ctkMacroCompilePythonScript)
  cmake_parse_arguments(LIBRARY "NO_INSTALL_SUBDIR" "TARGET_NAME;DESTINATION_DIR;INSTALL_DIR"
    "SCRIPTS;RESOURCES" ${ARGN})
  _install_listed(${LIBRARY_INSTALL_DIR} ${LIBRARY_SCRIPTS} ${LIBRARY_RESOURCES})
endmacro()
