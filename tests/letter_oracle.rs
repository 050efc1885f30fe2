//! Our walk of a template beside Handlebars' own rendering of it: two readings of one language.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "letter/campaign.rs"]
#[expect(dead_code, reason = "shared by the tests of the letter")]
mod campaign;

use campaign::{COLUMNS, compile, compile_whole, merge, row, today};
use handlebars::Handlebars;
use postduif::campaign::letter::Input;
use postduif::mail::headers;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

mod words {
    use handlebars::handlebars_helper;
    handlebars_helper!(optional: |x: Json| x.clone());
    handlebars_helper!(default: |x: Json, y: Json| if x.as_str() == Some("") { y.clone() } else { x.clone() });
}

/// Templates of what both read alike: `items` is an array to Handlebars and `a;b` in a roster.
fn piece() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "{{optional naam}}",
        "{{optional partij}}",
        "{{optional @root.partij}}",
        "{{~optional naam}} ",
        "{{optional naam ~}} x",
        "woord ",
        "\n",
        "  \n",
        "\\{{naam}} ",
        "{{! niets }}",
        "{{!-- {{naam}} --}}",
        "{{sender.name}} ",
        "{{default partij \"p\"}}",
        "{{#with sender}}{{name}} {{/with}}",
        "{{> deel}}",
        "\n{{> deel}}\n",
        "{{> deel naam=\"vast\"}}",
        "{{#with naam}}[{{this}}]{{else}}geen{{/with}}",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 32, 5, |inner| {
        let several = prop::collection::vec(inner, 0..5).prop_map(|pieces| pieces.concat());
        let test = prop::sample::select(vec![
            "naam", "partij", "(eq naam \"a\")", "(ne naam partij)", "(and naam partij)", "(or naam partij)", "(not naam)", "(eq @root.naam \"b\")",
        ]);
        prop_oneof![
            several.clone(),
            (test.clone(), several.clone()).prop_map(|(test, body)| format!("{{{{#if {test}}}}}{body}{{{{/if}}}}")),
            (test.clone(), several.clone()).prop_map(|(test, body)| format!("{{{{#unless {test}}}}}{body}{{{{/unless}}}}")),
            (test.clone(), test, several.clone(), several.clone(), several.clone()).prop_map(|(one, two, a, b, c)| {
                format!("{{{{#if {one}}}}}\n{a}\n{{{{else if {two}}}}}{b}{{{{else}}}}{c}{{{{/if}}}}")
            }),
            Just("{{#each plaatsen}}{{@index}}{{#if @last}}!{{/if}}{{this}},{{optional ../naam}}{{else}}leeg{{/each}}".to_owned()),
            Just("{{#each plaatsen as |plaats nr|}}{{nr}}{{plaats}}{{#if ../partij}}{{#each ../plaatsen}}{{plaats}}{{this}}{{@first}}{{/each}}{{/if}}{{/each}}".to_owned()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn our_walk_says_what_handlebars_says(
        body in piece(),
        naam in "|a|b|<&>|q w",
        partij in "|a|p{1,3}",
        plaatsen in prop::collection::vec("[a-c]{1,2}", 0..4),
    ) {
        let deel = "({{optional naam}}\n{{#if partij}}{{partij}}{{/if}})";
        let whole = format!("+++\nsubject = {}\n+++\nx", toml::Value::String(format!("begin {body}")));
        let letter = match compile_whole(&whole, &[("deel", deel)]) {
            Ok(letter) => letter,
            Err(said) => return Err(TestCaseError::fail(said.join("\n"))),
        };
        let listed = plaatsen.join(";");
        let ours = merge(&letter, &[("naam", &naam), ("partij", &partij), ("plaatsen", &listed)]);

        let mut theirs = Handlebars::new();
        theirs.register_escape_fn(handlebars::no_escape);
        theirs.register_helper("optional", Box::new(words::optional));
        theirs.register_helper("default", Box::new(words::default));
        theirs.register_partial("deel", deel).unwrap();
        let mut data: Map<String, Value> = COLUMNS.iter().map(|&column| (column.to_owned(), json!(""))).collect();
        data.insert("naam".to_owned(), json!(naam));
        data.insert("partij".to_owned(), json!(partij));
        data.insert("plaatsen".to_owned(), json!(plaatsen));
        data.insert("sender".to_owned(), json!({ "name": "Ada Jansen" }));
        let said = theirs.render_template(&format!("begin {body}"), &data).unwrap();
        prop_assert_eq!(ours.map(|merged| merged.subject), Ok(headers::clean(&said)));
    }

    /// What a merge touches is a subset of what the walk lists.
    #[test]
    fn a_column_that_is_not_listed_changes_nothing(body in piece(), column in 0..8_usize, value in "[a-z;]{0,9}") {
        let letter = compile(&body, &[("deel", "({{optional naam}})")]).unwrap();
        let before = row(&[("naam", "a"), ("partij", "p"), ("plaatsen", "x;y")]);
        let mut after = before.clone();
        after[column].1 = value;
        if !letter.columns_used().iter().any(|used| used == COLUMNS[column]) {
            prop_assert_eq!(
                letter.merge(&Input { fields: &before, today: today(), follows: None }),
                letter.merge(&Input { fields: &after, today: today(), follows: None })
            );
        }
    }
}
