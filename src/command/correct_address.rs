//! An address corrected in the roster's file, as the page asks for it. The file is replaced as a whole or not at all.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::campaign::corrected::corrected;
use crate::config::Config;

/// Two browsers may ask at once; the second then reads what the first wrote.
static TURN: Mutex<()> = Mutex::new(());

/// Changes the address of a recipient; returns what stood there.
///
/// # Errors
/// A sentence: why it cannot be changed. The file is as it was then.
pub(super) fn correct(config: &Config, key: &str, address: &str) -> Result<String, String> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let named = &config.recipients.file;
    let failed = |error: std::io::Error| format!("{named} cannot be changed: {error}");
    // A link stays a link.
    let path = config.roster.canonicalize().map_err(failed)?;
    let bytes = fs::read(&path).map_err(failed)?;
    let (changed, before) =
        corrected(&bytes, &config.recipients, key, address).map_err(|why| why.to_string())?;
    replace(&path, &bytes, &changed).map_err(failed)?;
    Ok(before)
}

/// Puts a file of the same name in the place of one that has not changed since it was read.
fn replace(path: &Path, before: &[u8], after: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let beside = folder.join(name);
    let written = (|| {
        let permissions = fs::metadata(path)?.permissions();
        if permissions.readonly() {
            return Err(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                "it is set to be read only",
            ));
        }
        // What an earlier attempt left, or a link of somebody else's, is no place to write to.
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.set_permissions(permissions)?;
        file.write_all(after)?;
        file.sync_all()?;
        if fs::read(path)? != before {
            return Err(std::io::Error::other("somebody else changed it at the same moment; look again"));
        }
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
