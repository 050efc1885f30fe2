//! Secrets: fetched from where they are kept, every time anew, and shown to nobody.

use std::fmt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::Secret;

/// The beginning of every sentence about a secret that could not be had; `reply_rules.toml` knows it.
pub(super) const CANNOT: &str = "cannot log in";

/// How much a secret may have, in bytes.
const LONGEST: u64 = 16 * 1024;

/// A secret while it is in use. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Hidden(String);

impl Hidden {
    /// Returns the secret, for whoever is about to say it to its server.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn of(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// Fetches the secret to log in with: from where it is kept, every time anew.
///
/// # Errors
/// A clause for people that begins with "cannot log in".
pub(super) async fn fetch(secret: &Secret, limit: Duration) -> Result<Hidden, String> {
    read(secret, limit).await.map_err(|why| format!("{CANNOT}: {why}"))
}

/// Reads a secret from where it is kept.
///
/// # Errors
/// A clause for people that says nothing of what the secret is for.
pub(crate) async fn read(secret: &Secret, limit: Duration) -> Result<Hidden, String> {
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
        Secret::PasswordFile(path) => (file(path)?, format!("the first line of {}", path.display())),
    };
    let first = text.lines().next().unwrap_or_default();
    let first = if matches!(secret, Secret::TokenCommand(_)) { first.trim() } else { first };
    if first.trim().is_empty() {
        return Err(format!("{source} is empty"));
    }
    if first.chars().any(char::is_control) {
        return Err(format!("{source} has control characters"));
    }
    Ok(Hidden(first.to_owned()))
}

async fn run(command: &str, what: &str, limit: Duration) -> Result<String, String> {
    let wrong = |why: String| format!("the command for the {what} {why}");
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

/// Looks whether a file can be read, and by its owner alone.
///
/// # Errors
/// A clause for people that begins with "cannot log in": it is not there, or others may read it.
pub(super) fn read_file(path: &Path) -> Result<String, String> {
    file(path).map_err(|why| format!("{CANNOT}: {why}"))
}

fn file(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let wrong = |why: String| format!("the password file {} {why}", path.display());
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn fetched(secret: Secret) -> Result<Hidden, String> {
        fetch(&secret, Duration::from_secs(20)).await
    }

    #[tokio::test]
    async fn the_first_line_is_the_secret() {
        let two = Secret::PasswordCommand("printf 'open sesame\\nnot this\\n'".into());
        assert_eq!(fetched(two).await, Ok(Hidden::of("open sesame")));
        let token = Secret::TokenCommand("echo ' ya29 '".into());
        assert_eq!(fetched(token).await, Ok(Hidden::of("ya29")));
    }

    #[tokio::test]
    async fn what_goes_wrong_is_told_without_what_was_printed() {
        for command in
            ["printf sesame; exit 3", "printf 'ses\\001ame'", "echo; echo sesame", "printf 'sesame\\377'"]
        {
            let error = fetched(Secret::TokenCommand(command.into())).await.unwrap_err();
            assert!(error.starts_with(CANNOT) && !error.contains("ame"), "{error}");
        }
        assert!(!format!("{:?}", Hidden::of("sesame")).contains("sesame"));
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
        assert_eq!(fetched(Secret::PasswordFile(path)).await, Ok(Hidden::of("sesame")));
    }
}
