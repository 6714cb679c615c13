#!/usr/bin/env bash
# install.sh [PACKAGE]...: installs what Systole needs on Debian 12, and PACKAGEs, by name; quick when everything is there already.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  clang-16 libclang-rt-16-dev lld-16 ninja-build ccache cmake make pkg-config git
  protobuf-compiler libprotobuf-dev libonnx-dev            # ONNX definitions
  libhwy-dev libtbb-dev libfmt-dev libspdlog-dev libcli11-dev libyaml-cpp-dev nlohmann-json3-dev zlib1g-dev libxxhash-dev
  libgtest-dev libgmock-dev librapidcheck-dev libbenchmark-dev
  verilator yosys                                          # the RTL engine, and a second reader of its sources
  opensta qflow-tech-osu018 qflow-tech-osu035 qflow-tech-osu050   # synthesis: timing, standard cells
  nextpnr-ice40 fpga-icestorm                              # synthesis for FPGAs
  gtkwave xvfb xauth                                       # waves: a reader of them, and a display for its test
  chromium                                                 # the test of the animated pictures
  python3 python3-numpy python3-onnx python3-pil fonts-dejavu-core   # model scripts and the reading example
  libonnx-testdata                                         # operator tests of the ONNX project
)
command -v node > /dev/null || packages+=(nodejs npm)
packages+=("$@")

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2> /dev/null | grep -q "install ok installed" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing: ${missing[*]}" >&2
  sudo=""; [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
fi
