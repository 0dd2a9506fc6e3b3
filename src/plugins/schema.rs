//! The schema of a plugin's configuration, and what does not fit it.
//!
//! A schema comes with the plugin and is anybody's. Nothing is fetched for it; its
//! size, its depth and what it can make the check compute are bounded before it
//! is used, and its patterns are matched in linear time. The check has a stack of
//! its own.

use std::collections::HashMap;
use std::thread;

use jsonschema::PatternOptions;
use serde_json::Value;

/// The custom section in which a component ships its schema.
pub(super) const SECTION: &str = "rustus:config-schema";

/// The largest schema, in bytes. A long one has 20 KiB.
pub(super) const LARGEST: usize = 256 * 1024;

/// How deep a schema may be, references followed.
const DEEPEST: u32 = 64;

/// What one pass over a schema may visit, references followed each time.
const MOST_PARTS: u64 = 100_000;

/// The same times what there is in the configuration. A check of this many takes
/// seconds.
const MOST_VISITS: u64 = 20_000_000;

/// How often a schema may ask for what nothing else has looked at: each time all
/// below is looked at once more.
const MOST_UNEVALUATED: u32 = 4;

/// What a pattern may take when it is compiled, in bytes.
const PATTERN: usize = 1024 * 1024;

/// How many patterns a schema may have, each of which may take as much.
const MOST_PATTERNS: usize = 100;

/// Room for [`DEEPEST`] levels of the check, many times over.
const STACK: usize = 16 * 1024 * 1024;

/// How many faults are told at once.
const TOLD: usize = 5;

/// Why a configuration is not used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It does not fit. Each fault has its path; no value is in it.
    #[error("`[config]` does not fit the plugin's schema: {0}")]
    Unfit(String),
    /// The schema itself is wrong, which is its maker's fault.
    #[error("the schema of its configuration can't be used: {0}; tell whoever made the plugin")]
    Schema(String),
    /// The check could not be made.
    #[error("its configuration can't be checked: {0}")]
    Check(String),
}

/// Checks the table `[config]` against the text of a schema.
///
/// # Errors
/// What does not fit, or what is wrong with the schema.
pub(super) fn check(schema: &[u8], config: &Value) -> Result<(), ConfigError> {
    if schema.len() > LARGEST {
        return Err(too_large());
    }
    let schema: Value = serde_json::from_slice(schema)
        .map_err(|error| ConfigError::Schema(format!("it is no JSON: {error}")))?;
    let parts = Reach::of(&schema).map_err(ConfigError::Schema)?;
    if parts > MOST_PARTS || parts.saturating_mul(size(config)) > MOST_VISITS {
        let problem = "it takes too long to check this configuration with it".to_owned();
        return Err(ConfigError::Schema(problem));
    }
    thread::scope(|scope| {
        let checking = thread::Builder::new()
            .name("config-check".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || fit(&schema, config));
        let checked = checking.map_err(|error| ConfigError::Check(error.to_string()))?;
        let died = |_| ConfigError::Check("the check panicked".to_owned());
        checked.join().map_err(died)?
    })
}

/// It has more than [`LARGEST`] bytes.
pub(super) fn too_large() -> ConfigError {
    ConfigError::Schema("it is larger than 256 KiB".to_owned())
}

fn fit(schema: &Value, config: &Value) -> Result<(), ConfigError> {
    let validator = jsonschema::options()
        .offline()
        .with_pattern_options(
            PatternOptions::regex()
                .size_limit(PATTERN)
                .dfa_size_limit(PATTERN),
        )
        .build(schema)
        .map_err(|error| ConfigError::Schema(on_one_line(&error.to_string())))?;
    let faults: Vec<_> = validator
        .iter_errors(config)
        .take(TOLD)
        .map(|error| {
            // Values may be what nobody should read.
            let problem = on_one_line(&error.masked().to_string());
            match path(error.instance_path().as_str()) {
                path if path.is_empty() => problem,
                path => format!("`{path}`: {problem}"),
            }
        })
        .collect();
    if faults.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Unfit(faults.join("; ")))
}

/// A JSON pointer in the way that TOML has keys.
fn path(pointer: &str) -> String {
    let parts = pointer.split('/').skip(1);
    let names = parts.map(|part| part.replace("~1", "/").replace("~0", "~"));
    names.collect::<Vec<_>>().join(".")
}

/// A message as a part of a line, with an end.
fn on_one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line: String = text.escape_debug().take(LONGEST).collect();
    // What was escaped needlessly is quotes.
    line = line.replace("\\\"", "\"").replace("\\'", "'");
    line
}

/// How many values there are in a value.
fn size(value: &Value) -> u64 {
    match value {
        Value::Array(values) => 1 + values.iter().map(size).sum::<u64>(),
        Value::Object(values) => 1 + values.values().map(size).sum::<u64>(),
        _ => 1,
    }
}

/// What a check may visit of one part of a schema.
#[derive(Debug, Clone, Copy)]
struct Reach {
    visits: u64,
    height: u32,
}

/// Finds what can be reached from each part, every part once.
struct Walk<'a> {
    root: &'a Value,
    /// By the place in memory. `None` while it is under way.
    known: HashMap<*const Value, Option<Reach>>,
    unevaluated: u32,
    patterns: usize,
}

impl Reach {
    /// How many parts a pass over the schema visits.
    ///
    /// # Errors
    /// It would not end, or go too deep, or lead elsewhere.
    fn of(schema: &Value) -> Result<u64, String> {
        let mut walk = Walk {
            root: schema,
            known: HashMap::new(),
            unevaluated: 0,
            patterns: 0,
        };
        let reach = walk.reach(schema, 0)?;
        if walk.unevaluated > MOST_UNEVALUATED {
            return Err(format!(
                "it has more than {MOST_UNEVALUATED} of `unevaluatedProperties` and \
                 `unevaluatedItems`"
            ));
        }
        if walk.patterns > MOST_PATTERNS {
            return Err(format!("it has more than {MOST_PATTERNS} patterns"));
        }
        Ok(reach.visits)
    }

    fn include(&mut self, other: Self) {
        self.visits = self.visits.saturating_add(other.visits);
        self.height = self.height.max(other.height.saturating_add(1));
    }
}

impl<'a> Walk<'a> {
    fn reach(&mut self, part: &'a Value, depth: u32) -> Result<Reach, String> {
        match self.known.get(&std::ptr::from_ref(part)) {
            Some(Some(reach)) if depth.saturating_add(reach.height) <= DEEPEST => {
                return Ok(*reach);
            }
            Some(None) => return Err("it refers to itself".to_owned()),
            _ if depth > DEEPEST => return Err(format!("it is deeper than {DEEPEST} levels")),
            Some(Some(_)) => return Err(format!("it is deeper than {DEEPEST} levels")),
            None => {}
        }
        self.known.insert(std::ptr::from_ref(part), None);
        let mut reach = Reach {
            visits: 1,
            height: 0,
        };
        match part {
            Value::Array(parts) => {
                for part in parts {
                    reach.include(self.reach(part, depth + 1)?);
                }
            }
            Value::Object(parts) => {
                for (key, part) in parts {
                    if key.starts_with("unevaluated") {
                        self.unevaluated += 1;
                    }
                    self.patterns += patterns(key, part);
                    if let Some(target) = self.target(key, part)? {
                        reach.include(self.reach(target, depth + 1)?);
                    }
                    reach.include(self.reach(part, depth + 1)?);
                }
            }
            _ => {}
        }
        self.known.insert(std::ptr::from_ref(part), Some(reach));
        Ok(reach)
    }

    fn is_at_the_top(&self, key: &str, value: &Value) -> bool {
        let top = self.root.get(key);
        top.is_some_and(|top| std::ptr::eq(top, value))
    }

    /// What the value under `key` refers to, if it is a reference.
    fn target(&self, key: &str, value: &Value) -> Result<Option<&'a Value>, String> {
        let Value::String(to) = value else {
            return Ok(None);
        };
        match key {
            "$ref" => {}
            "$dynamicRef" | "$recursiveRef" => {
                return Err(format!("it has `{key}`; write `$ref`"));
            }
            // They would give another meaning to the references below them.
            "$id" | "$schema" if !self.is_at_the_top(key, value) => {
                return Err(format!("it has `{key}` below its top; leave it out"));
            }
            "$schema" if to.contains("draft-04") => {
                return Err("it is of draft 4; write one of a newer draft".to_owned());
            }
            _ => return Ok(None),
        }
        // Another way to write a character would be another place for others.
        let plain = to.strip_prefix('#').filter(|to| !to.contains('%'));
        let found = plain.and_then(|to| self.root.pointer(to));
        let to: String = to.escape_debug().take(100).collect();
        let missing = || {
            format!(
                "`$ref` leads to `{to}`; it has to be `#/` and a path in the schema, nothing is \
                 fetched"
            )
        };
        found.map(Some).ok_or_else(missing)
    }
}

/// How many patterns there are right under `key`.
fn patterns(key: &str, value: &Value) -> usize {
    match (key, value) {
        ("pattern", Value::String(_)) => 1,
        ("patternProperties", Value::Object(parts)) => parts.len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::*;

    fn against(schema: &Value, config: &Value) -> Result<(), String> {
        check(schema.to_string().as_bytes(), config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fault_is_told_with_its_path_and_what_was_expected_and_no_value() {
        let schema = json!({
            "type": "object",
            "required": ["limit"],
            "properties": {
                "limit": { "$ref": "#/$defs/limit" },
                "types": { "type": "array", "items": { "pattern": "^[a-z]+/" } },
                "nested": { "properties": { "a.b": { "enum": ["x", "y"] } } }
            },
            "additionalProperties": false,
            "$defs": { "limit": { "type": "integer", "minimum": 1 } }
        });
        let fits = json!({ "limit": 3, "types": ["a/b"], "nested": { "a.b": "x" } });
        assert_eq!(against(&schema, &fits), Ok(()));
        for (config, parts) in [
            (json!({}), ["\"limit\" is a required property", ""]),
            (json!({ "limit": "geheim" }), ["`limit`: ", "\"integer\""]),
            (json!({ "limit": 0 }), ["`limit`: ", "minimum of 1"]),
            (
                json!({ "limit": 1, "types": ["a/b", "geheim"] }),
                ["`types.1`: ", "^[a-z]+/"],
            ),
            (
                json!({ "limit": 1, "nested": { "a.b": "geheim" } }),
                ["`nested.a.b`: ", "\"x\""],
            ),
            (json!({ "limit": 1, "limits": 1 }), ["limits", "unexpected"]),
        ] {
            let error = against(&schema, &config).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{error}");
            }
            assert!(!error.contains("geheim"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_schema_that_would_never_end_or_go_too_deep_or_lead_elsewhere_is_refused() {
        let mut deep = json!({});
        for _ in 0..70 {
            deep = json!({ "not": deep });
        }
        let chain: serde_json::Map<_, _> = (0..1000)
            .map(|n| {
                let next = format!("#/$defs/{}", n + 1);
                (n.to_string(), json!({ "$ref": next }))
            })
            .chain([("1000".to_owned(), json!({}))])
            .collect();
        for (schema, part) in [
            (json!({ "$ref": "#" }), "refers to itself"),
            (
                json!({
                    "$ref": "#/$defs/a",
                    "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }
                }),
                "refers to itself",
            ),
            (
                json!({ "properties": { "default": { "$ref": "#/properties/default" } } }),
                "refers to itself",
            ),
            (deep, "deeper than 64"),
            (
                json!({ "$ref": "#/$defs/0", "$defs": chain }),
                "deeper than 64",
            ),
            (
                json!({ "$ref": "http://127.0.0.1/s.json" }),
                "nothing is fetched",
            ),
            (
                json!({ "$ref": "file:///etc/passwd" }),
                "nothing is fetched",
            ),
            (json!({ "$ref": "#anchor" }), "nothing is fetched"),
            (
                json!({ "$ref": "#/%24defs", "$defs": {} }),
                "nothing is fetched",
            ),
            (json!({ "$dynamicRef": "#a" }), "write `$ref`"),
            (
                json!({ "$schema": "http://json-schema.org/draft-04/schema#" }),
                "draft 4",
            ),
            (
                json!({ "anyOf": vec![json!({ "unevaluatedProperties": false }); 5] }),
                "more than 4",
            ),
            (
                json!({ "properties": { "a": { "$id": "http://a/", "$ref": "#" } } }),
                "below its top",
            ),
            (
                json!({ "$schema": "http://127.0.0.1/meta.json" }),
                "can't be used",
            ),
            (json!({ "type": "strong" }), "can't be used"),
            (json!({ "pattern": "(" }), "can't be used"),
            (
                json!({ "pattern": "((a{1000}){1000}){1000}" }),
                "can't be used",
            ),
        ] {
            let error = against(&schema, &json!({ "default": { "a": 1 } })).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        for text in ["", "{", "\u{feff}{}", &"[".repeat(1000)] {
            let error = check(text.as_bytes(), &json!({})).unwrap_err();
            assert!(error.to_string().contains("no JSON"), "{error}");
        }
        let huge = vec![b' '; LARGEST + 1];
        let error = check(&huge, &json!({})).unwrap_err().to_string();
        assert!(error.contains("256 KiB"), "{error}");
    }

    #[test]
    fn a_schema_that_multiplies_is_refused() {
        let thrice = |n: usize| {
            let next = json!({ "$ref": format!("#/$defs/{}", n + 1) });
            (n.to_string(), json!({ "allOf": [next, next, next] }))
        };
        let mut defs: serde_json::Map<_, _> = (0..15).map(thrice).collect();
        defs.insert("15".to_owned(), json!({ "type": "object" }));
        let schema = json!({ "$ref": "#/$defs/0", "$defs": defs });
        let error = against(&schema, &json!({})).unwrap_err();
        assert!(error.contains("takes too long"), "{error}");
    }

    /// With an engine that goes back it would take longer than anybody waits.
    #[test]
    fn a_pattern_that_others_choke_on_is_matched_in_linear_time() {
        let schema = json!({ "properties": { "a": { "pattern": "^(a+)+$" } } });
        let config = json!({ "a": format!("{}b", "a".repeat(100_000)) });
        let started = Instant::now();
        let error = against(&schema, &config).unwrap_err();
        assert!(error.starts_with("`[config]` does not fit"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn patterns_do_not_fill_the_memory() {
        let parts: serde_json::Map<_, _> = (0..=MOST_PATTERNS)
            .map(|n| {
                (
                    n.to_string(),
                    json!({ "pattern": format!("\\pL{{40}}{n}") }),
                )
            })
            .collect();
        for schema in [
            json!({ "properties": parts }),
            json!({ "patternProperties": parts }),
        ] {
            let error = against(&schema, &json!({})).unwrap_err();
            assert!(error.contains("more than 100 patterns"), "{error}");
        }
    }
}
