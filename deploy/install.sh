#!/bin/sh
# Makes what the image holds, from a checkout, under a folder of its own; the Dockerfile runs it, and so can a person
# or a test on a bare machine with Python 3.11 to 3.13 and a package index:
#   sh deploy/install.sh dependencies /opt/elec     all packages, from requirements.lock with their hashes
#   sh deploy/install.sh program /opt/elec          this program, into a folder of its own: a small layer
#   sh deploy/install.sh files /opt/elec            configuration
#   sh deploy/install.sh lambda deadman.zip         the dead-man switch for AWS Lambda (LAMBDA_PYTHON, by default 3.13)
set -eu

step=${1:?which step: dependencies, program, files or lambda}
prefix=${2:?the folder to install into}
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
tools=${TOOLS:-/tmp/elec-tools}

# uv and setuptools come from the same lock, with their hashes, and stay outside.
tools() {
  if [ ! -x "$tools/bin/uv" ]; then
    "$python" -m venv "$tools"
    awk '/^[^ #]/ {keep = /^(uv|setuptools)==/} keep' requirements.lock > "$tools/tools.lock"
    "$tools/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
      --requirement "$tools/tools.lock"
  fi
}

case $step in
dependencies)
  tools
  mkdir -p "$prefix"
  "$python" -m venv --without-pip "$prefix/venv"
  "$python" deploy/requirements.py scale > "$tools/run.lock"
  # By which Lambda calls elec_assets.handlers.trends: from this image, since polars and pandas pass a zip's 250 MB.
  "$python" deploy/requirements.py --of awslambdaric >> "$tools/run.lock"
  # Without bytecode each run compiles Dagster anew: 7 s of CPU for 2 to 3 s.
  "$tools/bin/uv" pip install --quiet --python "$prefix/venv/bin/python" --no-deps --require-hashes \
    --compile-bytecode --requirement "$tools/run.lock"
  site=$("$prefix/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  echo "$prefix/program" > "$site/elec_assets.pth"
  ;;
program)
  tools
  rm -rf "$tools/wheel" "$tools/source" "$prefix/program"
  mkdir "$tools/source" # a build leaves folders beside its sources
  cp -r pyproject.toml README.md LICENSE elec_assets "$tools/source/"
  "$tools/bin/uv" build --quiet --wheel --no-build-isolation --python "$tools/bin/python" --out-dir "$tools/wheel" \
    "$tools/source"
  "$tools/bin/uv" pip install --quiet --python "$prefix/venv/bin/python" --no-deps --compile-bytecode \
    --target "$prefix/program" "$tools"/wheel/*.whl
  ;;
files)
  mkdir -p "$prefix/dagster" "$prefix/dagster-ecs" "$prefix/dagster-celery" "$prefix/config"
  cp deploy/workspace.yaml deploy/every.sh "$prefix/"
  cp deploy/dagster.yaml "$prefix/dagster/dagster.yaml"
  # Dagster reads one file: the launcher is a block more.
  cat deploy/dagster.yaml deploy/launchers/ecs.yaml > "$prefix/dagster-ecs/dagster.yaml"
  cat deploy/dagster.yaml deploy/launchers/celery.yaml > "$prefix/dagster-celery/dagster.yaml"
  ;;
lambda)
  tools
  rm -rf "$tools/lambda"
  # All that elec_assets.handlers.deadman imports; boto3 is there.
  "$python" deploy/requirements.py --of filelock msgspec obstore pyyaml > "$tools/lambda.lock"
  "$tools/bin/uv" pip install --quiet --python "$tools/bin/python" --no-deps --require-hashes --only-binary :all: \
    --python-version "${LAMBDA_PYTHON:-3.13}" --python-platform x86_64-manylinux_2_28 \
    --target "$tools/lambda" --requirement "$tools/lambda.lock"
  cp -r elec_assets "$tools/lambda/"
  find "$tools/lambda" -name __pycache__ -prune -exec rm -rf {} +
  "$python" -c 'import shutil, sys; shutil.make_archive(sys.argv[1].removesuffix(".zip"), "zip", sys.argv[2])' \
    "$prefix" "$tools/lambda"
  ;;
*)
  echo "install.sh: no step $step; there are: dependencies, program, files, lambda" >&2
  exit 2
  ;;
esac
