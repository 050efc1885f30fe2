//! One recipient's way through a letter: which branches are taken, and which values are put.
//!
//! Gives the *trail*: the outcome of every condition, the length of every loop, and which file was chosen where a field
//! chooses one. Everything else about the letter's Markdown is the same for all recipients, because values enter it as
//! tokens that depend only on their position. So the trail names the shape, and a shape is converted to HTML and text once.

use std::borrow::Cow;
use std::fmt::Write as _;

use jiff::civil::Date;

use super::file_name;
use super::markup;
use super::problem::{Place, Problem};
use super::script::{Among, Expr, Node, Put, Quotation, Word};
use super::words::{Tongue, iso_date, parts};

/// A letter may not become larger than this, in octets of Markdown with its values.
pub(super) const LARGEST: usize = 1 << 20;
/// Nor may it take more steps than this: a loop in a loop in a loop.
const MOST_STEPS: usize = 200_000;

/// A token is `OPEN`, six letters and `CLOSE`: letters and digits only, so that Markdown sees one word.
pub(super) const OPEN: &str = "zq7hbv";
pub(super) const CLOSE: &str = "vbh7qz";
pub(super) const TOKEN: usize = OPEN.len() + 6 + CLOSE.len();

/// Appends the token of the value with this number.
pub(super) fn token(number: usize, out: &mut String) {
    out.push_str(OPEN);
    for shift in (0..6).rev() {
        out.push(char::from(b'A' + ((number >> (shift * 4)) & 15) as u8));
    }
    out.push_str(CLOSE);
}

/// Returns the number of the token that a text begins with.
pub(super) fn token_at(text: &str) -> Option<u32> {
    let rest = text.strip_prefix(OPEN)?;
    let letters = rest.as_bytes().get(..6)?;
    rest.get(6..)?.strip_prefix(CLOSE)?;
    letters.iter().try_fold(0, |number, letter| {
        matches!(letter, b'A'..=b'P').then(|| number << 4 | u32::from(letter - b'A'))
    })
}

/// A value while the letter is merged.
#[derive(Clone, Debug)]
enum Value<'v> {
    Text(Cow<'v, str>),
    Number(f64),
    Bool(bool),
    Nothing,
    Several(Vec<Value<'v>>),
}

impl<'v> Value<'v> {
    fn truth(&self) -> bool {
        match self {
            Self::Text(text) => !text.trim().is_empty(),
            Self::Number(number) => *number != 0.0,
            Self::Bool(bool) => *bool,
            Self::Nothing => false,
            Self::Several(items) => !items.is_empty(),
        }
    }

    fn text(self) -> Cow<'v, str> {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(bool) => Cow::Borrowed(if bool { "true" } else { "false" }),
            Self::Nothing => Cow::Borrowed(""),
            Self::Several(items) => Cow::Owned(
                items.into_iter().map(|item| item.text().into_owned()).collect::<Vec<_>>().join("; "),
            ),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => {
                let text = text.trim();
                let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
                if plain { text.parse().ok() } else { None }
            }
            _ => None,
        }
    }

    fn items(self) -> Vec<Value<'v>> {
        match self {
            Self::Several(items) => items,
            Self::Text(Cow::Borrowed(text)) => {
                parts(text).map(|part| Self::Text(Cow::Borrowed(part))).collect()
            }
            Self::Text(Cow::Owned(text)) => {
                parts(&text).map(|part| Self::Text(Cow::Owned(part.to_owned()))).collect()
            }
            Self::Nothing => Vec::new(),
            other => vec![other],
        }
    }
}

/// The item of one loop.
#[derive(Clone, Debug)]
struct Frame<'v> {
    item: Value<'v>,
    index: usize,
    last: bool,
}

/// What becomes of the values.
#[derive(Debug, PartialEq, Eq)]
enum Into {
    /// Only the trail and the values are wanted.
    Nothing,
    /// Markdown with tokens.
    Markdown(String),
    /// Plain text with the values themselves: a subject.
    Plain(String),
    /// A path, in which a value is never more than part of one name.
    Path(String),
}

/// One value that was put.
#[derive(Clone, Debug)]
pub(super) struct Given<'v> {
    pub(super) value: Cow<'v, str>,
    pub(super) put: &'v Put,
}

/// The days that a letter may tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Days {
    /// The date of sending.
    pub(super) today: Date,
    /// The date on which the first letter was sent, which is `today` in what is quoted of it.
    pub(super) first: Date,
}

/// One walk through a script.
pub(super) struct Walk<'v> {
    /// The values of the used columns.
    columns: &'v [&'v str],
    today: Date,
    first: Date,
    tongue: Option<Tongue>,
    frames: Vec<Frame<'v>>,
    /// The values that were put, by the number of their token.
    pub(super) given: Vec<Given<'v>>,
    /// Which token a column, or behind them a field of the sender, has.
    tokens: Vec<Option<usize>>,
    pub(super) trail: Vec<u8>,
    into: Into,
    pub(super) findings: Vec<Problem>,
    steps: usize,
    size: usize,
    stopped: bool,
}

impl<'v> Walk<'v> {
    fn new(columns: &'v [&'v str], days: Days, tongue: Option<Tongue>, into: Into) -> Self {
        Self {
            columns,
            today: days.today,
            first: days.first,
            tongue,
            frames: Vec::new(),
            given: Vec::with_capacity(16),
            tokens: vec![None; columns.len()],
            trail: Vec::with_capacity(32),
            into,
            findings: Vec::new(),
            steps: 0,
            size: 0,
            stopped: false,
        }
    }

    /// Walks for the trail and the values.
    pub(super) fn trail(
        nodes: &'v [Node],
        columns: &'v [&'v str],
        days: Days,
        tongue: Option<Tongue>,
    ) -> Self {
        let mut walk = Self::new(columns, days, tongue, Into::Nothing);
        walk.nodes(nodes);
        walk.limit();
        walk
    }

    /// Walks once more for the Markdown with tokens; it depends on the trail alone.
    pub(super) fn markdown(
        nodes: &'v [Node],
        columns: &'v [&'v str],
        days: Days,
        tongue: Option<Tongue>,
    ) -> String {
        let mut walk = Self::new(columns, days, tongue, Into::Markdown(String::with_capacity(8192)));
        walk.nodes(nodes);
        match walk.into {
            Into::Markdown(markdown) => markdown,
            Into::Nothing | Into::Plain(_) | Into::Path(_) => String::new(),
        }
    }

    /// Walks for plain text; returns it with what was found.
    pub(super) fn plain(
        nodes: &'v [Node],
        columns: &'v [&'v str],
        today: Date,
        tongue: Option<Tongue>,
    ) -> (String, Vec<Problem>) {
        Self::written(nodes, columns, today, tongue, Into::Plain(String::with_capacity(120)))
    }

    /// Walks for a path, in which a value is never more than part of one name; returns it with what was found.
    pub(super) fn path(
        nodes: &'v [Node],
        columns: &'v [&'v str],
        today: Date,
        tongue: Option<Tongue>,
    ) -> (String, Vec<Problem>) {
        Self::written(nodes, columns, today, tongue, Into::Path(String::with_capacity(120)))
    }

    fn written(
        nodes: &'v [Node],
        columns: &'v [&'v str],
        today: Date,
        tongue: Option<Tongue>,
        into: Into,
    ) -> (String, Vec<Problem>) {
        let mut walk = Self::new(columns, Days { today, first: today }, tongue, into);
        walk.nodes(nodes);
        walk.limit();
        match walk.into {
            Into::Plain(text) | Into::Path(text) => (text, walk.findings),
            Into::Nothing | Into::Markdown(_) => (String::new(), walk.findings),
        }
    }

    fn nodes(&mut self, nodes: &'v [Node]) {
        for node in nodes {
            self.steps += 1;
            if self.limit() {
                return;
            }
            match node {
                Node::Text(text) => {
                    self.size += text.len();
                    if let Into::Markdown(out) | Into::Plain(out) | Into::Path(out) = &mut self.into {
                        out.push_str(text);
                    }
                }
                Node::Put(put) => self.put(put),
                Node::If { test, yes, no } => {
                    let taken = self.eval(test, None).truth();
                    self.trail.push(u8::from(taken));
                    self.nodes(if taken { yes } else { no });
                }
                Node::Among(among) => {
                    let (number, nodes) = self.chosen(among);
                    self.trail.extend_from_slice(&number.to_le_bytes());
                    self.nodes(nodes);
                }
                Node::Quote(as_what, nodes) => self.quote(*as_what, nodes),
                Node::Each { over, level, yes, no } => {
                    let items = self.eval(over, None).items();
                    self.trail
                        .extend_from_slice(&u32::try_from(items.len()).unwrap_or(u32::MAX).to_le_bytes());
                    if items.is_empty() {
                        self.nodes(no);
                    }
                    let count = items.len();
                    for (index, item) in items.into_iter().enumerate() {
                        if self.stopped {
                            return;
                        }
                        self.frames.truncate(*level);
                        self.frames.push(Frame { item, index, last: index + 1 == count });
                        self.nodes(yes);
                    }
                    self.frames.truncate(*level);
                }
            }
        }
    }

    /// Puts the first letter as a quotation, as it read on its own day.
    fn quote(&mut self, as_what: Quotation, nodes: &'v [Node]) {
        let today = std::mem::replace(&mut self.today, self.first);
        match std::mem::replace(&mut self.into, Into::Nothing) {
            Into::Markdown(mut out) => {
                self.into = Into::Markdown(String::new());
                self.nodes(nodes);
                if let Into::Markdown(quoted) = &self.into {
                    quotation(as_what, quoted, &mut out);
                }
                self.into = Into::Markdown(out);
            }
            into => {
                self.into = into;
                self.nodes(nodes);
            }
        }
        self.today = today;
    }

    /// Returns the file that a value names, and its number; without one, what stands in for it.
    fn chosen(&mut self, among: &'v Among) -> (u32, &'v [Node]) {
        let put = &among.by;
        let value = self.eval(&put.expr, Some(put)).text();
        let name = file_name::part(&value);
        if let Ok(at) = among.files.binary_search_by(|(known, _)| (**known).cmp(&name)) {
            return (u32::try_from(at).unwrap_or(u32::MAX - 1), &among.files[at].1);
        }
        if among.otherwise.is_none() {
            let (folder, ending) = (&among.folder, among.ending);
            if name.is_empty() {
                let field = field(put);
                self.find(
                    put,
                    "empty-field",
                    format!("`{field}` is empty for this row, and names a file"),
                    || "fill it in, or add `default=\"…\"` or `optional=true`".to_owned(),
                );
            } else {
                // One that is only similar may be another party's.
                let alike = |known: &&str| known.to_lowercase() == name.to_lowercase();
                let near = among.files.iter().map(|(known, _)| &**known).find(alike);
                let hint = match near {
                    Some(near) => format!("there is `{folder}{near}{ending}`"),
                    None => "write it, or add `default=\"…\"` or `optional=true`".to_owned(),
                };
                self.find(put, "no-part", format!("there is no `templates/{folder}{name}{ending}`"), || hint);
            }
        }
        (u32::MAX, among.otherwise.as_deref().unwrap_or_default())
    }

    /// Returns whether the letter has grown too large; says so once.
    fn limit(&mut self) -> bool {
        if !self.stopped && (self.steps > MOST_STEPS || self.size > LARGEST) {
            self.stopped = true;
            self.findings.push(
                Problem::error(
                    "letter-too-large",
                    Place::default(),
                    "the letter grows beyond a megabyte or 200,000 parts for this row",
                )
                .hint("a loop within a loop, or a very long field?"),
            );
        }
        self.stopped
    }

    fn put(&mut self, put: &'v Put) {
        let value = self.eval(&put.expr, Some(put)).text();
        let empty = value.trim().is_empty();
        if put.may_be_empty {
            self.trail.push(u8::from(empty));
        }
        if empty {
            if !put.may_be_empty {
                let name = field(put);
                self.find(put, "empty-field", format!("`{name}` is empty for this row"), || {
                    format!(
                        "fill it in, or write `{{{{default {name} \"…\"}}}}` or `{{{{optional {name}}}}}`"
                    )
                });
            }
            return;
        }
        self.size += value.len();
        match &mut self.into {
            Into::Plain(out) => out.push_str(&value),
            Into::Path(out) => out.push_str(&file_name::part(&value)),
            into => {
                // One field has one token, so that `[{{site}}]({{site}})` shows as one address.
                let field = match put.expr {
                    Expr::Column(column) => Some(column),
                    Expr::Own(_, number) => Some(self.columns.len() + number),
                    _ => None,
                };
                let known = field.and_then(|field| self.tokens.get(field).copied().flatten());
                let number = known.unwrap_or_else(|| {
                    self.given.push(Given { value, put });
                    let number = self.given.len() - 1;
                    if let Some(field) = field {
                        self.tokens.resize(self.tokens.len().max(field + 1), None);
                        self.tokens[field] = Some(number);
                    }
                    number
                });
                if let Into::Markdown(out) = into {
                    token(number, out);
                }
            }
        }
    }

    fn find(&mut self, put: &Put, name: &'static str, said: String, hint: impl FnOnce() -> String) {
        // A loop may meet the same gap a thousand times.
        let place: &Place = &put.place;
        if self.findings.len() < 50 && !self.findings.iter().any(|found| found.place.as_ref() == Some(place))
        {
            self.findings.push(Problem::error(name, Place::clone(&put.place), said).hint(hint()));
        }
    }

    fn eval(&mut self, expr: &'v Expr, put: Option<&'v Put>) -> Value<'v> {
        let flag = |level: &usize, of: fn(&Frame<'_>) -> bool, frames: &[Frame<'v>]| {
            frames.get(*level).map_or(Value::Nothing, |frame| Value::Bool(of(frame)))
        };
        match expr {
            Expr::Column(column) => {
                Value::Text(Cow::Borrowed(self.columns.get(*column).copied().unwrap_or("")))
            }
            Expr::Fixed(text) | Expr::Own(text, _) => Value::Text(Cow::Borrowed(text)),
            Expr::Today => {
                let mut text = String::with_capacity(10);
                let _ = write!(text, "{}", self.today);
                Value::Text(Cow::Owned(text))
            }
            Expr::Item(level) => self.frames.get(*level).map_or(Value::Nothing, |frame| frame.item.clone()),
            Expr::Index(level) => {
                self.frames.get(*level).map_or(Value::Nothing, |frame| Value::Number(frame.index as f64))
            }
            Expr::First(level) => flag(level, |frame| frame.index == 0, &self.frames),
            Expr::Last(level) => flag(level, |frame| frame.last, &self.frames),
            Expr::Number(number) => Value::Number(*number),
            Expr::Bool(bool) => Value::Bool(*bool),
            Expr::Nothing => Value::Nothing,
            Expr::Several(items) => Value::Several(items.iter().map(|item| self.eval(item, put)).collect()),
            Expr::Call(word, given) => self.call(*word, given, put),
        }
    }

    fn call(&mut self, word: Word, given: &'v [Expr], put: Option<&'v Put>) -> Value<'v> {
        let mut value = |index: usize| match given.get(index) {
            Some(expr) => self.eval(expr, put),
            None => Value::Nothing,
        };
        match word {
            Word::Optional => value(0),
            Word::Default => {
                let first = value(0);
                if first.truth() { first } else { value(1) }
            }
            Word::Date => {
                let text = value(0).text();
                if text.trim().is_empty() {
                    return Value::Nothing;
                }
                match (iso_date(&text), self.tongue) {
                    (Some(date), Some(tongue)) => Value::Text(Cow::Owned(tongue.date(date))),
                    _ => {
                        if let Some(put) = put {
                            let shown: String = text.chars().take(40).collect();
                            self.find(
                                put,
                                "wrong-date",
                                format!(
                                    "`{}` holds `{}`, which is no date",
                                    field(put),
                                    crate::mail::headers::clean(&shown)
                                ),
                                || "write it as `2025-10-29`".to_owned(),
                            );
                        }
                        Value::Text(text)
                    }
                }
            }
            Word::List => {
                let items: Vec<String> =
                    value(0).items().into_iter().map(|item| item.text().into_owned()).collect();
                match self.tongue {
                    Some(tongue) => Value::Text(Cow::Owned(tongue.list(&items))),
                    None => Value::Nothing,
                }
            }
            Word::Plural => {
                let (count, one, many) = (value(0), value(1), value(2));
                match count.number() {
                    Some(1.0) => one,
                    Some(_) => many,
                    None if !count.truth() => Value::Nothing,
                    None => {
                        if let Some(put) = put {
                            self.find(
                                put,
                                "no-number",
                                format!("`{}` is no number for this row", field(put)),
                                || "write digits only".to_owned(),
                            );
                        }
                        many
                    }
                }
            }
            Word::Eq => Value::Bool(same(&value(0), &value(1))),
            Word::Ne => Value::Bool(!same(&value(0), &value(1))),
            Word::Lt => Value::Bool(order(&value(0), &value(1)).is_some_and(|order| order.is_lt())),
            Word::Lte => Value::Bool(order(&value(0), &value(1)).is_some_and(|order| order.is_le())),
            Word::Gt => Value::Bool(order(&value(0), &value(1)).is_some_and(|order| order.is_gt())),
            Word::Gte => Value::Bool(order(&value(0), &value(1)).is_some_and(|order| order.is_ge())),
            Word::And => Value::Bool((0..given.len()).all(|index| value(index).truth())),
            Word::Or => Value::Bool((0..given.len()).any(|index| value(index).truth())),
            Word::Not => Value::Bool(!value(0).truth()),
            Word::Len => match value(0) {
                Value::Several(items) => Value::Number(items.len() as f64),
                other => Value::Number(other.items().len() as f64),
            },
        }
    }
}

/// Writes what the first letter says, with tokens in the place of its values, as a quotation.
fn quotation(as_what: Quotation, said: &str, out: &mut String) {
    let text = match as_what {
        Quotation::Page => return markup::quotation(said, out),
        Quotation::TextOfPage => Cow::Owned(markup::text(said)),
        Quotation::Markdown => Cow::Borrowed(said),
    };
    out.push_str("\n\n");
    for line in text.trim_matches('\n').lines() {
        // Whoever reads the plain text knows the sign as well as Markdown does.
        out.push_str(if line.is_empty() { ">" } else { "> " });
        // A tab reaches to the next fourth column, and two are taken.
        let code = line.trim_start_matches('\t');
        out.extend(std::iter::repeat_n("    ", line.len() - code.len()));
        out.push_str(code);
        out.push('\n');
    }
    out.push('\n');
}

/// Returns the field that a tag is about: the last name in it.
pub(super) fn field(put: &Put) -> &str {
    put.said.rsplit(' ').next().unwrap_or_default()
}

/// Equal as texts; as numbers where one of them was written as a number.
fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Number(_), _) | (_, Value::Number(_)) => a.number().is_some() && a.number() == b.number(),
        (Value::Bool(_), _) | (_, Value::Bool(_)) => a.truth() == b.truth(),
        _ => a.clone().text().trim() == b.clone().text().trim(),
    }
}

/// Ordered as numbers where both are, else as texts (ISO dates order well); no order against an empty value.
fn order(a: &Value<'_>, b: &Value<'_>) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) if !a.trim().is_empty() && !b.trim().is_empty() => {
            match (Value::Text(a.clone()).number(), Value::Text(b.clone()).number()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => Some(a.trim().cmp(b.trim())),
            }
        }
        _ => a.number()?.partial_cmp(&b.number()?),
    }
}
