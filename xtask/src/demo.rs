//! A server with one plugin, for somebody who has just cloned the repository.

use std::{
    fs,
    net::TcpStream,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{cargo, guests, process, smoke};

/// The plugin that the demo loads, and its source.
const PLUGIN: &str = "plugins/refuse-meme";

/// Builds all, then becomes the server; or with `once` tries it and stops it.
pub(crate) fn run(port: u16, once: bool) -> Result<()> {
    if TcpStream::connect(("127.0.0.1", port)).is_ok() {
        bail!("something listens on port {port} already: choose another with --port");
    }
    let folder = process::target().join("demo");
    let (hooks, data) = (folder.join("hooks"), folder.join("data"));
    fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;

    eprintln!("x: building the plugin {PLUGIN}, and what builds plugins if it is missing");
    guests::build_one(&process::repository().join(PLUGIN), Some(&hooks))?;
    guests::build_built_in()?;
    eprintln!("x: building the server (minutes the first time, seconds later)");
    process::run(
        cargo::native()
            .args(["build", "--bin", "rustus", "--target-dir"])
            .arg(process::target()),
    )?;

    let mut server = server(port, &hooks, &data);
    if once {
        return smoke::run(server, port);
    }
    print!("{}", introduction(port, &relative(&hooks)));
    Err(server.exec()).context("cannot start the server")
}

fn server(port: u16, hooks: &Path, data: &Path) -> Command {
    let mut server = Command::new(process::target().join("debug/rustus"));
    server.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    server.arg("--hooks-dir").arg(hooks);
    server
        .arg("--data-dir")
        .arg(data)
        .arg("--info-dir")
        .arg(data);
    server
}

/// As one types it at the top of the repository.
fn relative(path: &Path) -> PathBuf {
    path.strip_prefix(process::repository())
        .unwrap_or(path)
        .to_owned()
}

fn introduction(port: u16, hooks: &Path) -> String {
    let create = format!(
        "curl -i -X POST http://127.0.0.1:{port}/files -H 'Tus-Resumable: 1.0.0' \
         -H 'Content-Type: application/offset+octet-stream' --data-binary hello \
         -H 'Upload-Length: 5' -H 'Upload-Metadata: "
    );
    format!(
        "
Uploads go to http://127.0.0.1:{port}/files. From another terminal:

  refused by the plugin (its metadata says meme = pepe):
    {create}meme cGVwZQ=='

  accepted:
    {create}filename aGVsbG8udHh0'

Edit {PLUGIN}/src/lib.rs, then replace the plugin while the server runs:
    ./x plugin {PLUGIN} --into {hooks}

Ctrl-C ends the server.

",
        hooks = hooks.display()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::{cargo, process};

    /// Every package with its features, one a line.
    fn packages(arguments: &[&str]) -> BTreeSet<String> {
        let mut tree = cargo::native();
        tree.current_dir(process::repository())
            .args(["tree", "--offline", "--prefix", "none"])
            .args(["--format", "{p} {f}"])
            .args(arguments);
        let tree = process::output(&mut tree).unwrap();
        let lines = tree.lines().map(|line| line.trim_end_matches(" (*)"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn the_demo_and_the_tests_share_what_they_compile_but_for_what_tests_alone_need() {
        let demo = packages(&["--package", "rustus", "--edges", "normal,build"]);
        let tests = packages(&["--workspace", "--edges", "normal,build,dev"]);
        let differ = demo.difference(&tests);
        let differ: Vec<_> = differ.filter_map(|it| it.split(' ').next()).collect();
        // A blocking client, a clock that can be stopped, and what proptest brings: no
        // server should have these in it.
        let expected = ["futures-util", "reqwest", "tokio", "zerocopy"];
        assert_eq!(
            differ, expected,
            "these and all above them are compiled twice for whoever runs both"
        );
    }
}
