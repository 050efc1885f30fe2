//! What goes over the two pipes: heads, each a line of JSON, and behind them as many octets as the head says.
//!
//! `README.md` beside this package tells it for people. [`PROTOCOL`] goes up with every change that the other side must know of.

use std::io::{self, BufRead, Read as _, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The version of what is told here.
pub(crate) const PROTOCOL: u32 = 2;

/// A head may have so many octets: one is some hundred.
const LONGEST_HEAD: u64 = 1 << 20;
/// All files together may have so many octets.
const LARGEST: u64 = 64 << 20;

/// What we say first.
#[derive(Debug, Serialize)]
pub(crate) struct Greeting {
    pub(crate) protocol: u32,
    pub(crate) program: &'static str,
    pub(crate) typst: &'static str,
}

/// What we are told first; the octets of the files follow in order, then those of the fonts.
#[derive(Debug, Deserialize)]
pub(crate) struct SetUp {
    /// Templates and pictures, under the names by which templates know them.
    pub(crate) files: Vec<Announced>,
    /// Fonts beside the embedded ones.
    #[serde(default)]
    pub(crate) fonts: Vec<Announced>,
}

/// A file that follows.
#[derive(Debug, Deserialize)]
pub(crate) struct Announced {
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// A letter that is wanted; the octets of `data.json` follow.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    /// Which file is the template.
    pub(crate) template: String,
    /// What names this letter among all others, so that it gets the same identifier every time.
    pub(crate) ident: String,
    /// What the letter takes for now.
    pub(crate) dated: Dated,
    /// The octets of the data.
    pub(crate) size: u64,
    /// How many pixels a point of the page is wide, where a picture is wanted and no PDF.
    pub(crate) png: Option<f64>,
}

/// A point in time, as the clock on the wall shows it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Dated {
    pub(crate) year: i32,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// Minutes east of UTC.
    pub(crate) offset: i32,
}

/// What we answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// Files and fonts are here.
    Ready {
        /// The families of the fonts, embedded ones included.
        families: Vec<String>,
        /// The characters that some font has: first and last of each stretch.
        characters: Vec<(u32, u32)>,
    },
    /// The letter; its octets follow.
    Pdf { size: u64, pages: usize, warnings: Vec<Fault> },
    /// The picture, so many pixels wide and high; its octets follow.
    Png { size: u64, width: u32, height: u32, warnings: Vec<Fault> },
    /// What is wrong with the template, a file or the data.
    Faults(Vec<Fault>),
}

/// Something wrong, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Fault {
    /// The file, where one is to blame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// What is wrong.
    pub(crate) said: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Fault {
    /// A fault of a whole file.
    pub(crate) fn of_file(file: &str, said: impl Into<String>) -> Self {
        Self { file: Some(file.to_owned()), line: None, column: None, said: said.into(), hint: None }
    }
}

/// Reads a head; nothing at the end of the input.
pub(crate) fn read_head<T: DeserializeOwned>(input: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    let mut limited = (&mut *input).take(LONGEST_HEAD);
    limited.read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(io::Error::from),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a head is cut off, or too long")),
    }
}

/// Reads the octets that a head announced.
pub(crate) fn read_octets(input: &mut impl BufRead, size: u64) -> io::Result<Vec<u8>> {
    if size > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{size} octets are too many")));
    }
    let mut octets = Vec::new();
    (&mut *input).take(size).read_to_end(&mut octets)?;
    if octets.len() as u64 == size { Ok(octets) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Writes a head and the octets behind it.
pub(crate) fn write(output: &mut impl Write, head: &impl Serialize, octets: &[u8]) -> io::Result<()> {
    let mut line = serde_json::to_vec(head)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.write_all(octets)?;
    output.flush()
}
