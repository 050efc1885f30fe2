//! What is said to `letter-pdf` and what it answers: a line of JSON, and behind it the octets that it announces.

use std::io::{self, BufRead, Read as _};

use serde::{Deserialize, Serialize};

use super::Order;

/// The version that we speak.
pub(super) const PROTOCOL: u32 = 2;
/// An answer may have so many octets: a letter is no film.
const LARGEST: u64 = 256 << 20;
/// A head may have so many.
const LONGEST_HEAD: u64 = 8 << 20;

/// What it says first.
#[derive(Debug, Deserialize)]
pub(super) struct Greeting {
    pub(super) protocol: u32,
    pub(super) program: String,
    pub(super) typst: String,
}

/// What it answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answer {
    /// The files are taken.
    Ready { families: Vec<String>, characters: Vec<(u32, u32)> },
    /// A letter; its octets follow.
    Pdf { size: u64, pages: usize, warnings: Vec<Fault> },
    /// A picture; its octets follow.
    Png { size: u64 },
    /// What is wrong.
    Faults(Vec<Fault>),
}

/// Something that is wrong.
#[derive(Debug, Deserialize)]
pub(super) struct Fault {
    pub(super) file: Option<String>,
    pub(super) line: Option<u64>,
    pub(super) column: Option<u32>,
    pub(super) said: String,
    pub(super) hint: Option<String>,
}

#[derive(Serialize)]
struct Announced<'a> {
    name: &'a str,
    size: usize,
}

#[derive(Serialize)]
struct SetUp<'a> {
    files: Vec<Announced<'a>>,
    fonts: Vec<Announced<'a>>,
}

#[derive(Serialize)]
struct Head<'a> {
    template: &'a str,
    ident: &'a str,
    dated: Dated,
    size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    png: Option<u8>,
}

#[derive(Serialize)]
struct Dated {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    minute: i8,
    second: i8,
    offset: i32,
}

/// Returns the request with which everything begins.
pub(super) fn set_up(templates: &[(String, Vec<u8>)], fonts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let head = SetUp { files: announced(templates), fonts: announced(fonts) };
    let mut request = serde_json::to_vec(&head).unwrap_or_default();
    request.push(b'\n');
    templates.iter().chain(fonts).for_each(|(_, bytes)| request.extend_from_slice(bytes));
    request
}

fn announced(files: &[(String, Vec<u8>)]) -> Vec<Announced<'_>> {
    files.iter().map(|(name, bytes)| Announced { name, size: bytes.len() }).collect()
}

/// Returns the request for a letter: as a PDF, or as a picture with so many pixels a point.
pub(super) fn order(order: &Order<'_>, pixels: Option<u8>) -> Vec<u8> {
    let dated = order.dated;
    let head = Head {
        template: order.template,
        ident: order.ident,
        dated: Dated {
            year: dated.year(),
            month: dated.month(),
            day: dated.day(),
            hour: dated.hour(),
            minute: dated.minute(),
            second: dated.second(),
            offset: dated.offset().seconds() / 60,
        },
        size: order.data.len(),
        png: pixels,
    };
    let mut request = serde_json::to_vec(&head).unwrap_or_default();
    request.push(b'\n');
    request.extend_from_slice(order.data);
    request
}

/// Reads a line of JSON.
pub(super) fn read_head<T: serde::de::DeserializeOwned>(input: &mut impl BufRead) -> io::Result<T> {
    let mut line = Vec::new();
    input.by_ref().take(LONGEST_HEAD).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&line).map_err(io::Error::from)
}

/// Reads an answer, and the octets behind it.
pub(super) fn read_answer(input: &mut impl BufRead) -> io::Result<(Answer, Vec<u8>)> {
    let answer = read_head(input)?;
    let size = match &answer {
        Answer::Pdf { size, .. } | Answer::Png { size, .. } => *size,
        Answer::Ready { .. } | Answer::Faults(_) => 0,
    };
    if size > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a letter of {size} octets")));
    }
    let mut octets = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    input.by_ref().take(size).read_to_end(&mut octets)?;
    if octets.len() as u64 == size { Ok((answer, octets)) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
