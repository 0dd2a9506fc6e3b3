//! What the program does in place of serving.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::plugin::AuthorCommand;
use super::registry::RegistryCommand;

/// What to do in place of serving.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Look at the events that wait to be delivered, and at dead letters
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Write, build, check and try plugins, look at those that there are, push them
    /// to registries and pull them
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Print what makes a shell complete this program's flags and commands
    #[command(after_help = COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

const COMPLETIONS: &str = "\
Examples:
  rustus completions bash > /etc/bash_completion.d/rustus
  rustus completions zsh > ~/.zfunc/_rustus
  rustus completions fish > ~/.config/fish/completions/rustus.fish";

/// What to do with the outbox. It may be done while a server runs.
#[derive(Debug, Clone, Subcommand)]
pub enum OutboxCommand {
    /// List deliveries: one line for each event and each plugin that is to hear
    /// of it
    List {
        /// Where the outbox is.
        #[command(flatten)]
        place: OutboxPlace,
        /// Only those to this plugin
        #[arg(long, value_name = "PLUGIN")]
        sink: Option<String>,
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<StateName>,
        /// The most to list
        #[arg(long, default_value_t = 1000, value_name = "N")]
        limit: usize,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Show one event and how its deliveries stand, as JSON
    Show {
        /// Where the outbox is.
        #[command(flatten)]
        place: OutboxPlace,
        /// The event's id
        event: String,
    },
    /// Deliver dead letters again, with a new deadline
    Replay {
        /// Where the outbox is.
        #[command(flatten)]
        place: OutboxPlace,
        /// Which dead letters.
        #[command(flatten)]
        which: Which,
    },
    /// Remove dead letters for good
    Drop {
        /// Where the outbox is.
        #[command(flatten)]
        place: OutboxPlace,
        /// Which dead letters.
        #[command(flatten)]
        which: Which,
    },
}

/// Where the outbox is.
#[derive(Debug, Clone, Args)]
pub struct OutboxPlace {
    /// The server's --hooks-outbox-dir [default: .outbox in --info-dir]
    #[arg(long, env = "RUSTUS_HOOKS_OUTBOX_DIR", value_name = "DIR")]
    hooks_outbox_dir: Option<PathBuf>,
    /// The server's --info-dir
    #[arg(
        long,
        env = "RUSTUS_INFO_DIR",
        default_value = "./data",
        value_name = "DIR"
    )]
    info_dir: PathBuf,
}

/// Which dead letters.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct Which {
    /// The event with this id
    #[arg(conflicts_with = "all")]
    pub event: Option<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Only those to this plugin
    #[arg(long, value_name = "PLUGIN")]
    pub sink: Option<String>,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StateName {
    /// Promised, and it is not known yet whether it happened
    Undecided,
    /// To be delivered
    Pending,
    /// Given up: a dead letter
    Dead,
}

/// What to do with plugins.
#[derive(Debug, Clone, Subcommand)]
pub enum PluginCommand {
    /// What their authors do.
    #[command(flatten)]
    Author(AuthorCommand),
    /// Write a built-in plugin as NAME.wasm, to run it from --hooks-dir under
    /// another name
    Export {
        /// http, grpc, amqp or kafka
        name: String,
        /// The directory to write to
        #[arg(long, default_value = ".", value_name = "DIR")]
        into: PathBuf,
    },
    /// What is done with a registry.
    #[command(flatten)]
    Registry(RegistryCommand),
}

impl OutboxPlace {
    /// The directory of the outbox.
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        outbox_dir(self.hooks_outbox_dir.as_ref(), &self.info_dir)
    }
}

/// The directory of the outbox, unless it is given. Nothing else looks into a
/// directory whose name begins with a dot.
pub(super) fn outbox_dir(given: Option<&PathBuf>, info_dir: &std::path::Path) -> PathBuf {
    let given = given.filter(|directory| !directory.as_os_str().is_empty());
    given.cloned().unwrap_or_else(|| info_dir.join(".outbox"))
}
