//! What is caught before a letter leaves, and what a person lets stand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::servers::left_out;
use crate::support::town::Campaign;

/// Everything that would be laughed at, to a relay that would take it out of the machine.
fn embarrassments() -> Campaign {
    let campaign = Campaign::new();
    campaign
        .configure("kind = \"rehearsal\"", "kind = \"smtp\"\nhost = \"mail.ngo-voorbeeld.nl\"")
        .configure(
            "address = \"appeal@alliance.example\"",
            "address = \"campagne@ngo-voorbeeld.nl\"\nreply-to = \"ngo@gmail.com\"",
        )
        .configure("organisation = \"The Alliance\"", "organisation = \"[organisatie]\"")
        .configure("language = \"nl\"", "language = \"en\"");
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,aanhef,e-mail,site,dag,opmerking\n\
         EEN,Partij A,JAN JANSEN,heer De heer Jansen,jan.jansen@partij-a.nl,http://www.partij-a.nl,maandag,n.v.t.\n\
         TWEE,Partij A,J. Jansen,mevrouw {{naam}},j.jansen@partij-a.nl,https://bit.ly/x,dinsdag,Kom &amp; doe mee\n\
         DRIE,Partij A,joke@partij-a.nl,,joke@partij-a.nl,https://localhost/,dinsdag,twee  blanken\n\
         VIER,Partij A,Karel de Grote,heer De Grote,karel@gmial.com,https://partij-a.nl/,dinsdag,null\n",
    );
    campaign.write(
        "templates/letter.md",
        "+++\nsubject = \"RE: EEN OPROEP AAN U ALLEN!!\"\n+++\nGeachte {{optional aanhef}} ,\n\n\
         Wij komen op {{dag}} 9 september 2025, of op woensdag 10 september 2024. «Naam» Lorem ipsum dolor sit amet. Kom!!!\n\n\
         Wij vragen u om [iets] te doen aan de dingen die wij u in deze brief hebben geschreven, en om dat niet te laten, want het is \
         voor ons en voor u van belang dat het een goede afloop heeft.\n\n\
         Antwoord graag voor 1 juli 2024. {{opmerking}}. Zie [www.bank.nl](https://evil.nl/) en [uw site]({{site}}) of \
         [mail](mailto:info@gmial.com).\n",
    );
    campaign
}

#[test]
fn everything_that_embarrasses_is_told_and_stops_send() {
    let campaign = embarrassments();
    let before = campaign.everything();
    let run = campaign.run(["check"]).code(2);
    insta::assert_snapshot!("embarrassments", run.err);
    campaign.run(["preview"]).code(2);
    campaign.run(["send", "--yes"]).code(2).said("nothing was sent");
    assert_eq!(campaign.everything(), before);
    // A machine gets the names.
    let json = campaign.run(["check", "--json"]).code(2);
    let found: Vec<Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for name in [
        "doubled-salutation",
        "wrong-weekday",
        "deceptive-link",
        "no-value",
        "left-over",
        "two-spellings",
        "false-reply",
    ] {
        assert!(found.iter().any(|problem| problem["name"] == name), "{name}\n{}", json.out);
    }
    let doubled = found.iter().find(|problem| problem["name"] == "doubled-salutation").unwrap();
    assert_eq!(
        (&doubled["recipient"], &doubled["severity"], &doubled["accepted"]),
        (&"EEN".into(), &"error".into(), &Value::Null)
    );
}

#[test]
fn in_a_rehearsal_the_same_only_warns_and_the_letters_are_looked_at() {
    let campaign = embarrassments();
    campaign.configure("kind = \"smtp\"\nhost = \"mail.ngo-voorbeeld.nl\"", "kind = \"rehearsal\"");
    let run = campaign.run(["check"]).success().said("4 letters would go out");
    assert!(
        run.err.contains("warning: EEN: `Geachte heer De heer Jansen ,` has a form of address twice"),
        "{}",
        run.err
    );
    // One letter is looked at with what is odd about it, and about no other.
    let one =
        campaign.run(["preview", "VIER"]).success().said("warning: VIER: `opmerking`: `null` is no value");
    assert!(!one.err.contains("EEN:") && !one.out.contains("warning"), "{}", one.err);
}

#[test]
fn what_is_accepted_with_a_reason_is_shown_and_stops_nothing() {
    let campaign = Campaign::new();
    campaign
        .configure("kind = \"rehearsal\"", "kind = \"smtp\"\nhost = \"mail.ngo-voorbeeld.nl\"")
        .configure("address = \"appeal@alliance.example\"", "address = \"campagne@ngo-voorbeeld.nl\"");
    campaign.write(
        "recipients.csv",
        "afkorting,partij,naam,e-mail\nEEN,Partij A,Geachte heer De heer Jansen,a@partij-a.nl\nTWEE,Partij B,Geachte heer De heer Bos,b@partij-b.nl\n",
    );
    let letter = |accept: &str| {
        let text = "{{naam}},\n\nWij schrijven u omdat de gemeente binnenkort beslist over de opvang in onze wijk, en wij vragen u om mee te denken.\n";
        campaign.write(
            "templates/letter.md",
            format!("+++\nsubject = \"Oproep aan {{{{partij}}}}\"\n{accept}+++\n{text}"),
        );
    };
    letter("");
    campaign.run(["check"]).code(2).said("2 problems");
    // For one of them, in the settings.
    let settings = campaign.read("config.toml");
    let accept =
        |text: &str| campaign.write("config.toml", format!("{settings}\n[[preflight.accept]]\n{text}\n"));
    accept("finding = \"doubled-salutation\"\nreason = \"he is called so\"\nonly = [\"EEN\"]");
    campaign
        .run(["check"])
        .code(2)
        .said("1 problem, 0 warnings, 1 accepted")
        .said("accepted: EEN: ")
        .said("(because: he is called so)");
    // For all of them, in the letter.
    campaign.write("config.toml", &settings);
    letter("accept = [{ finding = \"doubled-salutation\", reason = \"they are called so\" }]\n");
    campaign.run(["check"]).success().said("no problems, 2 accepted").said("(because: they are called so)");
    campaign.run(["preview", "EEN"]).success().said("accepted: EEN: ");
    let json = campaign.run(["check", "--json"]).success().out;
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["accepted"], "they are called so");
    // What is accepted and is not there is told, and so is what cannot be accepted.
    accept("finding = \"large-letter\"\nreason = \"it is long\"");
    campaign
        .run(["check"])
        .success()
        .said("warning: `large-letter` is accepted, and nothing of that name was found");
    for (wrong, told) in [
        ("finding = \"large-leter\"\nreason = \"x\"", "did you mean `large-letter`?"),
        ("finding = \"large-letter\"\nreason = \" \"", "gives no reason"),
        ("finding = \"large-letter\"", "gives no reason"),
        ("reason = \"x\"", "names no finding"),
        ("finding = \"example-address\"\nreason = \"x\"", "cannot be accepted"),
        ("finding = \"large-letter\"\nreason = \"x\"\nonly = \"EEN\"", "must be a list of texts"),
    ] {
        accept(wrong);
        campaign.run(["check"]).code(2).said(told);
    }
    campaign.write("config.toml", &settings);
    for (wrong, told) in [
        ("accept = \"large-letter\"\n", "must be a list of tables"),
        ("accept = [{ finding = \"large-letter\", reson = \"x\" }]\n", "no key `reson`"),
        ("accept = [{ finding = \"left-over\", reason = \"x\" }]\n", "cannot be accepted"),
    ] {
        letter(wrong);
        campaign.run(["check"]).code(2).said(told).said("templates/letter.md:3");
    }
}

#[test]
fn nothing_is_found_in_the_shipped_example() {
    let campaign = Campaign::shipped();
    let run = campaign.run(["check"]).success().said("no problems; 27 letters would go out");
    assert!(!run.err.contains("warning") && !run.err.contains("accepted"), "{}", run.err);
    // Before real recipients it knows itself for an example, and says nothing else.
    campaign.configure("kind = \"rehearsal\"", "kind = \"smtp\"\nhost = \"mail.ngo-voorbeeld.nl\"\n#");
    let json = campaign.run(["check", "--json"]).code(2).out;
    let mut names: Vec<String> = json
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(names, ["example-address", "example-text"]);
}

#[test]
fn the_plan_says_how_much_goes_out() {
    let run = Campaign::shipped().run(["preview"]).success();
    let size = run.out.lines().find(|line| line.trim_start().starts_with("size")).unwrap_or_default();
    assert!(size.contains("about 27 × 1") && size.contains(" kB = 4"), "{}", run.out);
}

/// Puts a program of that name before all others.
fn with_program(name: &str, script: &str) -> (Campaign, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let campaign = Campaign::new().with_env("PATH", &path);
    campaign.configure("spamassassin = \"off\"", "spamassassin = \"auto\"");
    (campaign, folder)
}

#[test]
fn spamassassin_is_asked_and_its_score_stops_or_warns() {
    let answer = |points: &str| {
        format!(
            "#!/bin/sh\nfor word; do case \"$word\" in --cf=add_header*) header=${{word#--cf=add_header all }}; header=${{header%% *}};; esac; done\n\
             sed \"s/^From postduif.*/&\\nX-Spam-$header: {points} GRAVE_RULE={points},HTML_MESSAGE=0.001/\"\n"
        )
    };
    let (campaign, _kept) = with_program("spamassassin", &answer("1.5"));
    campaign.run(["check"]).success().said("spam: 1.5 of 5 points");
    campaign.run(["preview"]).success().said("1.5 of 5 points by SpamAssassin");
    let (campaign, _kept) = with_program("spamassassin", &answer("2.5"));
    campaign
        .run(["check"])
        .success()
        .said("SpamAssassin finds the letter odd: 2.5 points of 5, for GRAVE_RULE (2.5)");
    let (campaign, _kept) = with_program("spamassassin", &answer("7.0"));
    campaign.run(["check"]).success().said("warning: EEN: SpamAssassin takes the letter for spam");
    campaign
        .configure("kind = \"rehearsal\"", "kind = \"smtp\"\nhost = \"mail.ngo-voorbeeld.nl\"")
        .configure("address = \"appeal@alliance.example\"", "address = \"campagne@ngo-voorbeeld.nl\"");
    campaign.write("recipients.csv", campaign.read("recipients.csv").replace(".example\n", ".nl\n"));
    campaign
        .run(["send", "--yes"])
        .code(2)
        .said("SpamAssassin takes the letter for spam: 7.0 points of 5")
        .said("nothing was sent");
}

#[test]
fn spamassassin_that_fails_or_is_absent_stops_nothing() {
    for script in ["#!/bin/sh\nexit 3\n", "#!/bin/sh\ncat >/dev/null\necho nonsense\n"] {
        let (campaign, _kept) = with_program("spamassassin", script);
        campaign.run(["check"]).success().said("SpamAssassin is installed and gave no answer");
    }
    let empty = tempfile::tempdir().unwrap();
    let campaign = Campaign::new().with_env("PATH", &empty.path().display().to_string());
    campaign.configure("spamassassin = \"off\"", "spamassassin = \"auto\"");
    let run = campaign.run(["check"]).success();
    assert!(!run.err.contains("pam"), "{}", run.err);
}

#[test]
fn the_real_spamassassin_finds_nothing_in_the_shipped_letter() {
    if left_out() || !std::path::Path::new("/usr/bin/spamassassin").exists() {
        return;
    }
    let campaign = Campaign::shipped();
    campaign.configure("spamassassin = \"off\"", "spamassassin = \"auto\"");
    let before = campaign.everything();
    campaign.run(["check"]).success().said("spam: 0.0 of 5 points by SpamAssassin").said("no problems");
    assert_eq!(campaign.everything(), before);
}

#[test]
fn attachments_and_what_they_come_to_are_weighed() {
    let campaign = Campaign::new();
    campaign.write(
        "templates/letter.md",
        "+++\nsubject = \"A letter to {{partij}}\"\nattachments = [\"plan.pdf\", \"{{afkorting}}.pdf\"]\n+++\nDear {{naam}},\n\n\
         With this letter go the papers that we spoke about, and we would like to hear what your committee thinks of them.\n",
    );
    fs::create_dir_all(campaign.file("attachments")).unwrap();
    fs::write(campaign.file("attachments/plan.pdf"), vec![b'x'; 1_100_000]).unwrap();
    for (name, size) in [("EEN", 10), ("TWEE", 2_000_000), ("DRIE", 10_400_000)] {
        fs::write(campaign.file(&format!("attachments/{name}.pdf")), vec![b'y'; size]).unwrap();
    }
    campaign
        .run(["check"])
        .code(0)
        .said("recipients.csv:2: warning: EEN: the attachment `plan.pdf` has 1.1 MB")
        .said("recipients.csv:3: warning: TWEE: the attachment `TWEE.pdf` has 2 MB")
        .said("recipients.csv:4: warning: DRIE: the attachment `DRIE.pdf` has 10 MB")
        .said("3 letters would go out");
    let plan = campaign.run(["preview"]).success().out;
    assert!(plan.contains("about 3 × 7.2 MB = 22 MB"), "{plan}");
    // The one for all is told once, and a file that is missing names its row.
    let checked = campaign.run(["check"]).success();
    assert_eq!(checked.err.matches("plan.pdf").count(), 1, "{}", checked.err);
    fs::remove_file(campaign.file("attachments/TWEE.pdf")).unwrap();
    campaign
        .run(["check"])
        .code(2)
        .said("recipients.csv:3: TWEE: `attachments/TWEE.pdf`: there is no such file");
}
