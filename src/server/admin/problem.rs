//! What the interface answers when it does not do what was asked.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::plugins::OrderError;

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Problem {
    FromAPage,
    UnknownHost,
    NoSuchPath,
    /// The methods that there are.
    NotAllowed(&'static str),
    NoSuchPlugin(String),
    /// Why the plugin's files were not loaded.
    NotLoaded(String),
    Stopping,
    Internal,
}

impl Problem {
    /// What an order failed of.
    pub(super) fn of_order(error: &OrderError, plugin: &str) -> Self {
        match error {
            OrderError::Unknown => Self::NoSuchPlugin(plugin.to_owned()),
            OrderError::Ended => Self::Stopping,
        }
    }

    /// A word for programs.
    const fn code(&self) -> &'static str {
        match self {
            Self::FromAPage => "from-a-page",
            Self::UnknownHost => "unknown-host",
            Self::NoSuchPath => "no-such-path",
            Self::NotAllowed(_) => "method-not-allowed",
            Self::NoSuchPlugin(_) => "no-such-plugin",
            Self::NotLoaded(_) => "not-loaded",
            Self::Stopping => "stopping",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FromAPage => f.write_str(
                "a web page sent this (it has Origin or Sec-Fetch-Site); ask from a program",
            ),
            Self::UnknownHost => f.write_str(
                "the name in Host is not known here; ask by address or as localhost, or name it \
                 with --admin-hosts (RUSTUS_ADMIN_HOSTS)",
            ),
            Self::NoSuchPath => {
                f.write_str("there is no such path; /openapi.json lists those that there are")
            }
            Self::NotAllowed(allowed) => write!(f, "only {allowed} here"),
            Self::NoSuchPlugin(name) => {
                write!(
                    f,
                    "no plugin is called {name:?}; /plugins lists those that there are"
                )
            }
            Self::NotLoaded(why) => {
                write!(f, "not loaded, and what served before serves on: {why}")
            }
            Self::Stopping => f.write_str("the server is stopping"),
            Self::Internal => f.write_str("internal error; see the log"),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::FromAPage | Self::UnknownHost => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchPlugin(_) => StatusCode::NOT_FOUND,
            Self::NotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotLoaded(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if let Self::NotAllowed(allowed) = self {
            response.insert_header(("Allow", *allowed));
        }
        let error = json!({ "code": self.code(), "message": self.to_string() });
        response.json(json!({ "error": error }))
    }
}
