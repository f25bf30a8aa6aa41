# Sourced by the scripts beside this folder, in the repository's root. `ensure_installed` makes sure that the
# dependencies are there, and sets NODE to a Node.js that runs the project.

fail() {
  echo "$(basename "$0"): $*" >&2
  exit 1
}

# The host's Node.js only has to run npm: the project's own comes with the dependencies.
check_host_node() {
  command -v node >/dev/null 2>&1 || fail "needs Node.js 20 or newer and npm; there is no node in PATH (https://nodejs.org)"
  command -v npm >/dev/null 2>&1 || fail "needs npm, which comes with Node.js; there is no npm in PATH"
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' ||
    fail "needs Node.js 20 or newer, this is $(node --version)"
}

is_installed() {
  [ -x node_modules/node/bin/node ] || return 1
  # npm's record of what it installed is older than what should be there: perhaps only by a checkout.
  if [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ls --all >/dev/null 2>&1 || return 1
    touch node_modules/.package-lock.json
  fi
}

# Daemons start sooner, and in less memory, from what is built; without it they run from their sources.
ensure_built() {
  packages/cli/bin/is-built && return
  npm run --silent build || echo "$(basename "$0"): npm run build failed, see above; the program runs from its sources" >&2
}

ensure_installed() {
  check_host_node
  if ! is_installed; then
    echo "Installing the dependencies with npm ci (once, about half a minute)..."
    npm ci --no-audit --no-fund --loglevel=error >/dev/null || fail "npm ci failed, see above"
    is_fresh=yes
  fi
  NODE=node_modules/node/bin/node
  [ -x "$NODE" ] || fail "npm ci left no $NODE: is there a package of Node.js for this machine ($(uname -sm))?"
  ensure_built
  # What is compiled is kept: the daemons of a fresh clone would take twice the time to start.
  if [ "${is_fresh:-}" = yes ]; then
    for command in peer tracker; do packages/cli/bin/cachetorrent "$command" --help >/dev/null || true; done
  fi
}
