//! `WWW-Authenticate`: what a registry wants to see before it answers.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// How to say who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token that somebody else gives out.
    Bearer {
        /// Where.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// For what.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The first that can be answered; a token before a password.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values = headers.get_all(WWW_AUTHENTICATE).iter();
        let all: Vec<Self> = values
            .filter_map(|value| Self::parse(value.to_str().ok()?))
            .collect();
        let bearer = all.iter().find(|one| **one != Self::Basic);
        bearer.or_else(|| all.first()).cloned()
    }

    fn parse(value: &str) -> Option<Self> {
        let (scheme, rest) = value.trim().split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let parameters = parameters(rest);
        let get = |name: &str| {
            let mut found = parameters.iter();
            let found = found.find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        Some(Self::Bearer {
            realm: get("realm")?,
            service: get("service"),
            scope: get("scope"),
        })
    }
}

/// `key="value"` and `key=value`, separated by commas, which may be in the quotes
/// as well.
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while let Some((key, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let (value, after) = after.split_once(',').unwrap_or((after, ""));
                (value.trim().to_owned(), after)
            }
        };
        found.push((key.trim().to_owned(), value));
        rest = after.trim_start_matches([' ', ',']);
    }
    found
}

/// What stands before the closing quote, and what follows it.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, value.parse().unwrap());
        }
        Challenge::of(&headers)
    }

    #[test]
    fn a_token_is_preferred_to_a_password() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example/token".to_owned(),
            service: Some("registry.example".to_owned()),
            scope: Some("repository:a/b:pull,push".to_owned()),
        };
        let text = "Bearer realm=\"https://auth.example/token\",service=\"registry.example\",\
                    scope=\"repository:a/b:pull,push\"";
        assert_eq!(of(&["Basic realm=\"x\"", text]), Some(bearer));
        assert_eq!(of(&["basic realm=\"x\""]), Some(Challenge::Basic));
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        for values in [
            &["Digest realm=\"x\""][..],
            &["Bearer service=\"x\""],
            &["Bearer"],
            &[],
        ] {
            assert_eq!(of(values), None, "{values:?}");
        }
    }

    #[test]
    fn odd_quoting_ends() {
        for text in ["a=\"b\\\"c\", d=e", "a=\"b", "=,=,", "a=\"b\\"] {
            parameters(text);
        }
        let found = parameters("a=\"b\\\"c\", d=e");
        assert_eq!(found[0].1, "b\"c");
        assert_eq!(found[1], ("d".to_owned(), "e".to_owned()));
    }
}
