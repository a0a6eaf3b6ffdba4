#!/usr/bin/env bash
# MXNet 1.9.1 in an environment of its own, beside the system.
#   mxnet.sh DEST     then     DEST/bin/python script.py     runs Python 3.8 to 3.11 with mxnet importable (numpy below 2)
# Needs: x86-64 Linux, a Python 3.8 to 3.11 (pyenv's or any); Dragoman itself installs there too from 3.10 on.
set -euo pipefail
dest=$(realpath -m "${1:?usage: mxnet.sh DEST}")
python=${MXNET_BASE_PYTHON:-}
for version in 3.11 3.10 3.9 3.8; do
  [ -n "$python" ] && break
  python=$(ls -d "$HOME"/.pyenv/versions/"$version".*/bin/python"$version" 2>/dev/null | tail -1 || true)
  python=${python:-$(command -v "python$version" || true)}
done
[ -n "$python" ] || { echo "no Python 3.8 to 3.11 is installed"; exit 1; }
"$python" -m venv "$dest"
"$dest/bin/python" -m pip install -q --disable-pip-version-check 'mxnet==1.9.1' 'numpy<2'
cat > "$dest/check.py" <<'RUN'
import numpy as np

for name, kind in (("bool", bool), ("object", object), ("int", int), ("float", float)):
    if name not in np.__dict__:
        setattr(np, name, kind)
import mxnet as mx

print("mxnet", mx.__version__, "numpy", np.__version__, float(mx.nd.ones((2, 2)).sum().asscalar()))
RUN
"$dest/bin/python" "$dest/check.py"
