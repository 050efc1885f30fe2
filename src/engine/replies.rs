//! What people wrote back, kept beside the ledger: the text without quotes and signature, and the attachments.
//!
//! A folder for each message, below `replies` in the ledger's own, 0700; every file in it 0600, under a safe name.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::campaign::definition::hex;
use crate::mail::parsed::Attached;

/// The name of the text's file.
const TEXT: &str = "text.txt";
/// The most attachments of one message that are kept, and how many octets of each.
const MOST: usize = 50;

/// Returns the folder of all of them, for the ledger at a path.
fn home(ledger: &Path) -> PathBuf {
    ledger.parent().unwrap_or(Path::new(".")).join("replies")
}

/// Returns the name of a message's folder: nobody chooses it but the message itself.
fn folder_name(fingerprint: &[u8; 32]) -> String {
    hex(&fingerprint[..8])
}

/// Keeps a text and attachments; returns the name of the folder.
///
/// Written before the ledger hears of it: what a crash leaves is a folder that nothing points to, and that the next reading
/// of the same message writes again.
///
/// # Errors
/// When the folder cannot be written.
pub fn keep(
    ledger: &Path,
    fingerprint: &[u8; 32],
    text: &str,
    attachments: &[Attached],
) -> std::io::Result<String> {
    let name = folder_name(fingerprint);
    let folder = home(ledger).join(&name);
    make_private(&folder)?;
    write_private(&folder.join(TEXT), text.as_bytes())?;
    for (nth, attached) in attachments.iter().take(MOST).enumerate() {
        write_private(
            &folder.join(format!("{:02}-{}", nth + 1, safe_name(&attached.name))),
            &attached.bytes,
        )?;
    }
    Ok(name)
}

/// Returns the text of a kept message.
pub fn text(ledger: &Path, kept: &str) -> Option<String> {
    fs::read_to_string(folder(ledger, kept)?.join(TEXT)).ok()
}

/// Returns the attachments of a kept message, as paths.
pub fn attachments(ledger: &Path, kept: &str) -> Vec<PathBuf> {
    let Some(folder) = folder(ledger, kept) else { return Vec::new() };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.file_name().is_some_and(|name| name != TEXT)).collect();
    files.sort();
    files
}

/// The folder of a kept message; a name that leads elsewhere names none.
fn folder(ledger: &Path, kept: &str) -> Option<PathBuf> {
    let plain = !kept.is_empty() && kept.bytes().all(|byte| byte.is_ascii_hexdigit());
    plain.then(|| home(ledger).join(kept))
}

/// A file's name as a stranger chose it, without everything that a file system or a shell could take for more than a name.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = last
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' })
        .collect();
    let safe = safe.trim_matches(['.', ' ']);
    let (stem, ending) = match safe.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= 8 => (stem, format!(".{ending}")),
        _ => (safe, String::new()),
    };
    let stem: String = stem.chars().take(80).collect();
    if stem.is_empty() { format!("attachment{ending}") } else { format!("{stem}{ending}") }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_file_name_leads_nowhere() {
        for (given, safe) in [
            ("Antwoord fractie.pdf", "Antwoord fractie.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\brief.docx", "brief.docx"),
            ("..", "attachment"),
            (".bashrc", "bashrc"),
            ("a\0b\nc;rm -rf ~.svg", "a_b_c_rm -rf _.svg"),
            ("", "attachment"),
            ("één.pdf", "één.pdf"),
        ] {
            assert_eq!(safe_name(given), safe, "{given:?}");
        }
        assert!(safe_name(&"x".repeat(500)).len() <= 80);
    }
}
