//! The typesetter's client against programs that misbehave. What the real one makes is in `tests/pdf/`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use jiff::ZonedDateTime;
use postduif::typesetting::{Files, Order, Settings, Typeset, Typesetter, TypesettingError};

/// Says what the real one says first, and takes the files, of which there are none.
const BEGIN: &str = r#"#!/bin/sh
echo '{"protocol":2,"program":"letter-pdf 9.9.9","typst":"0.0.0"}'
read -r set_up
echo '{"ready":{"families":["Some Serif"],"characters":[[32,126],[233,233]]}}'
"#;

/// Takes a letter whose data are `{}`, and gives four octets.
const ONE: &str = r#"
read -r head || exit 0
head -c 2 >/dev/null
printf '{"pdf":{"size":4,"pages":1,"warnings":[]}}\n%%PDF'
"#;

/// A program of our own in a folder of its own.
struct Script {
    dir: tempfile::TempDir,
}

impl Script {
    fn new(text: impl AsRef<str>) -> Self {
        let script = Self { dir: tempfile::tempdir().unwrap() };
        // Another process writes it: a file that we had open for writing may be so still in a child that another test starts.
        let mut writer = Command::new("/bin/sh")
            .args(["-c", "cat > \"$1\" && chmod 755 \"$1\"", "sh"])
            .arg(script.path())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        writer.stdin.take().unwrap().write_all(text.as_ref().as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        script
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("letter-pdf")
    }

    fn typesetter(&self, processes: usize) -> Typesetter {
        with_limit(&self.path(), processes, Duration::from_secs(30))
    }
}

fn with_limit(program: &Path, processes: usize, limit: Duration) -> Typesetter {
    let settings = Settings { program: Some(program.to_owned()), folders: Vec::new(), limit, processes };
    Typesetter::new(settings, &Files::default())
}

fn ask(typesetter: &Typesetter) -> Result<Typeset, TypesettingError> {
    let dated: ZonedDateTime = "2025-10-29T00:00:00+01:00[Europe/Amsterdam]".parse().unwrap();
    typesetter.typeset(&Order { template: "brief.typ", ident: "1", dated: &dated, data: b"{}" })
}

#[test]
fn one_process_takes_letter_after_letter() {
    let script = Script::new(format!("{BEGIN}echo x >> \"$0.begun\"\nwhile true; do{ONE}done"));
    let typesetter = script.typesetter(2);
    for _ in 0..5 {
        assert_eq!(ask(&typesetter).unwrap().pdf, b"%PDF");
    }
    let begun = fs::read_to_string(script.dir.path().join("letter-pdf.begun")).unwrap();
    assert_eq!(begun, "x\n", "one process did for all");
    let about = typesetter.about().unwrap();
    assert_eq!((about.version.as_str(), about.families.len()), ("letter-pdf 9.9.9 (typst 0.0.0)", 1));
}

#[test]
fn it_says_which_characters_can_be_shown() {
    let script = Script::new(format!("{BEGIN}cat >/dev/null"));
    let about = script.typesetter(1).about().unwrap();
    let shown: String = "az~\u{7f}éè漢 \n\u{ad}".chars().filter(|c| about.can_show(*c)).collect();
    assert_eq!(shown, "az~\u{7f}é \n\u{ad}");
}

#[test]
fn several_letters_are_made_at_once_and_no_more_than_allowed() {
    // Each of two processes waits until the other has a letter, too.
    let meet = r#"
n=$(ls -d "$0".busy.* 2>/dev/null | wc -l)
mkdir "$0.busy.$$"
while [ "$(ls -d "$0".busy.* | wc -l)" -lt 2 ]; do sleep 0.01; done
"#;
    let script = Script::new(format!(
        "{BEGIN}echo x >> \"$0.begun\"\nread -r head\nhead -c 2 >/dev/null{meet}printf '{{\"pdf\":{{\"size\":0,\"pages\":1,\"warnings\":[]}}}}\\n'\nwhile true; do{ONE}done"
    ));
    let typesetter = Arc::new(script.typesetter(2));
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (typesetter, start) = (Arc::clone(&typesetter), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                ask(&typesetter).map(drop)
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), Ok(()));
    }
    let begun = fs::read_to_string(script.dir.path().join("letter-pdf.begun")).unwrap();
    assert_eq!(begun, "x\nx\n");
}

#[test]
fn a_letter_that_takes_too_long_is_stopped_and_the_next_gets_a_fresh_process() {
    let script = Script::new(format!(
        "{BEGIN}if mkdir \"$0.first\" 2>/dev/null; then echo $$ > \"$0.pid\"; read -r head; exec sleep 600; fi\nwhile true; do{ONE}done"
    ));
    let typesetter = with_limit(&script.path(), 1, Duration::from_secs(2));
    let error = ask(&typesetter).unwrap_err();
    assert_eq!(
        error.to_string(),
        "typesetting `brief.typ` took longer than 2 s and was stopped; does a loop in it never end?"
    );
    let pid = fs::read_to_string(script.dir.path().join("letter-pdf.pid")).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the process is gone");
    assert_eq!(ask(&typesetter).unwrap().pdf, b"%PDF");
}

#[test]
fn a_process_that_ends_in_the_middle_is_replaced_and_the_letter_tried_again() {
    let script = Script::new(format!(
        "{BEGIN}if mkdir \"$0.first\" 2>/dev/null; then read -r head; exit 3; fi\nwhile true; do{ONE}done"
    ));
    assert_eq!(ask(&script.typesetter(1)).unwrap().pdf, b"%PDF");
}

#[test]
fn one_that_ends_over_every_letter_is_told_with_its_last_words() {
    let script =
        Script::new(format!("{BEGIN}read -r head\necho 'memory allocation failed' >&2\nkill -ABRT $$"));
    let error = ask(&script.typesetter(1)).unwrap_err().to_string();
    assert!(
        error.starts_with("the typesetter broke down over `brief.typ`: it ended with signal: 6"),
        "{error}"
    );
    assert!(error.ends_with("after \"memory allocation failed\""), "{error}");
}

#[test]
fn an_answer_that_is_cut_off_is_no_letter() {
    let script = Script::new(format!(
        "{BEGIN}read -r head\nprintf '{{\"pdf\":{{\"size\":400,\"pages\":1,\"warnings\":[]}}}}\\n%%PDF'"
    ));
    assert!(matches!(ask(&script.typesetter(1)), Err(TypesettingError::Broken { .. })));
}

#[test]
fn faults_come_as_problems_with_file_line_and_hint() {
    let script = Script::new(format!(
        "{BEGIN}read -r head\nhead -c 2 >/dev/null\necho '{{\"faults\":[{{\"file\":\"brief.typ\",\"line\":3,\"column\":7,\"said\":\"unknown variable: x\",\"hint\":\"look\"}},{{\"said\":\"odd\"}}]}}'\ncat >/dev/null"
    ));
    let error = ask(&script.typesetter(1)).unwrap_err();
    assert_eq!(error.to_string(), "templates/brief.typ:3:7: unknown variable: x; look; templates/: odd");
}

#[test]
fn what_is_no_typesetter_is_told_so() {
    let said = |text: &str| ask(&Script::new(text).typesetter(1)).unwrap_err().to_string();
    let why = |text: &str| said(text).split_once(" cannot be used: ").expect("unusable").1.to_owned();
    for other in [1, 3] {
        let greeting = format!("{{\"protocol\":{other},\"program\":\"x\",\"typst\":\"y\"}}");
        assert_eq!(
            why(&format!("#!/bin/sh\necho '{greeting}'\ncat >/dev/null")),
            format!(
                "it speaks protocol {other}, and this program speaks 2; build the one of this version: `cargo install --locked --path letter-pdf`"
            )
        );
    }
    assert_eq!(
        why("#!/bin/sh\necho hello\n"),
        "it does not speak as letter-pdf does (it ended with exit status: 0)"
    );
    assert_eq!(
        why("#!/bin/sh\necho broken library >&2; exit 127\n"),
        "it does not speak as letter-pdf does (it ended with exit status: 127, after \"broken library\")"
    );
}

#[test]
fn one_that_is_not_there_is_told_with_where_it_was_looked_for() {
    let empty = tempfile::tempdir().unwrap();
    let settings = |program| Settings {
        program,
        folders: vec![empty.path().to_owned()],
        limit: Duration::from_secs(30),
        processes: 1,
    };
    let error = ask(&Typesetter::new(settings(None), &Files::default())).unwrap_err();
    assert_eq!(error, TypesettingError::Missing { looked: vec![empty.path().to_owned()] });
    let named = empty.path().join("elsewhere");
    let error = ask(&Typesetter::new(settings(Some(named.clone())), &Files::default())).unwrap_err();
    assert_eq!(error, TypesettingError::Missing { looked: vec![named] });
}

#[test]
fn the_process_gets_nothing_of_our_environment() {
    let script = Script::new(format!("{BEGIN}env > \"$0.env\"\nwhile true; do{ONE}done"));
    ask(&script.typesetter(1)).unwrap();
    let given = fs::read_to_string(script.dir.path().join("letter-pdf.env")).unwrap();
    assert!(!given.contains("CARGO") && !given.contains("HOME="), "{given}");
}

#[test]
fn a_picture_is_asked_for_with_its_pixels_and_a_letter_in_its_place_is_none() {
    let picture = |form: &str| {
        format!(
            "{BEGIN}while true; do\nread -r head || exit 0\nprintf '%s' \"$head\" > \"$0.head\"\nhead -c 2 >/dev/null\nprintf '{{\"{form}\":{{\"size\":4,\"pages\":1,\"width\":2,\"height\":2,\"warnings\":[]}}}}\\n1234'\ndone"
        )
    };
    let dated: ZonedDateTime = "2025-10-29T00:00:00+01:00[Europe/Amsterdam]".parse().unwrap();
    let order = Order { template: "table.typ", ident: "1", dated: &dated, data: b"{}" };
    let script = Script::new(picture("png"));
    let typesetter = script.typesetter(1);
    assert_eq!(typesetter.picture(&order, 2).unwrap(), b"1234");
    let head = fs::read_to_string(script.dir.path().join("letter-pdf.head")).unwrap();
    assert!(head.ends_with("\"size\":2,\"png\":2}"), "{head}");
    let error = Script::new(picture("pdf")).typesetter(1).picture(&order, 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the typesetter broke down over `table.typ`: it gave an answer that nobody asked for"
    );
    let head_of_letter = ask(&typesetter).unwrap_err();
    assert!(matches!(head_of_letter, TypesettingError::Broken { .. }), "a picture is no letter");
    let head = fs::read_to_string(script.dir.path().join("letter-pdf.head")).unwrap();
    assert!(head.ends_with("\"size\":2}"), "{head}");
}
