//! `show` and `proof`: what was handed over is shown again, byte for byte, from the ledger alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use crate::desk::{Post, word};
use crate::support::town::{Campaign, Run};

/// A campaign with everything that a letter can have: files for all and for each, a part for each organisation.
fn rich() -> Campaign {
    let campaign = Campaign::new();
    campaign
        .write(
            "templates/letter.md",
            "+++\nsubject = \"Oproep aan {{partij}} — één vraag\"\nattachments = [\"allen.pdf\", { path = \"{{afkorting}}.bin\", name = \"voor {{partij}}\" }]\n+++\n\
             Geachte {{naam}},\n\n{{> partij/[afkorting] default=\"anders\"}}\n\n.\nFrom hier {{date today}}\n\n{{> foot}}\n",
        )
        .write("templates/partij/EEN.md", "U bent **één**.\n")
        .write("templates/anders.md", "U bent een ander.\n")
        .write("templates/foot.md", "{{sender.name}}\n")
        .write("attachments/allen.pdf", b"%PDF-1.7\n.\n\0\xff")
        .write("attachments/EEN.bin", [0, 1, 2, 255, b'\r', b'\n', b'.', b'\n'].repeat(5000))
        .write("attachments/TWEE.bin", "twee")
        .write("attachments/DRIE.bin", "");
    campaign
}

/// Edits, and then takes away, everything but the settings and the ledger.
fn take_all_away(campaign: &Campaign) {
    for name in [
        "templates/letter.md",
        "templates/partij/EEN.md",
        "templates/anders.md",
        "templates/foot.md",
        "attachments/allen.pdf",
    ] {
        campaign.write(name, "other");
    }
    campaign.write("recipients.csv", "afkorting,partij,naam,e-mail\nEEN,x,x,x@x.example\n");
    fs::remove_dir_all(campaign.file("templates")).unwrap();
    fs::remove_dir_all(campaign.file("attachments")).unwrap();
    fs::remove_file(campaign.file("recipients.csv")).unwrap();
    fs::remove_dir_all(campaign.file("logs/rehearsal")).ok();
    campaign.configure("name = \"The Alliance\"", "name = \"Others\"");
    campaign.configure("language = \"nl\"", "language = \"en\"");
}

/// What `show` prints, octet for octet.
fn shown(campaign: &Campaign, arguments: &[&str]) -> Vec<u8> {
    let output = campaign.command(["show"].iter().chain(arguments)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn what_was_sent_is_shown_again_when_everything_else_is_edited_or_gone() {
    let post = Post::spelled();
    let campaign = rich();
    campaign.send_to(post.port()).run(["send", "--yes"]).success().said("3 accepted");
    let sent: BTreeMap<String, Vec<u8>> =
        post.letters().into_iter().map(|letter| (letter.forward_path, letter.message)).collect();
    let hold = |moment: &str| {
        for (key, address) in
            [("EEN", "een@een.example"), ("TWEE", "twee@twee.example"), ("DRIE", "drie@drie.example")]
        {
            assert!(shown(&campaign, &[key]) == sent[address], "{moment}: {key} is another letter");
        }
    };
    hold("at once");
    take_all_away(&campaign);
    hold("with all gone");
    let told = campaign.run(["show", "een"]).success();
    assert!(
        told.err.contains("EEN: SHA-256 ") && told.err.contains(", as the ledger has it. The relay took it"),
        "{}",
        told.err
    );
    assert!(campaign.run(["--quiet", "show", "EEN"]).success().err.is_empty());
    assert!(shown(&campaign, &["EEN", "--step", "1"]) == sent["een@een.example"]);
    // It came back afterwards, as whoever reads the mailbox will find.
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    let bounced = postduif::delivery::state::State::Bounced.code();
    ledger.execute("UPDATE delivery SET state = ?1", [bounced]).unwrap();
    drop(ledger);
    hold("bounced");
    campaign.run(["show", "EEN"]).success().said("The relay took it, and it came back");
    let proof = unpacked(&campaign, "EEN");
    assert!(
        proof["proof.txt"].contains("later is gemeld dat het niet kon worden bezorgd"),
        "{}",
        proof["proof.txt"]
    );
    campaign.run(["show", "EEN", "--step", "2"]).code(2).said("EEN has no letter 2");
    campaign.run(["show", "VIER"]).code(2).said("no recipient has the key `VIER`");
}

#[test]
fn what_was_never_handed_over_cannot_be_shown() {
    // At full speed the digest is noted ahead, while the relay is still being asked for K2.
    let campaign = Campaign::to(["a@een.example", "nobody@twee.example", "later@drie.example"]);
    campaign.run(["show", "K1"]).code(2).said("nothing has been sent yet");
    let post = Post::spelled();
    campaign.send_to(post.port()).run(["send", "--yes", "--only", "K2", "--only", "K3"]);
    campaign
        .run(["show", "K1"])
        .code(2)
        .said("the letter of K1 was not handed over to a relay: it is queued");
    campaign
        .run(["show", "K2"])
        .code(2)
        .said("the letter of K2 was not handed over to a relay: it is refused");
    let run = campaign.run(["proof", "K2", "--out", "k2.zip"]).code(2).said("not handed over");
    assert!(run.out.is_empty() && !campaign.file("k2.zip").exists());
}

#[test]
fn a_letter_in_doubt_is_shown_with_the_doubt_and_the_proof_says_so() {
    let post = Post::spelled();
    let campaign = rich();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail\nTWEE,Twee,Naam,vanish-after-dot@twee.example\n",
    );
    campaign.send_to(post.port()).run(["send", "--yes"]).code(5);
    take_all_away(&campaign);
    let told = campaign.run(["show", "TWEE"]).success();
    assert!(told.err.contains("Nobody knows whether it went out"), "{}", told.err);
    let proof = unpacked(&campaign, "TWEE");
    assert!(proof["proof.txt"].contains("Niemand weet of het is\nverstuurd."), "{}", proof["proof.txt"]);
    // Settled by a person, it says that.
    campaign.run(["settle", "TWEE", "accepted", "--note", "in the Sent folder"]).success();
    let proof = unpacked(&campaign, "TWEE");
    assert!(
        proof["proof.txt"].contains("Een mens heeft daarna vastgesteld dat het is verstuurd"),
        "{}",
        proof["proof.txt"]
    );
    let facts: Value = serde_json::from_str(&proof["proof.json"]).unwrap();
    assert_eq!((&facts["relay"]["reply"], &facts["relay"]["queue_id"]), (&Value::Null, &Value::Null));
    assert_eq!(facts["later"][0]["what"], "settled");
}

#[test]
fn copies_and_those_left_out_are_honoured_and_blind_copies_stay_blind() {
    let post = Post::spelled();
    let campaign = rich();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail,cc,bcc\nEEN,Één,Ünal,\"een@een.example; ook@een.example\",\"Zoë Müller <zoe@een.example>; weg@een.example\",blind@elders.example\n",
    );
    campaign.run(["suppress", "add", "weg@een.example", "--reason", "asked by mail"]).success();
    campaign.send_to(post.port()).run(["send", "--yes"]).success();
    // Who comes off the list, or onto it, after the letter went changes nothing of it.
    campaign.run(["suppress", "remove", "weg@een.example"]).success();
    campaign.run(["suppress", "add", "zoe@een.example", "--reason", "asked by mail"]).success();
    take_all_away(&campaign);
    let sent = &post.letters()[0];
    assert_eq!(sent.also, ["ook@een.example", "zoe@een.example", "blind@elders.example"]);
    assert!(shown(&campaign, &["EEN"]) == sent.message);
    let told = String::from_utf8(sent.message.clone()).unwrap();
    assert!(
        !told.contains("blind@") && !told.contains("weg@") && told.contains("<zoe@een.example>"),
        "{told}"
    );
    let proof = unpacked(&campaign, "EEN");
    let facts: Value = serde_json::from_str(&proof["proof.json"]).unwrap();
    assert_eq!(facts["message"]["to"], serde_json::json!(["Ünal <een@een.example>", "ook@een.example"]));
    assert_eq!(facts["message"]["cc"], serde_json::json!(["Zoë Müller <zoe@een.example>"]));
    assert_eq!(
        facts["envelope"]["forward_paths"],
        serde_json::json!(["een@een.example", "ook@een.example", "zoe@een.example"])
    );
    assert_eq!(facts["envelope"]["left_out"], serde_json::json!(["weg@een.example"]));
    assert!(
        proof.values().all(|file| !file.contains("blind@elders.example")),
        "the pack is made to be handed on"
    );
}

#[test]
fn an_addressee_that_the_relay_does_not_take_is_told_in_the_proof_unless_nobody_knows_of_it() {
    let post = Post::spelled();
    let campaign = Campaign::new();
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail,cc,bcc\nEEN,Een,Naam,een@een.example,nobody@een.example,nobody@elders.example\n",
    );
    campaign.send_to(post.port()).run(["send", "--yes"]).success();
    assert!(shown(&campaign, &["EEN"]) == post.letters()[0].message);
    let proof = unpacked(&campaign, "EEN");
    let facts: Value = serde_json::from_str(&proof["proof.json"]).unwrap();
    assert_eq!(facts["envelope"]["not_taken"], serde_json::json!(["nobody@een.example"]));
    assert!(proof["proof.txt"].contains("Niet aangenomen nobody@een.example"), "{}", proof["proof.txt"]);
    assert!(proof.values().all(|file| !file.contains("nobody@elders.example")));
}

#[test]
fn bytes_that_differ_are_no_proof() {
    let campaign = rich();
    campaign.run(["send", "--yes"]).success();
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    // Somebody has been at the ledger.
    ledger
        .execute(
            "UPDATE recipient SET fields = replace(fields, 'Programmacommissie', 'Programmacommissi')",
            [],
        )
        .unwrap();
    drop(ledger);
    let run = campaign.run(["show", "EEN"]).code(70).said("is not the one that was handed over");
    assert!(run.err.contains("another version of postduif may print it otherwise"), "{}", run.err);
    campaign.run(["proof", "EEN", "--out", "een.zip"]).code(70);
    assert!(!campaign.file("een.zip").exists());
    // And once more: a file that went along is gone from it.
    let campaign = rich();
    campaign.run(["send", "--yes"]).success();
    let ledger = rusqlite::Connection::open(campaign.file("logs/ledger.db")).unwrap();
    ledger.execute("DELETE FROM file", []).unwrap();
    drop(ledger);
    campaign.run(["show", "EEN"]).code(4).said("the file `allen.pdf` that went along is not in the ledger");
}

/// Makes a proof and unpacks it.
fn unpacked(campaign: &Campaign, key: &str) -> BTreeMap<String, String> {
    campaign.run(["proof", key, "--out", "proof.zip", "--force"]).success().said("wrote proof.zip");
    let mut archive = zip::ZipArchive::new(fs::File::open(campaign.file("proof.zip")).unwrap()).unwrap();
    let names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names
        .into_iter()
        .map(|name| {
            let mut bytes = Vec::new();
            archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
            (name, String::from_utf8(bytes).unwrap())
        })
        .collect()
}

/// Puts words in the place of what differs from run to run.
fn redacted(text: &str) -> String {
    let is_time = |word: &str| {
        word.len() >= 8 && word.bytes().filter(u8::is_ascii_digit).count() >= 6 && word.contains([':', '-'])
    };
    let mut told = String::new();
    for line in text.lines() {
        let mut line = line.to_owned();
        // How large the HTML is has its own tests.
        for before in ["\"octets\": ", "letter.eml, "] {
            if let Some((known, rest)) = line.split_once(before) {
                line = format!("{known}{before}N{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()));
            }
        }
        for word in line.clone().split([' ', '"', ',', ')']) {
            let word = word.trim_end_matches(':');
            if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                line = line.replace(word, "SHA256");
            } else if word.starts_with('<') && word.ends_with("@alliance.example>") && word.len() > 40 {
                line = line.replace(word, "<ID>");
            } else if let Some(port) = word.strip_prefix("smtp://127.0.0.1:") {
                line = line.replace(port, "PORT");
            } else if is_time(word) && word.starts_with(|c: char| c.is_ascii_digit()) {
                line = line.replace(word, "TIME");
            }
        }
        told.push_str(&line);
        told.push('\n');
    }
    told
}

#[test]
fn a_proof_holds_the_letter_the_reply_and_all_times() {
    let post = Post::spelled();
    let campaign = rich();
    campaign.send_to(post.port()).run(["send", "--yes"]).success();
    take_all_away(&campaign);
    let proof = unpacked(&campaign, "EEN");
    assert_eq!(proof.keys().collect::<Vec<_>>(), ["letter.eml", "proof.json", "proof.txt"]);
    let sent = post.letters().into_iter().find(|letter| letter.forward_path == "een@een.example").unwrap();
    assert!(proof["letter.eml"].as_bytes() == sent.message, "letter.eml is what the relay got");
    insta::assert_snapshot!("proof_txt", redacted(&proof["proof.txt"]));
    insta::assert_snapshot!("proof_json", redacted(&proof["proof.json"]));
    let facts: Value = serde_json::from_str(&proof["proof.json"]).unwrap();
    campaign.write("letter.eml", &proof["letter.eml"]);
    // As the page says that anybody can.
    if let Ok(told) = Command::new("sha256sum").arg(campaign.file("letter.eml")).output() {
        assert!(String::from_utf8(told.stdout).unwrap().starts_with(&word(&facts["message"]["sha256"])));
    }
    // The same again is the same file; only its owner may read it.
    let first = fs::read(campaign.file("proof.zip")).unwrap();
    unpacked(&campaign, "EEN");
    assert!(first == fs::read(campaign.file("proof.zip")).unwrap());
    assert_eq!(fs::metadata(campaign.file("proof.zip")).unwrap().permissions().mode() & 0o777, 0o600);
    // It is in the language of the frozen campaign.
    let english = Campaign::new();
    english.configure("language = \"nl\"", "language = \"en\"").run(["send", "--yes"]).success();
    let proof = unpacked(&english, "EEN");
    assert!(
        proof["proof.txt"].starts_with("What was sent, and what the mail server said\n"),
        "{}",
        proof["proof.txt"]
    );
    assert!(proof["proof.txt"].contains("This was a rehearsal: the letter did not leave this machine."));
}

#[test]
fn a_proof_is_never_written_over_another_file() {
    let campaign = Campaign::new();
    campaign.run(["send", "--yes"]).success();
    campaign.write("mine.zip", "mine");
    let run: Run =
        campaign.run(["proof", "EEN", "--out", "mine.zip"]).code(2).said("mine.zip is there already");
    assert!(run.err.contains("--force") && campaign.read("mine.zip") == "mine");
    std::os::unix::fs::symlink("mine.zip", campaign.file("link.zip")).unwrap();
    campaign.run(["proof", "EEN", "--out", "link.zip"]).code(2);
    campaign.run(["proof", "EEN", "--out", "nowhere/een.zip"]).code(2).said("cannot be written");
    campaign.run(["proof", "EEN", "--out", "mine.zip", "--force"]).success();
    assert!(campaign.read_bytes("mine.zip").starts_with(b"PK"));
    campaign.run(["proof", "EEN", "--out", "new.zip"]).success();
    assert!(campaign.everything().keys().all(|path| path.extension().is_none_or(|it| it != "part")));
}

impl Campaign {
    fn read_bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.file(name)).unwrap()
    }
}
