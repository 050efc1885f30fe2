//! Separated values (RFC 4180, and what spreadsheets write instead), read as a stream with a bounded memory.
//!
//! Our own reader, because a message about a row must name the line that the user's editor shows, because a quote
//! that is never closed must not swallow a million rows into memory, and because it must be told where it opened.

use std::io::{self, Read};

use encoding_rs::Encoding;
use memchr::memchr3;

use super::encoding::Decoded;
use super::problem::RowPlace;
use super::workbook::Typed;

/// The longest cell, in bytes of UTF-8.
pub const CELL: usize = 64 * 1024;
/// The most columns.
pub const COLUMNS: usize = 1000;
/// The longest row, in bytes of UTF-8.
pub const ROW: usize = 1024 * 1024;

/// One row, its cells as they stand between the separators, quotes undone, line breaks as `\n`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where it begins.
    pub at: RowPlace,
    /// The line on which it ends.
    pub last_line: u64,
    /// Its cells, at most [`COLUMNS`].
    pub cells: Vec<String>,
    /// How many cells there were.
    pub width: usize,
    /// What is wrong with how it is written; the first such thing.
    pub flaw: Option<Flaw>,
    /// The line on which the last quoted cell that spans lines opened.
    pub spans_from: Option<u64>,
    /// The columns, from 0, of cells that were something else than a text; only a spreadsheet has such.
    pub typed: Vec<(usize, Typed)>,
}

/// What can be wrong with how a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A quote opened on this line is never closed.
    Unclosed(u64),
    /// Behind the closing quote of a cell that opened on this line stands something else than a separator.
    Stray(u64),
    /// The cell with this number (from 1) is longer than [`CELL`], or the row by then longer than [`ROW`].
    Long(usize),
    /// More than [`COLUMNS`] cells.
    Wide,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside a quoted cell: the end, or the first half of a doubled one.
    Quote,
}

/// The rows of a source of bytes.
pub struct Records<R> {
    text: Decoded<R>,
    separator: u8,
    line: u64,
    row: u64,
    after_cr: bool,
    buffer: Vec<u8>,
    /// The cells of the row before, whose memory is used again.
    spare: Vec<String>,
    ended: bool,
}

impl<R: Read> Records<R> {
    /// Reads `bytes` from where they stand, which is line 1.
    pub fn new(bytes: R, encoding: &'static Encoding, separator: u8) -> Self {
        Self {
            text: Decoded::new(bytes, encoding),
            separator,
            line: 1,
            row: 0,
            after_cr: false,
            buffer: Vec::new(),
            spare: Vec::new(),
            ended: false,
        }
    }

    /// Reads the next row into `record`; returns whether there was one. Rows without any character are rows of one
    /// empty cell.
    ///
    /// # Errors
    /// Those of reading; nothing more comes afterwards.
    pub fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        self.spare.append(&mut record.cells);
        record.width = 0;
        record.flaw = None;
        record.spans_from = None;
        if self.ended {
            return Ok(false);
        }
        self.row += 1;
        record.at = RowPlace { line: Some(self.line), row: self.row };
        self.buffer.clear();
        let mut state = State::Start;
        let mut opened = self.line;
        let mut size = 0;
        let mut any = false;
        loop {
            let block = match self.text.text() {
                Ok(block) => block,
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            };
            if block.is_empty() {
                self.ended = true;
                if state == State::Quoted {
                    record.flaw = Some(Flaw::Unclosed(opened));
                }
                if !any {
                    return Ok(false);
                }
                finish(record, &mut self.buffer, &mut self.spare);
                self.uncount(record);
                record.last_line = self.line;
                return Ok(true);
            }
            let mut taken = 0;
            let mut done = false;
            while let Some(&byte) = block.get(taken) {
                // Most of a file is runs of characters that mean nothing: they are taken at once.
                let rest = &block[taken..];
                let run = match state {
                    _ if self.after_cr => 0,
                    State::Plain => memchr3(self.separator, b'\r', b'\n', rest).unwrap_or(rest.len()),
                    State::Quoted => memchr3(b'"', b'\r', b'\n', rest).unwrap_or(rest.len()),
                    State::Start | State::Quote => 0,
                };
                if run > 0 {
                    size += run;
                    if self.buffer.len() + run > CELL || size > ROW {
                        record.flaw.get_or_insert(Flaw::Long(record.width + 1));
                    } else {
                        self.buffer.extend_from_slice(&rest[..run]);
                    }
                    taken += run;
                    continue;
                }
                taken += 1;
                let mut byte = byte;
                if self.after_cr {
                    self.after_cr = false;
                    if byte == b'\n' {
                        // The second half of a CRLF whose first half ended the line; a row may not start here.
                        if !any {
                            record.at.line = Some(self.line);
                        }
                        continue;
                    }
                }
                any = true;
                if byte == b'\r' {
                    self.after_cr = true;
                    byte = b'\n';
                }
                if byte == b'\n' {
                    self.line += 1;
                    if state != State::Quoted {
                        done = true;
                        break;
                    }
                    record.spans_from = Some(opened);
                }
                let keep = match state {
                    State::Start if byte == b'"' => {
                        state = State::Quoted;
                        opened = self.line;
                        false
                    }
                    State::Quoted if byte == b'"' => {
                        state = State::Quote;
                        false
                    }
                    State::Quote if byte == b'"' => {
                        state = State::Quoted;
                        true
                    }
                    State::Quoted => true,
                    State::Start | State::Plain | State::Quote if byte == self.separator => {
                        finish(record, &mut self.buffer, &mut self.spare);
                        state = State::Start;
                        false
                    }
                    State::Start | State::Plain => {
                        state = State::Plain;
                        true
                    }
                    State::Quote => {
                        if byte != b' ' && byte != b'\t' {
                            record.flaw.get_or_insert(Flaw::Stray(opened));
                        }
                        byte != b' ' && byte != b'\t'
                    }
                };
                if keep {
                    size += 1;
                    if self.buffer.len() >= CELL || size > ROW {
                        record.flaw.get_or_insert(Flaw::Long(record.width + 1));
                    } else {
                        self.buffer.push(byte);
                    }
                }
            }
            self.text.take(taken);
            if done {
                finish(record, &mut self.buffer, &mut self.spare);
                self.uncount(record);
                record.last_line = self.line - 1;
                return Ok(true);
            }
        }
    }

    /// A first line `sep=;` is for the spreadsheet, which does not show it: the rows begin below.
    fn uncount(&mut self, record: &mut Record) {
        let is_sep = |cell: &String| cell.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep="));
        if self.row == 1 && record.cells.first().is_some_and(is_sep) {
            self.row = 0;
            record.at.row = 0;
        }
    }
}

fn finish(record: &mut Record, buffer: &mut Vec<u8>, spare: &mut Vec<String>) {
    record.width += 1;
    if record.width > COLUMNS {
        record.flaw.get_or_insert(Flaw::Wide);
    } else {
        let mut cell = spare.pop().unwrap_or_default();
        cell.clear();
        match std::str::from_utf8(buffer) {
            Ok(text) => cell.push_str(text),
            // Cut only at the length limit, where the row is refused anyway.
            Err(_) => cell.push_str(&String::from_utf8_lossy(buffer)),
        }
        record.cells.push(cell);
    }
    buffer.clear();
}
