//! What the page has typeset: the report as a PDF, and the comparison table as a picture. Here it is made into values, in the
//! visitor's language; who typesets them is given to the page as functions, because it knows no typesetter.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use jiff::ZonedDateTime;
use serde::Serialize;

use super::board::Board;
use super::desk::{Look, Page, Trouble};
use super::report::Figure;
use crate::ledger::{AnswerWord, Filed};

/// Makes a PDF, or a picture (PNG), of a paper.
pub type Print = dyn Fn(&Paper) -> Result<Vec<u8>, Unprinted> + Send + Sync;

/// Who typesets, if anybody does.
pub struct Printing {
    /// What people type to have the typesetter, in the folder of the program's source.
    pub install: &'static str,
    /// Whether there is one.
    pub there: Box<dyn Fn() -> bool + Send + Sync>,
    /// Typesets; it may take seconds.
    pub print: Box<Print>,
}

/// Why there is no paper.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprinted {
    /// There is no typesetter.
    #[error("there is no typesetter")]
    Missing,
    /// There is one, and it does not do it.
    #[error("{0}")]
    Failed(String),
}

/// What can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The report, as a PDF.
    Report,
    /// The comparison table, as a picture.
    Table,
}

impl Form {
    /// More parties than these are on no paper: nobody reads a picture of a thousand rows.
    fn most(self) -> usize {
        match self {
            Form::Report => 1000,
            Form::Table => 300,
        }
    }
}

/// A name longer than so many characters is cut: a cell is not broken over pages.
const LONGEST_NAME: usize = 200;

/// Everything that stands on a paper. Serialised, it is what its template reads; see `assets/dashboard/typst/`.
#[derive(Debug, Serialize)]
pub struct Paper {
    /// What it is.
    #[serde(skip)]
    pub form: Form,
    /// When it is made, in the campaign's time zone.
    #[serde(skip)]
    pub at: ZonedDateTime,
    /// `nl`, `en`.
    pub language: &'static str,
    /// The campaign's name.
    pub campaign: String,
    begun: Option<String>,
    made: String,
    words: Words,
    figures: Vec<Number>,
    standings: Vec<Number>,
    points: Vec<PointPart>,
    rows: Vec<Row>,
    /// Says how many parties are left out, where some are.
    more: Option<String>,
    legend: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Words {
    in_numbers: &'static str,
    accepted_means: &'static str,
    standing: &'static str,
    number: &'static str,
    share: &'static str,
    to_each_point: &'static str,
    compared: &'static str,
    party: &'static str,
    quote: &'static str,
    begun_at: &'static str,
    made_at: &'static str,
    page: &'static str,
    of: &'static str,
    replaced: &'static str,
}

/// A number with its word; `share` is written out: `41 %`.
#[derive(Debug, Serialize)]
struct Number {
    word: &'static str,
    count: String,
    share: Option<String>,
}

#[derive(Debug, Serialize)]
struct PointPart {
    title: String,
    parts: Vec<Part>,
}

/// One part of a point's bar; `kind` is the word that the ledger has for it.
#[derive(Debug, Serialize)]
struct Part {
    kind: &'static str,
    word: &'static str,
    count: u64,
    shown: String,
}

#[derive(Debug, Serialize)]
struct Row {
    party: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Serialize)]
struct Cell {
    kind: &'static str,
    word: &'static str,
    quote: String,
    source: String,
}

#[derive(Debug, Serialize)]
struct Key {
    kind: &'static str,
    word: &'static str,
}

/// What a report says beside the board.
#[derive(Default)]
pub(super) struct Facts<'a> {
    pub(super) begun: Option<&'a str>,
    pub(super) figures: &'a [Figure],
    pub(super) standings: &'a [Figure],
}

impl Paper {
    /// Puts a paper together.
    pub(super) fn of(form: Form, p: &Page, at: ZonedDateTime, facts: &Facts<'_>, board: &Board) -> Self {
        let (t, lang) = (p.t, p.lang);
        let cell = |cell: &Option<Filed>| {
            let word = cell.as_ref().map_or(AnswerWord::None, |answer| answer.word);
            let (quote, source) = match cell {
                Some(answer) => (clean(&answer.quote), clean(&answer.source)),
                None => Default::default(),
            };
            Cell { kind: word.name(), word: lang.answer(word), quote, source }
        };
        let part = |(word, count): (AnswerWord, u64)| Part {
            kind: word.name(),
            word: lang.answer(word),
            count,
            shown: lang.number(count),
        };
        let point = |(nth, point): (usize, &super::board::Point)| PointPart {
            title: name(&point.title),
            parts: board.counts(nth).into_iter().filter(|(_, count)| *count > 0).map(part).collect(),
        };
        let number = |(nth, figure): (usize, &Figure), first_is_whole: bool| Number {
            word: figure.word,
            count: figure.count.clone(),
            share: (nth > 0 || !first_is_whole).then(|| format!("{}\u{a0}%", figure.percent)),
        };
        let shown = board.at_most(form.most());
        let left_out = board.rows.len() - shown.len();
        let more = (left_out > 0).then(|| lang.count(left_out as u64, t.more_party, t.more_parties));
        Self {
            form,
            at: at.clone(),
            language: lang.code(),
            campaign: name(&p.campaign),
            begun: facts.begun.map(str::to_owned),
            made: p.moment(&at.timestamp()),
            words: Words {
                in_numbers: t.in_numbers,
                accepted_means: t.accepted_means,
                standing: t.standing,
                number: t.number,
                share: t.share,
                to_each_point: t.to_each_point,
                compared: t.compared,
                party: t.party,
                quote: t.quote,
                begun_at: t.begun_at,
                made_at: t.made_at,
                page: t.page_of,
                of: t.of,
                replaced: t.signs_replaced,
            },
            figures: facts.figures.iter().enumerate().map(|it| number(it, true)).collect(),
            standings: facts.standings.iter().enumerate().map(|it| number(it, false)).collect(),
            points: board.points.iter().enumerate().map(point).collect(),
            rows: shown
                .iter()
                .map(|row| Row { party: name(&row.party), cells: row.cells.iter().map(cell).collect() })
                .collect(),
            more,
            legend: AnswerWord::ALL
                .map(|word| Key { kind: word.name(), word: lang.answer(word) })
                .into_iter()
                .collect(),
        }
    }
}

/// A text without what is no character; lines end in one way, and rare kinds of space, which fonts lack, are spaces.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let kept = text.trim().chars().filter_map(|c| match c {
        '\n' | '\u{a0}' => Some(c),
        c if c.is_whitespace() => Some(' '),
        c => (!c.is_control()).then_some(c),
    });
    kept.collect()
}

/// The name of something on one line, and no longer than a cell can hold.
fn name(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = clean(&words);
    match text.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A name for a file out of the campaign's name: letters, digits and hyphens of ASCII, which every system takes.
fn file_name(campaign: &str, form: Form) -> String {
    let plain = campaign.to_lowercase();
    let words = plain.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-");
    name.truncate(60);
    let of = match form {
        Form::Report => "report.pdf",
        Form::Table => "answers.png",
    };
    if name.is_empty() { of.to_owned() } else { format!("{}-{of}", name.trim_end_matches('-')) }
}

/// Answers with a paper, or with a sentence that says why there is none.
pub(super) fn answer(
    look: &Look,
    p: &Page,
    facts: &Facts<'_>,
    form: Form,
    board: &Board,
) -> Result<Response, Trouble> {
    let settings = &look.desk.settings;
    let at = settings.clock.now().to_zoned_datetime(settings.zone.clone());
    let paper = Paper::of(form, p, at, facts, board);
    let bytes = (settings.printing.print)(&paper).map_err(|error| {
        Trouble::NotMade(match error {
            Unprinted::Missing => format!("{} {}", p.t.no_typesetter, settings.printing.install),
            Unprinted::Failed(why) => format!("{} {why}", p.t.not_typeset),
        })
    })?;
    let kind = match form {
        Form::Report => "application/pdf",
        Form::Table => "image/png",
    };
    let disposition = format!("attachment; filename={}", file_name(&p.campaign, form));
    Ok(([(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition.as_str())], bytes).into_response())
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::dashboard::board::{BoardRow, Point};
    use crate::dashboard::texts::Lang;

    fn page(lang: Lang) -> Page {
        Page {
            t: lang.texts(),
            lang,
            zone: TimeZone::get("Europe/Amsterdam").unwrap(),
            room: None,
            campaign: "Oproep 2025".to_owned(),
            state: None,
            asked: false,
            reviews: 0,
            read_only: false,
            csrf: String::new(),
            leaves: false,
            notice: None,
        }
    }

    fn at() -> ZonedDateTime {
        "2025-10-29T12:00:00+01:00[Europe/Amsterdam]".parse().unwrap()
    }

    fn filed(party: &str, word: AnswerWord, quote: &str) -> Option<Filed> {
        Some(Filed {
            party: party.to_owned(),
            point: "work".to_owned(),
            word,
            quote: quote.to_owned(),
            source: "hun brief".to_owned(),
            person: "Bo".to_owned(),
            at: at().timestamp(),
        })
    }

    fn board(parties: usize, answered: usize) -> Board {
        let point = Point { name: "work".to_owned(), title: "Laat  mensen\twerken".to_owned() };
        let row = |nth: usize| {
            let party = format!("Partij {nth}");
            let cell = (nth < answered).then(|| filed(&party, AnswerWord::Yes, "").unwrap());
            BoardRow { party, cells: vec![cell] }
        };
        Board { points: vec![point], rows: (0..parties).map(row).collect() }
    }

    #[test]
    fn a_report_has_every_word_and_number_in_the_language_of_who_asks() {
        let mut board = board(3, 0);
        board.rows[0].cells =
            vec![filed("Partij 0", AnswerWord::Partly, "#regel één\r\n\u{1}\"regel\" twee ")];
        board.rows[1].party = "Partij\nmet regels".to_owned();
        let p = page(Lang::Dutch);
        let figure = |word, count: &str, percent| Figure { word, count: count.to_owned(), percent };
        let facts = Facts {
            begun: Some("ma 6 okt 2025, 09:00"),
            figures: &[figure("Ontvangers", "1.200", 100), figure("Geantwoord", "600", 50)],
            standings: &[figure("geantwoord", "600", 50)],
        };
        let paper = Paper::of(Form::Report, &p, at(), &facts, &board);
        insta::assert_json_snapshot!(paper);
        let english = Paper::of(Form::Table, &page(Lang::English), at(), &Facts::default(), &board);
        let english = serde_json::to_value(english).unwrap();
        assert_eq!(
            (&english["language"], &english["rows"][0]["cells"][0]["word"]),
            (&"en".into(), &"partly".into())
        );
        assert_eq!(
            (&english["words"]["party"], &english["begun"]),
            (&"Party".into(), &serde_json::Value::Null)
        );
    }

    #[test]
    fn of_too_many_parties_only_those_who_answered_are_shown_and_the_rest_is_told() {
        let paper = |parties, answered| {
            Paper::of(Form::Table, &page(Lang::English), at(), &Facts::default(), &board(parties, answered))
        };
        let told = |parties, answered| {
            let paper = paper(parties, answered);
            (paper.rows.len(), paper.more)
        };
        assert_eq!(told(300, 2), (300, None));
        assert_eq!(
            told(301, 300),
            (300, Some("1 more party is only in the files HTML, CSV and XLSX.".to_owned()))
        );
        assert_eq!(
            told(1_500, 400),
            (300, Some("1,200 more parties are only in the files HTML, CSV and XLSX.".to_owned()))
        );
        assert_eq!(paper(1_500, 400).points[0].parts[0].count, 400, "the bar counts them all");
    }

    #[test]
    fn a_name_is_one_line_and_ends_somewhere() {
        assert_eq!(clean("a\u{1680}b\u{2028}c\u{a0}d\te\u{0}f\r\ng"), "a b c\u{a0}d ef\ng");
        assert_eq!(name(" a\r\nb\u{7}\tc "), "a b c");
        assert_eq!(name(&"é".repeat(200)), "é".repeat(200));
        assert_eq!(name(&"é".repeat(201)), format!("{}…", "é".repeat(200)));
    }

    #[test]
    fn a_file_has_the_name_of_the_campaign_made_safe() {
        assert_eq!(
            file_name("Oproep verkiezingsprogramma 2025", Form::Report),
            "oproep-verkiezingsprogramma-2025-report.pdf"
        );
        assert_eq!(file_name("../\"x\"; y\r\nSet: é", Form::Table), "x-y-set-answers.png");
        assert_eq!(file_name("漢字", Form::Table), "answers.png");
        assert_eq!(file_name(&"ab ".repeat(99), Form::Table).len(), 60 - 1 + "-answers.png".len());
    }
}
