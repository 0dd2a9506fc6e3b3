#!/bin/sh
# What plugin.toml does, for who has no `rustus plugin build`.
set -e
PATH="$PWD/.venv/bin:$PATH"
adapter=node_modules/@bytecodealliance/jco/lib/wasi_snapshot_preview1.reactor.wasm
GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags="-s -w" -o core.wasm .
wasm-tools component embed wit --world plugin core.wasm -o core.wasm
wasm-tools component new core.wasm --realloc-via-memory-grow --adapt "$adapter" -o {{name}}.wasm
