//! A server and how to get in, settled: the same for `[transport]` and for `[inbox]`.

use std::net::IpAddr;

use super::check::shown;
use super::load::Settling;
use super::schema::RawServer;
use crate::account::{Login, Secret, Security, Server};
use crate::campaign::problem::Problem;

/// What differs between the way out and the way back.
pub(super) struct Kind {
    /// The table: `transport`.
    pub(super) table: &'static str,
    /// What to do where no host is named.
    pub(super) host: &'static str,
    /// What travels: `letters`.
    pub(super) travels: &'static str,
    /// What a missing password holds up, and when it must be there.
    pub(super) needs: &'static str,
    /// The protection where nothing is said of it: with this port, and otherwise.
    pub(super) security: [(Option<u16>, Security); 2],
    /// The ports for TLS, STARTTLS and none.
    pub(super) ports: [u16; 3],
}

impl Settling<'_> {
    /// Settles a server; a secret that is not there goes to `unready`, and is a warning among the problems.
    pub(super) fn server(
        &mut self,
        kind: &Kind,
        raw: &RawServer,
        unready: &mut Vec<Problem>,
    ) -> Option<Server> {
        let table = kind.table;
        let host = self.required(&[table, "host"], raw.host.as_ref(), kind.host);
        let host = host.and_then(|host| {
            if host_name(&host) {
                return Some(host);
            }
            self.error(
                "wrong-host",
                &[table, "host"],
                format!("`{}` is no host name", shown(&host)),
                "the name alone, without `smtp://` or `imap://`, blanks or a port",
            );
            None
        });
        let security = match raw.security.as_deref() {
            Some("tls") => Security::Tls,
            Some("starttls") => Security::StartTls,
            Some("none") => Security::None,
            _ => {
                let [(special, first), (_, usual)] = kind.security;
                if raw.port.is_some() && raw.port == special { first } else { usual }
            }
        };
        let [tls, starttls, none] = kind.ports;
        let port = raw.port.unwrap_or(match security {
            Security::Tls => tls,
            Security::StartTls => starttls,
            Security::None => none,
        });
        if security == Security::None
            && raw.allow_plaintext != Some(true)
            && let Some(host) = host.as_deref().filter(|host| !loopback(host))
        {
            self.error(
                "plaintext",
                &[table, "security"],
                format!(
                    "`security = \"none\"` would send {} and password readable to `{host}`",
                    kind.travels
                ),
                "write `starttls` or `tls`; if it must be, `allow-plaintext = true`",
            );
        }
        let login = self.login(kind, raw, unready);
        let ca_file = raw.ca_file.as_deref().map(|file| self.path(file));
        Some(Server { host: host?, port, security, login, ca_file })
    }

    fn login(&mut self, kind: &Kind, raw: &RawServer, unready: &mut Vec<Problem>) -> Option<Login> {
        let table = kind.table;
        let sources = [
            ("password-env", &raw.password_env),
            ("password-command", &raw.password_command),
            ("password-file", &raw.password_file),
            ("token-command", &raw.token_command),
        ];
        let given: Vec<(&str, &String)> =
            sources.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))).collect();
        if let [(first, _), (second, _), ..] = given[..] {
            self.error(
                "two-secrets",
                &[table, second],
                format!("both `{first}` and `{second}` name a secret"),
                "leave one",
            );
            return None;
        }
        let username = raw.username.clone().filter(|name| !name.trim().is_empty());
        match (username, given.first()) {
            (None, None) => None,
            (Some(username), None) => {
                // A secret of the wrong kind, or one written into the file, was told already.
                let told = ["password", "token", "secret"].into_iter().chain(sources.map(|(key, _)| key));
                if !told.into_iter().any(|key| self.document.has(&[table, key])) {
                    self.error(
                        "no-secret",
                        &[table, "username"],
                        format!("`{}` logs in without a secret", shown(&username)),
                        "add `password-env`, `password-command`, `password-file` or `token-command`",
                    );
                }
                None
            }
            (None, Some((key, _))) => {
                if !self.document.has(&[table, "username"]) || raw.username.is_some() {
                    let said = format!("`{key}` names a secret, and `username` is missing");
                    self.error("missing-key", &[table, key], said, "add `username`");
                }
                None
            }
            (Some(username), Some((key, value))) => {
                let secret = match *key {
                    "password-env" => {
                        // Unset: an empty password is not tried, because `unready` holds `send` back.
                        let password = (self.environment)(value).filter(|password| !password.is_empty());
                        if password.is_none() {
                            let place = self.document.place(&[table, key]);
                            let said = format!("the environment variable `{}` is not set", shown(value));
                            self.problems.push(
                                Problem::warning("secret-not-set", place.clone(), said.clone())
                                    .hint(kind.needs),
                            );
                            unready.push(Problem::error("secret-not-set", place, said).hint(kind.needs));
                        }
                        Secret::Password(password.unwrap_or_default())
                    }
                    "password-command" => Secret::PasswordCommand((*value).clone()),
                    "password-file" => Secret::PasswordFile(self.path(value)),
                    _ => Secret::TokenCommand((*value).clone()),
                };
                Some(Login { username, secret })
            }
        }
    }
}

/// A host name or an IP address, in outline.
pub(super) fn host_name(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
        || (text.len() <= 253
            && text.trim_end_matches('.').split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            }))
}

/// Whether a host is this machine itself, as far as its name tells.
fn loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
