//! The server's process: reads the command line, puts the layers together,
//! serves.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustus::cli::{Cli, Failure};
use rustus::commands;
use rustus::hooks::{EventSet, Hooks, RequestState, TellingError};
use rustus::plugins::{WatchError, Watched};
use rustus::server::{BindError, Budget, Server};
use rustus::store::{FileStore, OpenError};
use rustus::telemetry::{self, Traces};
use rustus::tus::Tus;
use rustus::uploads::{Upkeep, UploadId, Uploads};

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<ExitCode, Failure> {
    let cli = Cli::read()?;
    if let Some(command) = &cli.command {
        let done = commands::run(command, &mut std::io::stdout());
        return done.map_err(|error| Failure::runtime(&error));
    }
    let traces = cli.otlp_endpoint().map(Traces::start).transpose();
    let traces = traces.map_err(|error| Failure::configuration(&error))?;
    telemetry::start(cli.log_level(), cli.log_format(), traces.as_ref())
        .map_err(|error| Failure::runtime(&error))?;
    let served = serve(&cli);
    if let Some(traces) = traces {
        traces.end();
    }
    served.map(|()| ExitCode::SUCCESS)
}

fn serve(cli: &Cli) -> Result<(), Failure> {
    if !cli.unknown_variables().is_empty() {
        tracing::warn!(
            variables = cli.unknown_variables().join(", "),
            "these environment variables look like ours and mean nothing here; --help lists those that do"
        );
    }
    let store = FileStore::open(cli.store_config()).map_err(unusable_directory)?;
    let system = actix_web::rt::System::new();
    // Bound before plugins are compiled, so that a port that is taken is said at
    // once; served after, so that no request is answered before they are asked.
    let server = system
        .block_on(Server::bind(cli.server_config()))
        .map_err(|error| cannot_serve(&error))?;
    // Held to the end: dropping it ends the watch.
    let plugins = cli.host_config()?.map(Watched::start).transpose();
    let plugins = plugins.map_err(|error| no_hooks(&error))?;
    let registry = plugins.as_ref().map(Watched::registry).unwrap_or_default();
    // Without plugins nobody is to hear of anything.
    let control = plugins.as_ref().map(Watched::control);
    let telling = plugins.is_some().then(|| cli.telling_config());
    let hooks = Hooks::new(registry, cli.hooks.enabled(), cli.hooks.required(), telling);
    let hooks = Arc::new(hooks.map_err(|error| cannot_tell(&error))?);
    if plugins.is_some() || cli.hooks.required() != EventSet::EMPTY {
        hooks.report_unanswered();
    }

    let uploads = Uploads::new(Arc::new(store), Arc::clone(&hooks), cli.uploads_config());
    let uploads = Arc::new(uploads);
    let tus = Tus::new(Arc::clone(&uploads), cli.tus_config());
    let base_url = tus.base_url().clone();
    let cut_off = move |id: &UploadId| RequestState::cut_off(format!("{}/{id}", base_url.as_str()));
    let served = system.block_on(async {
        let upkeep = Upkeep::start(uploads, cli.expiration_interval(), cut_off);
        let served = server.run(tus, control).await;
        upkeep.stop().await;
        served
    });
    hooks.close(served.as_ref().map_or(WITHOUT_A_STOP, Budget::rest));
    served.map(drop).map_err(|error| Failure::runtime(&error))
}

/// How long notifications may take when the server failed by itself.
const WITHOUT_A_STOP: Duration = Duration::from_secs(5);

/// A certificate that cannot be used was configured; a port that is taken is
/// the machine's.
fn cannot_serve(error: &BindError) -> Failure {
    match error {
        BindError::Tls(_) => Failure::configuration(error)
            .with_advice("name PEM files that belong together with --tls-cert and --tls-key"),
        BindError::Admin { .. } => Failure::runtime(error).with_advice(
            "choose another address with --admin-addr (RUSTUS_ADMIN_ADDR), or `off` for none",
        ),
        _ => Failure::runtime(error),
    }
}

/// A module that cannot be used was configured; all else is the machine's.
fn no_hooks(error: &WatchError) -> Failure {
    match error {
        WatchError::File { .. }
        | WatchError::BuiltIn { .. }
        | WatchError::Registries(_)
        | WatchError::RemoteFile { .. }
        | WatchError::SameName(_) => Failure::configuration(error),
        _ => Failure::runtime(error),
    }
}

/// Names the flag that says where the outbox is.
fn cannot_tell(error: &TellingError) -> Failure {
    match error {
        TellingError::Outbox(_) => Failure::configuration(error).with_advice(
            "give a directory that can be made and written with --hooks-outbox-dir \
             (RUSTUS_HOOKS_OUTBOX_DIR)",
        ),
        TellingError::Thread(_) => Failure::runtime(error),
    }
}

/// Names the flag beside the directory.
fn unusable_directory(error: OpenError) -> Failure {
    let flag = match error {
        OpenError::InfoDir { .. } => "--info-dir (RUSTUS_INFO_DIR)",
        _ => "--data-dir (RUSTUS_DATA_DIR)",
    };
    Failure::configuration(&error).with_advice(&format!(
        "give a directory that can be made and written with {flag}"
    ))
}
