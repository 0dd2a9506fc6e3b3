//! Writes what wit-bindgen makes of `wit/` for C into a directory: `sdk`
//! of this repository, or that of a test which compares.
//!
//! ```sh
//! cargo run --manifest-path sdk/bindings/Cargo.toml -- sdk
//! ```

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};

fn main() -> Result<()> {
    let into = env::args_os().nth(1).context("name a directory")?;
    let into = PathBuf::from(into);
    write(&into.join("c/rustus_hook/generated"), for_c())
}

fn for_c() -> Box<dyn WorldGenerator> {
    let options = wit_bindgen_c::Opts {
        // The component's type is added by `wasm-tools component embed`.
        no_object_file: true,
        ..Default::default()
    };
    options.build()
}

fn write(folder: &Path, mut generator: Box<dyn WorldGenerator>) -> Result<()> {
    let world = Path::new(env!("CARGO_MANIFEST_DIR")).join("../c/wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&world)?;
    let world = resolve.select_world(&[package], Some("rustus"))?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files)?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    for (name, bytes) in files.iter() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
