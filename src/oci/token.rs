//! Answers to challenges: a password, or a token that somebody gives out for one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde::Deserialize;

use super::challenge::Challenge;
use super::client::{Action, Client, Place};
use super::credentials::Credentials;
use super::error::OciError;

/// The largest answer of who gives out tokens.
const TOKEN: u64 = 64 * 1024;

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Client {
    /// What answers a challenge.
    pub(super) async fn meet(
        &self,
        place: &Place,
        action: Action,
        challenge: Challenge,
    ) -> Result<HeaderValue, OciError> {
        let credentials = self.accounts.of(&place.host).await?;
        let Challenge::Bearer {
            realm,
            service,
            scope,
        } = challenge
        else {
            return match credentials {
                Some(Credentials::Password { user, password }) => basic(&user, &password),
                _ => Err(OciError::NoCredentials {
                    host: place.host.clone(),
                }),
            };
        };
        let scope =
            scope.unwrap_or_else(|| format!("repository:{}:{}", place.repository, action.scope()));
        let service = service.as_deref();
        let request = self.token_request(place, &realm, service, &scope)?;
        let request = match credentials {
            None => request,
            Some(Credentials::Password { user, password }) => {
                request.header(AUTHORIZATION, basic(&user, &password)?)
            }
            Some(Credentials::Identity(token)) => {
                self.exchange(place, &realm, service, &scope, &token)?
            }
        };
        self.token(place, request).await
    }

    /// A request for a token.
    fn token_request(
        &self,
        place: &Place,
        realm: &str,
        service: Option<&str>,
        scope: &str,
    ) -> Result<RequestBuilder, OciError> {
        let mut url = self.realm(place, realm)?;
        url.query_pairs_mut()
            .extend_pairs(service.map(|service| ("service", service)))
            .append_pair("scope", scope);
        Ok(self.transport.client().get(url))
    }

    /// The request for a token that shows another one in place of a password.
    fn exchange(
        &self,
        place: &Place,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        token: &str,
    ) -> Result<RequestBuilder, OciError> {
        let url = self.realm(place, realm)?;
        // A form is written as a query is.
        let mut form = url.clone();
        form.query_pairs_mut()
            .clear()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service.unwrap_or_default())
            .append_pair("client_id", "rustus")
            .append_pair("scope", scope)
            .append_pair("refresh_token", token);
        let body = form.query().unwrap_or_default().to_owned();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let request = self.transport.client().post(url);
        Ok(request.header(CONTENT_TYPE, kind).body(body))
    }

    /// Where tokens come from. Must be as safe as the registry: a password goes
    /// there.
    fn realm(&self, place: &Place, realm: &str) -> Result<Url, OciError> {
        let url = Url::parse(realm).map_err(|error| OciError::Protocol {
            host: place.host.clone(),
            reason: format!("tokens come from a URL that is none: {error}"),
        })?;
        self.transport.check(&url)?;
        Ok(url)
    }

    async fn token(&self, place: &Place, request: RequestBuilder) -> Result<HeaderValue, OciError> {
        const WHAT: &str = "a token";
        let response = self.transport.send(request, &place.host, WHAT).await?;
        let response = self.judged(response, place, WHAT).await?;
        let body = self.transport.body(response, WHAT, TOKEN).await?;
        let token = serde_json::from_slice::<Token>(&body)
            .ok()
            .and_then(|token| token.token.or(token.access_token))
            .and_then(|token| secret(&format!("Bearer {token}")));
        token.ok_or_else(|| OciError::Protocol {
            host: place.host.clone(),
            reason: "the answer to a request for a token has none in it".to_owned(),
        })
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, OciError> {
    let pair = STANDARD.encode(format!("{user}:{password}"));
    secret(&format!("Basic {pair}")).ok_or_else(|| OciError::Credentials {
        host: "the registry".to_owned(),
        reason: "they can't be sent in a header".to_owned(),
    })
}

/// A header whose value no log shows.
fn secret(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_header_is_not_shown() {
        let header = basic("me", "hidden").unwrap();
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
