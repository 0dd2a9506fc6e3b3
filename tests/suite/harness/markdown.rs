//! The documentation as text: sections, tables, links.

use std::fs;
use std::path::{Path, PathBuf};

/// What stands between a heading and the next of the same or a higher rank.
pub fn section<'a>(text: &'a str, heading: &str) -> &'a str {
    let start = text
        .find(&format!("\n{heading}\n"))
        .unwrap_or_else(|| panic!("no section {heading:?}"));
    let body = &text[start + heading.len() + 2..];
    let rank = heading.find(' ').unwrap();
    let end = body
        .match_indices("\n#")
        .map(|(at, _)| at)
        .find(|at| {
            let hashes = body[at + 1..].bytes().take_while(|byte| *byte == b'#');
            hashes.count() <= rank
        })
        .unwrap_or(body.len());
    &body[..end]
}

/// The cells of the tables in `text`, without their headings.
pub fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let is_row = |line: &&str| line.starts_with('|') && !line.starts_with("|---");
    let lines: Vec<&str> = text.lines().collect();
    let is_heading = move |index: usize, lines: &[&str]| {
        lines
            .get(index + 1)
            .is_some_and(|next| next.starts_with("|---"))
    };
    let kept: Vec<&str> = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| is_row(line) && !is_heading(*index, &lines))
        .map(|(_, line)| *line)
        .collect();
    kept.into_iter()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// What stands between backquotes.
pub fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// All files below `directory` that end so, but for what is hidden or built.
pub fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let foreign = name.starts_with('.') || matches!(name, "target" | "node_modules");
        if foreign || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            files.extend(files_below(&path, extension));
        } else if path.extension().is_some_and(|end| end == extension) {
            files.push(path);
        }
    }
    files
}

/// A heading as a link names it.
pub fn slug(heading: &str) -> String {
    heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || matches!(c, '-' | '_') => Some(c),
            _ => None,
        })
        .collect()
}

/// Text outside of fenced code.
pub fn prose(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The first block of code in this language.
pub fn code<'a>(text: &'a str, language: &str) -> &'a str {
    let begin = format!("```{language}\n");
    let rest = text.split(begin.as_str()).nth(1).unwrap();
    rest.split("```").next().unwrap()
}
