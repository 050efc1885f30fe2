//! `postduif proof KEY --out FILE.zip`: the answer to "we never received it". Packs what was handed over, what the relay said,
//! and when.

use std::fs::{self, OpenOptions};
use std::io::{Cursor, Write as _};
use std::path::Path;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::evidence::Evidence;
use super::proof_page::page;
use super::show::Sent;
use super::{Context, launched, ledger_failed};
use crate::cli::Proof;
use crate::exit::Exit;
use crate::report::{Failure, octets};

/// Writes it.
///
/// # Errors
/// When nothing was handed over, when it cannot be printed again as it was, or when the file is there already.
pub fn run(context: &Context, what: &Proof) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (reader, campaign) = launched(&config)?;
    let sent = Sent::find(&reader, &campaign, &what.key, what.step)?;
    sent.refuse_another()?;
    let began = reader.began(sent.delivery().id).map_err(ledger_failed)?;
    let evidence = Evidence::of(&campaign, &sent, &began).map_err(|error| {
        Failure::new(Exit::Ledger, format!("the frozen campaign cannot be read: {error}"))
    })?;
    let json = serde_json::to_string_pretty(&evidence).unwrap_or_default();
    let text = page(&evidence);
    let files: [(&str, &[u8]); 3] = [
        ("proof.txt", text.as_bytes()),
        ("proof.json", json.as_bytes()),
        ("letter.eml", &sent.reprint.printed.bytes),
    ];
    let packed =
        pack(&files).map_err(|error| Failure::new(Exit::Bug, format!("it cannot be packed: {error}")))?;
    write(&what.out, &packed, what.force)?;
    context.report.say(&format!(
        "wrote {}: {}, with {}",
        what.out.display(),
        octets(packed.len() as u64),
        files.map(|(name, _)| name).join(", ")
    ));
    context
        .report
        .say("it holds personal data, and says what the relay took; nobody can prove that it was read");
    Ok(Exit::Done)
}

/// Packs files: the same bytes for the same files, with no date of its own.
fn pack(files: &[(&str, &[u8])]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options =
            SimpleFileOptions::default().last_modified_time(zip::DateTime::DEFAULT).unix_permissions(0o600);
        zip.start_file(*name, options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// Writes the file, mode 0600; over another only where that was asked for, and then all at once.
fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::input(format!("{} cannot be written: {error}", path.display()));
    if !force && path.symlink_metadata().is_ok() {
        return Err(Failure::input(format!("{} is there already", path.display()))
            .hint("give another name, or --force to write over it")
            .safe("it was not touched"));
    }
    let beside = {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        std::path::PathBuf::from(name)
    };
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside).map_err(failed)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}
