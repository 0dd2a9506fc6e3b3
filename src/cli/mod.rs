//! The command line. Every flag has an environment variable; `.env` in the
//! working directory or above it is read first, and does not replace variables
//! that are set.
//!
//! Nothing here acts: flags become the configurations of the layers.

mod admin;
mod command;
mod environment;
mod failure;
mod hooks;
mod network;
mod oci;
mod plugin;
mod registry;
mod remote;
mod secret;
mod server;
mod sinks;
mod storage;
mod switch;
mod values;

pub use command::{Command, OutboxCommand, OutboxPlace, PluginCommand, StateName, Which};
pub use failure::Failure;
pub use hooks::HooksFlags;
pub use oci::OciFlags;
pub use plugin::{
    AuthorCommand, BuildArgs, CacheDir, CheckArgs, EventArgs, Happened, InspectArgs, ListArgs,
    NewArgs, OutputFormat, RunArgs, TestArgs,
};
pub use registry::{RegistryCommand, RegistryFlags};
pub use remote::Chosen;

use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, Parser};
use tracing::level_filters::LevelFilter;

use admin::AdminFlags;
use network::NetworkFlags;
use remote::RemoteFlags;
use server::ServerFlags;
use sinks::SinkFlags;
use storage::StorageFlags;

use crate::hooks::{EventSet, TellingConfig, outbox};
use crate::plugins::{BuiltIn, Calling, HostConfig, RemoteConfig};
use crate::server::ServerConfig;
use crate::store::FileStoreConfig;
use crate::telemetry::{Endpoint, LogFormat};
use crate::tus::{Extension, TusConfig};
use crate::uploads::UploadsConfig;

/// A resumable-upload server (tus 1.0) whose hooks are sandboxed WebAssembly
/// modules.
#[derive(Debug, Clone, Parser)]
// A flag that comes again replaces the one before, so that a wrapper's defaults
// can be overridden.
#[command(
    name = "rustus",
    version,
    about,
    max_term_width = 100,
    args_override_self = true
)]
pub struct Cli {
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    network: NetworkFlags,
    #[command(flatten)]
    admin: AdminFlags,
    #[command(flatten)]
    storage: StorageFlags,
    /// Which hooks are asked and told.
    #[command(flatten)]
    pub hooks: HooksFlags,
    #[command(flatten)]
    remote: RemoteFlags,
    #[command(flatten)]
    oci: OciFlags,
    #[command(flatten)]
    sinks: SinkFlags,
    /// What to do in place of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[arg(skip)]
    unknown_variables: Vec<String>,
}

/// Flags and variables that each are right and do not go together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Contradiction(String);

impl Cli {
    /// Reads `.env`, the environment and the command line. Ends the process
    /// with a message if they cannot be used, or if only help was wanted.
    ///
    /// # Errors
    /// `.env` is there and cannot be read.
    pub fn read() -> Result<Self, Failure> {
        match dotenvy::dotenv() {
            Ok(_) => {}
            Err(error) if error.not_found() => {}
            Err(error) => {
                return Err(Failure::configuration(&error)
                    .with_advice("write lines such as NAME=\"value\" in .env"));
            }
        }
        let mut cli = Self::parse();
        // A path of no letters is a variable that was set to nothing.
        let hooks = &mut cli.hooks;
        for path in [
            &mut hooks.dir,
            &mut hooks.file,
            &mut hooks.compile_cache_dir,
        ] {
            if path
                .as_ref()
                .is_some_and(|path| path.as_os_str().is_empty())
            {
                *path = None;
            }
        }
        cli.check()?;
        Ok(cli)
    }

    /// What clap does not see: variables that mean nothing, and flags that
    /// contradict each other.
    fn check(&mut self) -> Result<(), Failure> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let unknown = environment::unknown(&Self::command(), names);
        if !unknown.hooks.is_empty() {
            return Err(Failure::configuration(&Contradiction(format!(
                "this version has no hooks that {} would set up; hooks are WebAssembly modules, in \
                 the directory that RUSTUS_HOOKS_DIR names or the one that RUSTUS_HOOKS_FILE names; \
                 unset what it does not know",
                unknown.hooks.join(", ")
            ))));
        }
        self.unknown_variables = unknown.others;
        self.network
            .settle()
            .map_err(|problem| Failure::configuration(&Contradiction(problem)))?;
        let disabled = self.hooks.required().without(self.hooks.enabled());
        if disabled != EventSet::EMPTY {
            return Err(Failure::configuration(&Contradiction(format!(
                "--hooks-required names {disabled}, which --hooks leaves out, so it would be \
                 refused for ever; name it in both or in neither"
            ))));
        }
        Ok(())
    }

    /// The built-in plugins that the flags switch on.
    ///
    /// # Errors
    /// Flags that do not go together.
    fn built_in(&self) -> Result<Vec<BuiltIn>, Failure> {
        self.sinks
            .built_in(self.hooks.enabled, self.hooks.format.name())
            .map_err(|problem| Failure::configuration(&Contradiction(problem)))
    }

    /// Variables that look like ours and that no flag reads.
    #[must_use]
    pub fn unknown_variables(&self) -> &[String] {
        &self.unknown_variables
    }

    /// How much is logged.
    #[must_use]
    pub fn log_level(&self) -> LevelFilter {
        self.server.log_level()
    }

    /// How lines of the log are written.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.server.log_format()
    }

    /// Where traces go, if anywhere.
    #[must_use]
    pub fn otlp_endpoint(&self) -> Option<&Endpoint> {
        self.admin.otlp_endpoint()
    }

    /// What uploads may be.
    #[must_use]
    pub fn uploads_config(&self) -> UploadsConfig {
        let expires = self.server.extensions().contains(Extension::Expiration);
        self.server.uploads_config(
            self.hooks.hooks_progress_interval,
            self.storage.expiration().filter(|_| expires),
        )
    }

    /// Where events wait for those who are to hear of them.
    #[must_use]
    pub fn telling_config(&self) -> TellingConfig {
        TellingConfig {
            directory: command::outbox_dir(
                self.hooks.hooks_outbox_dir.as_ref(),
                self.storage.info_dir(),
            ),
            outbox: outbox::Config {
                max_bytes: self.hooks.hooks_outbox_max_size,
                deadline: self.hooks.hooks_outbox_deadline,
                ..outbox::Config::default()
            },
        }
    }

    /// How often expired uploads are looked for.
    #[must_use]
    pub fn expiration_interval(&self) -> Duration {
        self.storage.expiration_interval()
    }

    /// Where to listen.
    #[must_use]
    pub fn server_config(&self) -> ServerConfig {
        ServerConfig {
            listen: self.server.listen(&self.network),
            workers: self.server.workers(),
            max_connections: self.network.max_connections(),
            read_timeout: self.network.read_timeout(),
            shutdown_timeout: self.network.shutdown_timeout(),
            tls: self.network.tls(),
            cors: self.network.cors(self.sinks.proxied_headers()),
            behind_proxy: self.network.behind_proxy(),
            log_health: self.network.log_health(),
            admin: self.admin.config(),
        }
    }

    /// How the protocol is set up.
    #[must_use]
    pub fn tus_config(&self) -> TusConfig {
        self.server.tus_config()
    }

    /// Where uploads are kept.
    #[must_use]
    pub fn store_config(&self) -> FileStoreConfig {
        self.storage.config()
    }

    /// Where hooks are and which, if there are any.
    ///
    /// # Errors
    /// Flags that do not go together.
    pub fn host_config(&self) -> Result<Option<HostConfig>, Failure> {
        let config = HostConfig {
            directory: self.hooks.dir.clone(),
            file: self.hooks.file.clone(),
            compile_cache: self.compile_cache_dir(),
            calling: Calling {
                format: self.hooks.format,
                enabled: self.hooks.enabled,
            },
            built_in: self.built_in()?,
            remote: self.remote()?,
        };
        let is_empty = config.directory.is_none()
            && config.file.is_none()
            && config.built_in.is_empty()
            && config.remote.is_none();
        Ok((!is_empty).then_some(config))
    }

    /// The plugins that run from registries.
    fn remote(&self) -> Result<Option<RemoteConfig>, Failure> {
        let otherwise = self.storage.info_dir().join(".oci");
        let config = self.remote.config(&self.oci, &otherwise);
        config.map_err(|problem| Failure::configuration(&Contradiction(problem)))
    }

    /// Where compiled modules are kept.
    fn compile_cache_dir(&self) -> PathBuf {
        self.hooks
            .compile_cache_dir
            .clone()
            .or_else(values::user_cache_dir)
            .unwrap_or_else(|| self.storage.info_dir().join(".compile-cache"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::EventKind;
    use crate::store::Durability;

    fn read(flags: &[&str]) -> Result<Cli, String> {
        Cli::try_parse_from([&["rustus"], flags].concat()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_may_be_given_at_once_or_one_after_the_other() {
        let names = |flags: &[&str]| -> Vec<String> {
            let config = read(flags).unwrap().remote().unwrap().unwrap();
            config.plugins.into_iter().map(|it| it.name).collect()
        };
        let flag = "--hooks-oci";
        assert_eq!(names(&[flag, "h.b/x/a:1,c=h.b/x/b:1"]), ["a", "c"]);
        assert_eq!(names(&[flag, "h.b/x/a:1", flag, "h.b/x/b:1"]), ["a", "b"]);
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn defaults_are_those_of_the_reference() {
        let cli = read(&[]).unwrap();
        let server = cli.server_config();
        assert_eq!(server.listen.to_string(), "0.0.0.0:1081");
        assert_eq!(cli.tus_config().base_url.as_str(), "/files");
        assert_eq!(cli.store_config().data_dir, PathBuf::from("./data"));
        assert_eq!(cli.hooks.enabled, None);
        assert_eq!(cli.store_config().durability, Durability::Finish);
        assert_eq!(cli.log_level(), LevelFilter::INFO);
        assert_eq!(cli.uploads_config().expiration, None);
        assert_eq!(cli.expiration_interval(), Duration::from_secs(600));
    }

    #[test]
    fn times_have_units() {
        for (time, seconds) in [
            ("90s", 90),
            ("30m", 1800),
            ("24h", 86_400),
            ("1d 12h", 129_600),
        ] {
            let cli = read(&["--expiration", time]).unwrap();
            let expected = Some(Duration::from_secs(seconds));
            assert_eq!(cli.uploads_config().expiration, expected, "{time}");
        }
    }

    #[test]
    fn events_are_a_list_that_may_be_empty() {
        let two = EventSet::from_iter([EventKind::PreCreate, EventKind::PostFinish]);
        for (flags, expected) in [
            (["--hooks", "pre-create, post-finish"], two),
            (["--hooks-enabled-events", "post-finish,pre-create,"], two),
            (["--hooks", ""], EventSet::EMPTY),
        ] {
            assert_eq!(read(&flags).unwrap().hooks.enabled, Some(expected));
        }
    }

    #[test]
    fn booleans_are_switches_and_take_values() {
        for (flags, expected) in [
            (&["--force-fsync"] as &[&str], Durability::Append),
            (
                &["--force-fsync=true", "--durability", "none"],
                Durability::Append,
            ),
            (&["--force-fsync=0"], Durability::Finish),
            (&["--force-fsync=no", "--durability=none"], Durability::None),
        ] {
            assert_eq!(read(flags).unwrap().store_config().durability, expected);
        }
    }

    #[test]
    fn a_bad_value_is_answered_with_what_was_expected() {
        for (flags, expected) in [
            (["--hooks", "pre-finnish"], "pre-create, post-create"),
            (
                ["--hooks-required", "post-finish"],
                "pre-create, pre-finish",
            ),
            (
                ["--hooks-format", "v3"],
                "default, v2, tusd, tusd-v2, cloudevents",
            ),
            (
                ["--log-level", "loud"],
                "off, error, warn, info, debug or trace",
            ),
            (["--dir-structure", "{century}"], "{year}, {month}"),
            (["--durability", "always"], "none, finish or append"),
            (["--url", "http://a/b"], "/files"),
            (["--tus-extensions", "deletion"], "creation, termination"),
            (["--workers", "0"], "at least 1"),
            (
                ["--force-fsync=maybe", "--force-fsync"],
                "expected true or false",
            ),
            (["--port", "70000"], "65535"),
            (["--expiration", "24"], "such as 30m, 24h or 7d"),
            (["--expiration", "0s"], "at least 1s"),
            (["--expiration-interval", "never"], "such as 30m"),
        ] {
            let message = read(&flags).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
