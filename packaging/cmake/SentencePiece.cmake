# SPDX-FileCopyrightText: 2026 The Caravan authors
# SPDX-License-Identifier: GPL-3.0-or-later
# The run-time half of SentencePiece 0.2.1 from its source package: static, symbols hidden, its bundled protobuf renamed,
# so that it cannot clash with another library of the process. 0.2.2 and later fetch parts by git, which we do not want.
set(_spm "${CARAVAN_SENTENCEPIECE_SOURCE}")
if(NOT EXISTS "${_spm}/src/sentencepiece_processor.cc")
  message(FATAL_ERROR "CARAVAN_SENTENCEPIECE_SOURCE (${_spm}) holds no SentencePiece 0.2.1 source; ./caravan build fetches it.")
endif()
set(_src "${_spm}/src")
set(_pb "${_spm}/third_party/protobuf-lite")
file(GLOB _pb_sources "${_pb}/*.cc")
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/sentencepiece/config.h" CONTENT
"#define VERSION \"0.2.1\"\n#define PACKAGE \"sentencepiece\"\n#define PACKAGE_STRING PACKAGE\n#define INSTALL_DATADIR \"\"\n")
add_library(caravan_sentencepiece STATIC
  ${_src}/builtin_pb/sentencepiece.pb.cc ${_src}/builtin_pb/sentencepiece_model.pb.cc
  ${_src}/bpe_model.cc ${_src}/char_model.cc ${_src}/error.cc ${_src}/filesystem.cc ${_src}/model_factory.cc
  ${_src}/model_interface.cc ${_src}/normalizer.cc ${_src}/sentencepiece_processor.cc ${_src}/unigram_model.cc
  ${_src}/util.cc ${_src}/word_model.cc ${_spm}/third_party/absl/flags/flag.cc ${_pb_sources})
target_include_directories(caravan_sentencepiece SYSTEM PUBLIC ${_src})
target_include_directories(caravan_sentencepiece PRIVATE "${PROJECT_BINARY_DIR}/sentencepiece" ${_src}/builtin_pb ${_pb}
  ${_spm} ${_spm}/third_party ${_spm}/third_party/absl)
target_compile_definitions(caravan_sentencepiece PRIVATE google=spm_google HAVE_PTHREAD _USE_INTERNAL_STRING_VIEW
  FLAGS_minloglevel=spm_FLAGS_minloglevel FLAGS_help=spm_FLAGS_help FLAGS_version=spm_FLAGS_version)
target_compile_options(caravan_sentencepiece PRIVATE -w "-fmacro-prefix-map=${_spm}/=")
set_target_properties(caravan_sentencepiece PROPERTIES CXX_STANDARD 17 CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
