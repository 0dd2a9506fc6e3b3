//! What the admin address says.

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::Value;

use super::server::Server;

/// An operator of one server.
pub struct Admin {
    client: Client,
    origin: String,
}

/// All metrics at one moment.
#[derive(Debug)]
pub struct Metrics(pub String);

impl Admin {
    pub fn of(server: &Server) -> Self {
        super::use_one_tls_provider();
        Self {
            client: Client::new(),
            origin: server.admin(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Response {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().unwrap()
    }

    /// The status and the answer, which is JSON.
    pub fn json(&self, method: &str, path: &str) -> (u16, Value) {
        let response = self.send(method, path, &[]);
        let status = response.status().as_u16();
        (status, serde_json::from_reader(response).unwrap())
    }

    pub fn plugin(&self, name: &str) -> Value {
        let (status, plugin) = self.json("GET", &format!("/plugins/{name}"));
        assert_eq!(status, 200, "{plugin}");
        plugin
    }

    pub fn metrics(&self) -> Metrics {
        let response = self.send("GET", "/metrics", &[]);
        assert_eq!(response.status(), 200);
        let kind = super::tus::header(&response, "content-type").to_owned();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        Metrics(response.text().unwrap())
    }
}

impl Metrics {
    /// The sum of the samples of `name` that have all these labels; none if
    /// there are none.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let values: Vec<f64> = self
            .0
            .lines()
            .filter_map(|line| {
                let (series, value) = line.rsplit_once(' ')?;
                let (of, given) = series.split_once('{').unwrap_or((series, ""));
                let has =
                    |(key, value): &(&str, &str)| given.contains(&format!("{key}=\"{value}\""));
                (of == name && labels.iter().all(has)).then(|| value.parse().unwrap())
            })
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The same, 0 if there are none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.get(name, labels).unwrap_or(0.0)
    }

    /// The name, type and help of every metric.
    pub fn families(&self) -> Vec<(String, String, String)> {
        let lines = self.0.lines();
        let helps = lines
            .clone()
            .filter_map(|line| line.strip_prefix("# HELP "));
        let kinds = lines.filter_map(|line| line.strip_prefix("# TYPE "));
        helps
            .zip(kinds)
            .map(|(help, kind)| {
                let (name, help) = help.split_once(' ').unwrap();
                let (same, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, same);
                (name.to_owned(), kind.to_owned(), help.to_owned())
            })
            .collect()
    }
}
