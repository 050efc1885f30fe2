//! `xtext`, in which the parameters of SMTP carry what could be taken for their ends (RFC 3461 §4), and the address to
//! which a letter was written as a report tells it (`ORCPT`, RFC 3461 §4.2 and RFC 6533 §3).

use std::fmt::Write as _;

use super::address::Address;

/// Writes a text as xtext: everything that is not printable ASCII, `+` and `=` becomes `+` and two hexadecimal digits.
pub fn xtext(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut written, byte| {
        if is_plain(byte) && byte != b'+' {
            written.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(written, "+{byte:02X}");
        }
        written
    })
}

/// Returns the value of `ORCPT` for an address: `rfc822;ada+2Blists@council.example`.
///
/// An address with letters beyond ASCII is of the type `utf-8`, which also writes them in ASCII, so that it passes
/// wherever it may come (RFC 6533 §3, `utf-8-addr-xtext`).
pub fn original_recipient(address: &Address) -> String {
    let address = address.to_string();
    if address.is_ascii() {
        return format!("rfc822;{}", xtext(&address));
    }
    address.chars().fold("utf-8;".to_owned(), |mut written, c| {
        if u8::try_from(c).is_ok_and(|byte| is_plain(byte) && !matches!(byte, b'+' | b'\\')) {
            written.push(c);
        } else {
            let _ = write!(written, "\\x{{{:X}}}", u32::from(c));
        }
        written
    })
}

/// Printable ASCII but for `=`, behind which a parameter's value begins.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && byte != b'='
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_taken_for_an_end_is_written_in_digits() {
        assert_eq!(xtext("ada+lists=x y\r\n\u{e9}"), "ada+2Blists+3Dx+20y+0D+0A+C3+A9");
        for (address, written) in [
            ("ada@council.example", "rfc822;ada@council.example"),
            ("ada+lists@council.example", "rfc822;ada+2Blists@council.example"),
            ("a=b@council.example", "rfc822;a+3Db@council.example"),
            ("\u{fc}nal+x@council.example", "utf-8;\\x{FC}nal\\x{2B}x@council.example"),
        ] {
            assert_eq!(original_recipient(&Address::parse(address).unwrap()), written);
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_it_stays_one_word_and_can_be_read_back(text: String) {
            let written = xtext(&text);
            prop_assert!(written.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'='));
            let mut read = Vec::new();
            let mut parts = written.split('+');
            read.extend(parts.next().unwrap().bytes());
            for part in parts {
                read.push(u8::from_str_radix(&part[..2], 16).unwrap());
                read.extend(part[2..].bytes());
            }
            prop_assert_eq!(read, text.into_bytes());
        }
    }
}
