//! What kind of file a roster is, and whether what it unfolds to has a bound.
//!
//! A spreadsheet is an archive of XML. A few kilobytes of it can unfold to more than a machine holds, in three ways: as
//! compressed bytes, as a count that a reader makes room for, and as repeated cells. All three are looked at here,
//! before calamine, which trusts them, sees the file.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use zip::ZipArchive;

use super::marks::Marks;

/// All parts of an archive together, unpacked.
const LARGEST: u64 = 256 << 20;
/// The parts that are held in memory as a whole, each.
const LARGEST_TEXTS: u64 = 64 << 20;
const LARGEST_STYLES: u64 = 8 << 20;
/// An office document has some ten to some hundred parts.
const MOST_PARTS: usize = 10_000;
/// The cells of an `.ods`, repeated ones included, and the bytes of their texts.
const MOST_CELLS: u64 = 1_500_000;
const MOST_TEXT: u64 = 64 << 20;
/// A row of a spreadsheet has no more cells.
const WIDEST: u64 = 16_384;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::campaign) enum Kind {
    /// Text, as far as its first bytes tell.
    Text,
    /// Office Open XML (ECMA-376).
    Xlsx,
    /// OpenDocument (ISO/IEC 26300), with what its tables say about their rows.
    Ods(Vec<(String, Marks)>),
}

/// Why a file is not read: what it is, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::campaign) struct Refused {
    /// The problem's name.
    pub(in crate::campaign) name: &'static str,
    /// A sentence.
    pub(in crate::campaign) said: String,
    /// What to do.
    pub(in crate::campaign) hint: String,
}

impl Refused {
    pub(super) fn new(name: &'static str, said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { name, said: said.into(), hint: hint.into() }
    }

    pub(super) fn broken() -> Self {
        let said = "the spreadsheet is damaged, or was not downloaded to its end";
        Self::new("broken-spreadsheet", said, "open it in your spreadsheet program and save it anew")
    }

    pub(super) fn locked() -> Self {
        let said = "the spreadsheet is protected with a password";
        Self::new("locked-spreadsheet", said, "save a copy without a password, or as CSV")
    }

    pub(super) fn large() -> Self {
        let said = "the spreadsheet is too large to be read";
        Self::new(
            "large-spreadsheet",
            said,
            "delete what stands far below or beside the list, or save the sheet as CSV, which may be of any size",
        )
    }

    fn another(what: &str) -> Self {
        let said = format!("the file is {what}, and not a list");
        Self::new("no-roster", said, "save the list as .xlsx, .ods or CSV")
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::new("unreadable", format!("cannot be read: {error}"), "")
    }
}

/// Looks at a file, whatever its name ends in; leaves it anywhere.
pub(in crate::campaign) fn kind<R: Read + Seek>(file: &mut R) -> Result<Kind, Refused> {
    file.rewind()?;
    let mut start = Vec::new();
    file.by_ref().take(512).read_to_end(&mut start)?;
    file.rewind()?;
    if start.starts_with(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") {
        return Err(compound(file)?);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return archive(file);
    }
    if start.starts_with(b"%PDF") {
        return Err(Refused::another("a PDF"));
    }
    let text = String::from_utf8_lossy(&start).to_ascii_lowercase();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    if ["<!doctype html", "<html", "<table", "<meta"].iter().any(|tag| text.starts_with(tag)) {
        // Some web sites give such files the ending .xls.
        return Err(Refused::another("a web page"));
    }
    if text.starts_with("<?xml") {
        return Err(Refused::another("XML"));
    }
    Ok(Kind::Text)
}

/// The older container of Microsoft's programs ([MS-CFB]): a spreadsheet of the old kind, or a locked one of the new.
fn compound(file: &mut impl Read) -> io::Result<Refused> {
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let finder = memchr::memmem::Finder::new(&name);
    let mut block = vec![0; 64 * 1024];
    let mut kept = 0;
    loop {
        let read = file.read(&mut block[kept..])?;
        let end = kept + read;
        if finder.find(&block[..end]).is_some() {
            return Ok(Refused::locked());
        }
        if read == 0 {
            break;
        }
        kept = end.min(name.len());
        block.copy_within(end - kept..end, 0);
    }
    let said = "the file is of the old kind of Microsoft Office (.xls)";
    Ok(Refused::new("no-roster", said, "open it and save it as .xlsx, .ods or CSV"))
}

fn archive<R: Read + Seek>(file: &mut R) -> Result<Kind, Refused> {
    let mut archive = ZipArchive::new(file).map_err(|_| Refused::broken())?;
    if archive.len() > MOST_PARTS {
        return Err(Refused::large());
    }
    let names: Vec<String> =
        archive.file_names_raw().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let has = |name: &str| names.iter().any(|other| other == name);
    let begins = |start: &str| names.iter().any(|name| name.starts_with(start));
    let ods = match archive.by_name("mimetype") {
        Ok(part) => {
            let mut mime = String::new();
            // What is no text is no MIME type.
            let _ = part.take(200).read_to_string(&mut mime);
            if !mime.contains("opendocument.spreadsheet") {
                return Err(Refused::another("another kind of document"));
            }
            true
        }
        Err(_) => false,
    };
    if !ods {
        if has("xl/workbook.bin") {
            return Err(Refused::another("a spreadsheet in a form of its own (.xlsb)"));
        }
        if begins("index/") || has("index.zip") {
            return Err(Refused::another("a spreadsheet of Numbers"));
        }
        if begins("word/") || begins("ppt/") {
            return Err(Refused::another("a text or a presentation"));
        }
        if !begins("xl/") {
            return Err(Refused::another("an archive"));
        }
    }
    let mut total = 0;
    let mut tables = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let mut part = archive.by_index(number).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(_) | zip::result::ZipError::InvalidPassword => {
                Refused::locked()
            }
            _ => Refused::broken(),
        })?;
        // What the table of contents says of the sizes need not be true.
        let most = match name.rsplit('/').next().unwrap_or_default() {
            "sharedstrings.xml" => LARGEST_TEXTS,
            "styles.xml" | "workbook.xml" | "theme1.xml" | "manifest.xml" => LARGEST_STYLES,
            name if name.ends_with(".rels") => LARGEST_STYLES,
            _ => LARGEST - total,
        };
        let bounded = part.by_ref().take(most + 1);
        let mut counted = Counted { inner: BufReader::with_capacity(64 * 1024, bounded), count: 0 };
        let looked = if ods && name == "content.xml" {
            weigh(&mut counted).map(|found| tables = found)
        } else if name.ends_with("sharedstrings.xml") {
            look_at_count(&mut counted)
        } else {
            Ok(())
        };
        let rest = io::copy(&mut counted, &mut io::sink()).map(|_| counted.count);
        match rest {
            Ok(size) if size > most => return Err(Refused::large()),
            Ok(size) => total += size,
            Err(_) => return Err(Refused::broken()),
        }
        looked?;
    }
    Ok(if ods { Kind::Ods(tables) } else { Kind::Xlsx })
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// The XML of a part, as calamine reads it.
pub(super) fn xml<R: Read>(part: R) -> Reader<BufReader<R>> {
    let mut reader = Reader::from_reader(BufReader::with_capacity(64 * 1024, part));
    reader.config_mut().check_end_names = false;
    reader.config_mut().check_comments = false;
    reader
}

/// An attribute as it is written; none where the tag is not well-formed.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|found| found.key.as_ref() == name)?;
    Some(found.value.as_ref().to_owned())
}

fn count(tag: &BytesStart<'_>, name: &str) -> Result<Option<u64>, Refused> {
    attribute(tag, name).map(|value| value.trim().parse().map_err(|_| Refused::broken())).transpose()
}

/// The table of texts says how many there are, and room is made for them: no more than there are bytes.
fn look_at_count(part: &mut impl Read) -> Result<(), Refused> {
    let mut reader = xml(part);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|_| Refused::broken())? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "sst" => {
                let most = LARGEST_TEXTS / 16;
                return match count(&tag, "uniqueCount") {
                    Ok(Some(count)) if count > most => Err(Refused::broken()),
                    _ => Ok(()),
                };
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

/// Reckons what the tables of a `content.xml` unfold to, and gathers what they say about their rows.
fn weigh(part: &mut impl Read) -> Result<Vec<(String, Marks)>, Refused> {
    let mut reader = xml(part);
    let mut buffer = Vec::new();
    let mut tables: Vec<(String, Marks)> = Vec::new();
    let (mut all, mut table, mut row) = (Weight::default(), Table::default(), OdsRow::default());
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(|_| Refused::broken())?;
        let is_empty = matches!(event, Event::Empty(_));
        match &event {
            Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                "table:table" => {
                    table = Table::default();
                    let name = attribute(tag, "table:name").unwrap_or_default();
                    tables.push((unescaped(&name), Marks::default()));
                }
                "table:table-row" => {
                    let repeated = count(tag, "table:number-rows-repeated")?.unwrap_or(1);
                    let hidden = attribute(tag, "table:visibility").is_some_and(|seen| seen != "visible");
                    row = OdsRow { repeated: repeated.min(1 << 20), hidden, ..OdsRow::default() };
                    if is_empty {
                        table.rows += row.repeated;
                    }
                }
                "table:table-cell" | "table:covered-table-cell" => {
                    let repeated = count(tag, "table:number-columns-repeated")?.unwrap_or(1).min(WIDEST);
                    let spanned = count(tag, "table:number-rows-spanned")?.unwrap_or(1);
                    let value = tag.attributes().with_checks(false).flatten().any(|found| {
                        let key: &str = found.key.as_ref();
                        key.starts_with("office:") || key == "table:formula"
                    });
                    if spanned > 1
                        && let Some((_, marks)) = tables.last_mut()
                    {
                        marks.merge(table.rows + 1, spanned);
                    }
                    row.cell(repeated, value || !is_empty, tag.len() as u64);
                }
                _ => row.text += row.last * tag.len() as u64,
            },
            Event::Text(text) => row.text += row.last * text.len() as u64,
            Event::End(tag) if tag.name().as_ref() == "table:table-row" => {
                if let Some((_, marks)) = tables.last_mut().filter(|_| row.hidden && row.cells > 0) {
                    marks.hide(table.rows + 1, row.repeated);
                }
                table.rows += row.repeated;
                if row.cells > 0 {
                    table.used = table.rows;
                    table.width = table.width.max(row.cells);
                }
                all.cells += row.cells;
                all.text += row.text * row.repeated;
            }
            Event::End(tag) if tag.name().as_ref() == "table:table" => {
                all.cells += table.used * table.width;
            }
            Event::Eof => break,
            _ => {}
        }
        if all.cells + row.cells + table.used * table.width > MOST_CELLS || all.text + row.text > MOST_TEXT {
            return Err(Refused::large());
        }
    }
    Ok(tables)
}

#[derive(Default)]
struct Weight {
    cells: u64,
    text: u64,
}

#[derive(Default)]
struct Table {
    /// So far.
    rows: u64,
    /// Up to the last one with a cell in it.
    used: u64,
    width: u64,
}

#[derive(Default)]
struct OdsRow {
    repeated: u64,
    hidden: bool,
    /// Up to the last one that is not empty.
    cells: u64,
    empty: u64,
    /// How often the last cell stands there.
    last: u64,
    text: u64,
}

impl OdsRow {
    fn cell(&mut self, repeated: u64, filled: bool, size: u64) {
        if filled {
            self.cells = (self.cells + self.empty + repeated).min(2 * WIDEST);
            self.empty = 0;
            self.last = repeated;
            self.text += repeated * size;
        } else {
            self.empty = (self.empty + repeated).min(WIDEST);
        }
    }
}

/// Undoes the five entities of XML.
pub(super) fn unescaped(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

/// Reads a part as a stream.
pub(super) fn part<'a, R: Read + Seek>(
    archive: &'a mut ZipArchive<R>,
    name: &str,
) -> Option<impl Read + use<'a, R>> {
    let at = archive.file_names_raw().position(|other| other.eq_ignore_ascii_case(name.as_bytes()))?;
    archive.by_index(at).ok().map(|part| part.take(LARGEST))
}

/// Puts a file back to its beginning.
pub(super) fn rewound<R: Read + Seek>(file: &mut R) -> Result<&mut R, Refused> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
