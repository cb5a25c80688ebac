# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# One ctest entry per test program.
#   caravan_gtest(NAME LIBS lib... [SOURCES file...] [LABELS label...])     every *.cpp of the folder unless named
#   caravan_qtest(FILE LIBS lib... [LABELS label...])                       one program per file (QTEST_MAIN)
# Tests read fixtures from CARAVAN_TEST_DATA (tests/data) and CARAVAN_SOURCE_DIR.
set(_caravan_environment "OMP_WAIT_POLICY=passive")
if(CARAVAN_SANITIZER)
  list(APPEND _caravan_environment "ASAN_OPTIONS=detect_leaks=0" "TSAN_OPTIONS=halt_on_error=1")
endif()
if(CARAVAN_SANITIZER MATCHES "thread")
  list(APPEND _caravan_environment "OMP_NUM_THREADS=1")  # the OpenMP runtime is not instrumented: its barriers are unseen
endif()

function(_caravan_test_target target)
  target_link_libraries(${target} PRIVATE caravan_options ${ARGN})
  target_compile_definitions(${target} PRIVATE
    CARAVAN_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data" CARAVAN_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
    CARAVAN_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  if(LibTorch_RUNTIME_DIRS)
    set_target_properties(${target} PROPERTIES BUILD_RPATH "${LibTorch_RUNTIME_DIRS}")
  endif()
endfunction()

function(caravan_gtest name)
  cmake_parse_arguments(A "" "" "LIBS;SOURCES;LABELS" ${ARGN})
  if(NOT A_SOURCES)
    file(GLOB A_SOURCES CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  endif()
  if(NOT A_SOURCES)
    return()
  endif()
  find_package(GTest REQUIRED)
  add_executable(${name} ${A_SOURCES})
  _caravan_test_target(${name} ${A_LIBS} GTest::gmock GTest::gtest GTest::gtest_main)
  if("caravan_engine" IN_LIST A_LIBS)
    caravan_use_engine_pch(${name})
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}" SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\] all"
    ENVIRONMENT "${_caravan_environment}")
  if(A_LABELS MATCHES "engine|app|slow")
    # They compute on several threads: side by side their OpenMP threads would wait for each other.
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()

function(caravan_qtest file)
  cmake_parse_arguments(A "" "" "LIBS;LABELS" ${ARGN})
  get_filename_component(name ${file} NAME_WE)
  add_executable(${name} ${file})
  set_target_properties(${name} PROPERTIES AUTOMOC ON)
  _caravan_test_target(${name} ${A_LIBS} Qt6::Test)
  target_compile_definitions(${name} PRIVATE QT_NO_KEYWORDS QCUSTOMPLOT_USE_LIBRARY)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS "${A_LABELS}"
    ENVIRONMENT "QT_QPA_PLATFORM=offscreen;QT_LOGGING_RULES=qt.qpa.*=false;${_caravan_environment};QTEST_FUNCTION_TIMEOUT=900000")
  if(A_LABELS MATCHES "app")
    set_tests_properties(${name} PROPERTIES PROCESSORS 2)
  endif()
endfunction()
