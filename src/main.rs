//! The server's process: reads the command line, puts the layers together,
//! serves.

use std::process::ExitCode;
use std::sync::Arc;

use rustus::cli::{Cli, Failure, start_logging};
use rustus::hooks::Hooks;
use rustus::server::Server;
use rustus::store::{FileStore, OpenError};
use rustus::tus::Tus;
use rustus::uploads::Uploads;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let cli = Cli::read()?;
    start_logging(cli.log_level()).map_err(|error| Failure::runtime(&error))?;
    let store = FileStore::open(cli.store_config()).map_err(unusable_directory)?;
    let hooks = Arc::new(Hooks::default());
    let uploads = Uploads::new(Arc::new(store), hooks, cli.max_file_size());
    let tus = Tus::new(Arc::new(uploads), cli.tus_config());
    actix_web::rt::System::new().block_on(async {
        let server = Server::bind(cli.server_config())
            .await
            .map_err(|error| Failure::runtime(&error))?;
        server
            .run(tus)
            .await
            .map_err(|error| Failure::runtime(&error))
    })
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
