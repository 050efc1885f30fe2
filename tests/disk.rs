//! Disks that are full, folders that cannot be written, ledgers that are damaged, too new or in use: exit 4, a clear
//! sentence, nothing sent that could not be written down, nothing lost, and the next run goes on.
#![expect(clippy::unwrap_used, reason = "a test that cannot begin has failed")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output, Stdio};

use postduif::ledger::Ledger;
use postduif::transport::rehearsal::{Relay, RelaySettings};
use rusqlite::Connection;
use serde_json::Value;
use support::town::Campaign;

/// A campaign and the relay it sends to, which knows who got what.
struct Desk {
    _runtime: tokio::runtime::Runtime,
    relay: Relay,
    campaign: Campaign,
}

impl Desk {
    fn with(recipients: usize) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let settings = RelaySettings { record: true, ..RelaySettings::default() };
        let relay = runtime.block_on(Relay::start(settings)).unwrap();
        let campaign = Campaign::new();
        let mut roster = "afkorting,partij,naam,e-mail\n".to_owned();
        for n in 1..=recipients {
            let _ = writeln!(roster, "P{n},Partij {n},Commissie,p{n}@party{n}.example");
        }
        campaign.send_to(relay.addr().port()).write("recipients.csv", roster);
        Self { _runtime: runtime, relay, campaign }
    }

    /// Runs a shell script with mounts of its own; `$POSTDUIF` is the program. They go with the script, however it
    /// ends. `None` where this machine gives nobody mounts of their own.
    fn with_mounts(&self, script: &str) -> Option<Output> {
        let usable = |arguments: &[&str]| {
            let mut probe = Command::new("unshare");
            probe.args(arguments).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
            probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let arguments = [["-m", "--"], ["-rm", "--"]].into_iter().find(|arguments| usable(arguments));
        let Some(arguments) = arguments else {
            // Past the capture of the test's output, so that everybody sees it.
            let _ = std::io::stderr()
                .write_all(b"LEFT OUT: nobody may mount here, so no disk is filled and none is read-only\n");
            return None;
        };
        let mut command = Command::new("unshare");
        command.args(arguments).args(["sh", "-c", script]).current_dir(self.campaign.path());
        command.env("POSTDUIF", env!("CARGO_BIN_EXE_postduif")).env("NO_COLOR", "1");
        Some(command.output().unwrap())
    }

    fn copies(&self) -> BTreeMap<String, usize> {
        let mut copies = BTreeMap::new();
        for letter in self.relay.accepted() {
            *copies.entry(letter.forward_path).or_default() += 1;
        }
        copies
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.campaign.run(["status", "--json"]).success().out).unwrap()
    }

    /// A ledger that two of five letters were sent with.
    fn half_sent() -> Self {
        let desk = Self::with(5);
        desk.campaign.run(["send", "--yes", "--limit", "2"]).success();
        assert_eq!(desk.relay.taken(), 2);
        desk
    }

    fn ledger(&self) -> std::path::PathBuf {
        self.campaign.file("logs/ledger.db")
    }

    /// Writes everything into the ledger's one file, as when it was closed well.
    fn checkpoint(&self) {
        let conn = Connection::open(self.ledger()).unwrap();
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_disk_that_fills_up_stops_the_run_and_no_letter_is_sent_twice_or_lost() {
    const SCRIPT: &str = r#"
        mkdir -p logs && mount -t tmpfs -o size=12m tmpfs logs || exit 99
        head -c KEEP /dev/zero > logs/filler
        timeout 60 "$POSTDUIF" send --yes >out1 2>err1; echo $? >code1
        rm logs/filler
        timeout 60 "$POSTDUIF" send --yes >out2 2>err2; echo $? >code2
        "$POSTDUIF" status --json >status
        cp -r logs kept
    "#;
    let mut stopped = 0;
    for room in [30, 300, 600, 1000, 1500] {
        let desk = Desk::with(100);
        let script = SCRIPT.replace("KEEP", &((12 * 1024 - room) * 1024).to_string());
        let Some(run) = desk.with_mounts(&script) else { return };
        assert!(run.status.success(), "{}", text(&run.stderr));
        let read = |name: &str| desk.campaign.read(name);
        let told = format!("room {room} kB: {}{}", read("err1"), read("err2"));
        let copies = desk.copies();
        assert!(copies.values().all(|&copies| copies == 1), "{told}");
        if read("code1").trim() != "0" {
            stopped += 1;
            assert_eq!(read("code1").trim(), "4", "{told}");
            assert!(
                ["disk is full", "No space left", "is it full"]
                    .iter()
                    .any(|said| read("err1").contains(said)),
                "{told}"
            );
        }
        // With room again, it goes on; one connection may leave one letter in doubt.
        let status: Value = serde_json::from_str(&read("status")).unwrap();
        let counts = &status["counts"];
        let in_doubt = counts["in_doubt"].as_u64().unwrap();
        assert!(in_doubt <= 1, "{counts}");
        assert_eq!(counts["accepted"].as_u64().unwrap() + in_doubt, 100, "{told}{counts}");
        assert_eq!(read("code2").trim(), if in_doubt == 0 { "0" } else { "5" }, "{told}");
        for recipient in status["recipients"].as_array().unwrap() {
            let accepted = recipient["steps"][0]["state"] == "accepted";
            let arrived = copies.contains_key(recipient["address"].as_str().unwrap());
            assert!(!accepted || arrived, "{recipient} is accepted and never arrived");
        }
        let journal = read("kept/delivery.jsonl");
        let numbers: Vec<i64> = journal
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok()?["seq"].as_i64())
            .collect();
        assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>(), "{told}");
    }
    assert!(stopped >= 3, "only {stopped} of the disks were full");
}

#[test]
fn a_read_only_folder_can_be_looked_at_and_sends_nothing() {
    let desk = Desk::half_sent();
    let script = r#"
        cp -r . /tmp >/dev/null 2>&1 || true
        mount --bind . . && mount -o remount,ro,bind . . || exit 99
        cd "$PWD"
        for what in "send --yes" "check" "preview" "status" "why P1" "suppress add x.example --reason y"; do
            "$POSTDUIF" $what >/dev/null 2>"$SAID/err"; code=$?
            echo "$what: $code: $(tr '\n' ' ' <"$SAID/err")"
        done
    "#;
    let said = tempfile::tempdir().unwrap();
    let script = script.replace("$SAID", &said.path().to_string_lossy());
    let script = script.lines().filter(|line| !line.contains("cp -r")).collect::<Vec<_>>().join("\n");
    let Some(run) = desk.with_mounts(&script) else { return };
    let told = text(&run.stdout);
    assert!(run.status.success(), "{told}{}", text(&run.stderr));
    for line in [
        "send --yes: 4:",
        "check: 0:",
        "preview: 0:",
        "status: 0:",
        "why P1: 0:",
        "suppress add x.example --reason y: 4:",
    ] {
        assert!(told.contains(line), "no `{line}` in\n{told}");
    }
    assert!(told.contains("ead-only"), "{told}");
    assert_eq!(desk.relay.taken(), 2);
    desk.campaign.run(["send", "--yes"]).success();
    assert!(desk.copies().len() == 5 && desk.relay.taken() == 5);
}

#[test]
fn a_logs_folder_that_is_none_stops_before_the_first_letter() {
    let desk = Desk::with(3);
    desk.campaign.write("logs", "a file in the way");
    desk.campaign.run(["send", "--yes"]).code(4).said("logs");
    fs::remove_file(desk.campaign.file("logs")).unwrap();
    fs::create_dir_all(desk.campaign.file("logs/delivery.jsonl")).unwrap();
    desk.campaign.run(["send", "--yes"]).code(4).said("delivery.jsonl").said("nothing was sent");
    assert_eq!(desk.relay.taken(), 0);
    fs::remove_dir(desk.campaign.file("logs/delivery.jsonl")).unwrap();
    desk.campaign.run(["send", "--yes"]).success();
    assert_eq!(desk.relay.taken(), 3);
}

#[test]
fn a_status_csv_that_cannot_be_written_costs_no_letter() {
    let desk = Desk::with(3);
    fs::create_dir_all(desk.campaign.file("logs/status.csv/in-the-way")).unwrap();
    desk.campaign.run(["send", "--yes"]).success().said("status.csv");
    assert_eq!(desk.relay.taken(), 3);
}

/// What may happen to the bytes of a ledger.
type Damage = fn(&mut Vec<u8>);

#[test]
fn a_damaged_ledger_is_named_and_left_as_it_is() {
    let damages: [(&str, Damage); 4] = [
        ("another file", |bytes| {
            *bytes = b"this is a letter, not a ledger, and it goes on for a while".to_vec()
        }),
        ("a broken header", |bytes| bytes[..100].fill(0x55)),
        ("pages overwritten", |bytes| bytes[100..].fill(0xA5)),
        ("cut to a third", |bytes| bytes.truncate(bytes.len() / 3)),
    ];
    for (name, damage) in damages {
        let desk = Desk::half_sent();
        desk.checkpoint();
        let whole = fs::read(desk.ledger()).unwrap();
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(desk.ledger(), &bytes).unwrap();
        let run = desk.campaign.run(["send", "--yes"]);
        assert_eq!(run.code, Some(4), "{name}: {}", run.err);
        assert!(run.err.contains("ledger.db"), "{name}: {}", run.err);
        assert_eq!(desk.relay.taken(), 2, "{name}");
        let status = desk.campaign.run(["status", "--json"]);
        assert!(matches!(status.code, Some(0 | 4)), "{name}: {}", status.err);
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(desk.campaign.file(&format!("logs/ledger.db{ending}")));
        }
        fs::write(desk.ledger(), &whole).unwrap();
        desk.campaign.run(["send", "--yes"]).success();
        assert_eq!((desk.relay.taken(), desk.copies().len()), (5, 5), "{name}");
    }
}

#[test]
fn an_old_copy_of_the_ledger_is_restored_and_started() {
    // Field bug 3: everybody is mailed a second time.
    let desk = Desk::half_sent();
    desk.checkpoint();
    let old = fs::read(desk.ledger()).unwrap();
    desk.campaign.run(["send", "--yes"]).success();
    desk.checkpoint();
    let latest = fs::read(desk.ledger()).unwrap();
    for (name, copy) in [("an old copy", Some(&old)), ("an empty file", Some(&Vec::new())), ("none", None)] {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(desk.campaign.file(&format!("logs/ledger.db{ending}")));
        }
        if let Some(copy) = copy {
            fs::write(desk.ledger(), copy).unwrap();
        }
        let run = desk.campaign.run(["send", "--yes"]).code(4).said("older than").said("nothing was sent");
        assert_eq!(desk.relay.taken(), 5, "{name}: {}", run.err);
    }
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(desk.campaign.file(&format!("logs/ledger.db{ending}")));
    }
    fs::write(desk.ledger(), latest).unwrap();
    desk.campaign.run(["send", "--yes"]).success();
    assert_eq!(desk.status()["counts"]["accepted"], 5);
    assert_eq!(desk.relay.taken(), 5);
}

#[test]
fn a_ledger_of_a_newer_program_is_left_alone() {
    let desk = Desk::half_sent();
    Connection::open(desk.ledger()).unwrap().pragma_update(None, "user_version", 999).unwrap();
    for command in [&["send", "--yes"][..], &["status"], &["why", "P1"], &["pause"]] {
        desk.campaign.run(command).code(4).said("newer postduif");
    }
    assert_eq!(desk.relay.taken(), 2);
}

#[test]
fn a_ledger_in_use_says_by_whom_and_can_still_be_read() {
    let desk = Desk::half_sent();
    let held = Ledger::open(&desk.ledger(), "postduif send, process 4711, since noon", None).unwrap();
    desk.campaign.run(["send", "--yes"]).code(4).said("process 4711, since noon");
    assert_eq!(desk.status()["counts"]["accepted"], 2);
    desk.campaign.run(["why", "P5"]).success().said("queued");
    desk.campaign.run(["suppress", "add", "party5.example", "--reason", "asked"]).success();
    drop(held);
    desk.campaign.run(["send", "--yes"]).success();
    assert_eq!((desk.relay.taken(), desk.copies().contains_key("p5@party5.example")), (4, false));
}

#[test]
fn two_processes_start_in_the_same_second() {
    // Field bug 4: two copies each.
    let desk = Desk::with(40);
    let together: Vec<_> = (0..4).map(|_| desk.campaign.spawn(["send", "--yes"])).collect();
    for run in together.into_iter().map(support::town::Running::wait) {
        // Whoever comes second is told so, or comes when everything is done.
        assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
    }
    desk.campaign.run(["send", "--yes"]).success();
    assert_eq!((desk.relay.taken(), desk.copies().len()), (40, 40));
}

#[test]
fn what_holds_personal_data_is_for_its_owner_alone() {
    let desk = Desk::half_sent();
    for name in ["ledger.db", "delivery.jsonl", "status.csv", "ledger.db.lock"] {
        let mode = fs::metadata(desk.campaign.file(&format!("logs/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
