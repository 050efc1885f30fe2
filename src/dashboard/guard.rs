//! Who is let in: a token in the first link, or a password, then a cookie; and which requests may change anything.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN,
    REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

use super::desk::Desk;
use super::loopback;
use super::meant::Meant;
use super::password::{Password, Wrong};
use crate::campaign::definition::hex;

/// Nothing but what we serve ourselves, no script or style within a page, no frame but ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// For how long a browser comes here with TLS alone: a campaign takes weeks, and then the name may be for something else.
const A_MONTH: &str = "max-age=2592000";
/// What a form may hold.
const LARGEST_FORM: usize = 64 * 1024;

/// The system gives no random numbers, so nobody could be told from anybody else.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandom;

/// Lets in who has the token of this process, or the password, and remembers them.
#[derive(Debug)]
pub(super) struct Guard {
    /// The digest of the token: comparing digests tells nothing about how much of a guess was right. There is none where others
    /// than this machine can come: whoever reads the terminal, or the journal of the system, is not meant.
    token: Option<[u8; 32]>,
    password: Option<Password>,
    wrong: Mutex<Wrong>,
    cookie: Cookie,
    /// By the digest of the cookie's value.
    sessions: Mutex<HashMap<[u8; 32], Session>>,
}

/// What is remembered of who was let in.
#[derive(Debug)]
struct Session {
    /// The forms' own token.
    csrf: String,
    /// When they last asked for something.
    seen: Timestamp,
}

/// The cookie's name, and whether it goes over HTTPS alone.
#[derive(Debug)]
struct Cookie {
    name: String,
    secure: bool,
}

impl Cookie {
    fn new(port: u16, secure: bool) -> Self {
        // Cookies are the same for all ports of a host; and what begins like this, no other host and no plain page can set
        // (RFC 6265bis §4.1.3.2).
        let prefix = if secure { "__Host-" } else { "" };
        Self { name: format!("{prefix}postduif-{port}"), secure }
    }

    fn set(&self, value: &str, more: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}{more}; HttpOnly; SameSite=Strict; Path=/{secure}", self.name)
    }
}

/// Somebody who was let in.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    /// What their forms carry.
    pub(super) csrf: String,
}

/// Why a password did not let in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotIn {
    /// It is another, or there is none.
    Wrong,
    /// There were too many wrong ones: it was not looked at. How long to wait.
    Wait(Duration),
    /// Nobody could be told from anybody else.
    NoRandom,
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

    /// Where there is a password, who does nothing for so long has left.
    const LONGEST_ABSENCE: Duration = Duration::from_secs(12 * 3600);

    /// Makes one for a port, which browsers come to over HTTPS or not.
    pub(super) fn new(port: u16, https: bool, password: Option<Password>) -> Self {
        Self {
            token: None,
            password,
            wrong: Mutex::default(),
            cookie: Cookie::new(port, https),
            sessions: Mutex::default(),
        }
    }

    /// Makes a token that lets in, too; returns it.
    pub(super) fn with_token(mut self) -> Result<(Self, String), NoRandom> {
        let token = random()?;
        self.token = Some(hashed(&token));
        Ok((self, token))
    }

    /// Whether there is a password to ask for.
    pub(super) fn asks(&self) -> bool {
        self.password.is_some()
    }

    /// Takes a token; returns the cookie to set.
    pub(super) fn admit(&self, token: &str, now: Timestamp) -> Option<String> {
        if self.token != Some(hashed(token)) {
            return None;
        }
        self.begin(now).ok()
    }

    /// Takes a password; returns the cookie to set.
    pub(super) fn unlock(&self, guess: &str, from: IpAddr, now: Timestamp) -> Result<String, NotIn> {
        // Held until the guess is judged: many at once are no way around the count.
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wait) = wrong.wait(now, from) {
            return Err(NotIn::Wait(wait));
        }
        if !self.password.as_ref().is_some_and(|password| password.is(guess)) {
            wrong.note(now, from);
            return Err(NotIn::Wrong);
        }
        drop(wrong);
        self.begin(now).map_err(|NoRandom| NotIn::NoRandom)
    }

    fn begin(&self, now: Timestamp) -> Result<String, NoRandom> {
        let (session, csrf) = (random()?, random()?);
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if self.asks() {
            sessions.retain(|_, session| !session.has_left(now));
        }
        if sessions.len() >= Self::MOST {
            sessions.clear();
        }
        sessions.insert(hashed(&session), Session { csrf, seen: now });
        Ok(self.cookie.set(&session, ""))
    }

    /// Returns who a request is from.
    pub(super) fn visitor(&self, headers: &HeaderMap, now: Timestamp) -> Option<Visitor> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        self.cookies(headers).find_map(|cookie| {
            let session = sessions.get_mut(&cookie)?;
            if self.asks() && session.has_left(now) {
                sessions.remove(&cookie);
                return None;
            }
            session.seen = now;
            Some(Visitor { csrf: session.csrf.clone() })
        })
    }

    /// Forgets who a request is from; returns the cookie that takes theirs away.
    pub(super) fn leave(&self, headers: &HeaderMap) -> String {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        self.cookies(headers).for_each(|cookie| drop(sessions.remove(&cookie)));
        self.cookie.set("", "; Max-Age=0")
    }

    /// The digests of all cookies of our name.
    fn cookies(&self, headers: &HeaderMap) -> impl Iterator<Item = [u8; 32]> {
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie.name).map(|(_, value)| hashed(value))
    }
}

impl Session {
    fn has_left(&self, now: Timestamp) -> bool {
        Duration::try_from(now.duration_since(self.seen)).is_ok_and(|span| span >= Guard::LONGEST_ABSENCE)
    }
}

/// Whether a browser sent a request because a page of another place told it to. Another port of this machine is another place.
pub(super) fn from_elsewhere(meant: &Meant, method: &Method, headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let navigates = *method == Method::GET && said("sec-fetch-mode") == Some("navigate");
    let foreign = matches!(said("sec-fetch-site"), Some("cross-site" | "same-site"));
    if foreign && !(navigates && said("sec-fetch-dest") == Some("document")) {
        return true;
    }
    match (headers.get(ORIGIN), headers.get(HOST).and_then(|host| host.to_str().ok())) {
        (Some(origin), Some(host)) => !meant.is_ours(origin.as_bytes(), host),
        (Some(_), None) => true,
        (None, _) => *method != Method::GET && *method != Method::HEAD,
    }
}

/// Turns away what is for other hosts or was sent by other places, and puts the head fields on every answer that keep a page to
/// itself.
pub(super) async fn harden(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let meant = &desk.meant;
    let host = loopback::host(request.uri(), loopback::named(request.headers())).unwrap_or_default();
    let pinned = meant.pins(&host);
    let mut response = if !meant.means(&host) {
        (StatusCode::MISDIRECTED_REQUEST, format!("this is for {} only\n", meant.words())).into_response()
    } else if from_elsewhere(meant, request.method(), request.headers()) {
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
    if pinned {
        set(STRICT_TRANSPORT_SECURITY, A_MONTH);
    }
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

fn no(code: StatusCode, why: &'static str) -> Response {
    (code, why).into_response()
}

/// Reads what a form sent, whoever sent it.
pub(super) async fn fields(request: Request) -> Result<Vec<(String, String)>, Response> {
    let (parts, body) = request.into_parts();
    let form = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !form.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        return Err(no(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form is expected\n"));
    }
    let bytes = to_bytes(body, LARGEST_FORM).await;
    let bytes = bytes.map_err(|_| no(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long\n"))?;
    let pairs = url::form_urlencoded::parse(&bytes);
    Ok(pairs.map(|(key, value)| (key.into_owned(), value.into_owned())).collect())
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let visitor = request.extensions().get::<Visitor>();
        let csrf = visitor.ok_or_else(|| no(StatusCode::UNAUTHORIZED, "nobody knows you\n"))?.csrf.clone();
        let sent = Self(fields(request).await?);
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

    fn cookie(set: &str) -> HeaderMap {
        headers(&[("cookie", set.split(';').next().unwrap())])
    }

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn later(hours: i64) -> Timestamp {
        Timestamp::from_second(hours * 3600).unwrap()
    }

    #[test]
    fn only_the_token_lets_in_and_only_the_cookie_keeps_in() {
        let (guard, token) = Guard::new(8420, false, None).with_token().unwrap();
        assert!(guard.admit("", NOW).is_none() && guard.admit(&token[1..], NOW).is_none());
        let set = guard.admit(&token, NOW).unwrap();
        assert!(
            set.starts_with("postduif-8420=") && set.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
            "{set}"
        );
        let pair = set.split(';').next().unwrap();
        let known = guard.visitor(&headers(&[("cookie", &format!("a=b; {pair}"))]), NOW).unwrap();
        let other = guard.visitor(&cookie(&guard.admit(&token, NOW).unwrap()), NOW).unwrap();
        assert_ne!(known.csrf, other.csrf, "each has forms of its own");
        for stranger in ["postduif-8420=x", "postduif-8421=y", "", &pair[1..]] {
            assert!(guard.visitor(&headers(&[("cookie", stranger)]), NOW).is_none(), "{stranger}");
        }
        assert!(guard.visitor(&cookie(&set), later(1000)).is_some(), "on one's own machine nobody has left");
        assert_eq!(
            guard.unlock("", IpAddr::from([127, 0, 0, 1]), NOW),
            Err(NotIn::Wrong),
            "there is no password"
        );
    }

    fn locked() -> Guard {
        Guard::new(8420, true, Some(Password::new("vier woorden en een").unwrap()))
    }

    #[test]
    fn only_the_password_lets_in_and_wrong_ones_wait() {
        let (guard, here) = (locked(), IpAddr::from([192, 0, 2, 7]));
        let set = guard.unlock("vier woorden en een", here, NOW).unwrap();
        assert!(
            set.starts_with("__Host-postduif-8420=")
                && set.ends_with("; HttpOnly; SameSite=Strict; Path=/; Secure"),
            "{set}"
        );
        assert!(guard.visitor(&cookie(&set), NOW).is_some());
        assert!(
            guard.admit("", NOW).is_none() && guard.admit("vier woorden en een", NOW).is_none(),
            "there is no token"
        );
        for _ in 0..Wrong::OF_ONE {
            assert_eq!(guard.unlock("guess", here, NOW), Err(NotIn::Wrong));
        }
        let wait = Err(NotIn::Wait(Wrong::SPAN));
        assert_eq!(guard.unlock("vier woorden en een", here, NOW), wait, "not even looked at");
        assert!(guard.unlock("vier woorden en een", IpAddr::from([192, 0, 2, 8]), NOW).is_ok());
        assert!(guard.unlock("vier woorden en een", here, later(1)).is_ok());
    }

    #[test]
    fn who_logs_out_or_does_nothing_for_half_a_day_has_left() {
        let (guard, here) = (locked(), IpAddr::from([192, 0, 2, 7]));
        let enter = |at| cookie(&guard.unlock("vier woorden en een", here, at).unwrap());
        let (one, other) = (enter(NOW), enter(NOW));
        assert!(guard.visitor(&one, later(11)).is_some());
        assert!(guard.visitor(&one, later(22)).is_some(), "the clock begins anew with all they do");
        assert!(guard.visitor(&other, later(22)).is_none());
        assert!(guard.visitor(&other, NOW).is_none(), "and is forgotten");
        let taken = guard.leave(&one);
        assert!(taken.starts_with("__Host-postduif-8420=; Max-Age=0; HttpOnly"), "{taken}");
        assert!(guard.visitor(&one, later(22)).is_none());
        enter(later(22));
        enter(later(34));
        assert_eq!(guard.sessions.lock().unwrap().len(), 1, "who has left takes no room");
    }

    #[test]
    fn what_another_place_sent_is_known() {
        let meant = Meant::loopback(false, Vec::new());
        let post = |pairs: &[(&'static str, &str)]| from_elsewhere(&meant, &Method::POST, &headers(pairs));
        let get = |pairs: &[(&'static str, &str)]| from_elsewhere(&meant, &Method::GET, &headers(pairs));
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
