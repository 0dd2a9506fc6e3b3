//! `rustus:hooks/request-headers`: the header fields of the request that caused
//! the event.

use crate::plugins::bindings::rustus::hooks::request_headers::Host;
use crate::plugins::bindings::rustus::hooks::types::Header;
use crate::plugins::instance::CallState;

impl Host for CallState {
    fn get(&mut self, name: String) -> Vec<String> {
        self.request_headers()
            .iter()
            .filter(|(listed, _)| listed.eq_ignore_ascii_case(&name))
            .map(|(_, value)| value.clone())
            .collect()
    }

    fn all(&mut self) -> Vec<Header> {
        self.request_headers()
            .iter()
            .map(|(name, value)| Header {
                name: name.clone(),
                value: value.clone(),
            })
            .collect()
    }
}
