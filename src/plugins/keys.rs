//! The keys that a configuration may have, and the right one for a wrong one.
//!
//! What may stand in a table is asked of the type that is read from it, so that
//! there is no second list. Errors never show a value: it may be a secret.

use std::any::type_name;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What may stand in one table.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: &'static [&'static str],
    /// Whether any key is good.
    any: bool,
    tables: Vec<(&'static str, Keys)>,
    choices: Vec<(&'static str, &'static [&'static str])>,
    lists: Vec<(&'static str, Vec<&'static str>)>,
    /// What each entry of a table has whose keys are names.
    each: Option<Box<Each>>,
}

#[derive(Debug)]
struct Each {
    keys: Keys,
    example: &'static str,
}

/// A key or value that is none, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Of its first byte.
    pub(crate) offset: usize,
    /// What is wrong and what to write, on one line.
    pub(crate) problem: String,
}

/// How alike two words must be, from 0 to 1, for one to be meant by the other.
/// Two exchanged letters are above it, another word that begins alike is not.
const ALIKE: f64 = 0.8;

/// The longest part of a wrong word that is repeated, in characters.
const QUOTED: usize = 64;

impl Keys {
    /// Those that `T` is read from.
    pub(crate) fn of<T: for<'de> Deserialize<'de>>() -> Self {
        let known = names::<T>();
        debug_assert!(!known.is_empty(), "{} has no keys", type_name::<T>());
        Self {
            known,
            ..Self::default()
        }
    }

    /// A table with keys that nobody knows beforehand.
    pub(crate) fn any() -> Self {
        Self {
            any: true,
            ..Self::default()
        }
    }

    /// A table with any names for keys, where each value is a table of `keys`, such
    /// as `example`.
    pub(crate) fn each(keys: Self, example: &'static str) -> Self {
        Self {
            each: Some(Box::new(Each { keys, example })),
            ..Self::any()
        }
    }

    /// Says what may stand in the table under `key`.
    pub(crate) fn table(mut self, key: &'static str, keys: Self) -> Self {
        self.tables.push((key, keys));
        self
    }

    /// Says that `key` has one of the values of the enumeration `T`.
    pub(crate) fn choice<T: for<'de> Deserialize<'de>>(mut self, key: &'static str) -> Self {
        self.choices.push((key, names::<T>()));
        self
    }

    /// Says that the list under `key` has some of these.
    pub(crate) fn list(mut self, key: &'static str, values: Vec<&'static str>) -> Self {
        self.lists.push((key, values));
        self
    }

    /// Looks for the first key, or value out of a set, that is none.
    ///
    /// # Errors
    /// Which one it is, and the right one if there is one like it.
    pub(crate) fn check(&self, table: &DeTable<'_>) -> Result<(), Wrong> {
        self.check_below(self, "", table)
    }

    fn check_below(&self, top: &Self, path: &str, table: &DeTable<'_>) -> Result<(), Wrong> {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if !self.any && !self.known.contains(&name) {
                return Err(Wrong {
                    offset: key.span().start,
                    problem: self.unknown_key(top, path, name),
                });
            }
            self.check_value(top, path, name, value)?;
        }
        Ok(())
    }

    fn check_value(
        &self,
        top: &Self,
        path: &str,
        key: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), Wrong> {
        let offset = value.span().start;
        let wrong = |problem| Err(Wrong { offset, problem });
        if let (Some(each), value) = (&self.each, value.get_ref()) {
            let DeValue::Table(table) = value else {
                return wrong(format!(
                    "`{}` under [{path}] is no table; write such as `{}`",
                    quoted(key),
                    each.example
                ));
            };
            return each
                .keys
                .check_below(top, &format!("{path}.{}", quoted(key)), table);
        }
        if let Some(values) = named(&self.choices, key)
            && let DeValue::String(text) = value.get_ref()
            && !values.contains(&text.as_ref())
        {
            return wrong(unknown("value", text, &format!(" of `{key}`"), values));
        }
        if let (Some(values), DeValue::Array(list)) = (named(&self.lists, key), value.get_ref()) {
            check_list(key, values, list)?;
        }
        if let (Some(keys), DeValue::Table(table)) = (named(&self.tables, key), value.get_ref()) {
            let path = match path {
                "" => key.to_owned(),
                path => format!("{path}.{key}"),
            };
            return keys.check_below(top, &path, table);
        }
        Ok(())
    }

    /// A key may be right elsewhere: TOML counts what stands below a table's head
    /// to that table.
    fn unknown_key(&self, top: &Self, path: &str, name: &str) -> String {
        let place = match path {
            "" => String::new(),
            path => format!(" under [{path}]"),
        };
        let elsewhere = || {
            let mut tables = top.tables.iter();
            let (table, _) = tables.find(|(_, keys)| keys.known.contains(&name))?;
            Some(format!("under [{table}]"))
        };
        let at_the_top = || {
            let fits = !path.is_empty() && top.known.contains(&name);
            fits.then(|| "above the first table of the file".to_owned())
        };
        match at_the_top().or_else(elsewhere) {
            Some(right) => format!("unknown key `{name}`{place}; it belongs {right}"),
            None => unknown("key", name, &place, self.known),
        }
    }
}

fn check_list(
    key: &str,
    values: &[&'static str],
    list: &toml::de::DeArray<'_>,
) -> Result<(), Wrong> {
    for value in list.iter() {
        if let DeValue::String(text) = value.get_ref()
            && !values.contains(&text.as_ref())
        {
            return Err(Wrong {
                offset: value.span().start,
                problem: unknown("value", text, &format!(" in `{key}`"), values),
            });
        }
    }
    Ok(())
}

fn named<'a, T>(all: &'a [(&'static str, T)], key: &str) -> Option<&'a T> {
    let found = all.iter().find(|(name, _)| *name == key);
    found.map(|(_, value)| value)
}

fn unknown(what: &str, word: &str, place: &str, known: &[&str]) -> String {
    let quoted = quoted(word);
    match nearest(word, known) {
        Some(right) => format!("unknown {what} `{quoted}`{place}, did you mean `{right}`?"),
        None => {
            let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
            let known = known.join(", ");
            format!("unknown {what} `{quoted}`{place}; expected one of {known}")
        }
    }
}

/// A part of a word that breaks no line.
fn quoted(word: &str) -> String {
    word.escape_debug().take(QUOTED).collect()
}

/// The word among `known` that was meant by `word`.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = word.to_lowercase().replace('_', "-");
    let alike = known
        .iter()
        .map(|known| (strsim::jaro_winkler(&word, known), *known))
        .filter(|(alike, _)| *alike > ALIKE);
    let best = alike.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    Some(best.1)
}

/// The names that `T` asks for when it is read: the fields of a struct, the
/// variants of an enumeration.
fn names<T: for<'de> Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It always ends with the error below.
    drop(T::deserialize(Asked(&mut names)));
    names
}

/// Writes down what is asked of it, and answers nothing.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("nothing is here"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes
        byte_buf option unit unit_struct newtype_struct seq tuple tuple_struct map
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_meant_by_one_that_looks_like_it() {
        let known = ["order", "on-error", "instances", "events", "limits"];
        for (word, right) in [
            ("ordr", Some("order")),
            ("odrer", Some("order")),
            ("Order", Some("order")),
            ("on_error", Some("on-error")),
            ("onerror", Some("on-error")),
            ("instance", Some("instances")),
            ("event", Some("events")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, &known), right, "{word}");
        }
    }

    #[test]
    fn the_keys_of_a_type_are_those_that_it_is_read_from() {
        #[derive(Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        #[derive(Default)]
        #[allow(dead_code)]
        struct Two {
            first_key: u8,
            second: Option<String>,
        }
        assert_eq!(Keys::of::<Two>().known, ["first-key", "second"]);
    }

    #[test]
    fn a_wrong_word_neither_breaks_the_line_nor_fills_it() {
        let word = format!("a\n{}", "x".repeat(1000));
        let problem = unknown("key", &word, "", &["b"]);
        assert!(!problem.contains('\n'));
        assert!(problem.len() < 200, "{problem}");
    }
}
