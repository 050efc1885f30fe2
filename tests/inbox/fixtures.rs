//! Every message beside its expected reading; each also with the other line ends.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{folder, messages, read, sent};
use postduif::delivery::inbound::{AutoReply, Reading};

fn words(kind: AutoReply) -> &'static str {
    match kind {
        AutoReply::Away => "away",
        AutoReply::Acknowledgement => "acknowledgement",
        AutoReply::LeftOrganisation => "left-organisation",
        AutoReply::AddressRetired => "address-retired",
        AutoReply::Challenge => "challenge",
        AutoReply::UseOurForm => "use-our-form",
        AutoReply::Other => "other",
    }
}

/// Says where a reading is not as expected; only what the expectation names counts.
fn differences(reading: &Reading, expected: &Value) -> Vec<String> {
    let mut got = reading.to_json("");
    got["auto_reply"] = json!(reading.auto_reply.map(words));
    got["needs_a_person"] = json!(reading.needs_a_person);
    let mut told = Vec::new();
    for (field, wanted) in expected.as_object().unwrap() {
        let is = match (field.as_str(), &got[field], wanted) {
            ("matched", Value::Object(is), Value::Object(wanted)) => {
                wanted.iter().all(|(name, value)| is.get(name) == Some(value))
            }
            ("recipients", Value::Array(is), Value::Array(wanted)) => {
                let lower = |list: &[Value]| {
                    let mut list: Vec<String> =
                        list.iter().map(|one| one.as_str().unwrap().to_lowercase()).collect();
                    list.sort();
                    list
                };
                lower(is) == lower(wanted)
            }
            (_, is, wanted) => is == wanted,
        };
        if !is {
            told.push(format!("{field} is {} and should be {wanted}", got[field]));
        }
    }
    told
}

fn expected(path: &Path) -> Value {
    let file = path.with_extension("json");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| unreachable!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_message_is_read_as_expected_with_either_line_end() {
    let sent = sent();
    let files = messages();
    assert!(files.len() >= 120, "only {} messages", files.len());
    let mut told = Vec::new();
    for path in &files {
        let bytes = fs::read(path).unwrap();
        let lf: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
        let crlf: Vec<u8> = lf
            .iter()
            .flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] })
            .collect();
        for (ends, bytes) in [("LF", lf), ("CRLF", crlf)] {
            let reading = read(&bytes, &sent);
            assert!(!reading.reasons.is_empty(), "{}: no reason", path.display());
            for difference in differences(&reading, &expected(path)) {
                told.push(format!(
                    "{} ({ends}): {difference}; {:?}",
                    path.strip_prefix(folder()).unwrap().display(),
                    reading.reasons
                ));
            }
        }
    }
    assert!(told.is_empty(), "{} differences:\n{}", told.len(), told.join("\n"));
}

#[test]
fn without_a_campaign_the_kinds_are_the_same() {
    let nothing = postduif::inbox::Settings { sent: None, today: super::TODAY, own_lines: &[] };
    let mut told = Vec::new();
    for path in messages() {
        let (reading, expected) =
            (postduif::inbox::read(&fs::read(&path).unwrap(), nothing), expected(&path));
        // Who is known only by address is no more than a stranger then, and a copy of ours looks like any letter.
        let by_address =
            ["from", "organisation"].contains(&expected["matched"]["by"].as_str().unwrap_or_default());
        if !by_address && json!(reading.kind) != expected["kind"] {
            told.push(format!("{}: {:?} {:?}", path.display(), reading.kind, reading.reasons));
        }
        assert_eq!(reading.matched, None, "{}", path.display());
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn the_line_of_a_message_has_exactly_the_fields_that_are_promised() {
    let reading = super::read_file("bounce/postfix-unknown-user.eml");
    insta::assert_snapshot!(serde_json::to_string_pretty(&reading.to_json("a.eml")).unwrap(), @r#"
    {
      "file": "a.eml",
      "kind": "bounce",
      "class": "hard",
      "permanent": true,
      "address_bad": true,
      "status": "5.1.1",
      "recipients": [
        "roos@partij-roos.example"
      ],
      "matched": {
        "key": "ROOS",
        "step": 1,
        "by": "message-id",
        "evidence": "<k3f7q2m9a.bcdefghijklmn.opqrstuvwxyza.1@alliantie.example>"
      },
      "until": null,
      "reasons": [
        "RFC 3464 report: Action failed, Status 5.1.1 for roos@partij-roos.example",
        "5.1.1: there is no such user",
        "it belongs to ROOS by <k3f7q2m9a.bcdefghijklmn.opqrstuvwxyza.1@alliantie.example>"
      ]
    }
    "#);
}
