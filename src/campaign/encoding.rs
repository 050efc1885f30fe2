//! The bytes of a file as text: which encoding, decoded as a stream.

use std::io::{self, Read};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

const BLOCK: usize = 32 * 1024;

/// Finds the encoding in one pass over the bytes: byte order mark, the NUL bytes of UTF-16, valid UTF-8, and
/// else Windows-1252, in which every file is valid, unless it is plainly UTF-8 with a broken byte.
///
/// # Errors
/// Those of reading.
pub fn guess(mut bytes: impl Read) -> io::Result<&'static Encoding> {
    let mut block = vec![0; BLOCK];
    let mut kept = 0;
    let mut first = true;
    let mut beyond_ascii = false;
    loop {
        let read = fill(&mut bytes, &mut block[kept..])?;
        let end = kept + read;
        if first {
            first = false;
            if let Some((encoding, _)) = Encoding::for_bom(&block[..end]) {
                return Ok(encoding);
            }
            if let Some(encoding) = without_mark(&block[..end]) {
                return Ok(encoding);
            }
        }
        match std::str::from_utf8(&block[..end]) {
            Ok(text) => {
                beyond_ascii |= !text.is_ascii();
                kept = 0;
            }
            // A character cut by the end of the block, and more to come.
            Err(error) if error.error_len().is_none() && read > 0 => {
                beyond_ascii |= !block[..error.valid_up_to()].is_ascii();
                block.copy_within(error.valid_up_to()..end, 0);
                kept = end - error.valid_up_to();
            }
            Err(error) => {
                let before = beyond_ascii || !block[..error.valid_up_to()].is_ascii();
                return Ok(if before || mostly_utf8(&block[..end]) { UTF_8 } else { WINDOWS_1252 });
            }
        }
        if read == 0 {
            return Ok(UTF_8);
        }
    }
}

/// Letters of Windows-1252 hardly ever form a character of UTF-8: where there are more such characters than broken
/// bytes, the file is UTF-8 with a broken byte, and its row is refused instead of all others misread.
fn mostly_utf8(block: &[u8]) -> bool {
    let (mut whole, mut broken) = (0_usize, 0_usize);
    for chunk in block.utf8_chunks() {
        whole += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    whole > broken
}

/// UTF-16 without its mark: text in Latin letters has a NUL in almost every second byte.
fn without_mark(start: &[u8]) -> Option<&'static Encoding> {
    let start = &start[..start.len().min(4096)];
    let pairs = start.len() / 2;
    let nuls = |from: usize| start.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (nuls(0), nuls(1));
    let most = |many: usize, few: usize| pairs >= 2 && many * 10 >= pairs * 7 && few * 10 <= pairs;
    if most(odd, even) {
        Some(UTF_16LE)
    } else if most(even, odd) {
        Some(UTF_16BE)
    } else {
        None
    }
}

/// Returns the whole text of some bytes: by their mark, else by the encoding that they declare (`windows-1252`), else
/// as [`guess`] finds. Bytes that mean nothing become U+FFFD; line ends stay as they are.
pub fn text(bytes: &[u8], declared: Option<&str>) -> String {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    // Letters of another encoding hardly ever form UTF-8, and a page is often saved in it without being told so. One
    // that could be read up to its declaration is not in UTF-16.
    let declared = || {
        let encoding = Encoding::for_label(declared?.as_bytes())?;
        (encoding.is_ascii_compatible() && std::str::from_utf8(bytes).is_err()).then_some(encoding)
    };
    let encoding = marked.or_else(declared).unwrap_or_else(|| guess(bytes).unwrap_or(UTF_8));
    encoding.decode_with_bom_removal(bytes).0.into_owned()
}

/// Reads until the buffer is full or the source ends.
fn fill(bytes: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match bytes.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The text of a source of bytes, as UTF-8, block by block. Bytes that mean nothing become U+FFFD.
pub struct Decoded<R> {
    bytes: R,
    decoder: Decoder,
    input: Box<[u8]>,
    input_at: usize,
    input_end: usize,
    output: Box<[u8]>,
    at: usize,
    end: usize,
    ended: bool,
    finished: bool,
}

impl<R: Read> Decoded<R> {
    /// Reads `bytes` from where they stand; a byte order mark at the start is left out.
    pub fn new(bytes: R, encoding: &'static Encoding) -> Self {
        Self {
            bytes,
            decoder: encoding.new_decoder_with_bom_removal(),
            input: vec![0; BLOCK].into_boxed_slice(),
            input_at: 0,
            input_end: 0,
            output: vec![0; BLOCK].into_boxed_slice(),
            at: 0,
            end: 0,
            ended: false,
            finished: false,
        }
    }

    /// Returns the text not yet taken, empty only at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn text(&mut self) -> io::Result<&[u8]> {
        while self.at == self.end && !self.finished {
            if self.input_at == self.input_end && !self.ended {
                self.input_end = fill(&mut self.bytes, &mut self.input)?;
                self.input_at = 0;
                self.ended = self.input_end < self.input.len();
            }
            let (result, read, written, _) = self.decoder.decode_to_utf8(
                &self.input[self.input_at..self.input_end],
                &mut self.output,
                self.ended,
            );
            self.input_at += read;
            self.at = 0;
            self.end = written;
            self.finished = self.ended && result == encoding_rs::CoderResult::InputEmpty;
        }
        Ok(&self.output[self.at..self.end])
    }

    /// Marks so many bytes of the text as taken.
    pub fn take(&mut self, count: usize) {
        self.at = (self.at + count).min(self.end);
    }
}

/// Returns the first sign that a text was decoded in another encoding than it was written in.
///
/// C1 controls are bytes of DOS or of an old Mac; `Ã` before a sign is UTF-8 encoded twice; `ƒ`, `Ž`, `‰` inside
/// a word are letters of DOS or of an old Mac.
pub fn looks_misread(text: &str) -> bool {
    if text.is_ascii() {
        return false;
    }
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied().unwrap_or(' ');
        let misread = match c {
            '\u{80}'..='\u{9F}' => true,
            'Ã' | 'Â' => {
                matches!(after, '\u{80}'..='\u{BF}' | 'ƒ' | '„' | '€' | '™' | '‰' | 'Š' | '“' | '”' | '–')
            }
            'ƒ' | 'Ž' | 'š' | 'Ÿ' | '‚' | '‰' | '„' | 'ˆ' => {
                before.is_lowercase() && after.is_lowercase()
            }
            _ => false,
        };
        if misread {
            return true;
        }
        before = c;
    }
    false
}
