//! Without the typesetter, or with one that gives out: what is told, and that nothing is lost. These need no typesetter.

use crate::stage::{LETTER, PLAIN, small};
use crate::support::town::Campaign;

const COMMAND: &str =
    "`cargo install --locked --path letter-pdf`, typed in the folder of the program's source, builds it";

fn without() -> Campaign {
    let campaign = small(PLAIN);
    campaign.configure("[ledger]", "[pdf]\nprogram = \"nowhere/letter-pdf\"\n\n[ledger]");
    campaign
}

#[test]
fn check_says_the_one_command_and_send_refuses_before_the_first_letter() {
    let campaign = without();
    campaign
        .run(["check"])
        .success()
        .said("templates/letter.md: warning: the letter asks for a PDF, and the typesetter `letter-pdf` is not there")
        .said(COMMAND);
    campaign
        .run(["send", "--yes"])
        .code(2)
        .said("`letter-pdf` is not there")
        .said(COMMAND)
        .said("nothing was sent");
    campaign
        .run(["send", "--yes", "--test", "me@office.example"])
        .code(2)
        .said("`letter-pdf` is not there")
        .said("nothing was sent");
    assert!(!campaign.file("logs/rehearsal").exists() && !campaign.file("logs/ledger.db").exists());
}

#[test]
fn text_can_be_looked_at_and_files_cannot() {
    let campaign = without();
    campaign.run(["preview", "EEN"]).success().said("Dear Programmacommissie,");
    campaign.run(["preview"]).success().said("3 letters");
    for arguments in [["preview", "--pdf", "x"], ["preview", "--out", "x"], ["preview", "EEN", "--raw"]] {
        campaign.run(arguments).code(2).said("`letter-pdf` is not there").said(COMMAND);
    }
}

#[test]
fn a_letter_that_asks_for_no_pdf_needs_no_typesetter_and_has_none() {
    let campaign = without();
    campaign.write("templates/letter.md", LETTER.replace("pdf = ", "# pdf = "));
    campaign.write("templates/huge.png", vec![0; 9 << 20]);
    campaign.run(["send", "--yes"]).success();
    campaign
        .run(["preview", "--pdf", "x"])
        .code(2)
        .said("the letter templates/letter.md asks for no PDF")
        .said("add `pdf = \"brief.typ\"` to its front matter");
}

#[test]
fn a_template_that_is_not_there_is_told_where_it_is_asked_for() {
    let campaign = without();
    campaign.write("templates/letter.md", LETTER.replace("brief.typ", "breif.typ"));
    campaign
        .run(["check"])
        .code(2)
        .said("templates/letter.md:3:7: there is no `templates/breif.typ`; did you mean `brief.typ`?");
    campaign.write("templates/letter.md", LETTER.replace("brief.typ", "../brief.typ"));
    campaign.run(["check"]).code(2).said("templates/letter.md:3:7: `../brief.typ` is no template of a PDF");
    campaign.write("templates/letter.md", LETTER.replace("pdf = \"brief.typ\"\n", ""));
    campaign.run(["check"]).success();
    campaign.write("templates/letter.md", LETTER.replace("to {{partij}}\"\n+++", "{{partjj}}\"\n+++"));
    campaign
        .run(["check"])
        .code(2)
        .said("templates/letter.md:4:22: `partjj` names no column; did you mean `partij`?");
}

#[test]
fn a_name_of_which_nothing_is_left_is_told_with_its_row() {
    let campaign = without();
    campaign.write("templates/letter.md", LETTER.replace("Letter to {{partij}}\"\n+++", "{{partij}}\"\n+++"));
    let rows = campaign.read("recipients.csv").replace("Partij Twee", "/ ?");
    campaign.write("recipients.csv", rows);
    campaign
        .run(["check"])
        .code(2)
        .said("recipients.csv:3: TWEE: nothing of `pdf-name` is left for this row (templates/letter.md)");
}

/// A typesetter that makes the given number of letters in all, and then ends at every one.
fn one_that_gives_out_after(campaign: &Campaign, letters: u32) {
    let script = format!(
        r#"#!/bin/sh
take() {{
  read -r head || exit 0
  head -c "$(printf '%s' "$head" | awk -F'"size":' '{{ for (i = 2; i <= NF; i++) sum += $i; print sum + 0 }}')" >/dev/null
}}
echo '{{"protocol":2,"program":"letter-pdf 9.9.9","typst":"0.0.0"}}'
take
echo '{{"ready":{{"families":[],"characters":[[0,1114111]]}}}}'
while take; do
  echo x >> "$0.made"
  [ "$(wc -l < "$0.made")" -le {letters} ] || {{ echo out of paper >&2; exit 7; }}
  printf '{{"pdf":{{"size":4,"pages":1,"warnings":[]}}}}\n%%PDF'
done
"#
    );
    crate::support::typesetter::script(&campaign.file("letter-pdf"), &script);
    campaign.configure("program = \"nowhere/letter-pdf\"", "program = \"letter-pdf\"");
}

#[test]
fn a_typesetter_that_gives_out_on_the_way_leaves_the_letters_queued() {
    let campaign = without();
    // Four are made before anything is sent, to look at the template and at the size; then one goes out.
    one_that_gives_out_after(&campaign, 5);
    campaign
        .run(["send", "--yes"])
        .code(3)
        .said("the typesetter broke down over `brief.typ`: it ended with exit status: 7, after \"out of paper\"")
        .said("2 letters still queued");
    let status = campaign.run(["status", "--json"]).success().out;
    assert!(!status.contains("refused\":1") && !status.contains("refused\": 1"), "{status}");

    one_that_works_again(&campaign);
    campaign.run(["resume"]).success();
    campaign.run(["send", "--yes"]).success();
    assert_eq!(crate::campaigns::sent(&campaign).len(), 3, "each letter once");
}

fn one_that_works_again(campaign: &Campaign) {
    std::fs::write(campaign.file("letter-pdf.made"), "").unwrap();
    let script = campaign.read("letter-pdf").replace("-le 5", "-le 500");
    // The same file, so that its permissions stay; nothing runs it now.
    std::fs::write(campaign.file("letter-pdf"), script).unwrap();
}

#[test]
fn a_letter_in_html_has_no_pdf_and_says_so() {
    let campaign = without();
    std::fs::remove_file(campaign.file("templates/letter.md")).unwrap();
    campaign.write(
        "templates/letter.html",
        "+++\nsubject = \"x\"\npdf = \"brief.typ\"\n+++\n<p>Dear {{naam}},</p>\n",
    );
    campaign.run(["check"]).code(2).said("templates/letter.html:3:1: a letter that is HTML has no PDF");
}
