//! Who is let in: a token in the first link, then a cookie; and which requests may change anything.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::campaign::definition::hex;

/// Nothing but what we serve ourselves, no script or style within a page, no frame but ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// What a form may hold.
const LARGEST_FORM: usize = 64 * 1024;

/// The system gives no random numbers, so nobody could be told from anybody else.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom;

/// Lets in who has the token of this process, and remembers them.
#[derive(Debug)]
pub(super) struct Guard {
    /// The digest of the token: comparing digests tells nothing about how much of a guess was right.
    token: [u8; 32],
    cookie: String,
    /// The forms' own token by the digest of the cookie's value.
    sessions: Mutex<HashMap<[u8; 32], String>>,
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// What their forms carry.
    pub(super) csrf: String,
}

fn random() -> Result<String, NoRandom> {
    let mut bytes = [0; 24];
    SystemRandom::new().fill(&mut bytes).map_err(|_| NoRandom)?;
    Ok(hex(&bytes))
}

fn hashed(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}

impl Guard {
    /// So many may be in at once; who comes after that takes the place of all of them.
    const MOST: usize = 1000;

    /// Makes one for a port, with its token.
    pub(super) fn new(port: u16) -> Result<(Self, String), NoRandom> {
        let token = random()?;
        let guard = Self {
            token: hashed(&token),
            // Cookies are the same for all ports of a host.
            cookie: format!("postduif-{port}"),
            sessions: Mutex::default(),
        };
        Ok((guard, token))
    }

    /// Takes a token; returns the cookie to set.
    pub(super) fn admit(&self, token: &str) -> Option<String> {
        if hashed(token) != self.token {
            return None;
        }
        let (session, csrf) = random().ok().zip(random().ok())?;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= Self::MOST {
            sessions.clear();
        }
        sessions.insert(hashed(&session), csrf);
        Some(format!("{}={session}; HttpOnly; SameSite=Strict; Path=/", self.cookie))
    }

    /// Returns who a request is from.
    pub(super) fn visitor(&self, headers: &HeaderMap) -> Option<Visitor> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        pairs.find_map(|(name, value)| {
            let csrf = (name == self.cookie).then(|| sessions.get(&hashed(value))).flatten()?;
            Some(Visitor { csrf: csrf.clone() })
        })
    }
}

/// Whether a browser sent a request because a page of another place told it to. Another port of this machine is another place.
pub(super) fn from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let navigates = *method == Method::GET && said("sec-fetch-mode") == Some("navigate");
    let foreign = matches!(said("sec-fetch-site"), Some("cross-site" | "same-site"));
    if foreign && !(navigates && said("sec-fetch-dest") == Some("document")) {
        return true;
    }
    match (headers.get(ORIGIN), headers.get(HOST).and_then(|host| host.to_str().ok())) {
        (Some(origin), Some(host)) => origin.as_bytes() != format!("http://{host}").as_bytes(),
        (Some(_), None) => true,
        (None, _) => *method != Method::GET && *method != Method::HEAD,
    }
}

/// Turns away what other places sent, and puts the head fields on every answer that keep a page to itself.
pub(super) async fn harden(request: Request, next: Next) -> Response {
    let mut response = if from_elsewhere(request.method(), request.headers()) {
        (StatusCode::FORBIDDEN, "another place sent this request\n").into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    set(CONTENT_SECURITY_POLICY, POLICY);
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    // `no-referrer` would make browsers hide the origin of our own forms.
    set(REFERRER_POLICY, "same-origin");
    set(CACHE_CONTROL, "no-store");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    response
}

/// What a form sent, with the right token: nobody but our own pages can have made it.
#[derive(Debug)]
pub(super) struct Sent(Vec<(String, String)>);

impl Sent {
    /// Returns a field, trimmed; nothing where it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let no = |code: StatusCode, why: &'static str| (code, why).into_response();
        let (parts, body) = request.into_parts();
        let form = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
            return Err(no(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form is expected\n"));
        }
        let visitor = parts.extensions.get::<Visitor>();
        let csrf = visitor.ok_or_else(|| no(StatusCode::UNAUTHORIZED, "nobody knows you\n"))?.csrf.clone();
        let bytes = to_bytes(body, LARGEST_FORM).await;
        let bytes = bytes.map_err(|_| no(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long\n"))?;
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(&bytes)
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let sent = Self(fields);
        if sent.get("csrf").is_none_or(|given| hashed(given) != hashed(&csrf)) {
            return Err(no(
                StatusCode::FORBIDDEN,
                "the form is not of this page, or of an older one; load it again\n",
            ));
        }
        Ok(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_token_lets_in_and_only_the_cookie_keeps_in() {
        let (guard, token) = Guard::new(8420).unwrap();
        assert!(guard.admit("").is_none() && guard.admit(&token[1..]).is_none());
        let set = guard.admit(&token).unwrap();
        assert!(
            set.starts_with("postduif-8420=") && set.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
            "{set}"
        );
        let pair = set.split(';').next().unwrap();
        let known = guard.visitor(&headers(&[("cookie", &format!("a=b; {pair}"))])).unwrap();
        let other = guard.admit(&token).unwrap();
        let other = guard.visitor(&headers(&[("cookie", other.split(';').next().unwrap())])).unwrap();
        assert_ne!(known.csrf, other.csrf, "each has forms of its own");
        for stranger in ["postduif-8420=x", "postduif-8421=y", "", &pair[1..]] {
            assert!(guard.visitor(&headers(&[("cookie", stranger)])).is_none(), "{stranger}");
        }
    }

    #[test]
    fn what_another_place_sent_is_known() {
        let post = |pairs: &[(&'static str, &str)]| from_elsewhere(&Method::POST, &headers(pairs));
        let get = |pairs: &[(&'static str, &str)]| from_elsewhere(&Method::GET, &headers(pairs));
        let host = ("host", "127.0.0.1:8420");
        assert!(!post(&[host, ("origin", "http://127.0.0.1:8420")]));
        assert!(post(&[host]), "a browser names the origin of a form");
        assert!(post(&[host, ("origin", "null")]));
        assert!(post(&[host, ("origin", "http://evil.example")]));
        assert!(post(&[host, ("origin", "http://127.0.0.1:9999")]), "another port is another place");
        assert!(post(&[host, ("origin", "http://127.0.0.1:8420"), ("sec-fetch-site", "cross-site")]));
        assert!(!get(&[host]));
        assert!(get(&[host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]));
        let link = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ];
        assert!(!get(&link), "a link may lead here; the cookie stays behind");
        let frame = [
            host,
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "iframe"),
        ];
        assert!(get(&frame));
    }
}
