//! `rustus plugin new`: a project that builds as it is.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::{AuthorError, CommandError};
use crate::cli::NewArgs;
use crate::templates;

/// The longest name, in bytes: file names of what tools make of it stay short
/// enough for every file system.
const LONGEST: usize = 64;

/// What the SDK in a project of Rust is called.
const TAKEN: &str = "rustus-hook";

/// Writes the project, and says what to do next.
pub(super) fn run(args: &NewArgs, out: &mut dyn Write) -> Result<ExitCode, CommandError> {
    if !is_name(&args.name) {
        return Err(AuthorError::Name(args.name.clone()).into());
    }
    let Some(template) = templates::of(&args.lang) else {
        return Err(AuthorError::Language(args.lang.clone()).into());
    };
    let project = args.into.join(&args.name);
    make(&project)?;
    for (path, content) in template.files(&args.name) {
        write(&project.join(path), &content)?;
    }
    let shown = project.display();
    let name = &args.name;
    let place = match template.is_command() {
        true => "HOOKS_DIR/pre-create.wasm",
        false => "HOOKS_DIR",
    };
    writeln!(
        out,
        "{shown} is a hook in {language} that builds as it is. Next:\n\n\
         \x20 rustus plugin build {shown}    # makes {shown}/{name}.wasm\n\
         \x20 rustus plugin test {shown}     # puts the cases in {shown}/tests to it\n\
         \x20 cp {shown}/{name}.wasm {place}   # the --hooks-dir of a server, running or not",
        language = args.lang,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a plugin can be called so: a name that is one for a file, a crate and
/// a package of every language.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |part: &str| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        !part.is_empty() && part.bytes().all(fits)
    };
    name.len() <= LONGEST
        && name != TAKEN
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(is_part)
}

/// Makes the project's directory, which must not be there: an empty one is as
/// good as none.
fn make(project: &Path) -> Result<(), AuthorError> {
    if let Some(parent) = project.parent() {
        fs::create_dir_all(parent).map_err(AuthorError::file(parent, "can't be made"))?;
    }
    match fs::create_dir(project) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let is_empty = fs::read_dir(project).is_ok_and(|mut entries| entries.next().is_none());
            is_empty
                .then_some(())
                .ok_or_else(|| AuthorError::Taken(project.to_owned()))
        }
        Err(error) => Err(AuthorError::file(project, "can't be made")(error)),
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), AuthorError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(AuthorError::file(folder, "can't be made"))?;
    }
    fs::write(path, content).map_err(AuthorError::file(path, "can't be written"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, into: &Path) -> Result<String, String> {
        new_in("rust", name, into)
    }

    fn new_in(lang: &str, name: &str, into: &Path) -> Result<String, String> {
        let args = NewArgs {
            name: name.to_owned(),
            lang: lang.to_owned(),
            into: into.to_owned(),
        };
        let mut out = Vec::new();
        run(&args, &mut out).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_name_fits_every_language_and_file_system() {
        for good in ["a", "my-hook", "hook2", "a-1-b", &"x".repeat(64)] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "a-",
            "-a",
            "a--b",
            "A",
            "my_hook",
            "1a",
            "a b",
            "../a",
            "a/b",
            "ü",
            "a.b",
            "a\n",
            "rustus-hook",
            &"x".repeat(65),
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_project_is_written_once_and_says_what_is_next() {
        let directory = tempfile::tempdir().unwrap();
        let into = directory.path().join("not/there/yet");
        let said = new("my-hook", &into).unwrap();
        assert!(said.contains("rustus plugin build"), "{said}");
        let manifest = fs::read_to_string(into.join("my-hook/Cargo.toml")).unwrap();
        assert!(manifest.contains("name = \"my-hook\""), "{manifest}");
        assert!(into.join("my-hook/rustus-hook/wit/hooks.wit").is_file());

        let error = new("my-hook", &into).unwrap_err();
        assert!(error.contains("is there already"), "{error}");
        let error = new("My Hook", &into).unwrap_err();
        assert!(error.contains("such as my-hook"), "{error}");
        fs::create_dir(into.join("empty")).unwrap();
        assert!(new("empty", &into).is_ok());
    }

    #[test]
    fn a_command_hook_is_put_in_place_under_the_name_of_an_event_and_a_plugin_under_its_own() {
        let directory = tempfile::tempdir().unwrap();
        for language in templates::languages() {
            let said = new_in(language, &format!("my-{language}"), directory.path()).unwrap();
            let to = match language {
                "go" => ".wasm HOOKS_DIR/pre-create.wasm ",
                _ => ".wasm HOOKS_DIR ",
            };
            assert!(said.contains(to), "{said}");
        }
    }

    #[test]
    fn where_nothing_can_be_written_the_place_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let error = new("my-hook", &file).unwrap_err();
        assert!(error.contains(file.to_str().unwrap()), "{error}");
    }
}
