//! Lists as offices have them: a spreadsheet all the way, and what the plan says about how a list was read.

use crate::support::town::Campaign;

fn with_spreadsheet(name: &str) -> Campaign {
    let campaign = Campaign::new();
    let from = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rosters").join(name);
    campaign.write("partijen.xlsx", std::fs::read(from).unwrap());
    campaign.configure("file = \"recipients.csv\"", "file = \"partijen.xlsx\"");
    campaign.configure("key = \"afkorting\"\n", "");
    campaign
}

#[test]
fn a_spreadsheet_goes_all_the_way() {
    let campaign = with_spreadsheet("plain.xlsx");
    let read = "partijen.xlsx: read as a spreadsheet, sheet \"Partijen\", 2 rows";
    let run = campaign.run(["check"]).success();
    assert!(run.err.contains(read), "{}", run.err);
    assert!(run.err.contains("{{e_mail}} (\"E-mail\")"), "{}", run.err);
    let run = campaign.run(["preview"]).success();
    assert!(run.out.contains(read) && run.out.contains("{{e_mail}} (\"E-mail\")"), "{}", run.out);
    let run = campaign.run(["send", "--yes"]).success();
    assert!(run.err.contains(read), "{}", run.err);
    // The table beside it is a text that a Dutch Excel opens in columns: marked as UTF-8, parted by semicolons.
    let table = campaign.read("logs/status.csv");
    assert!(
        table.starts_with("\u{FEFF}Partij;Naam;E-mail;Telefoon;Deadline;Lid;postduif standing;"),
        "{table}"
    );
    assert!(table.contains("\nPartij Één;Ada Öz;ada@een.example;020 000 00 00;28-10-2025;ja;"), "{table}");
    assert_eq!(table.lines().count(), 3);
}

#[test]
fn what_is_wrong_in_a_spreadsheet_is_told_with_its_cell() {
    let campaign = with_spreadsheet("errors.xlsx");
    let run = campaign.run(["check"]).code(2);
    assert!(run.err.contains("partijen.xlsx: cell B3: `Naam` holds the error `#N/A`"), "{}", run.err);
    let run = campaign.run(["check", "--json"]).code(2);
    assert!(run.out.contains(r#""row":3,"cell":"B3""#), "{}", run.out);
    let campaign = with_spreadsheet("hidden.xlsx");
    let run = campaign.run(["check"]);
    assert!(run.err.contains("partijen.xlsx: row 3: warning: this row and 2 more are hidden"), "{}", run.err);
}

#[test]
fn the_plan_says_how_a_text_was_read_and_whose_row_is_wrong() {
    let campaign = Campaign::new();
    let text =
        "Afkorting;Partij;Naam;E-mail\r\nEEN;\"Partij\r\nEen\";Zoë;een@een.example\r\nTWEE;Twee;Bo;geen\r\n";
    campaign.write("recipients.csv", encoding_rs::WINDOWS_1252.encode(text).0);
    let run = campaign.run(["check"]).code(2);
    assert!(
        run.err.contains("recipients.csv:4 (row 3): `E-mail`: `geen` is not a mail address"),
        "{}",
        run.err
    );
    assert!(run.err.contains("recipients.csv: read as Windows-1252, separator `;`, 1 row"), "{}", run.err);
}
