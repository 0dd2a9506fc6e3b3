//! The programs, clients, compilers and servers that the tests use: Debian's
//! packages, npm's, Python's, Kafka. What cannot be had is named; the tests that need it say so as well.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{debian, go, npm, once::once, process, tool};

/// A program, the command that succeeds where it works, and the packages that hold it.
struct Program {
    name: &'static str,
    check: &'static [&'static str],
    packages: &'static [&'static str],
}

const PROGRAMS: [Program; 13] = [
    Program {
        name: "node",
        check: &["node", "--version"],
        packages: &["nodejs"],
    },
    Program {
        name: "npm",
        check: &["npm", "--version"],
        packages: &["npm"],
    },
    Program {
        name: "python3",
        // Debian ships the module venv without what it needs.
        check: &["python3", "-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Program {
        name: "nginx",
        check: &["nginx", "-v"],
        packages: &["nginx-light"],
    },
    Program {
        name: "curl",
        check: &["curl", "--version"],
        packages: &["curl"],
    },
    Program {
        name: "jq",
        check: &["jq", "--version"],
        packages: &["jq"],
    },
    Program {
        name: "chromium",
        check: &["chromium", "--version"],
        packages: &["chromium"],
    },
    Program {
        name: "strace",
        check: &["strace", "-V"],
        packages: &["strace"],
    },
    Program {
        name: "rabbitmq-server",
        // The one on PATH is for root alone, and changes to another user.
        check: &["test", "-x", "/usr/lib/rabbitmq/bin/rabbitmq-server"],
        packages: &["rabbitmq-server"],
    },
    Program {
        name: "java (17 or newer)",
        check: &[
            "sh",
            "-c",
            r#"java -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])'"#,
        ],
        packages: &["openjdk-17-jre-headless"],
    },
    Program {
        name: "mvn",
        // Starting Maven takes half a second.
        check: &["sh", "-c", "command -v mvn"],
        packages: &["maven"],
    },
    Program {
        name: "docker-registry",
        check: &["docker-registry", "--version"],
        packages: &["docker-registry"],
    },
    Program {
        name: "skopeo",
        check: &["skopeo", "--version"],
        packages: &["skopeo"],
    },
];

/// Programs of others for registries, with versions: what they write must not
/// change under the tests.
const GO_TOOLS: [(&str, &str); 2] = [
    ("cosign", "github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3"),
    ("oras", "oras.land/oras/cmd/oras@v1.3.6"),
];

/// Installs what is missing where that is possible, after saying so.
pub(crate) fn prepare() -> Result<()> {
    install_programs();
    prepare_or_say("tus-js-client and Uppy", node());
    prepare_or_say("tuspy", tuspy());
    prepare_or_say("Celery, FastAPI and gRPC for Python", python_servers());
    prepare_or_say("Kafka", kafka());
    prepare_or_say("wkg", tool::build("wkg").map(drop));
    for (name, package) in GO_TOOLS {
        prepare_or_say(name, go::install(name, package));
    }
    prepare_or_say("hooks in Python and C", python_compilers());
    prepare_or_say("hooks in JavaScript and TypeScript", node_compilers());
    Ok(())
}

/// Installs what takes profiles, likewise.
pub(crate) fn prepare_profiler() {
    if process::find("perf").is_none() && debian::can_install() {
        prepare_or_say("perf", debian::install(&["linux-perf"], "to take profiles"));
    }
}

impl Program {
    fn is_there(&self) -> bool {
        let [program, arguments @ ..] = self.check else {
            return false;
        };
        process::succeeds(Command::new(program).args(arguments))
    }
}

fn install_programs() {
    let missing: Vec<&Program> = PROGRAMS
        .iter()
        .filter(|program| !program.is_there())
        .collect();
    if missing.is_empty() {
        return;
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|program| program.packages)
        .copied()
        .collect();
    if debian::can_install() && debian::install(&packages, "for the tests").is_ok() {
        return;
    }
    let names: Vec<&str> = missing.iter().map(|program| program.name).collect();
    eprintln!(
        "x: tests are skipped that need {}: install them to run all",
        names.join(", ")
    );
}

fn prepare_or_say(client: &str, prepared: Result<()>) {
    if let Err(error) = prepared {
        eprintln!("x: tests are skipped that need {client}: {error:#}");
    }
}

/// `node_modules` beside the client's package.
fn node() -> Result<()> {
    npm::install("tests/clients/node", "tus-js-client and Uppy")
}

/// tuspy, and the virtual environment `target/venv` itself.
fn tuspy() -> Result<()> {
    let requirements = python_client("requirements.txt");
    let venv = process::target().join("venv");
    if was_moved(&venv) {
        fs::remove_dir_all(&venv).with_context(|| format!("{}", venv.display()))?;
    }
    once(&requirements, &venv.join(".prepared"), || {
        eprintln!("x: installing tuspy into target/venv (pip install)");
        process::run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
        )?;
        pip_install(&venv, &requirements)
    })
}

/// Whether a virtual environment was made in another place: its programs begin with
/// the place of their Python, and do not start where that is gone.
fn was_moved(venv: &Path) -> bool {
    let place = format!("{}/bin/", venv.display());
    fs::read_to_string(venv.join("bin/pip")).is_ok_and(|pip| !pip.contains(&place))
}

/// What makes components of Python and C.
fn python_compilers() -> Result<()> {
    let requirements = python_client("hooks.txt");
    let venv = process::target().join("venv");
    once(&requirements, &venv.join(".prepared-hooks"), || {
        eprintln!("x: installing componentize-py and ziglang into target/venv (pip install)");
        pip_install(&venv, &requirements)
    })
}

/// What makes components of JavaScript and TypeScript.
fn node_compilers() -> Result<()> {
    npm::install("tests/clients/hooks", "ComponentizeJS")
}

/// A Python that has FastAPI.
pub(crate) fn fast_api() -> Result<PathBuf> {
    // It makes the virtual environment.
    tuspy()?;
    python_servers()?;
    Ok(process::target().join("venv/bin/python"))
}

/// What answers or takes hooks in Python, beside tuspy.
fn python_servers() -> Result<()> {
    let requirements = python_client("servers.txt");
    let venv = process::target().join("venv");
    once(&requirements, &venv.join(".prepared-servers"), || {
        eprintln!("x: installing Celery, FastAPI and gRPC into target/venv (pip install)");
        pip_install(&venv, &requirements)
    })
}

fn python_client(file: &str) -> PathBuf {
    process::repository()
        .join("tests/clients/python")
        .join(file)
}

fn pip_install(venv: &Path, requirements: &Path) -> Result<()> {
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    process::run(pip.arg("--requirement").arg(requirements))
}

/// The jars of a Kafka broker, `target/kafka`.
fn kafka() -> Result<()> {
    let pom = process::repository().join("tests/clients/kafka/pom.xml");
    let jars = process::target().join("kafka");
    once(&pom, &jars.join(".prepared"), || {
        eprintln!("x: installing Apache Kafka into target/kafka (mvn, 43 MB)");
        // Jars of another version beside them would be loaded as well.
        if jars.exists() {
            fs::remove_dir_all(&jars)
                .with_context(|| format!("cannot remove {}", jars.display()))?;
        }
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "--quiet", "dependency:copy-dependencies"])
            .arg("--file")
            .arg(&pom)
            .arg(format!("-DoutputDirectory={}", jars.display()))
            .stdout(std::io::stderr());
        process::run(&mut maven)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_that_was_moved_is_made_anew() {
        let place = std::env::temp_dir().join(format!("venv-{}", std::process::id()));
        let bin = place.join("bin");
        fs::create_dir_all(&bin).unwrap();
        assert!(!was_moved(&place), "it is not there yet");
        let of = |python: &Path| format!("#!{}\nimport pip\n", python.display());
        fs::write(bin.join("pip"), of(&bin.join("python3"))).unwrap();
        assert!(!was_moved(&place));
        fs::write(
            bin.join("pip"),
            of(Path::new("/elsewhere/venv/bin/python3")),
        )
        .unwrap();
        assert!(was_moved(&place));
        fs::remove_dir_all(&place).unwrap();
    }
}
