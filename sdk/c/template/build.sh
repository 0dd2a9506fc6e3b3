#!/bin/sh
# What plugin.toml does, for who has no `rustus plugin build`.
set -e
PATH="$PWD/.venv/bin:$PATH"
python-zig cc --target=wasm32-wasi -mexec-model=reactor -std=c11 -Os -s -Wall -Wextra -o core.wasm \
  hook.c rustus_hook/rustus_hook.c rustus_hook/rustus_http.c rustus_hook/generated/rustus.c
wasm-tools component embed wit --world plugin core.wasm -o core.wasm
wasm-tools component new core.wasm -o {{name}}.wasm
