//! Media types (RFC 6838) of files, by the ending of their name.

/// Returns the media type of a file of this name; `application/octet-stream` where it is not known.
///
/// A text that is UTF-8 says so (RFC 2046 §4.1.2: without, it would be ASCII). A message or a multipart may not be
/// written in base64 (RFC 2046 §5.2.1, RFC 2045 §6.4), as every file is that goes along, so it is a file like others.
pub fn of(name: &str, bytes: &[u8]) -> String {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    match kind.type_().as_str() {
        "message" | "multipart" => mime_guess::mime::APPLICATION_OCTET_STREAM.to_string(),
        "text" if std::str::from_utf8(bytes).is_ok() => format!("{}; charset=utf-8", kind.essence_str()),
        _ => kind.essence_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_an_office_are_known_and_what_is_not_is_octets() {
        for (name, expected) in [
            ("standpunten.pdf", "application/pdf"),
            ("STANDPUNTEN.PDF", "application/pdf"),
            ("brief.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            ("tabel.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
            ("brief.odt", "application/vnd.oasis.opendocument.text"),
            ("tabel.ods", "application/vnd.oasis.opendocument.spreadsheet"),
            ("foto.jpeg", "image/jpeg"),
            ("afspraak.ics", "text/calendar; charset=utf-8"),
            ("lijst.csv", "text/csv; charset=utf-8"),
            ("alles.zip", "application/zip"),
            ("mail.eml", "application/octet-stream"),
            ("oud.mht", "application/octet-stream"),
            ("zonder", "application/octet-stream"),
            ("x.onbekend", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(of(name, b"a;b"), expected, "{name}");
        }
        assert_eq!(of("oud.txt", b"\xe9\xe9n"), "text/plain", "no UTF-8, so its encoding is not known");
    }

    #[test]
    fn none_holds_anything_that_a_field_could_not() {
        for name in ["a.\r\nX: y", "a.pdf\u{202e}", "..", "a.\u{0}"] {
            assert!(of(name, b"").bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name}");
        }
    }
}
