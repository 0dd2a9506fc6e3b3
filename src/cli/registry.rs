//! The commands of `rustus plugin` that speak with a registry.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::oci::OciFlags;
use crate::oci::Reference;

/// What is done with a registry.
#[derive(Debug, Clone, Subcommand)]
pub enum RegistryCommand {
    /// Put a module into a registry
    Push {
        /// The module: a plugin or a WASI command
        file: PathBuf,
        /// Where to, such as registry.example/hooks/limits:1.2
        reference: Reference,
        /// Sign it with this private key (P-256 in PEM: PKCS#8 or of cosign, whose
        /// password is in COSIGN_PASSWORD)
        #[arg(long, value_name = "KEY")]
        sign: Option<PathBuf>,
        /// What to note down with it, such as
        /// org.opencontainers.image.source=https://...; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        annotation: Vec<(String, String)>,
        /// How it is printed, and how registries are reached.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
    /// Fetch a module from a registry into a file
    Pull {
        /// From where
        reference: Reference,
        /// The file to write [default: the last part of the name and .wasm]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// How it is printed, and how registries are reached.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
    /// Fetch a module from a registry into a directory of plugins
    Install {
        /// From where
        reference: Reference,
        /// The directory, such as the server's --hooks-dir
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
        /// What the plugin is called there [default: the last part of the name]
        #[arg(long, value_name = "NAME", value_parser = plugin_name)]
        name: Option<String>,
        /// Install what the tag led to when it was installed before, as
        /// DIR/.plugins.lock says
        #[arg(long)]
        locked: bool,
        /// How it is printed, and how registries are reached.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
    /// Say who has signed a module in a registry or in a file, or those in an archive
    Verify {
        /// A reference, a module's file, or a file that `save` wrote
        what: String,
        /// The sigstore bundle that signs a module's file [default: the file's name
        /// and .sigstore.json]
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
        /// How it is printed, and how registries are reached.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
    /// Put modules from registries, with their signatures, into one archive
    Save {
        /// From where
        #[arg(required = true)]
        references: Vec<Reference>,
        /// The archive to write
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// How it is printed, and how registries are reached.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
    /// Put the modules of an archive into the cache and the lock file, for servers
    /// that reach no registry
    Load {
        /// What `save` wrote
        file: PathBuf,
        /// How it is printed, and where it is put.
        #[command(flatten)]
        flags: Box<RegistryFlags>,
    },
}

/// What all of these commands take.
#[derive(Debug, Clone, Args)]
pub struct RegistryFlags {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// How registries are reached.
    #[command(flatten)]
    pub oci: OciFlags,
}

impl RegistryCommand {
    /// What all of these commands take.
    #[must_use]
    pub fn flags(&self) -> &RegistryFlags {
        match self {
            Self::Push { flags, .. }
            | Self::Pull { flags, .. }
            | Self::Install { flags, .. }
            | Self::Verify { flags, .. }
            | Self::Save { flags, .. }
            | Self::Load { flags, .. } => flags,
        }
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as org.opencontainers.image.licenses=MIT".to_owned()),
    }
}

/// A name that a file in a directory of plugins can have.
pub(super) fn plugin_name(text: &str) -> Result<String, String> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match text.chars().all(is_fit) && !text.is_empty() && !text.starts_with('.') {
        true => Ok(text.to_owned()),
        false => Err(
            "expected a name of letters, digits, `-`, `_` and `.`, such as size-limits".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_file_in_the_directory_is_no_name() {
        assert!(plugin_name("size-limits").is_ok());
        for name in ["", ".x", "a/b", "a b"] {
            plugin_name(name).unwrap_err();
        }
    }
}
