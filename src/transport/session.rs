//! A session with a relay: connect, TLS, EHLO, AUTH. What is said about a letter is in [`smtp`](super::smtp).

use std::net::IpAddr;
use std::time::Duration;

use super::line::{Cut, Line};
use super::{SmtpSettings, TransportError};
use crate::account::{Access, Hidden, Login, Mechanism, Security, bare_host};
use crate::delivery::attempt::{Ending, Stage};

/// What the relay offers in answer to EHLO (RFC 5321 §4.1.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    /// RFC 2920.
    pub(super) pipelining: bool,
    /// RFC 6152.
    pub(super) eight_bit_mime: bool,
    /// RFC 6531.
    pub(super) smtputf8: bool,
    /// RFC 1870; the limit in octets where there is one.
    pub(super) size: Option<Option<u64>>,
    /// RFC 3461.
    pub(super) dsn: bool,
    starttls: bool,
    auth: Vec<String>,
}

impl Offers {
    /// Reads the lines of the reply to EHLO; the first is the greeting.
    fn read(lines: &str) -> Self {
        let mut offers = Self::default();
        for line in lines.lines().skip(1) {
            let line = line.trim().to_ascii_uppercase();
            // `AUTH=LOGIN` is how servers said it before RFC 4954.
            let (keyword, rest) = line.split_once([' ', '=']).unwrap_or((&line, ""));
            match keyword {
                "PIPELINING" => offers.pipelining = true,
                "8BITMIME" => offers.eight_bit_mime = true,
                "SMTPUTF8" => offers.smtputf8 = true,
                "DSN" => offers.dsn = true,
                "STARTTLS" => offers.starttls = true,
                // 0 is "no limit" (RFC 1870 §4).
                "SIZE" => offers.size = Some(rest.trim().parse().ok().filter(|&limit| limit > 0)),
                "AUTH" => offers.auth.extend(rest.split_ascii_whitespace().map(str::to_owned)),
                _ => {}
            }
        }
        offers
    }
}

/// How to reach the relay: what was settled, checked and made ready once for all connections.
pub(super) struct Way {
    pub(super) settings: SmtpSettings,
    access: Access,
}

impl Way {
    /// Checks the settings and reads the certificates.
    pub(super) fn ready(settings: SmtpSettings) -> Result<Self, TransportError> {
        let access = Access::ready(settings.server.clone())?;
        if settings.hello_name.as_ref().is_some_and(|name| name.bytes().any(|b| b <= b' ' || b >= 0x7f)) {
            return Err(TransportError::HelloName);
        }
        Ok(Self { settings, access })
    }

    async fn secret(&self, login: &Login) -> Result<Hidden, Ending> {
        let secret = self.access.secret(login, self.settings.timeouts.command).await;
        secret.map_err(|why| Ending::Broken { stage: Stage::Auth, why })
    }
}

/// A session that is ready for letters.
pub(super) struct Session {
    pub(super) line: Line,
    pub(super) offers: Offers,
    /// Letters begun over it.
    pub(super) letters: u32,
    /// The relay may still remember a transaction that was refused.
    pub(super) reset_first: bool,
    /// Dead unless proven alive: true between letters only.
    pub(super) is_alive: bool,
}

impl Session {
    /// Connects, protects the line, says hello and logs in.
    ///
    /// # Errors
    /// The ending that an attempt has which gets no further.
    pub(super) async fn open(way: &Way) -> Result<Self, Ending> {
        let Some(login) = &way.access.server.login else { return Self::hello(way).await };
        let secret = way.secret(login).await?;
        let mut session = Self::hello(way).await?;
        let refused = match session.log_in(way, login, &secret).await {
            Ok(()) => return Ok(session),
            Err(refused) => refused,
        };
        if !matches!(&refused, Ending::Rejected { reply, .. } if reply.is_permanent()) {
            return Err(refused);
        }
        let fresh = way.access.fresher(login, &secret, way.settings.timeouts.command).await;
        let Some(fresh) = fresh.map_err(|why| Ending::Broken { stage: Stage::Auth, why })? else {
            return Err(refused);
        };
        session.quit(Duration::from_secs(1)).await;
        let mut session = Self::hello(way).await?;
        session.log_in(way, login, &fresh).await?;
        Ok(session)
    }

    /// Connects, protects the line and says hello.
    async fn hello(way: &Way) -> Result<Self, Ending> {
        let settings = &way.settings;
        let timeouts = &settings.timeouts;
        let broken = |stage: Stage, cut: Cut| Ending::Broken { stage, why: cut.to_string() };
        let mut line = connect(way).await?;
        if way.access.server.security == Security::Tls {
            line = protect(line, way).await?;
        }
        let greeted = line.reply(timeouts.greeting).await.map_err(|cut| broken(Stage::Greeting, cut))?;
        if greeted / 100 != 2 {
            return Err(Ending::Rejected { stage: Stage::Greeting, reply: line.said() });
        }
        let mut offers = say_hello(&mut line, settings).await?;
        if way.access.server.security == Security::StartTls {
            if !offers.starttls {
                let why = "the relay does not offer STARTTLS".to_owned();
                return Err(Ending::Broken { stage: Stage::Tls, why });
            }
            line.send(b"STARTTLS\r\n", timeouts.command).await.map_err(|cut| broken(Stage::Tls, cut))?;
            let code = line.reply(timeouts.command).await.map_err(|cut| broken(Stage::Tls, cut))?;
            if code / 100 != 2 {
                return Err(Ending::Rejected { stage: Stage::Tls, reply: line.said() });
            }
            if line.has_unread() {
                let why = "the relay, or somebody on the line, put plain text behind the answer to STARTTLS; \
                           we do not read it";
                return Err(Ending::Broken { stage: Stage::Tls, why: why.into() });
            }
            line = protect(line, way).await?;
            // What was offered in the clear may be anybody's word (RFC 3207 §4.2).
            offers = say_hello(&mut line, settings).await?;
        }
        Ok(Self { line, offers, letters: 0, reset_first: false, is_alive: true })
    }

    async fn log_in(&mut self, way: &Way, login: &Login, secret: &Hidden) -> Result<(), Ending> {
        let limit = way.settings.timeouts.command;
        let broken = |why: String| Ending::Broken { stage: Stage::Auth, why };
        Access::may_log_in(self.line.stream()).map_err(broken)?;
        let mechanism = Mechanism::choose(&self.offers.auth, login).map_err(broken)?;
        let server = &way.access.server;
        let dialogue = mechanism.dialogue(login, secret, bare_host(&server.host), server.port);
        let initial = dialogue.initial.map(|initial| format!(" {initial}")).unwrap_or_default();
        let command = format!("AUTH {}{initial}\r\n", mechanism.name());
        self.line.send(command.as_bytes(), limit).await.map_err(|cut| broken(cut.to_string()))?;
        let mut answers = dialogue.answers.iter();
        loop {
            let code = self.line.reply(limit).await.map_err(|cut| broken(cut.to_string()))?;
            match (code, code / 100) {
                (_, 2) => return Ok(()),
                (334, _) => {
                    // `*` ends a dialogue that asks for more than there is to say (RFC 4954 §4).
                    let answer = answers.next().map_or("*", String::as_str);
                    let said = format!("{answer}\r\n");
                    self.line.send(said.as_bytes(), limit).await.map_err(|cut| broken(cut.to_string()))?;
                }
                _ => return Err(Ending::Rejected { stage: Stage::Auth, reply: self.line.said() }),
            }
        }
    }

    /// Says goodbye; what comes of it does not matter.
    pub(super) async fn quit(mut self, limit: Duration) {
        if self.is_alive && self.line.send(b"QUIT\r\n", limit).await.is_ok() {
            let _ = self.line.reply(limit).await;
        }
    }
}

async fn connect(way: &Way) -> Result<Line, Ending> {
    let broken = |why: String| Ending::Broken { stage: Stage::Connect, why };
    let stream = way.access.connect(way.settings.timeouts.connect).await.map_err(broken)?;
    Line::new(stream).map_err(|error| broken(format!("the line broke ({error})")))
}

async fn protect(line: Line, way: &Way) -> Result<Line, Ending> {
    let limit = way.settings.timeouts.connect;
    let protected = line.protect(|stream| way.access.protect(stream, limit)).await;
    protected.map_err(|error| Ending::Broken { stage: Stage::Tls, why: error.why })
}

/// EHLO, and HELO where that is too new (RFC 5321 §4.1.1.1).
async fn say_hello(line: &mut Line, settings: &SmtpSettings) -> Result<Offers, Ending> {
    let limit = settings.timeouts.command;
    let broken = |cut: Cut| Ending::Broken { stage: Stage::Hello, why: cut.to_string() };
    let name = settings.hello_name.clone().unwrap_or_else(|| match line.local().ip() {
        IpAddr::V4(ip) => format!("[{ip}]"),
        IpAddr::V6(ip) => format!("[IPv6:{ip}]"),
    });
    line.send(format!("EHLO {name}\r\n").as_bytes(), limit).await.map_err(broken)?;
    let code = line.reply(limit).await.map_err(broken)?;
    if code / 100 == 2 {
        return Ok(Offers::read(&line.said_lines()));
    }
    if matches!(code, 500 | 502 | 504) {
        line.send(format!("HELO {name}\r\n").as_bytes(), limit).await.map_err(broken)?;
        if line.reply(limit).await.map_err(broken)? / 100 == 2 {
            return Ok(Offers::default());
        }
    }
    Err(Ending::Rejected { stage: Stage::Hello, reply: line.said() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offers_are_read_as_servers_write_them() {
        let offers = Offers::read(
            "mail.example at your service\nSIZE 35882577\n8bitmime\nAUTH LOGIN PLAIN\nAUTH=XOAUTH2\nSTARTTLS\nPIPELINING\nSMTPUTF8\nDSN\nX",
        );
        let auth = ["LOGIN", "PLAIN", "XOAUTH2"].map(str::to_owned).to_vec();
        let size = Some(Some(35_882_577));
        let all = Offers {
            pipelining: true,
            eight_bit_mime: true,
            smtputf8: true,
            size,
            dsn: true,
            starttls: true,
            auth,
        };
        assert_eq!(offers, all);
        assert_eq!(Offers::read("PIPELINING is only my name\nSIZE\nSIZE 0").size, Some(None));
        assert_eq!(Offers::read("PIPELINING\n"), Offers::default());
    }
}
