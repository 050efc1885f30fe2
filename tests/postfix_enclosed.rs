//! Letters with attachments, copies and umlauts through a real Postfix into a real Dovecot: what a mail program then reads, by our
//! parser and by Python's, and that it is byte for byte what `show` prints.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use mail_parser::{MessageParser, MimeHeaders as _};
use postduif::campaign::enclosure::Fingerprint;
use serde_json::{Value, json};
use support::post_office::PostOffice;
use support::town::Campaign;

/// What a mail program makes of a message, as one JSON value.
const READ: &str = r#"
import email, email.policy, hashlib, json, sys
mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
people = lambda field: [[a.display_name, a.addr_spec] for a in mail[field].addresses] if mail[field] else []
defects = [str(d) for part in mail.walk() for d in list(part.defects) + [x for f in part.values() for x in getattr(f, "defects", ())]]
print(json.dumps({
    "from": people("From"), "to": people("To"), "cc": people("Cc"), "subject": mail["Subject"],
    "text": mail.get_body(("plain",)).get_content().replace("\r\n", "\n").rstrip("\n"),
    "files": [[p.get_filename(), p.get_content_type(), hashlib.sha256(p.get_payload(decode=True)).hexdigest()] for p in mail.iter_attachments()],
    "kinds": [part.get_content_type() for part in mail.walk()],
    "defects": defects,
}))
"#;

/// The same by Python's `email`; nothing where the machine has no Python, and says so.
fn read_by_python(mail: &[u8]) -> Option<Value> {
    let mut python = Command::new("python3");
    let Ok(mut child) = python.args(["-c", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        let current = std::thread::current();
        // Not `eprintln!`, which the test runner keeps to itself when a test passes.
        let name = current.name().unwrap_or("a test");
        let _ = writeln!(std::io::stderr(), "left out: {name} (this machine has no `python3`)");
        return None;
    };
    child.stdin.take().unwrap().write_all(mail).unwrap();
    let told = child.wait_with_output().unwrap();
    assert!(told.status.success());
    Some(serde_json::from_slice(&told.stdout).unwrap())
}

/// The same by ours.
fn read_by_us(mail: &[u8]) -> Value {
    let read = MessageParser::default().parse(mail).unwrap();
    let people = |field: Option<&mail_parser::Address<'_>>| -> Vec<Value> {
        let list = field.map(|field| field.clone().into_list()).unwrap_or_default();
        list.iter()
            .map(|one| json!([one.name().unwrap_or_default(), one.address().unwrap_or_default()]))
            .collect()
    };
    let digest = |bytes: &[u8]| Fingerprint::of(bytes).to_string();
    let kind = |part: &mail_parser::MessagePart<'_>| {
        let kind = part.content_type().unwrap();
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default())
    };
    let files: Vec<Value> = read
        .attachments()
        .map(|part| json!([part.attachment_name(), kind(part), digest(part.contents())]))
        .collect();
    json!({
        "from": people(read.from()), "to": people(read.to()), "cc": people(read.cc()), "subject": read.subject(),
        "text": read.body_text(0).unwrap().replace("\r\n", "\n").trim_end_matches('\n'),
        "files": files,
        "kinds": read.parts.iter().map(kind).collect::<Vec<_>>(),
        "defects": [],
    })
}

#[test]
fn what_arrives_is_what_was_meant_by_every_reader_and_byte_for_byte_what_show_prints() {
    let Some(post) = PostOffice::start() else { return };
    let campaign = Campaign::new();
    campaign
        .send_to(post.ports.mx)
        .configure("name = \"The Alliance\"", "name = \"Stichting Één & Ander\"")
        .configure("address = \"appeal@alliance.example\"", "address = \"sender@example.test\"")
        .write(
            "recipients.csv",
            "afkorting,partij,naam,e-mail,cc,bcc\n\
             EEN,GL / PvdA – Één,\"Ünal, \"\"Zoë\"\"\",ada+een@example.test,Bør Ömer <ben+een@example.test>,sender+blind@example.test\n\
             TWEE,Twee,,ada+twee@example.test,,\n",
        )
        .write(
            "templates/letter.md",
            "+++\nsubject = \"Één vraag aan {{partij}}\"\n\
             attachments = [\"vrij.bin\", { path = \"{{afkorting}}.txt\", name = \"Bijlage voor {{partij}}\", optional = true }]\n+++\n\
             Geachte {{default naam \"leden\"}},\n\n{{> partij/[afkorting] optional=true}}\n\n.\nFrom hier — één.\n",
        )
        .write("templates/partij/EEN.md", "Voor u: *één*.\n");
    // Every octet, and what servers have stumbled over.
    let mut bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    bytes.extend(b"\r\n.\r\nMAIL FROM:<x@y.example>\r\n\n.\n\r.\rFrom x\n--=_\r\n");
    campaign.write("attachments/vrij.bin", &bytes).write("attachments/EEN.txt", "één\r\n.\r\n\ntwee\n");
    campaign.run(["send", "--yes"]).success().said("2 accepted");
    post.wait_until_idle();
    for (key, mailbox, detail) in [
        ("EEN", "ada@example.test", "ada+een@"),
        ("EEN", "ben@example.test", "ada+een@"),
        ("EEN", "sender@example.test", "ada+een@"),
        ("TWEE", "ada@example.test", "ada+twee@"),
    ] {
        let mails = post.imap(mailbox);
        let to = format!("<{detail}example.test>");
        let mut arrived = mails.iter().filter(|mail| {
            let text = String::from_utf8_lossy(mail);
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            head.split("\r\n")
                .any(|line| line.contains(&to) && (line.starts_with("To:") || line.starts_with(' ')))
        });
        let mail = arrived.next().unwrap_or_else(|| unreachable!("{key} did not arrive at {mailbox}"));
        assert!(arrived.next().is_none(), "{key} arrived twice at {mailbox}");
        let shown = campaign.command(["show", key]).output().unwrap().stdout;
        assert!(
            shown.len() > 70_000 && mail.ends_with(&shown),
            "{key} at {mailbox} is not what `show` prints"
        );
        let ours = read_by_us(mail);
        if let Some(theirs) = read_by_python(mail) {
            assert_eq!(theirs, ours, "{key} at {mailbox}");
        }
        assert_eq!(ours["from"], json!([["Stichting Één & Ander", "sender@example.test"]]));
        let digest = |bytes: &[u8]| Fingerprint::of(bytes).to_string();
        let free = json!(["vrij.bin", "application/octet-stream", digest(&bytes)]);
        if key == "EEN" {
            assert_eq!(ours["to"], json!([["Ünal, \"Zoë\"", "ada+een@example.test"]]));
            assert_eq!(ours["cc"], json!([["Bør Ömer", "ben+een@example.test"]]));
            assert_eq!(ours["subject"], "Één vraag aan GL / PvdA – Één");
            assert_eq!(ours["text"], "Geachte Ünal, \"Zoë\",\n\nVoor u: één.\n\n. From hier — één.");
            let text = "één\r\n.\r\n\ntwee\n".as_bytes();
            let named = json!(["Bijlage voor GL - PvdA – Één.txt", "text/plain", digest(text)]);
            assert_eq!(ours["files"], json!([free, named]));
            let kinds = [
                "multipart/mixed",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "application/octet-stream",
                "text/plain",
            ];
            assert_eq!(ours["kinds"], json!(kinds));
        } else {
            assert_eq!(ours["files"], json!([free]));
            assert_eq!(ours["cc"], json!([]));
        }
    }
}
