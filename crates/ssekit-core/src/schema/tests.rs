use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{Fields, Schema, Source, Value};
use crate::error::Error;

#[derive(Debug, Clone, PartialEq)]
struct Options {
    url: String,
    size: usize,
    wait: Duration,
    most: usize,
    names: Vec<String>,
    tls: Option<Tls>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Tls {
    key: String,
    strict: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { url: "a".into(), size: 5, wait: Duration::ZERO, most: usize::MAX, names: Vec::new(), tls: None }
    }
}

impl Schema for Options {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default()
            .text("url", &mut self.url)
            .secret()
            .count("size", &mut self.size, 1..=10)
            .millis("waitMs", &mut self.wait, 0..=100)
            .bound("most", &mut self.most, 1..=10)
            .text_or_texts("names", &mut self.names)
            .optional("tls", &mut self.tls)
    }
}

impl Schema for Tls {
    fn fields(&mut self) -> Fields<'_> {
        Fields::default().pem("key", &mut self.key).required().choice("mode", &mut self.strict, ["strict", "lax"])
    }
}

impl Source for Json {
    type Error = Error;

    fn value(&self, _: bool) -> Result<Value, Error> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Flag(*flag),
            Self::Number(number) => Value::Number(number.as_f64().unwrap()),
            Self::String(text) => Value::Text(text.clone()),
            Self::Array(values) => {
                Value::List(values.iter().map(|value| Source::value(value, false).unwrap()).collect())
            }
            Self::Object(_) => Value::Object(Vec::new()),
        })
    }

    fn properties(&self) -> Result<Option<Vec<(String, Self)>>, Error> {
        let owned = |(name, value): (&String, &Self)| (name.clone(), value.clone());
        Ok(self.as_object().map(|object| object.iter().map(owned).collect()))
    }

    fn refuse(&self, error: Error) -> Error {
        error
    }
}

fn read(json: &Json) -> Result<Options, Error> {
    let mut options = Options::default();
    options.fields().read("options", json).map(|_| options)
}

fn refusal(json: &Json) -> (bool, String) {
    let error = read(json).unwrap_err();
    (error.is_range(), error.to_string())
}

#[test]
fn given_options_replace_defaults() {
    let given = json!({ "url": "b", "waitMs": 7, "most": 3, "names": "one", "tls": { "key": "k", "mode": "strict" } });
    let expected = Options {
        url: "b".into(),
        size: 5,
        wait: Duration::from_millis(7),
        most: 3,
        names: vec!["one".into()],
        tls: Some(Tls { key: "k".into(), strict: true }),
    };
    assert_eq!(read(&given), Ok(expected));
    assert_eq!(read(&json!({})), Ok(Options::default()));
}

#[test]
fn read_returns_given_names() {
    let mut options = Options::default();
    let names = options.fields().read("options", &json!({ "size": 5, "tls": { "key": "k" } })).unwrap();
    assert!(names.has("size") && names.has("tls.key"));
    assert!(!names.has("url") && !names.has("tls.mode"));
}

#[test]
fn wrong_kind_is_an_argument_error() {
    for (given, says) in [
        (json!(5), "options: got 5, wants an object"),
        (json!({ "size": "5" }), r#"options.size: got "5", wants an integer from 1 to 10"#),
        (json!({ "waitMs": null }), "options.waitMs: got null, wants an integer from 0 to 100"),
        (json!({ "names": ["a", 5] }), "options.names: got an array, wants a string, or an array of strings"),
        (
            json!({ "tls": { "key": "k", "mode": "loose" } }),
            r#"options.tls.mode: got "loose", wants 'strict' or 'lax'"#,
        ),
        (json!({ "tls": {} }), "options.tls.key: got undefined, wants PEM as a string or a buffer"),
    ] {
        assert_eq!(refusal(&given), (false, says.into()));
    }
}

#[test]
fn number_out_of_bounds_is_a_range_error() {
    for (given, got) in
        [(json!(0), "0"), (json!(11), "11"), (json!(1.5), "1.5"), (json!(-1), "-1"), (json!(1e300), "1")]
    {
        let (is_range, says) = refusal(&json!({ "size": given }));
        assert!(is_range && says.starts_with(&format!("options.size: got {got}")), "{says}");
        assert!(says.ends_with(", wants an integer from 1 to 10"), "{says}");
    }
}

#[test]
fn unknown_option_is_refused_with_known_ones() {
    let says = "options.tls.keys: no such option; known are key, mode";
    assert_eq!(refusal(&json!({ "tls": { "keys": 5 } })), (false, says.into()));
}

#[test]
fn secrets_are_not_shown() {
    for given in [
        json!("s3cret"),
        json!({ "url": ["s3cret"] }),
        json!({ "uri": "s3cret" }),
        json!({ "tls": "s3cret" }),
        json!({ "tls": { "key": { "pem": "s3cret" } } }),
        json!({ "tls": { "cert": "s3cret" } }),
    ] {
        let (_, says) = refusal(&given);
        assert!(!says.contains("s3cret"), "{says}");
    }
}

#[test]
fn long_strings_are_cut() {
    let (_, says) = refusal(&json!({ "size": "é".repeat(41) }));
    assert!(says.contains(&format!("got \"{}\"…, wants", "é".repeat(40))), "{says}");
    let (_, says) = refusal(&json!({ "size": "x".repeat(5_000) }));
    assert!(says.contains("got a string of 5,000 characters"), "{says}");
}

#[test]
fn bounds_hold_for_values_set_in_rust() {
    assert_eq!(Options::default().check_bounds("options"), Ok(()));
    let error = Options { size: usize::MAX, ..Options::default() }.check_bounds("options").unwrap_err();
    assert!(error.is_range() && error.to_string().starts_with("options.size: got "), "{error}");
    let error = Options { most: 0, ..Options::default() }.check_bounds("options").unwrap_err();
    assert!(error.to_string().starts_with("options.most: got 0"), "{error}");
}

#[test]
fn difference_is_the_first_differing_name() {
    let default = Options::default();
    assert_eq!(default.difference(&default.clone()), None);
    assert_eq!(default.difference(&Options { size: 6, ..default.clone() }), Some("size".into()));
    assert_eq!(default.difference(&Options { most: 6, ..default.clone() }), Some("most".into()));
    let tls = Options { tls: Some(Tls::default()), ..default.clone() };
    assert_eq!(default.difference(&tls), Some("tls.key".into()));
    assert_eq!(tls.difference(&default), Some("tls.key".into()));
}

#[test]
fn description_covers_absent_groups() {
    let described: Vec<_> = Options::describe().into_iter().map(|option| (option.name, option.default)).collect();
    let names: Vec<_> = described.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["url", "size", "waitMs", "most", "names", "tls.key", "tls.mode"]);
    let default = |name: &str| described.iter().find(|(other, _)| other == name).map(|(_, default)| default.clone());
    assert_eq!(default("size"), Some(Value::Number(5.0)));
    assert_eq!(default("most"), Some(Value::Undefined));
    assert_eq!(default("tls.mode"), Some(Value::Text("lax".into())));
}
