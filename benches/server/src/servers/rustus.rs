//! The release binary, as its defaults have it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Face, Server, data_folder};
use crate::child::{Running, free_address};
use crate::place::Place;

/// The plugin refuse-meme, which looks at one pair of the metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plugin {
    /// An instance for every call: the default.
    Fresh,
    /// Instances are kept.
    Reuse,
}

pub(super) fn start(place: &Place, folder: &Path, plugin: Option<Plugin>) -> Result<Server> {
    let hooks = plugin
        .map(|plugin| hooks_folder(place, folder, plugin))
        .transpose()?;
    start_in(place, folder, hooks.as_deref())
}

/// The server in `folder`, with the plugins in `hooks`.
fn start_in(place: &Place, folder: &Path, hooks: Option<&Path>) -> Result<Server> {
    let data = data_folder(folder)?;
    let address = free_address()?;
    let mut command = Command::new(&place.programs().rustus);
    command
        .args(["--host", "127.0.0.1", "--port", &address.port().to_string()])
        // As the others: they never sync.
        .args(["--durability", "none"])
        // Several run at once, and nobody looks.
        .args(["--admin-addr", "off"])
        .arg("--data-dir")
        .arg(&data)
        .arg("--info-dir")
        .arg(&data)
        .arg("--compile-cache-dir")
        .arg(folder.join("cache"))
        .current_dir(folder)
        .env_clear()
        .env("NO_COLOR", "1");
    if let Some(hooks) = hooks {
        command.arg("--hooks-dir").arg(hooks);
    }
    let running = Running::start(&mut command, address, folder)?;
    Ok(Server::new(running, data, Face::Tus))
}

/// The server with a watched folder that holds `module` as `rule.wasm`, and
/// that folder.
pub(crate) fn start_with_rule(place: &Place, module: &[u8]) -> Result<(Server, PathBuf)> {
    let folder = place.folder("rustus")?;
    let hooks = folder.join("hooks");
    fs::create_dir(&hooks).context("cannot make the folder of plugins")?;
    fs::write(hooks.join("rule.wasm"), module).context("cannot place a plugin")?;
    Ok((start_in(place, &folder, Some(&hooks))?, hooks))
}

fn hooks_folder(place: &Place, folder: &Path, plugin: Plugin) -> Result<PathBuf> {
    let hooks = folder.join("hooks");
    fs::create_dir_all(&hooks).context("cannot make the folder of plugins")?;
    let guest = place.programs().guests.join("refuse-meme.wasm");
    fs::copy(&guest, hooks.join("refuse-meme.wasm"))
        .with_context(|| format!("cannot copy {}; `./x guests` makes it", guest.display()))?;
    if matches!(plugin, Plugin::Reuse) {
        let manifest = hooks.join("refuse-meme.toml");
        fs::write(manifest, "instances = \"reuse\"\n").context("cannot write a manifest")?;
    }
    Ok(hooks)
}
