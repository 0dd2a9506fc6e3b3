//! Keeps the secrets of a plugin out of what it says.

use std::fmt;

use super::secrets::Secrets;

/// What stands in the place of a secret.
const STAR: &str = "***";

/// What is shorter is masked nowhere: it would be found in words by chance.
const SHORTEST: usize = 4;

/// Takes secrets out of texts, wherever they occur as they are. A secret of
/// several lines is also masked line by line, as a log has it.
#[derive(Default)]
pub(super) struct Mask {
    /// The longest first, so that what contains another goes as a whole.
    patterns: Vec<String>,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    pub(super) fn new(secrets: &Secrets) -> Self {
        let lines = secrets.values().flat_map(str::lines).map(str::trim);
        let all = secrets.values().chain(lines);
        let mut patterns: Vec<_> = all
            .filter(|text| text.len() >= SHORTEST)
            .map(str::to_owned)
            .collect();
        patterns.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        patterns.dedup();
        Self { patterns }
    }

    /// The text without secrets.
    pub(super) fn over(&self, text: &str) -> String {
        let mut masked = text.to_owned();
        for pattern in &self.patterns {
            if masked.contains(pattern.as_str()) {
                masked = masked.replace(pattern.as_str(), STAR);
            }
        }
        masked
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::plugins::secrets::SecretSource;

    fn mask(values: &[&str]) -> Mask {
        let directory = tempfile::tempdir().unwrap();
        let sources = values.iter().enumerate().map(|(index, value)| {
            let path = directory.path().join(index.to_string());
            fs::write(&path, value).unwrap();
            (index.to_string(), SecretSource::File(path))
        });
        let sources: BTreeMap<_, _> = sources.collect();
        Mask::new(&Secrets::read(&sources).unwrap())
    }

    #[test]
    fn every_occurrence_goes_and_nothing_else() {
        let mask = mask(&["geheim", "geheimnis", "abc", "line one\nline two"]);
        for (text, masked) in [
            ("nothing", "nothing"),
            ("a geheim b geheim", "a *** b ***"),
            ("geheimnis", "***"),
            ("abcdef", "abcdef"),
            ("x line two y", "x *** y"),
            ("line one\nline two", "***"),
        ] {
            assert_eq!(mask.over(text), masked);
        }
        assert_eq!(format!("{mask:?}"), "Mask");
    }
}
