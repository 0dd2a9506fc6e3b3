//! W3C Trace Context, level 1.

use rustus_events::RequestState;

/// `traceparent`, and `tracestate` if it belongs to it: those of the client, if
/// they are valid, else a trace of the event's own, the same at each delivery.
pub(crate) fn headers(
    event_id: &str,
    request: &RequestState,
    random: u64,
) -> Vec<(&'static str, String)> {
    let mut parents = values(request, "traceparent");
    if let (Some(parent), None) = (parents.next(), parents.next())
        && is_valid(parent)
    {
        let mut headers = vec![("traceparent", parent.to_owned())];
        let state: Vec<_> = values(request, "tracestate").collect();
        if !state.is_empty() {
            headers.push(("tracestate", state.join(",")));
        }
        return headers;
    }
    // Nobody is the parent of a span that is 0.
    let span = random.max(1);
    vec![(
        "traceparent",
        format!("00-{}-{span:016x}-01", trace_id(event_id, random)),
    )]
}

fn values<'a>(request: &'a RequestState, name: &'static str) -> impl Iterator<Item = &'a str> {
    let named = move |(field, _): &&(String, String)| field.eq_ignore_ascii_case(name);
    request
        .headers
        .iter()
        .filter(named)
        .map(|(_, value)| value.as_str())
}

/// A UUID has as many digits as the id of a trace.
fn trace_id(event_id: &str, random: u64) -> String {
    let id: String = event_id
        .chars()
        .filter(|character| *character != '-')
        .collect();
    if is_hexadecimal(&id, 32) {
        id
    } else {
        format!("{:032x}", u128::from(random.max(1)))
    }
}

/// Section 3.2.2: version, trace, parent and flags. A later version may have more.
fn is_valid(parent: &str) -> bool {
    let mut parts = parent.split('-');
    let mut part = |length| parts.next().is_some_and(|part| is_digits(part, length));
    let version = parent.get(..2).unwrap_or_default();
    let known = part(2) && version != "ff" && part(32) && part(16) && part(2);
    let nonzero = |range: std::ops::Range<usize>| {
        parent
            .get(range)
            .is_some_and(|id| id.bytes().any(|digit| digit != b'0'))
    };
    known && nonzero(3..35) && nonzero(36..52) && (version != "00" || parent.len() == 55)
}

fn is_digits(text: &str, length: usize) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == length && text.bytes().all(digit)
}

/// Digits that are not all 0.
fn is_hexadecimal(text: &str, length: usize) -> bool {
    is_digits(text, length) && text.bytes().any(|digit| digit != b'0')
}

/// What ids are made of that nobody else may have.
pub(crate) fn random() -> u64 {
    wasip2::random::random::get_random_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = "018bcfe5-6800-7000-8000-000000000000";
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    fn sent(fields: &[(&str, &str)]) -> Vec<(&'static str, String)> {
        let mut request = RequestState::cut_off("/files".to_owned());
        request.headers = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        headers(EVENT, &request, 0x2a)
    }

    #[test]
    fn an_event_without_a_trace_begins_one_with_its_own_id() {
        let own = "00-018bcfe5680070008000000000000000-000000000000002a-01";
        assert_eq!(sent(&[]), [("traceparent", own.to_owned())]);
    }

    #[test]
    fn the_clients_trace_goes_on() {
        let state = [
            ("traceparent", PARENT),
            ("tracestate", "a=1"),
            ("tracestate", "b=2"),
        ];
        let expected = [
            ("traceparent", PARENT.to_owned()),
            ("tracestate", "a=1,b=2".to_owned()),
        ];
        assert_eq!(sent(&state), expected);
        assert_eq!(sent(&state[..1]), expected[..1]);
    }

    #[test]
    fn a_trace_that_is_not_valid_is_not_passed_on() {
        let own = sent(&[]);
        for parent in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-00",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(
                sent(&[("traceparent", parent), ("tracestate", "a=1")]),
                own,
                "{parent}"
            );
        }
        assert_eq!(
            sent(&[("traceparent", PARENT), ("traceparent", PARENT)]),
            own
        );
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert_eq!(sent(&[("traceparent", later)])[0].1, later);
    }
}
