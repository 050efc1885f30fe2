//! The program as a citizen of the shell: help, completions, man pages, colour, quiet, pipes.

use std::process::{Command, Stdio};

use crate::desk::Post;
use crate::support::town::Campaign;

const COMMANDS: [&str; 19] = [
    "init",
    "check",
    "preview",
    "rehearse",
    "send",
    "status",
    "why",
    "show",
    "proof",
    "settle",
    "mark",
    "inbox",
    "serve",
    "pause",
    "resume",
    "cancel",
    "suppress",
    "completions",
    "man",
];

#[test]
fn the_help_of_every_command_is_what_it_was() {
    let campaign = Campaign::new().with_env("COLUMNS", "100");
    let help = |arguments: &[&str]| campaign.run(arguments.iter().chain(&["--help"])).success().out;
    let all = help(&[]);
    insta::assert_snapshot!("help", all);
    for command in COMMANDS {
        assert!(all.lines().any(|line| line.trim_start().starts_with(&format!("{command} "))), "{command}");
        insta::assert_snapshot!(format!("help_{command}"), help(&[command]));
    }
    for command in ["add", "remove", "list"] {
        insta::assert_snapshot!(format!("help_suppress_{command}"), help(&["suppress", command]));
    }
    campaign.run(["help", "send"]).success().said("--plan <DIGEST>");
    campaign.run(["--version"]).success().said(concat!("postduif ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn what_was_typed_wrongly_ends_with_2_and_the_nearest_word() {
    let campaign = Campaign::new();
    let before = campaign.everything();
    campaign.run(["sned"]).code(2).said("'send'");
    campaign.run(["send", "--limits", "3"]).code(2).said("'--limit'");
    campaign.run(["send", "--limit", "many"]).code(2).said("many");
    campaign.run(["send", "--limit", "-1"]).code(2);
    campaign.run(["settle", "EEN"]).code(2);
    campaign.run(["send", "--test", "a@b.example", "--plan", "0123456789ab"]).code(2);
    let nothing: [&str; 0] = [];
    campaign.run(nothing).code(2).said("Usage: postduif");
    campaign
        .run(["-C", "nowhere", "status"])
        .code(2)
        .said("there is no `config.toml` in `nowhere`")
        .said("postduif init");
    assert_eq!(campaign.everything(), before);
}

#[test]
fn completions_for_the_usual_shells_know_every_command() {
    let campaign = Campaign::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = campaign.run(["completions", shell]).success().out;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell} does not know `{command}`");
        }
    }
    // Where the shell is there, it can read its script.
    for (shell, arguments) in [("bash", vec!["-n"]), ("zsh", vec!["-n"]), ("fish", vec!["--no-execute"])] {
        campaign.write("script", campaign.run(["completions", shell]).success().out);
        let read =
            Command::new(shell).args(arguments).arg(campaign.file("script")).stderr(Stdio::piped()).output();
        if let Ok(read) = read {
            assert!(read.status.success(), "{shell}: {}", String::from_utf8_lossy(&read.stderr));
        }
    }
}

#[test]
fn there_is_a_man_page_for_every_command() {
    let campaign = Campaign::new();
    campaign.run(["man", "pages"]).success();
    let page = campaign.read("pages/postduif.1");
    assert!(page.contains(".TH postduif 1"), "{page}");
    for command in COMMANDS {
        assert!(campaign.read(&format!("pages/postduif-{command}.1")).contains(".SH"), "{command}");
    }
    campaign.run(["man", "config.toml"]).code(2).said("cannot be written");
}

#[test]
fn no_escape_code_reaches_a_pipe() {
    let campaign = Campaign::to(["een@partij.example", "nobody@partij.example", "bo@gmial.com"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    for arguments in [
        vec!["check"],
        vec!["preview"],
        vec!["preview", "K1"],
        vec!["preview", "K9"],
        vec!["send"],
        vec!["send", "--yes"],
        vec!["status"],
        vec!["why", "K2"],
        vec!["--help"],
        vec!["sned"],
    ] {
        let mut command = campaign.command(&arguments);
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        let output = command.output().unwrap();
        assert!(
            !output.stdout.contains(&0x1B) && !output.stderr.contains(&0x1B),
            "an escape code from {arguments:?}"
        );
    }
}

#[test]
fn colour_at_a_terminal_unless_told_otherwise() {
    let campaign = Campaign::new();
    // `31` is red, `1` bold: what a terminal is told to paint an error with.
    let painted = |text: &str| text.contains("\u{1b}[1;31m");
    let Some(run) = campaign.at_terminal("preview NIEMAND", "", true) else { return };
    assert!(painted(&run.code(2).out));
    let run = campaign.at_terminal("preview NIEMAND", "", false).unwrap().code(2).said("NIEMAND");
    assert!(!run.out.contains('\u{1b}'), "{:?}", run.out);
}

#[test]
fn quiet_leaves_results_and_failures() {
    let campaign = Campaign::to(["een@partij.example", "bo@gmial.com"]);
    let post = Post::spelled();
    campaign.send_to(post.port());
    let run = campaign.run(["--quiet", "check"]).success();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    let run = campaign.run(["preview", "-q"]).success();
    assert!(run.out.contains("2 letters") && run.err.is_empty(), "{run:?}");
    let run = campaign.run(["-q", "send", "--yes", "--limit", "1"]).success();
    assert!(run.out.contains("1 accepted") && run.err.is_empty(), "{run:?}");
    let run = campaign.run(["-q", "pause"]).success();
    assert_eq!((run.out.as_str(), run.err.as_str()), ("", ""));
    // A failure is not silenced.
    campaign.run(["-q", "send", "--yes"]).code(2).said("error: the campaign is paused");
}

#[test]
fn results_go_to_standard_output_and_the_rest_to_standard_error() {
    let campaign = Campaign::new();
    let run = campaign.run(["send", "--yes"]).success();
    assert_eq!(run.out, "appeal: finished\n          3 recipients\n          3 accepted\n");
    assert!(
        run.err.contains("3 letters to 3 recipients") && run.err.contains("look in logs/status.csv"),
        "{}",
        run.err
    );
    let status = campaign.run(["status", "--json"]).success();
    assert!(status.err.is_empty(), "{}", status.err);
    let failed = campaign.run(["why", "NIEMAND"]).code(2);
    assert!(failed.out.is_empty() && failed.err.starts_with("error: "), "{failed:?}");
}

#[test]
fn a_reader_that_hangs_up_is_no_failure() {
    let addresses: Vec<String> = (0..3000).map(|n| format!("p{n}@partij.example")).collect();
    let campaign = Campaign::to(addresses.iter().map(String::as_str));
    campaign.configure("kind = \"rehearsal\"", "kind = \"folder\"\npath = \"outbox\"");
    campaign.run(["send", "--yes", "--limit", "1"]).success();
    let program = env!("CARGO_BIN_EXE_postduif");
    for arguments in ["status --json", "completions bash", "preview K1 --raw"] {
        let line = format!("{{ '{program}' {arguments}; echo $? > code; }} 2> err | head -c 20 > /dev/null");
        let piped = Command::new("sh").args(["-c", &line]).current_dir(campaign.path()).status().unwrap();
        assert!(piped.success());
        assert_eq!((campaign.read("code").trim(), campaign.read("err").as_str()), ("0", ""), "{arguments}");
    }
}

#[test]
fn another_folder_is_worked_on_with_c() {
    let campaign = Campaign::new();
    campaign.run(["init", "mine"]).success();
    campaign.run(["-C", "mine", "preview"]).success();
    campaign.run(["preview", "-C", "mine"]).success().said("3 letters to 3 recipients");
    campaign.edit("mine/config.toml", "kind = \"rehearsal\"", "kind = \"folder\"\npath = \"out\"");
    campaign.run(["-C", "mine", "send", "--yes", "--limit", "1"]).success();
    // The plan's name does not depend on where one stands either.
    let absolute = campaign.file("mine").display().to_string();
    let digest = |folder: &str| campaign.run(["-C", folder, "preview", "--digest"]).success().out;
    assert_eq!(digest("mine"), digest(&absolute));
    assert_eq!(digest("mine"), digest("mine/../mine/."));
    // Everything that the settings name lies in the campaign's folder, not where the program was started.
    for name in ["mine/logs/ledger.db", "mine/logs/status.csv", "mine/logs/delivery.jsonl", "mine/out"] {
        assert!(campaign.file(name).exists(), "{name}");
    }
    assert!(!campaign.file("logs").exists() && !campaign.file("out").exists());
}
