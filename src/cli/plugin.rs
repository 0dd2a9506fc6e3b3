//! `rustus plugin`: what the authors of plugins do.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum};

use super::oci::OciFlags;
use super::remote::Chosen;
use super::values;
use crate::plugins::{Calling, EventKind, EventSet, Format};
use crate::templates;

/// What the authors of plugins do.
#[derive(Debug, Clone, Subcommand)]
pub enum AuthorCommand {
    /// Write a project that builds as it is, with cases that test it
    #[command(after_help = NEW)]
    New(NewArgs),
    /// Build a project into NAME.wasm, and check it
    #[command(after_help = BUILD)]
    Build(BuildArgs),
    /// Look at a module as the server does: events, grants, size, memory
    #[command(after_help = CHECK)]
    Check(CheckArgs),
    /// Call a module with one event, under the limits and grants of the server
    #[command(after_help = RUN)]
    Run(Box<RunArgs>),
    /// Run cases that are files: an event and the decision that is expected
    #[command(after_help = TEST)]
    Test(TestArgs),
    /// List the plugins of a hooks directory, as the server would load them
    #[command(after_help = LIST)]
    List(Box<ListArgs>),
    /// Show everything about one plugin
    #[command(after_help = INSPECT)]
    Inspect(InspectArgs),
}

const NEW: &str = "\
Examples:
  rustus plugin new my-hook --lang rust
  rustus plugin new my-hook --lang rust --into ~/projects";

const BUILD: &str = "\
The project's plugin.toml says how it is built and what that needs.

Examples:
  rustus plugin build
  rustus plugin build my-hook
  rustus plugin build my-hook --into /etc/rustus/hooks";

const CHECK: &str = "\
NAME.toml beside NAME.wasm is read as the server reads it.

Exit codes: 0 the server would load it, 1 it would not.

Examples:
  rustus plugin check my-hook.wasm
  rustus plugin check my-hook.wasm --json | jq .grants";

const RUN: &str = "\
NAME.toml beside NAME.wasm is read as the server reads it.

Exit codes: 0 it lets the event proceed or took it in, 3 it rejects it or stops the
upload, 4 it gave no answer, 1 it could not be called.

Examples:
  rustus plugin run my-hook.wasm --event pre-create --metadata filename=a.exe --size 1000
  rustus plugin run my-hook.wasm --event pre-create --header 'authorization: Bearer x'
  rustus plugin run my-hook.wasm --event post-finish --json event.json --output json";

const TEST: &str = "\
A case is a file in TOML: an event, and what is expected of the hook.
  event = \"pre-create\"
  [upload]
  size = 1000
  metadata = { filename = \"a.exe\" }
  [expect]
  decision = \"reject\"
  status = 415

Of a project, the cases in tests/ are put to its NAME.wasm.

Exit codes: 0 all passed, 1 some did not.

Examples:
  rustus plugin test
  rustus plugin test my-hook
  rustus plugin test my-hook/tests/refuses-programs.toml
  rustus plugin test cases/ --plugin my-hook.wasm
  rustus plugin test my-command-hook --hooks-format tusd-v2";

const LIST: &str = "\
Examples:
  rustus plugin list --hooks-dir /etc/rustus/hooks
  rustus plugin list --json | jq 'select(.state == \"refused\")'";

const INSPECT: &str = "\
Examples:
  rustus plugin inspect my-hook --hooks-dir /etc/rustus/hooks
  rustus plugin inspect ./my-hook.wasm --json";

/// What to write a project of.
#[derive(Debug, Clone, Args)]
pub struct NewArgs {
    /// The plugin's name: lower-case letters, digits and single dashes
    pub name: String,
    /// The language that it is written in
    #[arg(long, value_parser = PossibleValuesParser::new(templates::languages()))]
    pub lang: String,
    /// The directory in which the project's own is made
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub into: PathBuf,
}

/// Which project to build.
#[derive(Debug, Clone, Args)]
pub struct BuildArgs {
    /// The project: the directory of its plugin.toml
    #[arg(default_value = ".", value_name = "DIR")]
    pub project: PathBuf,
    /// A directory of hooks that the module is also put into
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
}

/// Which module to check.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The module
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A NAME.toml to take in place of the one beside the module
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
}

/// Which module to call, and with what.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The module
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What happened.
    #[command(flatten)]
    pub event: EventArgs,
    /// A NAME.toml to take in place of the one beside the module
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What a command hook gets.
    #[command(flatten)]
    pub given: Given,
    /// How to print what came of it
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub output: OutputFormat,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
}

/// What a command hook gets.
#[derive(Debug, Clone, Copy, Args)]
pub struct Given {
    /// JSON that a command hook gets: default, v2, tusd, tusd-v2 or cloudevents
    #[arg(
        long,
        env = "RUSTUS_HOOKS_FORMAT",
        default_value_t,
        value_name = "FORMAT"
    )]
    hooks_format: Format,
}

impl Given {
    /// How a module is called about any event.
    #[must_use]
    pub const fn calling(self) -> Calling {
        Calling {
            format: self.hooks_format,
            enabled: Some(EventSet::ALL),
        }
    }
}

/// An event, in parts or as a file.
#[derive(Debug, Clone, Args)]
pub struct EventArgs {
    /// The event
    #[arg(long, value_name = "EVENT", value_parser = event)]
    pub event: EventKind,
    /// A file with upload and request, in the format default or v2; `-` for
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with = "Happened")]
    pub json: Option<PathBuf>,
    /// The event in parts.
    #[command(flatten)]
    pub happened: Happened,
}

/// An upload and a request, in parts.
#[derive(Debug, Clone, Args)]
#[group(multiple = true)]
pub struct Happened {
    /// A pair of the upload's metadata; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub metadata: Vec<(String, String)>,
    /// Bytes that the upload will have
    #[arg(long, value_name = "BYTES")]
    pub size: Option<u64>,
    /// Bytes that are stored [default: none at the creation, half of them in
    /// post-receive, all of them later]
    #[arg(long, value_name = "BYTES")]
    pub offset: Option<u64>,
    /// The upload's id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
    /// A header field of the request; may be given several times
    #[arg(long, value_name = "NAME: VALUE", value_parser = field)]
    pub header: Vec<(String, String)>,
    /// The request's method [default: that of the event]
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// The request's path and query
    #[arg(long, value_name = "URI")]
    pub uri: Option<String>,
}

/// How something is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// Which cases to run.
#[derive(Debug, Clone, Args)]
pub struct TestArgs {
    /// Projects, and directories and files of cases
    #[arg(default_value = ".", value_name = "DIR|FILE")]
    pub places: Vec<PathBuf>,
    /// The module that the cases are put to, where they belong to no project
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    /// What a command hook gets.
    #[command(flatten)]
    pub given: Given,
    /// One JSON object a case, and one at the end
    #[arg(long)]
    pub json: bool,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
}

/// Which plugins to list.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// The server's --hooks-dir
    #[arg(
        long,
        env = "RUSTUS_HOOKS_DIR",
        required_unless_present_any = ["hooks_oci", "hooks_oci_file"],
        value_name = "DIR"
    )]
    pub hooks_dir: Option<PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
    /// Those that run from registries. They are looked for where what was pulled is
    /// kept.
    #[command(flatten)]
    pub remote: Chosen,
    /// Where that is, and whose signatures count.
    #[command(flatten)]
    pub oci: OciFlags,
}

/// Which plugin to show.
#[derive(Debug, Clone, Args)]
pub struct InspectArgs {
    /// The name of a plugin in --hooks-dir, or a module's file
    #[arg(value_name = "NAME|FILE")]
    pub plugin: String,
    /// The server's --hooks-dir
    #[arg(long, env = "RUSTUS_HOOKS_DIR", value_name = "DIR")]
    pub hooks_dir: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// Where compiled code is kept.
    #[command(flatten)]
    pub cache: CacheDir,
}

/// Where compiled code is kept.
#[derive(Debug, Clone, Default, Args)]
pub struct CacheDir {
    /// The server's --compile-cache-dir [default: rustus in the user's cache
    /// directory]
    #[arg(long, env = "RUSTUS_COMPILE_CACHE_DIR", value_name = "DIR")]
    compile_cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The directory; of no letters, and so of no use, where there is none.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let given = self.compile_cache_dir.clone();
        given
            .filter(|directory| !directory.as_os_str().is_empty())
            .or_else(values::user_cache_dir)
            .unwrap_or_default()
    }
}

fn event(name: &str) -> Result<EventKind, String> {
    name.parse()
        .map_err(|error: crate::plugins::UnknownEvent| error.to_string())
}

/// `KEY=VALUE`, split at the first sign.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as filename=a.exe")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `NAME: VALUE`, as in a request.
fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("expected NAME: VALUE, such as 'authorization: Bearer x'")?;
    let name = name.trim().to_ascii_lowercase();
    Ok((name, value.trim().to_owned()))
}
