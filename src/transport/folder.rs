//! A folder instead of a relay: one `.eml` file for each letter.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ring::digest;

use crate::delivery::attempt::{Ending, Stage};
use crate::mail::smtp_reply::SmtpReply;

/// Puts a letter into the folder, after `before_dot` has agreed.
pub(super) async fn attempt<F>(folder: &Path, message: &[u8], before_dot: F) -> Ending
where
    F: Future<Output = Result<(), String>>,
{
    let broken = |why: String| Ending::Broken { stage: Stage::Body, why };
    if let Err(why) = before_dot.await {
        return broken(why);
    }
    let (path, message) = (folder.join(file_name(message)), message.to_vec());
    // Once begun it goes on to its end, even where the caller no longer waits.
    let stored = tokio::task::spawn_blocking(move || store(&path, &[&message], true).map(|()| path)).await;
    match stored {
        Ok(Ok(path)) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let reply = SmtpReply::of(250, [format!("2.0.0 stored as {name}").as_str()]);
            Ending::Accepted { reply, without: Vec::new() }
        }
        Ok(Err(error)) => broken(format!("{} cannot be written to ({error})", folder.display())),
        Err(_) => Ending::Silence { why: "the file may or may not have been written".into() },
    }
}

/// Makes the folder where it is missing.
pub(super) fn make(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}

/// Names the file of a message: after its Message-ID where that is a fit name, else after its digest.
pub(super) fn file_name(message: &[u8]) -> PathBuf {
    let name = message_id(message).unwrap_or_else(|| {
        let digest = digest::digest(&digest::SHA256, message);
        digest.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    });
    PathBuf::from(format!("{name}.eml"))
}

fn message_id(message: &[u8]) -> Option<String> {
    let header = message.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    for line in header.take_while(|line| !line.is_empty()) {
        let Some((name, value)) = line.split_at_checked(11) else { continue };
        if name.eq_ignore_ascii_case(b"message-id:") {
            let id = std::str::from_utf8(value).ok()?.trim().strip_prefix('<')?.strip_suffix('>')?;
            let is_fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
            let fits = (1..=200).contains(&id.len()) && !id.starts_with('.') && id.chars().all(is_fit);
            return fits.then(|| id.to_owned());
        }
    }
    None
}

/// Writes a file so that it is either whole or not there; only its owner may read it.
pub(super) fn store(path: &Path, parts: &[&[u8]], durably: bool) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&unfinished).and_then(|mut file| {
        parts.iter().try_for_each(|part| file.write_all(part))?;
        if durably { file.sync_all() } else { Ok(()) }
    });
    written.and_then(|()| std::fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&unfinished);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_the_message_id_if_that_is_a_fit_name() {
        let name = |message: &str| file_name(message.as_bytes()).to_string_lossy().into_owned();
        assert_eq!(name("From: x\r\nMessage-ID: <a.b.1@post.example>\r\n\r\nhi"), "a.b.1@post.example.eml");
        for hostile in ["<../../etc/passwd>", "<a/b@x.example>", "<.hidden>", "<>", "none", "<a\0b>"] {
            let name = name(&format!("Message-ID: {hostile}\r\n\r\nhi"));
            assert!(
                name.len() == 36 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.'),
                "{name}"
            );
        }
        assert_eq!(name("A: b\r\n\r\nMessage-ID: <in@the.body>\r\n").len(), 36);
    }
}
