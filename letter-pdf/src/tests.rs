//! The program over two pipes that are arrays.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::serve;

/// A template that is right, and shows what it is given.
const TEMPLATE: &str = "#let data = json(\"data.json\")
#set document(title: data.title)
#set text(lang: \"nl\")
#data.text
";

/// What comes back: heads, and the octets behind each.
fn answers(input: &[u8]) -> (Vec<(Value, Vec<u8>)>, std::io::Result<()>) {
    let mut output = Vec::new();
    let ended = serve(&mut &*input, &mut output);
    let (mut rest, mut found) = (output.as_slice(), Vec::new());
    while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
        let head: Value = serde_json::from_slice(&rest[..end]).unwrap();
        let size = head["pdf"]["size"].as_u64().or(head["png"]["size"].as_u64()).unwrap_or(0) as usize;
        found.push((head, rest[end + 1..][..size].to_vec()));
        rest = &rest[end + 1 + size..];
    }
    assert!(rest.is_empty(), "nothing comes that was not announced");
    (found, ended)
}

fn set_up(files: &[(&str, &[u8])]) -> Vec<u8> {
    let list: Vec<Value> =
        files.iter().map(|(name, octets)| json!({"name": name, "size": octets.len()})).collect();
    let mut input = format!("{}\n", json!({"files": list})).into_bytes();
    files.iter().for_each(|(_, octets)| input.extend_from_slice(octets));
    input
}

fn order(template: &str, data: &[u8]) -> Vec<u8> {
    order_of(template, data, &Value::Null)
}

/// As a picture, where there is a number of pixels.
fn order_of(template: &str, data: &[u8], png: &Value) -> Vec<u8> {
    let dated =
        json!({"year": 2025, "month": 10, "day": 29, "hour": 0, "minute": 0, "second": 0, "offset": 60});
    let mut head = json!({"template": template, "ident": "1", "dated": dated, "size": data.len()});
    if !png.is_null() {
        head["png"] = png.clone();
    }
    [format!("{head}\n").as_bytes(), data].concat()
}

fn letter(text: &str) -> Vec<u8> {
    json!({"title": "Een brief", "text": text}).to_string().into_bytes()
}

#[test]
fn letter_after_letter_comes_back_and_the_same_is_the_same() {
    let input = [
        set_up(&[("brief.typ", TEMPLATE.as_bytes())]),
        order("brief.typ", &letter("Dag")),
        order("brief.typ", &letter("Anders")),
        order("brief.typ", &letter("Dag")),
    ];
    let (answers, ended) = answers(&input.concat());
    assert!(ended.is_ok());
    assert_eq!(answers[0].0["protocol"], 2);
    assert_eq!(answers[1].0["ready"]["families"], json!(["Libertinus Serif"]));
    let pdfs: Vec<&[u8]> = answers[2..].iter().map(|(_, pdf)| pdf.as_slice()).collect();
    assert_eq!(pdfs.len(), 3);
    assert!(pdfs[0].starts_with(b"%PDF-1.7") && pdfs[0].ends_with(b"%%EOF"));
    assert!(pdfs[0] == pdfs[2] && pdfs[0] != pdfs[1]);
    assert_eq!(answers[2].0["pdf"]["pages"], 1);
}

#[test]
fn a_fault_is_an_answer_and_the_next_letter_comes_all_the_same() {
    let wrong = format!("{TEMPLATE}#geen");
    let input = [
        set_up(&[("brief.typ", TEMPLATE.as_bytes()), ("wrong.typ", wrong.as_bytes())]),
        order("nowhere.typ", b"{}"),
        order("wrong.typ", &letter("x")),
        order("brief.typ", b"no json"),
        order("../brief.typ", b"{}"),
        order("brief.typ", &letter("x")),
    ];
    let (answers, ended) = answers(&input.concat());
    assert!(ended.is_ok());
    let fault = |at: usize| answers[at].0["faults"][0].clone();
    assert_eq!(fault(2), json!({"file": "nowhere.typ", "said": "there is no such template"}));
    let unknown = json!({"file": "wrong.typ", "line": 5, "column": 2, "said": "unknown variable: geen"});
    assert_eq!(fault(3), unknown);
    assert_eq!((fault(4)["file"].as_str(), fault(4)["line"].as_u64()), (Some("data.json"), Some(1)));
    assert_eq!(fault(5)["said"], "there is no such template");
    assert!(answers[6].1.starts_with(b"%PDF"));
}

#[test]
fn files_that_cannot_be_used_are_told_at_once() {
    let files: [(&str, &[u8]); 4] =
        [("../up.typ", b""), ("data.json", b"{}"), ("latin.typ", b"caf\xe9"), ("fine.typ", b"")];
    let (answers, ended) = answers(&set_up(&files));
    assert!(ended.is_ok());
    let said: Vec<(&str, &str)> = answers[1].0["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (fault["file"].as_str().unwrap(), fault["said"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            ("../up.typ", "a file cannot have this name"),
            ("data.json", "a file cannot have this name"),
            ("latin.typ", "the file is not in UTF-8"),
        ]
    );
    let font = b"{\"files\":[],\"fonts\":[{\"name\":\"x/own.otf\",\"size\":3}]}\nabc";
    let (answers, _) = self::answers(font);
    assert_eq!(answers[1].0["faults"][0]["said"], "this is no font (TrueType or OpenType)");
}

#[test]
fn nonsense_ends_it_with_an_error_and_silence_with_none() {
    assert!(answers(b"").1.is_ok());
    for input in
        ["hello\n", "{}\n", "{\"files\":[]", "{\"files\":[{\"name\":\"a.typ\",\"size\":9}]}\nx", "\n"]
    {
        assert!(answers(input.as_bytes()).1.is_err(), "{input}");
    }
    let huge = "{\"files\":[{\"name\":\"a.typ\",\"size\":99999999999}]}\n";
    assert!(answers(huge.as_bytes()).1.is_err());
    let cut_off = [set_up(&[("brief.typ", TEMPLATE.as_bytes())]), b"{\"template\":".to_vec()].concat();
    assert!(answers(&cut_off).1.is_err());
}

#[test]
fn a_picture_has_the_size_of_its_page_and_the_same_is_the_same() {
    const PAGE: &str =
        "#set page(width: 100pt, height: auto, margin: 10pt)\n#box(height: 30pt, json(\"data.json\").text)";
    let picture = |text: &str, pixels: Value| order_of("table.typ", &letter(text), &pixels);
    let input = [
        set_up(&[("table.typ", PAGE.as_bytes())]),
        picture("#panic() *Dag*", json!(2)),
        picture("Anders", json!(2)),
        picture("#panic() *Dag*", json!(2)),
        picture("x", json!(1.5)),
        order("table.typ", &letter("x")),
    ];
    let (answers, ended) = answers(&input.concat());
    assert!(ended.is_ok());
    let size = |at: usize| (answers[at].0["png"]["width"].clone(), answers[at].0["png"]["height"].clone());
    assert_eq!((size(2), size(5)), ((json!(200), json!(100)), (json!(150), json!(75))));
    let png = &answers[2].1;
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    // Width and height stand in the first chunk (ISO/IEC 15948 §11.2.2).
    assert_eq!(png[16..24], [0, 0, 0, 200, 0, 0, 0, 100]);
    assert!(*png == answers[4].1 && *png != answers[3].1);
    assert_eq!(answers[6].0["faults"][0]["said"], "PDF/UA-1 error: missing document title");
}

#[test]
fn a_picture_that_would_be_huge_has_fewer_pixels_and_one_that_nobody_could_read_is_none() {
    let page = |wide: u32, high: u32| format!("#set page(width: {wide}pt, height: {high}pt)\n");
    let (large, long, huge) = (page(6_000, 4_000), page(10, 40_000), page(30_000, 30_000));
    let files: [(&str, &[u8]); 4] = [
        ("large.typ", large.as_bytes()),
        ("long.typ", long.as_bytes()),
        ("huge.typ", huge.as_bytes()),
        ("two.typ", b"#pagebreak()"),
    ];
    let picture = |template: &str, pixels: Value| order_of(template, b"{}", &pixels);
    let input = [
        set_up(&files),
        picture("long.typ", json!(2)),
        picture("huge.typ", json!(2)),
        picture("two.typ", json!(2)),
        picture("large.typ", json!(0)),
        picture("large.typ", json!(-1)),
        picture("large.typ", json!(1e300)),
    ];
    let (answers, ended) = answers(&input.concat());
    assert!(ended.is_ok());
    assert_eq!(answers[2].0["png"]["height"], 30_000, "{}", answers[2].0);
    let said = |at: usize| answers[at].0["faults"][0]["said"].as_str().unwrap().to_owned();
    assert_eq!(said(3), "a page of 30000 by 30000 points cannot be made a picture that is readable");
    assert_eq!(said(4), "a picture is one page, and this has 2");
    assert!(said(5).ends_with("readable") && said(6).ends_with("readable"));
    let area =
        answers[7].0["png"]["width"].as_u64().unwrap() * answers[7].0["png"]["height"].as_u64().unwrap();
    assert!((39_000_000..=40_100_000).contains(&area), "{}", answers[7].0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_comes_is_answered_or_refused(input in prop::collection::vec(any::<u8>(), 0..200), after in any::<bool>()) {
        let set_up = if after { set_up(&[]) } else { Vec::new() };
        let (answers, _) = answers(&[set_up, input].concat());
        prop_assert!(!answers.is_empty());
    }
}
