# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The CUDA language and an imported CUDA::cudart. find_package(CUDAToolkit) of CMake 3.25 stops on CUDA 13 (no libnvToolsExt).
set(CMAKE_CUDA_ARCHITECTURES "${CARAVAN_CUDA_ARCHITECTURES}")
set(CMAKE_CUDA_HOST_COMPILER "${CMAKE_CXX_COMPILER}")
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25.1 does not know C++20 for nvcc
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_STANDARD__HAS_FULL_SUPPORT ON)
  list(APPEND CMAKE_CUDA_COMPILE_FEATURES cuda_std_20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_RUNTIME_LIBRARY Shared)  # one libcudart.so.13 in the process: the one that torch uses
get_filename_component(_cuda_bin "${CMAKE_CUDA_COMPILER}" DIRECTORY)
get_filename_component(_cuda_root "${_cuda_bin}" DIRECTORY)
find_path(CARAVAN_CUDART_INCLUDE cuda_runtime_api.h REQUIRED NO_DEFAULT_PATH
  PATHS "${_cuda_root}/include" "${CMAKE_CUDA_COMPILER_TOOLKIT_ROOT}/include" "${_cuda_root}/targets/x86_64-linux/include"
        "${LIBTORCH_ROOT}/nvidia/cu13/include")
find_library(CARAVAN_CUDART_LIBRARY NAMES cudart libcudart.so.13 REQUIRED NO_DEFAULT_PATH
  PATHS "${LIBTORCH_ROOT}/nvidia/cu13/lib" "${_cuda_root}/lib64" "${_cuda_root}/lib" "${_cuda_root}/targets/x86_64-linux/lib" ${LIBTORCH_CUDA_DIRS})
add_library(CUDA::cudart SHARED IMPORTED)
set_target_properties(CUDA::cudart PROPERTIES IMPORTED_LOCATION "${CARAVAN_CUDART_LIBRARY}")
target_include_directories(CUDA::cudart SYSTEM INTERFACE "${CARAVAN_CUDART_INCLUDE}")
