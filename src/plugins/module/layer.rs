//! What a file is by its first bytes.

use super::ModuleError;

/// What the ways are to go on with a hook that is no module.
pub(in crate::plugins) const PORTING: &str = "nothing native is ever run; build the program as a WASI command \
    (`GOOS=wasip1 GOARCH=wasm go build`, `cargo build --target wasm32-wasip2` or the like), or write \
    a plugin with the SDK (docs/shell-hooks.md shows both)";

/// Which kind of WebAssembly a file is.
pub(in crate::plugins) enum Layer {
    Core,
    Component,
}

pub(in crate::plugins) fn layer(bytes: &[u8]) -> Result<Layer, ModuleError> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    // ELF, PE, and Mach-O for one processor and for several.
    const NATIVE: [&[u8]; 4] = [b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"];
    let found = match bytes {
        _ if bytes.starts_with(COMPONENT) => return Ok(Layer::Component),
        _ if bytes.starts_with(MODULE) => return Ok(Layer::Core),
        [] => "empty",
        _ if NATIVE.iter().any(|magic| bytes.starts_with(magic)) => "a native executable",
        _ if bytes.starts_with(b"#!") => "a script",
        _ if bytes.starts_with(b"\0asm") => "a WebAssembly file of an unknown version",
        _ if bytes.starts_with(b"(") => {
            "WebAssembly text (`wasm-tools parse` makes a binary of it)"
        }
        _ => "something else",
    };
    Err(ModuleError::NotWasm { found })
}
