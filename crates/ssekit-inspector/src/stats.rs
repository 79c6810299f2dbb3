//! The hub's statistics as JSON, with the names that JavaScript knows.

use serde_json::{Map, Value, json};
use ssekit_core::Stats;
use ssekit_core::metrics::Reading;

pub(crate) fn stats_as_json(stats: &Stats) -> Value {
    let mut all = Map::new();
    for metric in stats.table() {
        let Some(name) = metric.stat else { continue };
        match name.split_once('.') {
            None => drop(all.insert(name.to_owned(), value_of(metric.value))),
            Some((group, name)) => {
                let group = all.entry(group).or_insert_with(|| json!({}));
                if let Value::Object(group) = group {
                    group.insert(name.to_owned(), value_of(metric.value));
                }
            }
        }
    }
    Value::Object(all)
}

fn value_of(reading: Reading) -> Value {
    match reading {
        Reading::Count(count) => json!(count),
        Reading::Time(time) => json!(time.as_millis() as u64),
        Reading::Text(text) => json!(text),
        Reading::Counts { counts, .. } => {
            Value::Object(counts.into_iter().map(|(label, count)| (label.to_owned(), json!(count))).collect())
        }
        Reading::Histogram { .. } | Reading::Null => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_have_their_names_and_groups() {
        let json = stats_as_json(&Stats { events: 3, epoch: "abc".to_owned(), ..Stats::default() });
        assert_eq!((&json["events"], &json["epoch"]), (&json!(3), &json!("abc")));
        assert_eq!(
            (&json["lag"]["ms"], &json["refusals"]["user"], &json["cluster"]),
            (&json!(0), &json!(0), &Value::Null)
        );
        let several = stats_as_json(&Stats::before_start(true));
        assert_eq!(several["cluster"]["link"], json!("starting"));
    }
}
