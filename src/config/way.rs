//! `[transport]`, settled: where the relay is, how the line is protected, where the secret is kept.

use std::net::IpAddr;

use super::check::shown;
use super::load::Settling;
use super::pace::profile;
use super::schema::RawTransport;
use crate::account::{Login, Secret, Security, Server};
use crate::campaign::problem::Problem;
use crate::transport::{Settings, SmtpSettings, Timeouts};

impl Settling<'_> {
    pub(super) fn transport(&mut self, raw: &RawTransport, unready: &mut Vec<Problem>) -> Option<Settings> {
        let connections = raw.connections.unwrap_or(1);
        match raw.kind.as_deref() {
            Some("smtp") => self.smtp(raw, connections, unready).map(Settings::Smtp),
            Some("folder") => {
                Some(Settings::Folder { path: self.path(raw.path.as_deref().unwrap_or("logs/letters")) })
            }
            _ => Some(Settings::Rehearsal { connections, keep: Some(self.path("logs/rehearsal")) }),
        }
    }

    fn smtp(
        &mut self,
        raw: &RawTransport,
        connections: u32,
        unready: &mut Vec<Problem>,
    ) -> Option<SmtpSettings> {
        let host =
            self.required(&["transport", "host"], raw.host.as_ref(), "name the relay of your mail host");
        let host = host.and_then(|host| {
            if host_name(&host) {
                return Some(host);
            }
            self.error(
                "wrong-host",
                &["transport", "host"],
                format!("`{}` is no host name", shown(&host)),
                "the name alone, without `smtp://`, blanks or a port",
            );
            None
        });
        let security = match raw.security.as_deref() {
            Some("tls") => Security::Tls,
            Some("none") => Security::None,
            None if raw.port == Some(465) => Security::Tls,
            _ => Security::StartTls,
        };
        let port = raw.port.unwrap_or(match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::None => 25,
        });
        if security == Security::None
            && raw.allow_plaintext != Some(true)
            && let Some(host) = host.as_deref().filter(|host| !loopback(host))
        {
            self.error(
                "plaintext",
                &["transport", "security"],
                format!("`security = \"none\"` would send letters and password readable to `{host}`"),
                "write `starttls` or `tls`; if it must be, `allow-plaintext = true`",
            );
        }
        let login = self.login(raw, unready);
        let timeouts = self.timeouts(raw);
        let host = host?;
        let letters_per_connection =
            raw.letters_per_connection.unwrap_or_else(|| profile(&host).letters_per_connection);
        let hello_name = raw.hello_name.as_ref().map(|name| name.trim().to_owned());
        if let Some(name) = hello_name.as_deref().filter(|name| !host_name(name)) {
            self.error(
                "wrong-host",
                &["transport", "hello-name"],
                format!("`{}` is no host name", shown(name)),
                "",
            );
        }
        Some(SmtpSettings {
            server: Server {
                host,
                port,
                security,
                login,
                ca_file: raw.ca_file.as_deref().map(|file| self.path(file)),
            },
            connections,
            letters_per_connection,
            hello_name,
            timeouts,
        })
    }

    fn timeouts(&mut self, raw: &RawTransport) -> Timeouts {
        let (raw, default) = (&raw.timeouts, Timeouts::default());
        let mut read = |key: &str, text: Option<&String>, default| {
            self.span(&["transport", "timeouts", key], text, default)
        };
        Timeouts {
            connect: read("connect", raw.connect.as_ref(), default.connect),
            greeting: read("greeting", raw.greeting.as_ref(), default.greeting),
            command: read("command", raw.command.as_ref(), default.command),
            data: read("data", raw.data.as_ref(), default.data),
            block: read("block", raw.block.as_ref(), default.block),
            end_of_data: read("end-of-data", raw.end_of_data.as_ref(), default.end_of_data),
        }
    }

    fn login(&mut self, raw: &RawTransport, unready: &mut Vec<Problem>) -> Option<Login> {
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
                &["transport", second],
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
                if !told.into_iter().any(|key| self.document.has(&["transport", key])) {
                    self.error(
                        "no-secret",
                        &["transport", "username"],
                        format!("`{}` logs in without a secret", shown(&username)),
                        "add `password-env`, `password-command`, `password-file` or `token-command`",
                    );
                }
                None
            }
            (None, Some((key, _))) => {
                if !self.document.has(&["transport", "username"]) || raw.username.is_some() {
                    let said = format!("`{key}` names a secret, and `username` is missing");
                    self.error("missing-key", &["transport", key], said, "add `username`");
                }
                None
            }
            (Some(username), Some((key, value))) => {
                let secret = match *key {
                    "password-env" => {
                        // Unset: an empty password is not tried, because `unready` holds `send` back.
                        let password = (self.environment)(value).filter(|password| !password.is_empty());
                        if password.is_none() {
                            let place = self.document.place(&["transport", key]);
                            let said = format!("the environment variable `{}` is not set", shown(value));
                            let hint = "sending needs it; set it before `postduif send`";
                            self.problems.push(
                                Problem::warning("secret-not-set", place.clone(), said.clone()).hint(hint),
                            );
                            unready.push(Problem::error("secret-not-set", place, said).hint(hint));
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
fn host_name(text: &str) -> bool {
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
