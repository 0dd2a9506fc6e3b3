//! The projects that `rustus plugin new` writes, embedded when the server is
//! built: one for each language that has a folder `sdk/LANGUAGE/template`.
//!
//! A file `X.in` is written as `X`; the suffix keeps tools from taking the
//! template for a project. In every text, `{{name}}` stands for the project's
//! name and `{{name_snake}}` for the same with `_` in place of `-`.

/// A project to start from.
#[derive(Debug)]
pub struct Template {
    /// The value of `--lang`.
    pub language: &'static str,
    /// Where each file goes, relative to the project, and what it holds.
    files: &'static [(&'static str, &'static [u8])],
}

include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Every language that there is a template for, sorted.
pub fn languages() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|template| template.language)
}

/// The template for a language.
#[must_use]
pub fn of(language: &str) -> Option<&'static Template> {
    TEMPLATES
        .iter()
        .find(|template| template.language == language)
}

impl Template {
    /// Whether a hook of it is a command, which a directory of hooks has under the
    /// name of an event and not under its own. Go makes no typed plugins.
    #[must_use]
    pub fn is_command(&self) -> bool {
        self.language == "go"
    }

    /// The project's files under the name `name`, each with its path.
    pub fn files(&self, name: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.files.iter().map(|(path, content)| {
            let path = filled(path, name);
            let path = path.strip_suffix(".in").unwrap_or(&path).to_owned();
            let content = match std::str::from_utf8(content) {
                Ok(text) => filled(text, name).into_bytes(),
                Err(_) => content.to_vec(),
            };
            (path, content)
        })
    }
}

fn filled(text: &str, name: &str) -> String {
    text.replace("{{name}}", name)
        .replace("{{name_snake}}", &name.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_the_suffix_goes() {
        let template = Template {
            language: "none",
            files: &[
                ("src/{{name_snake}}.txt", b"{{name}} {{name_snake}}"),
                ("Cargo.toml.in", b"\xff{{name}}"),
            ],
        };
        let files: Vec<_> = template.files("my-hook").collect();
        assert_eq!(
            files,
            [
                ("src/my_hook.txt".to_owned(), b"my-hook my_hook".to_vec()),
                ("Cargo.toml".to_owned(), b"\xff{{name}}".to_vec()),
            ]
        );
    }

    #[test]
    fn every_template_says_how_it_is_built_and_has_cases() {
        assert!(of("rust").is_some());
        for template in TEMPLATES {
            let paths: Vec<String> = template.files("my-hook").map(|(path, _)| path).collect();
            assert!(paths.iter().any(|path| path == "plugin.toml"), "{paths:?}");
            let is_case = |path: &&String| path.starts_with("tests/") && path.ends_with(".toml");
            assert!(paths.iter().any(|path| is_case(&path)), "{paths:?}");
            for (path, content) in template.files("my-hook") {
                let text = String::from_utf8_lossy(&content);
                assert!(!text.contains("{{name"), "{path}");
            }
        }
    }
}
