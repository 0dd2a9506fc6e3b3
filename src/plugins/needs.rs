//! Which grants a module needs, by its imports, and the lines to write for them.

use serde_json::{Value, json};

use super::manifest::Manifest;

/// A capability that a module can use and that nobody has without a grant.
#[derive(Debug)]
pub struct Need {
    /// What of it is imported, without a version.
    pub import: &'static str,
    /// Its name: of a table under `[allow]`, or `secrets`.
    pub capability: &'static str,
    /// Whether its operator has granted it.
    pub is_granted: bool,
    /// The lines that grant it, with names to replace.
    pub lines: &'static str,
}

/// What imports begin with, and what they need.
const CAPABILITIES: [(&[&str], &str, &str); 5] = [
    (
        &["wasi:http/outgoing-handler@", "rustus:hooks/http@"],
        "http",
        "[allow.http]\nservers = [\"https://api.example.com\"]\n",
    ),
    (
        &["rustus:hooks/amqp@"],
        "amqp",
        "[allow.amqp]\nurl-env = \"AMQP_URL\"\n",
    ),
    (
        &["rustus:hooks/kafka@"],
        "kafka",
        "[allow.kafka]\nbrokers = [\"kafka-1:9092\"]\ntopics = [\"uploads\"]\n",
    ),
    (
        &["rustus:hooks/grpc@"],
        "grpc",
        "[allow.grpc]\nendpoint = \"localhost:50051\"\n",
    ),
    (
        &["rustus:hooks/secrets@"],
        "secrets",
        "[secrets]\napi-key = { env = \"API_KEY\" }\n",
    ),
];

impl Need {
    /// What a module with these imports needs.
    #[must_use]
    pub fn of(imports: &[String], manifest: &Manifest) -> Vec<Self> {
        let is_imported = |start: &&str| imports.iter().any(|import| import.starts_with(start));
        let needed = CAPABILITIES
            .iter()
            .filter_map(|(starts, capability, lines)| {
                let import = starts.iter().copied().find(is_imported)?;
                Some((import, *capability, *lines))
            });
        let granted = &manifest.allow;
        needed
            .map(|(import, capability, lines)| Self {
                import: import.trim_end_matches('@'),
                capability,
                is_granted: match capability {
                    "http" => granted.http.is_some(),
                    "amqp" => granted.amqp.is_some(),
                    "kafka" => granted.kafka.is_some(),
                    "grpc" => granted.grpc.is_some(),
                    _ => !manifest.secrets.is_empty(),
                },
                lines,
            })
            .collect()
    }

    /// All of it as one object.
    #[must_use]
    pub fn as_json(&self) -> Value {
        json!({
            "capability": self.capability,
            "granted": self.is_granted,
            "lines": self.lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::Manifest;

    #[test]
    fn the_lines_for_every_capability_are_what_grants_it() {
        let imports: Vec<_> = CAPABILITIES
            .iter()
            .flat_map(|(starts, ..)| starts.iter().map(|start| format!("{start}0.1.0")))
            .collect();
        let needs = Need::of(&imports, &Manifest::default());
        assert_eq!(needs.len(), 5);
        for need in needs {
            assert!(!need.is_granted);
            let manifest = Manifest::parse(need.lines).unwrap();
            let again = Need::of(&imports, &manifest);
            let granted: Vec<_> = again.iter().filter(|need| need.is_granted).collect();
            assert_eq!(granted.len(), 1);
            assert_eq!(granted[0].capability, need.capability);
        }
    }

    #[test]
    fn what_everybody_has_needs_nothing() {
        let imports = ["rustus:hooks/log@0.1.0", "wasi:http/types@0.2.3"];
        let imports = imports.map(str::to_owned);
        assert!(Need::of(&imports, &Manifest::default()).is_empty());
    }
}
