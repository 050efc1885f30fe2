//! Files that go along with letters, parts that a field chooses, and what was handed over shown again.

use std::fs;
use std::os::unix::fs::symlink;

use mail_parser::{MessageParser, MimeHeaders as _};

use crate::support::town::{Campaign, Run};

/// What no text file would survive.
const BINARY: &[u8] = b"%PDF-1.7\r\n.\r\n\n.\n\0\xff\xfe--=_\r\nFrom me\rx";

impl Campaign {
    /// A letter with these lines of front matter.
    fn with_front_matter(&self, lines: &str) -> &Self {
        let letter = format!(
            "+++\nsubject = \"A letter to {{{{partij}}}}\"\n{lines}\n+++\nDear {{{{naam}}}},\n\nthis is for **{{{{partij}}}}**: with it go the papers that we spoke about, and we would like to hear what your committee thinks of them.\n"
        );
        self.write("templates/letter.md", letter)
    }

    /// The names, media types and octets of what came with each letter, by the address it went to.
    fn files_that_came(&self, address: &str) -> Vec<(String, String, Vec<u8>)> {
        let letters = self.rehearsed();
        let letter = letters.iter().find(|letter| letter.contains(&format!("<{address}>")));
        let letter =
            MessageParser::default().parse(letter.expect("a letter to that address").as_bytes()).unwrap();
        let files = letter.attachments();
        files
            .map(|part| {
                let kind = part.content_type().unwrap();
                let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
                (part.attachment_name().unwrap_or_default().to_owned(), kind, part.contents().to_vec())
            })
            .collect()
    }
}

fn named(files: &[(String, String, Vec<u8>)]) -> Vec<&str> {
    files.iter().map(|(name, ..)| name.as_str()).collect()
}

#[test]
fn files_for_all_and_for_each_go_along_octet_for_octet() {
    let campaign = Campaign::new();
    campaign
        .with_front_matter(
            "attachments = [\n  \"standpunten.pdf\",\n  { path = \"per-partij/{{afkorting}}.txt\", name = \"Bijlage voor {{partij}}\" },\n  \
             { path = \"extra/{{afkorting}}.csv\", optional = true },\n]",
        )
        .write("attachments/standpunten.pdf", BINARY)
        .write("attachments/per-partij/EEN.txt", "één\n")
        .write("attachments/per-partij/TWEE.txt", "twee")
        .write("attachments/per-partij/DRIE.txt", "")
        .write("attachments/extra/TWEE.csv", "a;b\n");
    let checked = campaign.run(["check"]).success().said("3 letters would go out");
    assert!(!checked.err.contains("warning"), "{}", checked.err);
    let shown = campaign.run(["preview", "TWEE"]).success().out;
    for line in [
        "Attached: standpunten.pdf (application/pdf, 34 octets)",
        "Attached: Bijlage voor Partij Twee.txt (text/plain; charset=utf-8, 4 octets)",
        "Attached: TWEE.csv (text/csv; charset=utf-8, 4 octets)",
    ] {
        assert!(shown.contains(line), "no `{line}` in\n{shown}");
    }
    campaign.run(["send", "--yes"]).success().said("3 accepted");
    let file = |name: &str, kind: &str, bytes: &[u8]| (name.to_owned(), kind.to_owned(), bytes.to_vec());
    let for_all = file("standpunten.pdf", "application/pdf", BINARY);
    assert_eq!(
        campaign.files_that_came("twee@twee.example"),
        [
            for_all.clone(),
            file("Bijlage voor Partij Twee.txt", "text/plain", b"twee"),
            file("TWEE.csv", "text/csv", b"a;b\n")
        ]
    );
    assert_eq!(
        campaign.files_that_came("drie@drie.example"),
        [for_all, file("Bijlage voor Partij Drie.txt", "text/plain", b"")]
    );
    assert_eq!(
        named(&campaign.files_that_came("een@een.example")),
        ["standpunten.pdf", "Bijlage voor Partij Een.txt"]
    );
}

#[test]
fn a_file_that_is_missing_stops_everything_and_is_named_with_its_row() {
    let campaign = Campaign::new();
    campaign
        .with_front_matter("attachments = [\"voor-allen.pdf\", \"per-partij/{{afkorting}}.pdf\"]")
        .write("attachments/per-partij/EEN.pdf", "1")
        .write("attachments/per-partij/twee.pdf", "2");
    let before = campaign.everything();
    for command in [vec!["check"], vec!["preview"], vec!["send", "--yes"]] {
        let told = campaign.run(&command).code(2);
        assert!(
            told.err.contains("templates/letter.md:3:16: `attachments/voor-allen.pdf` is not there"),
            "{}",
            told.err
        );
    }
    campaign.write("attachments/voor-allen.pdf", "x");
    for command in [vec!["check"], vec!["preview"], vec!["send", "--yes"]] {
        let told = campaign.run(&command).code(2);
        for line in [
            "recipients.csv:3: TWEE: `attachments/per-partij/TWEE.pdf`: there is no such file (templates/letter.md:3:34); did you mean `twee.pdf`?",
            "recipients.csv:4: DRIE: `attachments/per-partij/DRIE.pdf`: there is no such file",
        ] {
            assert!(told.err.contains(line), "no `{line}` in\n{}", told.err);
        }
        assert!(!told.err.contains("EEN:"), "{}", told.err);
    }
    fs::remove_file(campaign.file("attachments/voor-allen.pdf")).unwrap();
    assert_eq!(campaign.everything(), before, "and nothing is left behind");
    campaign.write("attachments/voor-allen.pdf", "x");
    campaign.edit(
        "templates/letter.md",
        "\"per-partij/{{afkorting}}.pdf\"",
        "{ path = \"per-partij/{{afkorting}}.pdf\", optional = true }",
    );
    campaign.run(["send", "--yes"]).success().said("3 accepted");
    assert_eq!(named(&campaign.files_that_came("een@een.example")), ["voor-allen.pdf", "EEN.pdf"]);
    assert_eq!(named(&campaign.files_that_came("drie@drie.example")), ["voor-allen.pdf"]);
}

#[test]
fn a_column_may_name_the_file_and_an_empty_cell_means_none() {
    let campaign = Campaign::new();
    campaign
        .write("recipients.csv", "afkorting,partij,naam,e-mail,bijlage\nEEN,P,N,een@een.example,lijst.csv\nTWEE,P,N,twee@twee.example,\n")
        .with_front_matter("attachments = [\"{{optional bijlage}}\"]")
        .write("attachments/lijst.csv", "a;b");
    campaign.run(["send", "--yes"]).success();
    assert_eq!(named(&campaign.files_that_came("een@een.example")), ["lijst.csv"]);
    assert_eq!(named(&campaign.files_that_came("twee@twee.example")), [""; 0]);
    // A name that was mistyped is told, and so is a cell that should not be empty.
    campaign.edit("recipients.csv", "lijst.csv", "lijts.csv");
    campaign.with_front_matter("attachments = [\"{{bijlage}}\"]");
    let other = Campaign::new();
    for name in ["recipients.csv", "templates/letter.md"] {
        other.write(name, campaign.read(name));
    }
    let told = other.run(["check"]).code(2);
    assert!(told.err.contains("`attachments/lijts.csv`: there is no such file"), "{}", told.err);
    assert!(told.err.contains("recipients.csv:3: TWEE: `bijlage` is empty for this row"), "{}", told.err);
}

/// Everybody's command says no, and the place is named.
#[track_caller]
fn refused(campaign: &Campaign, words: &str) {
    let before = campaign.everything();
    for command in [vec!["check"], vec!["preview", "--out", "look"], vec!["send", "--yes"]] {
        let run: Run = campaign.run(&command).code(2);
        assert!(
            !run.err.contains("panicked") && run.err.contains(words),
            "nothing about `{words}`:\n{}",
            run.err
        );
        assert!(!run.err.contains("root:") && !run.err.contains("not for you"), "{}", run.err);
    }
    assert_eq!(campaign.everything(), before);
}

#[test]
fn no_path_leads_out_of_the_folder() {
    // What the author writes.
    for (line, words) in [
        ("\"../secret.txt\"", "leads up or nowhere"),
        ("\"a/../../secret.txt\"", "leads up or nowhere"),
        ("\"./x.txt\"", "leads up or nowhere"),
        ("\".. /secret.txt\"", "leads up or nowhere"),
        ("\"/etc/passwd\"", "begins at the root of the disk"),
        ("\"//server/share/x\"", "begins at the root of the disk"),
        ("\"C:/x.txt\"", "holds `\\` or `:`"),
        ("\"C:x.txt\"", "holds `\\` or `:`"),
        ("'..\\secret.txt'", "holds `\\` or `:`"),
        ("'\\\\server\\share'", "holds `\\` or `:`"),
        ("\"x.txt:stream\"", "holds `\\` or `:`"),
        ("\"a//b.txt\"", "names no file"),
        ("\"map/\"", "names no file"),
        ("\"x\\u0000.txt\"", "control character"),
        ("\"x\\u202Etxt.exe\"", "control character or an invisible mark"),
        ("\"x\\n.txt\"", "control character"),
        ("\"nul\"", "device of Windows"),
        ("\"map/Com1.txt\"", "device of Windows"),
        ("\"../{{afkorting}}.txt\"", "leads up or nowhere"),
        ("\"{{afkorting}}/../x.txt\"", "leads up or nowhere"),
        ("\"\"", "is empty"),
        ("\"  \"", "is empty"),
        ("7", "must be a text"),
        ("{ paht = \"x\" }", "did you mean `path`?"),
        ("{ name = \"x\" }", "has no path"),
        ("{ path = \"x.txt\", optional = \"ja\" }", "`true` or `false`"),
        ("\"{{afkortign}}.txt\"", "did you mean `afkorting`?"),
        ("{ path = \"x.txt\", name = \"{{partji}}\" }", "did you mean `partij`?"),
        ("\"{{#if naam}}x.txt\"", "never closed"),
    ] {
        let campaign = Campaign::new();
        campaign.with_front_matter(&format!("attachments = [{line}]")).write("secret.txt", "not for you");
        campaign.write("attachments/x.txt", "x");
        refused(&campaign, "templates/letter.md:");
        refused(&campaign, words);
    }
    let campaign = Campaign::new();
    refused(campaign.with_front_matter("attachments = \"x.txt\""), "must be a list");
    refused(
        campaign.with_front_matter(&format!("attachments = [{}]", "\"x.txt\",".repeat(60))),
        "at most 50",
    );
}

#[test]
fn no_field_leads_out_of_the_folder() {
    for value in [
        "../../secret",
        "..",
        "/etc/passwd",
        "..\\..\\secret",
        "C:\\secret",
        "a/b",
        "nul",
        "CON",
        "con.x",
        "%2e%2e/secret",
        "....//secret",
        "~/secret",
        "$HOME",
        "{{naam}}",
        ".",
        "x\ty",
        "\"x\ny\"",
    ] {
        let campaign = Campaign::new();
        campaign.write(
            "recipients.csv",
            format!("afkorting,partij,naam,e-mail\nEEN,{value},N,een@een.example\n"),
        );
        campaign
            .write("secret.txt", "not for you")
            .write("secret", "not for you")
            .write("attachments/map/x.txt", "x");
        campaign
            .with_front_matter("attachments = [\"map/{{partij}}\", \"map/{{partij}}.txt\", \"{{partij}}\"]");
        refused(&campaign, "recipients.csv:2: EEN: ");
    }
    // A slash in a value is no folder: it finds the file that is called so.
    let campaign = Campaign::new();
    campaign.write("recipients.csv", "afkorting,partij,naam,e-mail\nEEN,GL / PvdA: één?,N,een@een.example\n");
    campaign
        .with_front_matter("attachments = [{ path = \"map/{{partij}}.txt\", name = \"Voor {{partij}}\" }]");
    campaign.write("attachments/map/GL - PvdA- één-.txt", "x").run(["send", "--yes"]).success();
    assert_eq!(named(&campaign.files_that_came("een@een.example")), ["Voor GL - PvdA- één-.txt"]);
}

#[test]
fn no_link_leads_out_of_the_folder_and_what_is_no_file_is_not_read() {
    let campaign = Campaign::new();
    campaign
        .write("secret.txt", "not for you")
        .write("attachments/echt.txt", "x")
        .write("elsewhere/deep/x.txt", "not for you");
    symlink("../secret.txt", campaign.file("attachments/uit.txt")).unwrap();
    symlink("../elsewhere", campaign.file("attachments/map")).unwrap();
    symlink("/etc", campaign.file("attachments/etc")).unwrap();
    symlink("nergens", campaign.file("attachments/los.txt")).unwrap();
    symlink("rond.txt", campaign.file("attachments/rond.txt")).unwrap();
    symlink("echt.txt", campaign.file("attachments/binnen.txt")).unwrap();
    fs::create_dir(campaign.file("attachments/echte-map")).unwrap();
    let pipe = campaign.file("attachments/pijp.txt");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::File::create(campaign.file("attachments/groot.bin")).unwrap().set_len(65 << 20).unwrap();
    for (path, words) in [
        ("uit.txt", "leads out of the folder"),
        ("map/deep/x.txt", "leads out of the folder"),
        ("etc/passwd", "leads out of the folder"),
        ("los.txt", "no such file"),
        ("rond.txt", "cannot be read"),
        ("echte-map", "is no file"),
        ("pijp.txt", "is no file"),
        ("groot.bin", "has 68 MB"),
        ("echt.txt/x", "no such file"),
        (&"x".repeat(300), "cannot be read"),
    ] {
        // The same for all, and named by a field.
        campaign.with_front_matter(&format!("attachments = [\"{path}\"]"));
        campaign.write("recipients.csv", "afkorting,partij,naam,e-mail\nEEN,Een,N,een@een.example\n");
        refuses(&campaign, "is not there, or cannot be taken along");
        let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        campaign
            .write("recipients.csv", format!("afkorting,partij,naam,e-mail\nEEN,{name},N,een@een.example\n"));
        campaign.with_front_matter(&format!("attachments = [\"{folder}{{{{partij}}}}\"]"));
        refuses(&campaign, words);
    }
    // A link within the folder is a file like others, and the folder itself may be a link.
    campaign.with_front_matter("attachments = [\"binnen.txt\"]").run(["check"]).success();
    fs::rename(campaign.file("attachments"), campaign.file("op-de-schijf")).unwrap();
    symlink("op-de-schijf", campaign.file("attachments")).unwrap();
    campaign.run(["send", "--yes"]).success();
    assert_eq!(named(&campaign.files_that_came("een@een.example")), ["binnen.txt"]);
}

/// As [`refused`], without reading the folder itself: there is a pipe in it.
#[track_caller]
fn refuses(campaign: &Campaign, words: &str) {
    let run = campaign.run(["send", "--yes"]).code(2);
    assert!(
        !run.err.contains("panicked") && run.err.contains(words),
        "nothing about `{words}`:\n{}",
        run.err
    );
    assert!(!run.err.contains("root:"), "{}", run.err);
    assert!(!campaign.file("logs").exists());
}

#[test]
fn the_files_are_edited_between_two_runs_and_nobody_gets_another_for_all() {
    let campaign = Campaign::new();
    campaign
        .with_front_matter("attachments = [\"allen.txt\", \"{{afkorting}}.txt\"]")
        .write("attachments/allen.txt", "approved");
    for key in ["EEN", "TWEE", "DRIE"] {
        campaign.write(&format!("attachments/{key}.txt"), key);
    }
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    let plan = campaign.run(["preview", "--digest"]).success().out;
    // The file for all is part of the letter, which is frozen; the file of a recipient is part of the row, which is not yet.
    campaign.write("attachments/allen.txt", "edited").write("attachments/TWEE.txt", "twee, edited");
    campaign.run(["check"]).success().said("differ from what was frozen");
    let edited = campaign.run(["preview", "--digest"]).success().out;
    assert_ne!(plan, edited, "another plan");
    campaign
        .run(["send", "--plan", plan.trim(), "--yes"])
        .code(2)
        .said("this is not the plan that was approved");
    campaign.run(["send", "--plan", edited.trim(), "--yes"]).success();
    let texts = |address: &str| -> Vec<String> {
        let files = campaign.files_that_came(address).into_iter();
        files.map(|(_, _, bytes)| String::from_utf8(bytes).unwrap()).collect()
    };
    assert_eq!(texts("een@een.example"), ["approved", "EEN"]);
    assert_eq!(texts("twee@twee.example"), ["approved", "twee, edited"]);
    assert_eq!(texts("drie@drie.example"), ["approved", "DRIE"]);
    let events = campaign.events();
    let updated: Vec<_> = events.iter().filter(|event| event["event"] == "updated").collect();
    assert_eq!(updated.len(), 1);
    assert_eq!(
        (&updated[0]["key"], &updated[0]["note"]),
        (&"TWEE".into(), &"other files go along than before".into())
    );
}

#[test]
fn each_file_is_kept_once_and_before_the_first_letter_goes() {
    let campaign = Campaign::to(
        (0..40).map(|n| format!("p{n}@party{n}.example")).collect::<Vec<_>>().iter().map(String::as_str),
    );
    let large: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    campaign.with_front_matter("attachments = [{ path = \"groot.bin\", name = \"voor {{afkorting}}.bin\" }]");
    campaign.write("attachments/groot.bin", &large).run(["send", "--yes"]).success().said("40 accepted");
    let size = fs::metadata(campaign.file("logs/ledger.db")).unwrap().len();
    assert!(size < 2 * 300_000 + 300_000, "the ledger has {size} octets");
    assert_eq!(campaign.files_that_came("p39@party39.example")[0].2, large);
}
