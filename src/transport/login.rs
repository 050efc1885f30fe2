//! How we say who we are: secrets, and the SASL mechanisms that carry them
//! (RFC 4954; PLAIN RFC 4616, LOGIN, OAUTHBEARER RFC 7628, XOAUTH2).
//!
//! No error here shows a secret, nor what a command printed.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Login, Secret};

/// The beginning of every sentence about a secret that could not be had; `reply_rules.toml` knows it.
const CANNOT: &str = "cannot log in";

/// How much a secret may have, in bytes.
const LONGEST: u64 = 16 * 1024;

/// A secret while it is in use. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Fetches the secret: from where it is kept, every time anew.
///
/// # Errors
/// A clause for people that begins with "cannot log in".
pub(super) async fn fetch(secret: &Secret, limit: Duration) -> Result<Hidden, String> {
    let (text, source) = match secret {
        Secret::Password(password) => (password.clone(), "the password".to_owned()),
        Secret::PasswordCommand(command) => (
            run(command, "password", limit).await?,
            "the first line that the command for the password printed".to_owned(),
        ),
        Secret::TokenCommand(command) => (
            run(command, "token", limit).await?,
            "the first line that the command for the token printed".to_owned(),
        ),
        Secret::PasswordFile(path) => (read_file(path)?, format!("the first line of {}", path.display())),
    };
    let first = text.lines().next().unwrap_or_default();
    let first = if matches!(secret, Secret::TokenCommand(_)) { first.trim() } else { first };
    if first.trim().is_empty() {
        return Err(format!("{CANNOT}: {source} is empty"));
    }
    if first.chars().any(char::is_control) {
        return Err(format!("{CANNOT}: {source} has control characters"));
    }
    Ok(Hidden(first.to_owned()))
}

async fn run(command: &str, what: &str, limit: Duration) -> Result<String, String> {
    let wrong = |why: String| format!("{CANNOT}: the command for the {what} {why}");
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| wrong(format!("could not be started ({error})")))?;
    let mut printed = Vec::new();
    let stdout = child.stdout.take();
    let ended = timeout(limit, async {
        if let Some(stdout) = stdout {
            stdout.take(LONGEST).read_to_end(&mut printed).await?;
        }
        child.wait().await
    })
    .await
    .map_err(|_| wrong(format!("did not end within {limit:?}")))?
    .map_err(|error| wrong(format!("could not be run ({error})")))?;
    if !ended.success() {
        return Err(wrong(format!("failed ({ended})")));
    }
    String::from_utf8(printed).map_err(|_| wrong("printed something that is not UTF-8".into()))
}

/// Reads a file that only its owner may read.
///
/// # Errors
/// A clause for people: it is not there, or others may read it.
pub(super) fn read_file(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let wrong = |why: String| format!("{CANNOT}: the password file {} {why}", path.display());
    let file = std::fs::File::open(path).map_err(|error| wrong(format!("cannot be read ({error})")))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let kept = file.metadata().map_err(|error| wrong(format!("cannot be looked at ({error})")))?;
        let mode = kept.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(wrong(format!("may be read by others (mode {mode:04o}): run `chmod 600` on it")));
        }
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|_| wrong("is not UTF-8 text".into()))?;
    Ok(text)
}

/// A SASL mechanism that we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mechanism {
    Plain,
    Login,
    XOAuth2,
    OAuthBearer,
}

impl Mechanism {
    /// Chooses the best mechanism that the relay offers and that fits the kind of secret.
    ///
    /// # Errors
    /// A clause for people that begins with "cannot log in".
    pub(super) fn choose(offered: &[String], login: &Login) -> Result<Self, String> {
        let fitting = match login.secret {
            Secret::TokenCommand(_) => [Mechanism::OAuthBearer, Mechanism::XOAuth2],
            _ => [Mechanism::Plain, Mechanism::Login],
        };
        let is_offered = |mechanism: &Mechanism| offered.iter().any(|name| name == mechanism.name());
        fitting.into_iter().find(is_offered).ok_or_else(|| {
            let wanted = fitting.map(Mechanism::name).join(" or ");
            if offered.is_empty() {
                format!("{CANNOT}: the relay offers no login on this line")
            } else {
                format!("{CANNOT}: we need {wanted}, and the relay offers {}", offered.join(", "))
            }
        })
    }

    /// Returns the name it has in AUTH.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::Login => "LOGIN",
            Mechanism::XOAuth2 => "XOAUTH2",
            Mechanism::OAuthBearer => "OAUTHBEARER",
        }
    }

    /// Returns the AUTH command, and what to answer to each 334 after it, in order; all in base64.
    pub(super) fn dialogue(self, login: &Login, secret: &Hidden, host: &str, port: u16) -> Dialogue {
        let user = &login.username;
        let secret = &secret.0;
        let initial = match self {
            Mechanism::Plain => format!("\0{user}\0{secret}"),
            Mechanism::Login => {
                let answers = vec![BASE64.encode(user), BASE64.encode(secret)];
                return Dialogue { command: "AUTH LOGIN\r\n".into(), answers };
            }
            Mechanism::XOAuth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
            Mechanism::OAuthBearer => {
                // RFC 5801 §4: the comma and the equals sign mean something in the header.
                let user = user.replace('=', "=3D").replace(',', "=2C");
                format!("n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")
            }
        };
        let initial = BASE64.encode(initial);
        let answer = match self {
            // Some servers overlook the response that came with the command.
            Mechanism::Plain | Mechanism::Login => initial.clone(),
            // The token was refused and the 334 tells why; the 535 comes after our empty answer.
            Mechanism::XOAuth2 => String::new(),
            // RFC 7628 §3.2.3: the empty answer is one ^A.
            Mechanism::OAuthBearer => "AQ==".into(),
        };
        Dialogue { command: format!("AUTH {} {initial}\r\n", self.name()), answers: vec![answer] }
    }
}

/// What we say to log in. It has no `Debug`: all of it is secret.
pub(super) struct Dialogue {
    pub(super) command: String,
    pub(super) answers: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(secret: Secret) -> Login {
        Login { username: "ada".into(), secret }
    }

    async fn fetched(secret: Secret) -> Result<Hidden, String> {
        fetch(&secret, Duration::from_secs(20)).await
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret() {
        let two = Secret::PasswordCommand("printf 'open sesame\\nnot this\\n'".into());
        assert_eq!(fetched(two).await, Ok(Hidden("open sesame".into())));
        let token = Secret::TokenCommand("echo ' ya29 '".into());
        assert_eq!(fetched(token).await, Ok(Hidden("ya29".into())));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_what_was_printed() {
        for command in
            ["printf sesame; exit 3", "printf 'ses\\001ame'", "echo; echo sesame", "printf 'sesame\\377'"]
        {
            let error = fetched(Secret::TokenCommand(command.into())).await.unwrap_err();
            assert!(error.starts_with(CANNOT) && !error.contains("ame"), "{error}");
        }
        assert!(!format!("{:?}", Hidden("sesame".into())).contains("sesame"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_password_file_that_others_can_read_is_not_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "sesame\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = fetched(Secret::PasswordFile(path.clone())).await.unwrap_err();
        assert!(error.contains("0640") && error.contains("chmod 600"), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(fetched(Secret::PasswordFile(path)).await, Ok(Hidden("sesame".into())));
    }

    #[test]
    fn the_mechanism_fits_the_secret_and_the_offer() {
        let offers = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let password = login(Secret::Password("x".into()));
        let token = login(Secret::TokenCommand("x".into()));
        let all = offers("LOGIN PLAIN XOAUTH2 OAUTHBEARER");
        assert_eq!(Mechanism::choose(&all, &password), Ok(Mechanism::Plain));
        assert_eq!(Mechanism::choose(&all, &token), Ok(Mechanism::OAuthBearer));
        assert_eq!(Mechanism::choose(&offers("LOGIN XOAUTH2"), &password), Ok(Mechanism::Login));
        assert_eq!(Mechanism::choose(&offers("LOGIN XOAUTH2"), &token), Ok(Mechanism::XOAuth2));
        let error = Mechanism::choose(&offers("GSSAPI"), &token).unwrap_err();
        assert_eq!(error, "cannot log in: we need OAUTHBEARER or XOAUTH2, and the relay offers GSSAPI");
    }

    #[test]
    fn a_comma_in_the_user_name_cannot_change_the_header() {
        let login = Login { username: "a=b,c".into(), secret: Secret::TokenCommand(String::new()) };
        let said = Mechanism::OAuthBearer.dialogue(&login, &Hidden("t".into()), "mail.example", 587);
        let initial = said.command.trim_end().rsplit(' ').next().unwrap();
        let initial = String::from_utf8(BASE64.decode(initial).unwrap()).unwrap();
        assert_eq!(initial, "n,a=a=3Db=2Cc,\x01host=mail.example\x01port=587\x01auth=Bearer t\x01\x01");
    }
}
