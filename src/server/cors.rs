//! Which websites may use the server from a browser (CORS, the Fetch standard).
//!
//! A request from an origin that is not allowed is refused before anything
//! happens: the browser alone would only hide the answer.

use crate::tus::{Headers, Method, Response};

/// What a page may ask for.
const METHODS: &str = "OPTIONS, GET, HEAD, POST, PATCH, DELETE";

/// Fields that a page may send.
const ALLOWED: &str = "Authorization, Content-Type, Content-Disposition, Tus-Resumable, \
    Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Offset, Upload-Concat, \
    Upload-Checksum, Upload-Expires, X-HTTP-Method-Override, X-Requested-With, X-Request-ID, \
    Idempotency-Key, Trailer";

/// Fields of an answer that a page may read.
const EXPOSED: &str = "Location, Tus-Resumable, Tus-Version, Tus-Extension, Tus-Max-Size, \
    Tus-Checksum-Algorithm, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Offset, \
    Upload-Concat, Upload-Checksum, Upload-Expires, Content-Length, Content-Type, \
    Content-Disposition, Retry-After";

/// Who may use the server from a browser.
#[derive(Debug, Clone)]
pub struct CorsConfig {
    /// Allowed origins, such as `https://*.example.com`; `*` stands for any
    /// characters, `?` for one. Any origin if there are none.
    pub origins: Vec<String>,
    /// Header fields that pages may send besides the usual ones.
    pub headers: Vec<String>,
    /// Whether requests may carry cookies and the like.
    pub credentials: bool,
    /// How long a browser may remember the answer to a preflight, in seconds.
    pub max_age: u32,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            headers: Vec::new(),
            credentials: false,
            max_age: 86_400,
        }
    }
}

/// What the rules say about a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It comes from no website.
    NotAsked,
    /// The request may be handled; the origin, to be named in the answer.
    Allowed(String),
    /// It is only asked whether a request might be made.
    Preflight(String),
    /// Nothing may happen.
    Refused,
}

impl CorsConfig {
    /// Judges a request whose method, before any override, is `method`. `site`
    /// is the origin of the server itself as the client sees it.
    pub(super) fn judge(&self, method: &str, headers: &Headers, site: &str) -> Verdict {
        let origin = match headers.text("origin") {
            Ok(None) => return Verdict::NotAsked,
            Ok(Some(origin)) => origin,
            Err(_) => return Verdict::Refused,
        };
        let allowed = self.origins.is_empty()
            || origin == site
            || self.origins.iter().any(|pattern| matches(pattern, origin));
        if !allowed {
            return Verdict::Refused;
        }
        if Method::named(method) == Method::Options
            && headers.contains("access-control-request-method")
        {
            Verdict::Preflight(origin.to_owned())
        } else {
            Verdict::Allowed(origin.to_owned())
        }
    }

    /// The fields that a page may send.
    fn allowed(&self) -> String {
        let besides = self.headers.iter().filter(|name| {
            let mut usual = ALLOWED.split(", ");
            !usual.any(|usual| usual.eq_ignore_ascii_case(name))
        });
        besides.fold(ALLOWED.to_owned(), |all, name| all + ", " + name)
    }

    /// Lets a page read the answer.
    pub(super) fn decorate(&self, response: &mut Response, verdict: &Verdict) {
        let anybody = self.origins.is_empty() && !self.credentials;
        if !anybody {
            // A cache must not give one origin the answer for another.
            response.add("Vary", "Origin");
        }
        let (Verdict::Allowed(origin) | Verdict::Preflight(origin)) = verdict else {
            return;
        };
        let named = if anybody { "*" } else { origin };
        response.set("Access-Control-Allow-Origin", named);
        if self.credentials {
            response.set("Access-Control-Allow-Credentials", "true");
        }
        match verdict {
            Verdict::Preflight(_) => {
                response.set("Access-Control-Allow-Methods", METHODS);
                response.set("Access-Control-Allow-Headers", &self.allowed());
                response.set("Access-Control-Max-Age", &self.max_age.to_string());
            }
            _ => response.set("Access-Control-Expose-Headers", EXPOSED),
        }
    }
}

/// Whether `pattern` matches the whole of `text`. In time linear in both for
/// each `*`: after a mismatch only the last `*` takes one character more.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(&byte) = text.get(t) {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            Some(&wanted) if wanted == b'?' || wanted == byte => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, taken)) = retry else {
            return false;
        };
        (p, t) = (after_star, taken + 1);
        retry = Some((after_star, taken + 1));
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_origin() {
        for (pattern, origin, expected) in [
            ("https://a.example", "https://a.example", true),
            ("https://a.example", "https://a.example.evil", false),
            ("https://a.example", "http://a.example", false),
            ("https://*.example", "https://a.b.example", true),
            ("https://*.example", "https://example", false),
            ("*", "null", true),
            ("*", "", true),
            ("http://localhost:????", "http://localhost:8080", true),
            ("http://localhost:????", "http://localhost:80", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "xxaxxbxx", false),
            ("", "https://a.example", false),
        ] {
            assert_eq!(matches(pattern, origin), expected, "{pattern} {origin}");
        }
    }

    fn from(origin: &str) -> Headers {
        Headers::from_iter([("origin".to_owned(), origin.as_bytes().to_vec())])
    }

    fn fields(config: &CorsConfig, verdict: &Verdict) -> Vec<(String, String)> {
        let mut response = Response::plain(200, "text");
        config.decorate(&mut response, verdict);
        response
            .headers
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value))
            .collect()
    }

    #[test]
    fn any_origin_is_a_star_unless_credentials_are_allowed() {
        for (credentials, expected) in [(false, "*"), (true, "https://a.example")] {
            let config = CorsConfig {
                credentials,
                ..CorsConfig::default()
            };
            let verdict = config.judge("POST", &from("https://a.example"), "");
            let fields = fields(&config, &verdict);
            let origin = (
                "Access-Control-Allow-Origin".to_owned(),
                expected.to_owned(),
            );
            assert!(fields.contains(&origin), "{fields:?}");
        }
    }

    #[test]
    fn other_origins_are_refused_and_the_own_one_is_not() {
        let config = CorsConfig {
            origins: vec!["https://a.example".to_owned()],
            ..CorsConfig::default()
        };
        let judge = |origin| config.judge("POST", &from(origin), "http://h:1");
        assert_eq!(judge("https://b.example"), Verdict::Refused);
        assert_eq!(
            judge("http://h:1"),
            Verdict::Allowed("http://h:1".to_owned())
        );
        assert_eq!(
            config.judge("POST", &Headers::default(), ""),
            Verdict::NotAsked
        );
        let fields = fields(&config, &Verdict::Refused);
        assert!(fields.contains(&("Vary".to_owned(), "Origin".to_owned())));
    }
}
