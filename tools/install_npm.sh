#!/usr/bin/env bash
# Installs the test oracle (ONNX Runtime) and the PP-OCR models under tests/oracle/node_modules, as its lock file says;
# quick when they are there already. Install scripts are not run: the packages bring all that is used.
set -euo pipefail
cd "$(dirname "$0")/../tests/oracle"

stamp=node_modules/.installed-lock.json
if ! cmp -s package-lock.json "$stamp"; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json "$stamp"
fi
