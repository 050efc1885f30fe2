//! Which kind of document a file is: by what it holds, and by its name where that says nothing.

use super::{Document, Notes, Sort, Unreadable, archive::Archive, docx, html, markdown, odt, txt};
use crate::campaign::encoding;

/// The largest file that is read: a letter with a photograph or two.
pub const LARGEST_FILE: u64 = 32 << 20;
/// The largest text file; a letter of two pages has some ten kilobytes.
const LARGEST_TEXT: usize = 2 << 20;

/// Reads a document; `name` is the file's, for its ending.
///
/// Never panics and takes bounded memory, whatever the bytes are.
///
/// # Errors
/// When nothing can be made of it.
pub fn read(name: &str, bytes: &[u8]) -> Result<Document, Unreadable> {
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(Unreadable::TooLarge);
    }
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    let document = if bytes.starts_with(b"PK\x03\x04") {
        packed(bytes, &ending)?
    } else {
        refuse_by_content(bytes, &ending)?;
        text(bytes, &ending)?
    };
    if document.blocks.is_empty() { Err(Unreadable::Empty) } else { Ok(document) }
}

fn packed(bytes: &[u8], ending: &str) -> Result<Document, Unreadable> {
    let mut archive = Archive::open(bytes)?;
    if archive.has("word/document.xml") || (ending == "docx" && archive.has("_rels/.rels")) {
        return docx::read(&mut archive)
            .map(|document| told(document, ending, "docx", "a Word document (.docx)"));
    }
    if archive.has("content.xml") || archive.has("encrypted-package") {
        return odt::read(&mut archive)
            .map(|document| told(document, ending, "odt", "an OpenDocument text (.odt)"));
    }
    Err(if archive.has_any("xl/") {
        Unreadable::Other("a spreadsheet")
    } else if archive.has_any("ppt/") {
        Unreadable::Other("a presentation")
    } else if archive.has_any("Index/") || archive.has("index.xml") || ending == "pages" {
        Unreadable::Other("a document of Apple's Pages")
    } else if matches!(ending, "docx" | "odt") {
        Unreadable::Broken
    } else {
        Unreadable::Other("an archive")
    })
}

/// Names what other programs write, by the first bytes.
fn refuse_by_content(bytes: &[u8], ending: &str) -> Result<(), Unreadable> {
    let start = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    // MS-CFB §2.2: the container of the old Office formats, and of documents with a password.
    if bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let encrypted = ending == "docx" || bytes.windows(name.len()).any(|window| window == name);
        return Err(if encrypted {
            Unreadable::Encrypted
        } else {
            Unreadable::Other("an old Word document (.doc)")
        });
    }
    for (magic, what) in [
        (&b"%PDF"[..], "a PDF"),
        (b"{\\rtf", "a document in Rich Text Format (.rtf)"),
        (b"\xFFWPC", "a WordPerfect document"),
        (b"\x89PNG", "a picture"),
        (b"\xFF\xD8\xFF", "a picture"),
        (b"GIF8", "a picture"),
    ] {
        if start.starts_with(magic) {
            return Err(Unreadable::Other(what));
        }
    }
    match ending {
        // What is named like this holds something else.
        "docx" | "odt" => Err(Unreadable::Broken),
        "doc" => Err(Unreadable::Other("an old Word document (.doc)")),
        "pages" => Err(Unreadable::Other("a document of Apple's Pages")),
        "fodt" => Err(Unreadable::Other("a flat OpenDocument text (.fodt)")),
        _ => Ok(()),
    }
}

fn text(bytes: &[u8], ending: &str) -> Result<Document, Unreadable> {
    if bytes.len() > LARGEST_TEXT {
        return Err(Unreadable::TooLarge);
    }
    let declared = html::declared_encoding(bytes);
    let is_html = matches!(ending, "html" | "htm" | "xhtml");
    let text = encoding::text(bytes, declared.as_deref().filter(|_| is_html));
    // Text has no NUL; what has some is none.
    if text.contains('\0') {
        return Err(Unreadable::Unknown);
    }
    let start = text.trim_start().get(..14).unwrap_or("").to_ascii_lowercase();
    let mut document = if is_html || start.starts_with("<html") || start.starts_with("<!doctype html") {
        told(html::read(&text)?, if ending == "htm" { "html" } else { ending }, "html", "a web page (.html)")
    } else {
        match ending {
            "md" | "markdown" if markdown::is_letter(&text) => return Err(Unreadable::Letter),
            "md" | "markdown" => markdown::read(&text),
            "txt" | "text" | "" => txt::read(&text),
            _ => return Err(Unreadable::Unknown),
        }
    };
    if encoding::looks_misread(&text) {
        document.notes.say(
            Sort::Look,
            "some letters look wrong, as if the file was read in another encoding than it was written in; save it as UTF-8 if so",
        );
    }
    Ok(document)
}

/// Says what a document is where its name says something else.
fn told(mut document: Document, ending: &str, own: &str, kind: &str) -> Document {
    if ending != own && ending != "xhtml" {
        let notes = std::mem::take(&mut document.notes);
        let mut first = Notes::default();
        first.say(Sort::Changed, format!("it was read as {kind}, which it is"));
        first.0.extend(notes.0);
        document.notes = first;
    }
    document
}
