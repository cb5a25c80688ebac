# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# Compile options of every own target: link to caravan_options.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# The build tree finds its libraries next to the programs.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/app")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/app")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")  # assertions stay on

find_program(CARAVAN_CCACHE ccache)
if(CARAVAN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CARAVAN_CCACHE}")
  set(CMAKE_CUDA_COMPILER_LAUNCHER "${CARAVAN_CCACHE}")
endif()
find_program(CARAVAN_MOLD mold)

add_library(caravan_options INTERFACE)
target_include_directories(caravan_options INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(caravan_options INTERFACE CARAVAN_VERSION="${PROJECT_VERSION}")
target_compile_options(caravan_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -Werror=return-type>
  $<$<COMPILE_LANGUAGE:CXX>:-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=>)
if(CARAVAN_MOLD)
  target_link_options(caravan_options INTERFACE -fuse-ld=mold)
endif()
if(CARAVAN_SANITIZER)
  target_compile_options(caravan_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${CARAVAN_SANITIZER} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1>)
  target_link_options(caravan_options INTERFACE -fsanitize=${CARAVAN_SANITIZER})
endif()
if(CARAVAN_SANITIZER MATCHES "thread")
  target_compile_definitions(caravan_options INTERFACE CARAVAN_SERIAL=1)  # OpenMP gives false races
endif()
