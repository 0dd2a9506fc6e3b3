//! `rustus plugin build`: runs the steps of `plugin.toml`, and checks what they
//! made.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use super::project::{Need, Project};
use super::{AuthorError, CommandError, check};
use crate::cli::BuildArgs;

/// Builds the project, and checks what came of it. What the steps print goes to
/// standard error.
pub(super) fn run(args: &BuildArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    let project = Project::open(&args.project)?;
    let tools = Tools::of(&project)?;
    tools.check(&project.build.needs)?;
    for step in &project.build.steps {
        tools.step(step)?;
    }
    let output = project.directory.join(&project.build.output);
    if !output.is_file() {
        return Err(AuthorError::NoOutput(output).into());
    }
    let module = project.module();
    place(&output, &module)?;
    if let Some(hooks) = &args.into {
        place(&module, &hooks.join(format!("{}.wasm", project.name)))?;
    }
    check::report(&module, None, &args.cache, false, out)
}

/// How programs are found and run for a project.
struct Tools {
    directory: PathBuf,
    places: Vec<PathBuf>,
    path: OsString,
}

impl Tools {
    fn of(project: &Project) -> Result<Self, AuthorError> {
        let places = project.search_path();
        let path = env::join_paths(&places).map_err(|_| {
            AuthorError::wrong(
                &project.directory,
                "its path has a colon in it, so its programs can't be put on PATH",
            )
        })?;
        Ok(Self {
            directory: project.directory.clone(),
            places,
            path,
        })
    }

    /// Says everything that is missing at once.
    fn check(&self, needs: &[Need]) -> Result<(), AuthorError> {
        let missing = needs.iter().filter_map(|need| {
            let Need {
                program, install, ..
            } = need;
            if self.find(program).is_none() {
                return Some(format!("{program} is not installed: {install}"));
            }
            (!self.succeeds(&need.check)).then(|| format!("{program} is not set up: {install}"))
        });
        let missing: Vec<_> = missing.collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(AuthorError::Needs(missing)),
        }
    }

    fn succeeds(&self, check: &[String]) -> bool {
        let [program, arguments @ ..] = check else {
            return true;
        };
        let Some(program) = self.find(program) else {
            return false;
        };
        let mut command = self.command(&program, arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn step(&self, step: &[String]) -> Result<(), CommandError> {
        let shown = step.join(" ");
        let failed = |how: String| AuthorError::Step {
            step: shown.clone(),
            how,
        };
        let [name, arguments @ ..] = step else {
            return Ok(());
        };
        let Some(program) = self.find(name) else {
            return Err(failed(format!("can't be run: there is no program {name}")).into());
        };
        writeln!(io::stderr(), "$ {shown}")?;
        let mut command = self.command(&program, arguments);
        // Standard output is for what came of it.
        command.stdout(io::stderr()).stderr(Stdio::inherit());
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(format!("failed ({status})")).into()),
            Err(error) => Err(failed(format!("can't be run: {error}")).into()),
        }
    }

    fn command(&self, program: &Path, arguments: &[String]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env("PATH", &self.path)
            .stdin(Stdio::null());
        command
    }

    /// A program by its name, or by a path that is relative to the project.
    fn find(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            let file = fs::canonicalize(self.directory.join(program)).ok()?;
            return is_program(&file).then_some(file);
        }
        let mut files = self.places.iter().map(|place| place.join(program));
        files.find(|file| is_program(file))
    }
}

fn is_program(file: &Path) -> bool {
    const EXECUTABLE: u32 = 0o111;
    fs::metadata(file)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & EXECUTABLE != 0)
}

/// Copies `from` to `to` at one stroke, so that a server which watches the place
/// never sees a part of it. The same file stays as it is.
fn place(from: &Path, to: &Path) -> Result<(), AuthorError> {
    if let (Ok(from), Ok(to)) = (fs::canonicalize(from), fs::canonicalize(to))
        && from == to
    {
        return Ok(());
    }
    let name = to.file_name().unwrap_or_default().to_string_lossy();
    let beside = to.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let placed = fs::copy(from, &beside).and_then(|_| fs::rename(&beside, to));
    placed.map_err(|error| {
        // What is left of it is no use; that it can't be removed is no news.
        drop(fs::remove_file(&beside));
        AuthorError::file(to, "can't be written")(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::CacheDir;

    /// A command hook that agrees.
    const MODULE: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

    fn project(build: &str) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let manifest = format!("name = \"pre-create\"\nlanguage = \"text\"\n[build]\n{build}");
        fs::write(directory.path().join("plugin.toml"), manifest).unwrap();
        let module = wat::parse_str(MODULE).unwrap();
        fs::write(directory.path().join("made.wasm"), module).unwrap();
        directory
    }

    fn build(directory: &Path, into: Option<&Path>) -> Result<String, String> {
        let args = BuildArgs {
            project: directory.to_owned(),
            into: into.map(Path::to_owned),
            cache: CacheDir::default(),
        };
        let mut out = Vec::new();
        run(&args, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_the_steps_make_is_placed_and_checked() {
        let directory = project(
            "steps = [[\"mkdir\", \"out\"], [\"mv\", \"made.wasm\", \"out/x.wasm\"]]\n\
             output = \"out/x.wasm\"",
        );
        let hooks = tempfile::tempdir().unwrap();
        let said = build(directory.path(), Some(hooks.path())).unwrap();
        assert!(said.contains("the server would load it"), "{said}");
        assert!(directory.path().join("pre-create.wasm").is_file());
        let names: Vec<_> = fs::read_dir(hooks.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["pre-create.wasm"]);
    }

    #[test]
    fn everything_that_is_missing_is_said_at_once() {
        let directory = project(
            "steps = [[\"true\"]]\noutput = \"made.wasm\"\n\
             [[build.needs]]\nprogram = \"no-such-tool\"\ninstall = \"get it\"\n\
             [[build.needs]]\nprogram = \"sh\"\ninstall = \"set it up\"\ncheck = [\"false\"]\n\
             [[build.needs]]\nprogram = \"true\"\ninstall = \"is there\"\ncheck = [\"true\"]\n",
        );
        let error = build(directory.path(), None).unwrap_err();
        assert!(
            error.contains("no-such-tool is not installed: get it"),
            "{error}"
        );
        assert!(error.contains("sh is not set up: set it up"), "{error}");
        assert!(!error.contains("is there\n"), "{error}");
    }

    #[test]
    fn a_program_of_the_project_is_found_before_that_of_the_machine() {
        let directory = project("steps = [[\"true\"]]\noutput = \"made.wasm\"");
        let bin = directory.path().join(".venv/bin");
        fs::create_dir_all(&bin).unwrap();
        let own = bin.join("true");
        fs::write(&own, "#!/bin/sh\nexit 7\n").unwrap();
        fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
        let error = build(directory.path(), None).unwrap_err();
        assert!(error.contains("the step `true`"), "{error}");
        assert!(error.contains("exit status: 7"), "{error}");
    }

    #[test]
    fn a_step_that_does_not_exist_or_makes_nothing_is_named() {
        for (build_table, part) in [
            (
                "steps = [[\"no-such-tool\"]]\noutput = \"a\"",
                "no program no-such-tool",
            ),
            ("steps = [[\"true\"]]\noutput = \"nothing.wasm\"", "made no"),
        ] {
            let directory = project(build_table);
            let error = build(directory.path(), None).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
