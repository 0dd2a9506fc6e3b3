//! The flags about where uploads are kept, and for how long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::switch::Switch;
use super::values;
use crate::store::{DirStructure, Durability, FileStoreConfig};

/// Where uploads are kept, and for how long.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Storage", mut_args(Switch::complete))]
pub(super) struct StorageFlags {
    /// Directory of the uploaded bytes
    #[arg(
        long,
        env = "RUSTUS_DATA_DIR",
        default_value = "./data",
        value_name = "DIR"
    )]
    data_dir: PathBuf,
    /// Directory of the records about uploads
    #[arg(
        long,
        env = "RUSTUS_INFO_DIR",
        default_value = "./data",
        value_name = "DIR"
    )]
    info_dir: PathBuf,
    /// Directory below the data directory, with {year}, {month}, {day}, {hour}
    /// and {minute} of the creation in UTC
    #[arg(
        long,
        env = "RUSTUS_DIR_STRUCTURE",
        default_value = "",
        value_name = "TEMPLATE"
    )]
    dir_structure: DirStructure,
    /// What is on the disk before it is acknowledged: none, finish (finished
    /// uploads) or append (every change)
    #[arg(long, env = "RUSTUS_DURABILITY", default_value_t, value_name = "WHAT")]
    durability: Durability,
    /// The same as --durability append, whatever that says
    #[arg(long, env = "RUSTUS_FORCE_FSYNC")]
    force_fsync: Switch,
    /// How long after its last byte an unfinished upload expires, such as 24h or
    /// 7d [default: never]
    #[arg(long, env = "RUSTUS_EXPIRATION", value_parser = values::time, value_name = "TIME")]
    expiration: Option<Duration>,
    /// How often expired uploads are looked for and removed; only with
    /// --expiration
    // Expired uploads are refused at once; this only gives back their space. Ten
    // minutes are soon enough for that, and long against a look at a million
    // uploads.
    #[arg(
        long,
        env = "RUSTUS_EXPIRATION_INTERVAL",
        default_value = "10m",
        value_parser = values::time,
        value_name = "TIME"
    )]
    expiration_interval: Duration,
}

impl StorageFlags {
    /// Where uploads are kept.
    pub(super) fn config(&self) -> FileStoreConfig {
        FileStoreConfig {
            data_dir: self.data_dir.clone(),
            info_dir: self.info_dir.clone(),
            dir_structure: self.dir_structure.clone(),
            durability: if self.force_fsync.is_on() {
                Durability::Append
            } else {
                self.durability
            },
        }
    }

    pub(super) fn info_dir(&self) -> &Path {
        &self.info_dir
    }

    pub(super) const fn expiration(&self) -> Option<Duration> {
        self.expiration
    }

    pub(super) const fn expiration_interval(&self) -> Duration {
        self.expiration_interval
    }
}
