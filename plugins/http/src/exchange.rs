//! One request and its answer.

use rustus_hook::Header;
use rustus_hook::http::{Exchange, HttpError, Request, Response};

use crate::target::Target;
use crate::waiting::answered;

/// An answer, read to its end. The host bounds its size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// Posts `body`, and waits for the answer for as long as it takes.
pub(crate) async fn post(
    target: &Target,
    fields: Vec<(String, String)>,
    body: &str,
) -> Result<Answer, HttpError> {
    let header = |(name, value)| Header { name, value };
    let exchange = Exchange::new(&Request {
        method: "POST".to_owned(),
        url: format!("{}{}", target.server(), target.path),
        headers: fields.into_iter().map(header).collect(),
        body: body.as_bytes().to_vec(),
    });
    answered(exchange).await.map(Answer::from)
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        let mut answer = Self {
            status: response.status,
            body: response.body,
            ..Self::default()
        };
        for Header { name, value } in response.headers {
            let field = match name.as_str() {
                "content-type" => &mut answer.content_type,
                "location" => &mut answer.location,
                "retry-after" => &mut answer.retry_after,
                _ => continue,
            };
            // Of a field that stands twice the first one counts.
            field.get_or_insert(value);
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_field_that_stands_twice_the_first_one_counts() {
        let answer = Answer::from(Response {
            status: 307,
            headers: vec![
                Header::new("location", "/a"),
                Header::new("x-other", "b"),
                Header::new("location", "/c"),
            ],
            body: b"d".to_vec(),
        });
        let expected = Answer {
            status: 307,
            location: Some("/a".to_owned()),
            body: b"d".to_vec(),
            ..Answer::default()
        };
        assert_eq!(answer, expected);
    }
}
