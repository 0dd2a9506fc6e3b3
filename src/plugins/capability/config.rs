//! `rustus:hooks/config`: the `[config]` table of `NAME.toml`.

use serde_json::{Map, Value};

use crate::plugins::bindings::rustus::hooks::{config, types};
use crate::plugins::instance::CallState;

/// A plugin's configuration, made ready once for all of its calls.
#[derive(Debug, Default)]
pub(in crate::plugins) struct PluginConfig {
    table: Map<String, Value>,
    json: String,
}

impl PluginConfig {
    pub(in crate::plugins) fn new(table: Map<String, Value>) -> Self {
        let json = Value::Object(table.clone()).to_string();
        Self { table, json }
    }

    /// The names in the table.
    pub(in crate::plugins) fn keys(&self) -> impl Iterator<Item = &str> {
        self.table.keys().map(String::as_str)
    }

    fn get(&self, key: &str) -> Option<String> {
        self.table.get(key).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

impl config::Host for CallState {
    fn all(&mut self) -> String {
        self.lent().config.json.clone()
    }

    fn get(&mut self, key: String) -> Option<String> {
        self.lent().config.get(&key)
    }
}

impl types::Host for CallState {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_given_as_it_is_and_all_else_as_json() {
        let config = PluginConfig::new(
            serde_json::json!({"name": "x y", "list": [1, "a"], "on": true})
                .as_object()
                .unwrap()
                .clone(),
        );
        assert_eq!(config.get("name").as_deref(), Some("x y"));
        assert_eq!(config.get("list").as_deref(), Some(r#"[1,"a"]"#));
        assert_eq!(config.get("on").as_deref(), Some("true"));
        assert_eq!(config.get("other"), None);
    }
}
