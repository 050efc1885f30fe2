//! Before the door: who has neither cookie nor token is asked for the password, where there is one.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HeaderMap, RETRY_AFTER, SET_COOKIE};
use axum::http::uri::Uri;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::connections::Peer;
use super::desk::{Desk, Visit, html};
use super::guard::{NotIn, Sent, fields};
use super::texts::{Lang, Texts};

#[derive(Template)]
#[template(path = "door.html")]
struct Door {
    t: &'static Texts,
    lang: Lang,
    /// Whether there is a password to ask for.
    asks: bool,
    /// Why the last one did not let in.
    trouble: Option<&'static str>,
    /// Where the way leads when it does.
    to: String,
}

fn page(desk: &Desk, lang: Lang, trouble: Option<&'static str>, to: &str) -> Response {
    let door = Door { t: lang.texts(), lang, asks: desk.guard.asks(), trouble, to: within(to).to_owned() };
    (StatusCode::UNAUTHORIZED, html(&door)).into_response()
}

/// The page for who has no cookie, and asked for something.
pub(super) fn before(desk: &Desk, lang: Lang, method: &Method, uri: &Uri) -> Response {
    page(desk, lang, None, &wanted(method, uri))
}

/// What somebody wanted to see. A form cannot be sent again, and a token must not stay in an address.
fn wanted(method: &Method, uri: &Uri) -> String {
    let named = uri
        .query()
        .is_some_and(|query| url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "token"));
    match uri.path_and_query() {
        Some(whole) if *method == Method::GET && !named => whole.as_str().to_owned(),
        _ if *method == Method::GET => uri.path().to_owned(),
        _ => "/".to_owned(),
    }
}

/// A path of this page, or its first: no word of a stranger leads elsewhere (`//host/`, `/\host`).
fn within(to: &str) -> &str {
    let path = to.starts_with('/') && !to.starts_with("//");
    let plain = to.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    if path && plain { to } else { "/" }
}

/// Whom a password is from: the other end, or whom the proxy names. What a proxy adds stands last; what stands before it, anybody
/// can have written.
fn from(headers: &HeaderMap, Peer(peer): Peer, proxied: bool) -> IpAddr {
    let forwarded = HeaderName::from_static("x-forwarded-for");
    let named = headers.get_all(forwarded).iter().next_back().and_then(|value| value.to_str().ok());
    let named = named.and_then(|line| line.rsplit(',').next()).and_then(|last| last.trim().parse().ok());
    named.filter(|_| proxied).unwrap_or_else(|| peer.ip())
}

/// Takes a password.
pub(super) async fn login(
    State(desk): State<Arc<Desk>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let lang = Lang::of(request.headers());
    let from = from(request.headers(), peer, desk.meant.is_proxied());
    let fields = match fields(request).await {
        Ok(fields) => fields,
        Err(refused) => return refused,
    };
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let to = within(get("to"));
    let t = lang.texts();
    match desk.guard.unlock(get("password"), from, desk.settings.clock.now()) {
        Ok(cookie) => match HeaderValue::from_str(&cookie) {
            Ok(cookie) => (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie)], Redirect::to(to)).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        },
        Err(NotIn::Wrong) => page(&desk, lang, Some(t.login_wrong), to),
        Err(NotIn::Wait(wait)) => {
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            let mut answer = page(&desk, lang, Some(t.login_wait), to);
            *answer.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            answer.headers_mut().insert(RETRY_AFTER, seconds);
            answer
        }
        Err(NotIn::NoRandom) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Ends the session of a visitor.
pub(super) async fn logout(State(desk): State<Arc<Desk>>, _: Visit, headers: HeaderMap, _: Sent) -> Response {
    match HeaderValue::from_str(&desk.guard.leave(&headers)) {
        Ok(cookie) => (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie)], Redirect::to("/")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_leads_back_to_what_was_wanted_and_never_elsewhere() {
        let get = |uri: &'static str| wanted(&Method::GET, &Uri::from_static(uri));
        assert_eq!(get("/recipients?q=a%20b"), "/recipients?q=a%20b");
        assert_eq!(get("/review?a=b&token=guess"), "/review", "no token stays in an address");
        assert_eq!(get("http://evil.example/review"), "/review");
        assert_eq!(wanted(&Method::POST, &Uri::from_static("/cancel")), "/");
        for (to, leads) in [
            ("/", "/"),
            ("/recipients/EEN?x=/", "/recipients/EEN?x=/"),
            ("", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("/a\r\nSet-Cookie: b", "/"),
            ("recipients", "/"),
        ] {
            assert_eq!(within(to), leads, "{to}");
        }
    }

    #[test]
    fn whom_a_password_is_from_is_the_proxys_word_alone() {
        let peer = Peer("127.0.0.1:4000".parse().unwrap());
        let ask = |lines: &[&str], proxied: bool| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            from(&headers, peer, proxied).to_string()
        };
        assert_eq!(ask(&["198.51.100.9, 192.0.2.7"], true), "192.0.2.7");
        assert_eq!(ask(&["198.51.100.9", "2001:db8::7"], true), "2001:db8::7");
        assert_eq!(ask(&["192.0.2.7"], false), "127.0.0.1", "nobody stands in front");
        assert_eq!(ask(&["unknown"], true), "127.0.0.1");
        assert_eq!(ask(&[], true), "127.0.0.1");
    }
}
