//! Which grants a module needs, by its imports, and the lines to write for them.

use serde_json::{Value, json};

use crate::plugins::Grants;

/// A capability that a module can use and that nobody has without a grant.
#[derive(Debug)]
pub(super) struct Need {
    /// The table under `[allow]`.
    pub(super) capability: &'static str,
    /// Whether its operator has granted it.
    pub(super) is_granted: bool,
    /// The lines that grant it, with names to replace.
    pub(super) lines: &'static str,
}

/// What an import begins with, and what it needs.
const CAPABILITIES: [(&str, &str, &str); 4] = [
    (
        "wasi:http/outgoing-handler@",
        "http",
        "[allow.http]\nservers = [\"https://api.example.com\"]\n",
    ),
    (
        "rustus:hooks/amqp@",
        "amqp",
        "[allow.amqp]\nurl-env = \"AMQP_URL\"\n",
    ),
    (
        "rustus:hooks/kafka@",
        "kafka",
        "[allow.kafka]\nbrokers = [\"kafka-1:9092\"]\ntopics = [\"uploads\"]\n",
    ),
    (
        "rustus:hooks/grpc@",
        "grpc",
        "[allow.grpc]\nendpoint = \"localhost:50051\"\n",
    ),
];

/// What a module with these imports needs.
pub(super) fn of(imports: &[String], granted: &Grants) -> Vec<Need> {
    let needed = CAPABILITIES.iter().filter(|(start, ..)| {
        let mut imports = imports.iter();
        imports.any(|import| import.starts_with(start))
    });
    needed
        .map(|&(_, capability, lines)| Need {
            capability,
            is_granted: match capability {
                "http" => granted.http.is_some(),
                "amqp" => granted.amqp.is_some(),
                "kafka" => granted.kafka.is_some(),
                _ => granted.grpc.is_some(),
            },
            lines,
        })
        .collect()
}

impl Need {
    pub(super) fn as_json(&self) -> Value {
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
            .map(|(start, ..)| format!("{start}0.1.0"))
            .collect();
        let needs = of(&imports, &Grants::default());
        assert_eq!(needs.len(), 4);
        for need in needs {
            assert!(!need.is_granted);
            let manifest = Manifest::parse(need.lines).unwrap();
            let again = of(&imports, &manifest.allow);
            let granted: Vec<_> = again.iter().filter(|need| need.is_granted).collect();
            assert_eq!(granted.len(), 1);
            assert_eq!(granted[0].capability, need.capability);
        }
    }

    #[test]
    fn what_everybody_has_needs_nothing() {
        let imports = ["rustus:hooks/log@0.1.0", "wasi:http/types@0.2.3"];
        let imports = imports.map(str::to_owned);
        assert!(of(&imports, &Grants::default()).is_empty());
    }
}
